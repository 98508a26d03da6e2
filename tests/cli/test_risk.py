from pathlib import Path

import pytest

from cli.desk import run, traded
from traderbot.model.symbols import Symbol
from traderbot.risk.saved import save
from traderbot.risk.scenarios import Shocks

pytestmark = pytest.mark.integration


def test_an_account_is_analysed_while_traderbot_runs(tmp_path: Path) -> None:
    with traded(tmp_path) as (platform, account_id, _orders):
        for name, symbol in (("chips fall", "MSFT"), ("gone", "IBM")):
            shocks = Shocks(name, symbols={Symbol(symbol): -0.5})
            platform.path.write(lambda connection, of=shocks: save(connection, account_id, account_id, of, 1))
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
        "factors, ",
        "chips fall",
        "symbols that the account holds",
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
