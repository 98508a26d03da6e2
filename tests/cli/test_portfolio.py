"""`traderbot portfolio`, also while traderbot runs in the home."""

from pathlib import Path

import pytest

from cli.desk import run, traded
from traderbot.portfolios.valuation import portfolio_of

pytestmark = pytest.mark.integration


def test_value_and_performance_are_shown_while_traderbot_runs(tmp_path: Path) -> None:
    with traded(tmp_path) as (platform, account_id, _orders):
        with platform.database.read() as connection:
            held = portfolio_of(connection, account_id, platform.session.market)
        found = run(tmp_path, "portfolio", str(account_id))
        told = run(tmp_path, "portfolio", "--performance", "--by", "strategy")
    assert found.exit_code == 0, found.output
    assert f"{held.equity.normalize():f}" in found.output
    assert "MSFT" in found.output
    assert told.exit_code == 0, told.output
    for words in ("time-weighted", "2005-01", "manual", "less than a year is not annualised"):
        assert words in told.output
    assert f"{(held.equity - held.starting_cash).normalize():f}" in told.output
    sectors = run(tmp_path, "portfolio", "--by", "sector")
    assert "unknown" in sectors.output
    assert (
        "no close of the account" in run(tmp_path, "portfolio", "--performance", "--to", "1999-01-01").output
    )


def test_what_cannot_be_shown_is_told(tmp_path: Path) -> None:
    with traded(tmp_path) as (_, account_id, orders):
        pass
    for words, told in (
        (("--by", "currency"), "one currency"),
        (("--by", "trade"), "one of position"),
        (("--from", "soon"), "--from"),
        ((str(orders[0]),), "No such account"),
        (("x",), "--account"),
    ):
        refused = run(tmp_path, "portfolio", *words)
        assert refused.exit_code == 1
        assert told in refused.output
        assert "Traceback" not in refused.output
    assert account_id
