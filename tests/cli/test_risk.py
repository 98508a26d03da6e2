from pathlib import Path

import pytest

from cli.desk import run, traded

pytestmark = pytest.mark.integration


def test_an_account_is_analysed_while_traderbot_runs(tmp_path: Path) -> None:
    with traded(tmp_path) as (_, account_id, _orders):
        found = run(tmp_path, "risk", str(account_id), "--method", "historical", "--level", "0.99")
        assert found.exit_code == 0, found.output
        assert run(tmp_path, "risk").output.splitlines()[0] == found.output.splitlines()[0]
    for part in (
        "value at risk",
        "MSFT",
        "The financial crisis",
        "limits: green",
        "max_order_value",
        "days beyond",
    ):
        assert part in found.output


@pytest.mark.parametrize(
    "words", [("--method", "guess"), ("--level", "1"), ("--horizon", "0"), ("--lose", "2"), ("nobody",)]
)
def test_what_cannot_be_asked_is_told_on_a_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    with traded(tmp_path):
        pass
    found = run(tmp_path, "risk", *words)
    assert found.exit_code == 1
    assert len(found.output.splitlines()) == 1
    assert "Traceback" not in found.output
