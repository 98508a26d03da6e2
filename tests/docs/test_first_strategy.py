"""The commands of the page for newcomers, one after the other, as somebody types them in an empty folder."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from docs.tables import DOCS
from traderbot.cli.main import app

pytestmark = pytest.mark.integration

PAGE = (DOCS / "your-first-strategy.md").read_text(encoding="utf-8")


def test_the_commands_of_the_page_do_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRADERBOT_HOME", str(tmp_path / "home"))
    said: dict[str, str] = {}
    for shown in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
        line, _, promised = shown.partition("\n")
        program, *words = shlex.split(line.removeprefix("$ "))
        assert program == "traderbot"
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, result.output
        assert promised in result.output
        said[" ".join(words[:2])] = result.output
    assert list(said) == ["strategy new", "backtest run", "backtest validate"]
    assert (tmp_path / "my-report" / "report.html").stat().st_size > 10_000
    assert re.search(r"(Promote|Watch|Reject)", said["backtest validate"])


def test_the_strategy_of_the_page_is_the_one_that_is_written(tmp_path: Path) -> None:
    """The page shows it without its comments."""
    assert CliRunner().invoke(app, ["strategy", "new", "my_momentum", "--in", str(tmp_path)]).exit_code == 0
    written = (tmp_path / "my_momentum.py").read_text(encoding="utf-8")
    shown = PAGE[PAGE.index("        logs = ") : PAGE.index("\n\n\nresult = ")]
    plain = re.sub(r" +#.*", "", written)
    assert shown in plain
