"""Contributions: they sum to the account's gain and return, however they are grouped and cut."""

from decimal import Decimal
from pathlib import Path

import pytest

from portfolios.accounts import book_of, order, wandered
from portfolios.made import book
from traderbot.model.account import AccountKind
from traderbot.portfolios.contribution import Contribution, contribution_of
from traderbot.portfolios.dimensions import By
from traderbot.portfolios.performance import performance_of
from trading.session_rig import AAA, BBB, SessionRig

pytestmark = pytest.mark.integration

D = Decimal
SECTORS = {AAA: "Information Technology"}


def sums(found: Contribution) -> None:
    """The parts sum to the whole, to the last place."""
    assert sum((part.gain for part in found.parts), D(0)) == found.gain
    for part in found.parts:
        earned = part.realised + part.unrealised + part.dividends
        assert part.gain == earned - part.fees - part.borrow - part.interest
    if found.time_weighted is not None:
        assert sum((part.contribution or D(0) for part in found.parts), D(0)) == found.time_weighted


@pytest.mark.parametrize("seed", range(6))
def test_parts_sum_exactly_to_the_whole_and_spans_to_longer_ones(tmp_path: Path, seed: int) -> None:
    with wandered(tmp_path, seed) as (rig, account_id):
        made = book_of(rig, account_id)
    middle = int(made.times[5])
    for by in By:
        whole = contribution_of(made, by, SECTORS)
        first = contribution_of(made, by, SECTORS, end=middle)
        second = contribution_of(made, by, SECTORS, begin=middle + 1)
        for span, one in ((whole, {}), (first, {"end": middle}), (second, {"begin": middle + 1})):
            sums(span)
            performance = performance_of(made, **one)  # type: ignore[arg-type]
            assert span.gain == performance.gain
            if by is not By.TRADE:
                assert float(span.time_weighted or 0) == pytest.approx(performance.time_weighted, abs=1e-6)
        gains = {part.name: part.gain for part in first.parts}
        for part in second.parts:
            gains[part.name] = gains.get(part.name, D(0)) + part.gain
        assert {name: gain for name, gain in gains.items() if gain} == {
            part.name: part.gain for part in whole.parts if part.gain
        }


def test_who_gained_what(tmp_path: Path) -> None:
    """AAA gains 1 a day from 101 on, BBB stands still and pays 0.25: counted by heart."""
    rig = SessionRig(tmp_path)
    account_id = rig.join(kind=AccountKind.MARGIN)
    order(rig, account_id, AAA, "100", "trend")
    order(rig, account_id, BBB, "10")
    rig.play()  # filled at the open, half below the close
    order(rig, account_id, AAA, "-40")
    rig.play(2)
    made = book_of(rig, account_id)
    rig.close()
    by_position = {part.name: part for part in contribution_of(made, By.POSITION, SECTORS).parts}
    assert by_position[AAA].gain == D(50) + 40 * D("0.5") + 60 * 2  # the rest rose 2, those sold half a day
    assert by_position[AAA].realised == 40 * D(1)
    assert by_position[AAA].contribution == D("0.0019")
    sectors = contribution_of(made, By.SECTOR, SECTORS).parts
    assert {part.name for part in sectors} == {"Information Technology"}
    strategies = contribution_of(made, By.STRATEGY, SECTORS).parts
    assert [(part.name, part.gain) for part in strategies] == [("trend", D(190))]
    (trade,) = contribution_of(made, By.TRADE, SECTORS).parts
    assert (trade.name, trade.strategy, trade.symbol, trade.closed_at) == ("lot 1", "trend", AAA, None)


def test_bad_spans_are_answers() -> None:
    nothing = contribution_of(book([], {}), By.POSITION, {})
    assert (nothing.gain, nothing.parts, nothing.time_weighted) == (D(0), [], None)
    assert nothing.reason == "no close of the account lies in this span"
    below = contribution_of(book([100.0, -5.0], {0: 100.0}), By.SECTOR, {})
    assert (below.time_weighted, below.reason) == (None, "more was lost than there was on 2005-01-05")
    still = contribution_of(book([100.0, 100.0], {0: 100.0}), By.SECTOR, {})
    assert (still.time_weighted, still.gain, still.parts) == (D(0), D(0), [])
