"""The commands of the page for newcomers, one after the other, as somebody types them in an empty folder."""

import re
import shlex
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner

from docs.tables import DOCS
from traderbot import Backtest
from traderbot.bootstrap import Platform
from traderbot.cli.main import app
from traderbot.infra.settings import load_settings
from traderbot.trading.repository import list_orders

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
    _goes_on_paper(monkeypatch, rejected="Reject" in said["backtest validate"])


def _goes_on_paper(monkeypatch: pytest.MonkeyPatch, *, rejected: bool) -> None:
    """The lines of the section "On paper", up to the one that serves; then its first step, and a backtest."""
    section = PAGE[PAGE.index("## On paper") :]
    setting, *lines, last = section[section.index("```sh\n") + 6 :].partition("```")[0].splitlines()
    assert last == "traderbot serve"
    name, _, start = setting.removeprefix("export ").partition("=")
    monkeypatch.setenv(name, start)
    account = ""
    for line in lines:
        words = shlex.split(line.replace("ACCOUNT", account))[1:]
        result = CliRunner().invoke(app, words, env={"COLUMNS": "300"})
        if rejected and words[1] == "assign":
            assert "reject" in result.output
            result = CliRunner().invoke(app, [*words[:-2], "--unvalidated"])
        assert result.exit_code == 0, result.output
        if words[1] == "create":
            account = result.output.split("account ")[1].split()[0]
    assert account in result.output  # of the last one, which lists what is assigned
    platform = Platform.open(load_settings({"replay_speed": 0.0, "log_level": "error"}))
    try:
        platform._resume_strategies()
        platform.session.call_followers()
        first = platform.session.replay.step + 1
        platform.session.play(first)
        platform.session.call_followers()
        with platform.database.read() as connection:
            found = list_orders(connection, UUID(account))
    finally:
        platform.close()
    alone = Backtest("my_momentum.py", data="demo", start=start).run()
    day = alone.result.fills[0].at
    expected = {fill.symbol: fill.side for fill in alone.result.fills if fill.at == day}
    assert found
    assert {order.symbol: order.side for order in found} == expected
    assert {order.strategy for order in found} == {"my-momentum"}


def test_the_strategy_of_the_page_is_the_one_that_is_written(tmp_path: Path) -> None:
    """The page shows it without its comments."""
    assert CliRunner().invoke(app, ["strategy", "new", "my_momentum", "--in", str(tmp_path)]).exit_code == 0
    written = (tmp_path / "my_momentum.py").read_text(encoding="utf-8")
    shown = PAGE[PAGE.index("        logs = ") : PAGE.index("\n\n\nresult = ")]
    plain = re.sub(r" +#.*", "", written)
    assert shown in plain
