"""Statements: cash adds up over any period, holdings are those of the close, movements are told once."""

from decimal import Decimal
from pathlib import Path

import pytest

from portfolios.accounts import book_of, order, wandered
from portfolios.made import book
from traderbot.model.errors import InvalidValue
from traderbot.portfolios.spans import Every, Span
from traderbot.portfolios.statements.statement import Statement, statement_csv, statement_of
from trading.session_rig import AAA, BBB, SessionRig

pytestmark = pytest.mark.integration

D = Decimal


def adds_up(found: Statement) -> None:
    assert found.cash_start + sum((one.amount for one in found.movements), D(0)) == found.cash_end
    worth = sum((one.market_value for one in found.holdings), D(0))
    assert found.cash_end + worth == found.performance.end_equity
    assert sum((part.gain for part in found.parts), D(0)) == found.performance.gain
    times = [one.at for one in found.movements]
    assert times == sorted(times)
    assert len(found.curve) - found.performance.closes == bool(found.performance.start_equity)
    assert found.curve[-1][1] == found.performance.end_equity


@pytest.mark.parametrize("seed", range(8))
def test_every_period_adds_up_and_leads_to_the_next(tmp_path: Path, seed: int) -> None:
    with wandered(tmp_path, seed) as (rig, account_id):
        made = book_of(rig, account_id)
    for every in Every:
        cash, moved = D(0), 0
        for label, _, _ in Span.between(made).parts(every):
            found = statement_of(made, label, {})
            adds_up(found)
            assert found.cash_start == cash
            cash, moved = found.cash_end, moved + len(found.movements)
        assert cash == D(int(made.cash[-1])).scaleb(-6)
        assert moved == len(statement_of(made, "2005", {}).movements)


def test_what_moved_by_heart(tmp_path: Path) -> None:
    """Bought 100 at the open, sold 40 a day later; AAA rises 1 a day from 101, its open half below."""
    rig = SessionRig(tmp_path)
    account_id = rig.join()
    order(rig, account_id, AAA, "100")
    order(rig, account_id, BBB, "10")
    rig.play()
    order(rig, account_id, AAA, "-40")
    rig.play()
    made = book_of(rig, account_id)
    rig.close()
    days = [label for label, _, _ in Span.between(made).parts(Every.DAY)]
    first, second = (statement_of(made, label, {}) for label in days[-2:])
    bought = {one.symbol: one for one in first.movements if one.kind == "buy"}
    assert {symbol: one.qty for symbol, one in bought.items()} == {AAA: 100, BBB: 10}
    assert all(one.amount == -one.qty * (one.price or D(0)) - one.fee for one in bought.values() if one.qty)
    (sold,) = second.movements
    assert (sold.kind, sold.symbol, sold.qty, sold.realised) == ("sell", AAA, -40, 40)
    assert {one.symbol: one.qty for one in second.holdings} == {AAA: 60, BBB: 10}
    assert statement_csv(second).splitlines() == [
        "time,kind,symbol,qty,price,fee,realised,amount",
        f"{days[-1]}T21:00:00Z,sell,{AAA},-40,101.5,0,40,4060",
    ]


def test_a_period_without_a_close_says_so() -> None:
    found = statement_of(book([100.0], {0: 100.0}), "2004", {})
    assert (found.cash_start, found.cash_end, found.holdings, found.movements) == (0, 0, [], [])
    assert found.performance.reasons["time_weighted"] == "no close of the account lies in this span"
    later = statement_of(book([100.0], {0: 100.0}), "2006-07", {})
    assert (later.cash_start, later.cash_end) == (100, 100)


@pytest.mark.parametrize(
    "period", ["", "2005-13", "2005-02-30", "2005-W54", "05", "9999", "2005-1", "2005-Q5"]
)
def test_what_is_no_period_is_refused(period: str) -> None:
    with pytest.raises(InvalidValue, match="period: expected a period such as 2005-01-03"):
        statement_of(book([100.0], {0: 100.0}), period, {})
