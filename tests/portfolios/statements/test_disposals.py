"""Disposals: the tax office's own examples of wash sales, terms to the day, and sums that always hold."""

from decimal import Decimal
from pathlib import Path

import pytest

from portfolios.accounts import book_of, order, wandered
from portfolios.statements.lots import Event, book_of_lots
from traderbot.engine import ledger
from traderbot.portfolios.spans import day_of
from traderbot.portfolios.statements.disposals import Disposal, disposals
from traderbot.portfolios.statements.pieces import pieces_of
from traderbot.portfolios.track import LEDGERS
from traderbot.portfolios.tracks import Book
from trading.session_rig import AAA, BBB

pytestmark = pytest.mark.integration

D = Decimal


def usd(amount: int) -> Decimal:
    return D(amount).scaleb(-6)


def told(found: list[Disposal]) -> list[tuple[object, ...]]:
    """(proceeds, cost, disallowed, gain) of each."""
    return [(usd(one.proceeds), usd(one.cost), usd(one.disallowed), usd(one.gain)) for one in found]


def test_a_replacement_takes_over_the_loss() -> None:
    """IRS Publication 550, Wash Sales, example 1: bought for 1,000, sold for 750, bought again for 800."""
    events = [
        Event("2010-03-01", 1, "100", "1000"),
        Event("2010-06-01", 1, "-100", "-1000", "-250"),
        Event("2010-06-21", 2, "100", "800"),
        Event("2010-12-01", 2, "-100", "-800", "300"),
    ]
    first, second = disposals(book_of_lots(events, "2010-12-31"))
    assert told([first]) == [(750, 1000, 250, 0)]
    assert told([second]) == [(1100, 1050, 0, 50)]
    held = day_of(second.disposed_at) - day_of(second.acquired_at)
    assert held.days == 163 + 92  # since June, and the 92 days before
    assert told(disposals(book_of_lots(events, "2010-12-31"), wash_sales=False)) == [
        (750, 1000, 0, -250),
        (1100, 800, 0, 300),
    ]


def test_fewer_bought_than_sold() -> None:
    """IRS Publication 550: of 100 sold at a loss 75 are replaced, 50 and 25, bought in the 30 days before."""
    events = [
        Event("2010-09-24", 1, "100", "5000"),
        Event("2010-12-21", 2, "50", "2750"),
        Event("2010-12-28", 3, "25", "1125"),
        Event("2011-01-04", 1, "-100", "-5000", "-1000"),
        Event("2011-06-01", 2, "-50", "-2750", "0"),
        Event("2011-06-02", 3, "-25", "-1125", "0"),
    ]
    found = disposals(book_of_lots(events, "2011-12-31"))
    assert told(found) == [(4000, 5000, 750, -250), (2750, 3250, 0, -500), (1125, 1375, 0, -250)]


@pytest.mark.parametrize(
    ("bought", "washes"),
    [("2010-05-01", False), ("2010-05-02", True), ("2010-07-01", True), ("2010-07-02", False)],
)
def test_thirty_days_before_and_after(bought: str, washes: bool) -> None:
    events = [
        Event("2010-01-04", 1, "10", "100"),
        Event(bought, 2, "10", "90"),
        Event("2010-06-01", 1, "-10", "-100", "-20"),
    ]
    events.sort(key=lambda one: one.day)
    (found,) = disposals(book_of_lots(events, "2010-12-31"))
    assert bool(found.disallowed) is washes


def test_what_replaces_nothing() -> None:
    """The rest of the lot, what the same sale sold, another symbol, and shares matched already."""
    rest = [Event("2010-01-04", 1, "10", "100"), Event("2010-01-11", 1, "-4", "-40", "-10")]
    together = [
        Event("2010-01-04", 1, "10", "100"),
        Event("2010-01-05", 2, "10", "110"),
        Event("2010-01-11", 1, "-10", "-100", "-20"),
        Event("2010-01-11", 2, "-10", "-110", "-30"),
    ]
    other = [
        Event("2010-01-04", 1, "10", "100"),
        Event("2010-01-11", 1, "-10", "-100", "-20"),
        Event("2010-01-12", 2, "10", "80", symbol="ZZZ"),
    ]
    for events in (rest, together, other):
        assert not any(one.disallowed for one in disposals(book_of_lots(events, "2010-12-31")))
    twice = [
        Event("2010-01-04", 1, "10", "100"),
        Event("2010-01-05", 2, "10", "100"),
        Event("2010-01-11", 1, "-10", "-100", "-20"),
        Event("2010-01-12", 3, "10", "70"),
        Event("2010-01-13", 2, "-10", "-100", "-30"),
        Event("2010-06-14", 3, "-10", "-70", "0"),
    ]
    found = disposals(book_of_lots(twice, "2010-12-31"))
    # the first loss goes to lot 2, whose own and larger loss goes on to lot 3
    assert told(found) == [(80, 100, 20, 0), (70, 120, 50, 0), (70, 120, 0, -50)]


def test_a_split_between_a_sale_and_its_replacement() -> None:
    """10 sold are 20 after a split of 2 for 1: 10 of those replace half of them."""
    events = [
        Event("2010-01-04", 1, "10", "100"),
        Event("2010-01-04", 2, "10", "100", symbol="XYZ"),
        Event("2010-03-01", 1, "-10", "-100", "-40"),
        Event("2010-03-10", 2, "10", "0"),
        Event("2010-03-11", 3, "10", "40"),
        Event("2010-12-01", 2, "-20", "-100", "0"),
    ]
    found = disposals(book_of_lots(events, "2010-12-31"))
    assert told(found) == [(60, 100, 20, -20), (100, 100, 0, 0)]
    assert [one.qty for one in found] == [10 * 10**9, 20 * 10**9]


@pytest.mark.parametrize(
    ("bought", "sold", "term"),
    [
        ("2009-06-01", "2010-06-01", "short"),
        ("2009-06-01", "2010-06-02", "long"),
        ("2008-02-29", "2009-02-28", "short"),
        ("2008-02-29", "2009-03-01", "long"),
    ],
)
def test_more_than_a_year_is_long(bought: str, sold: str, term: str) -> None:
    events = [Event(bought, 1, "1", "10"), Event(sold, 1, "-1", "-10", "5")]
    assert [one.term for one in disposals(book_of_lots(events, "2010-12-31"))] == [term]
    short = [Event(bought, 1, "-1", "-10"), Event(sold, 1, "1", "10", "5")]
    assert [one.term for one in disposals(book_of_lots(short, "2010-12-31"))] == ["short"]


def test_fees_are_in_proceeds_and_cost() -> None:
    events = [
        Event("2010-01-04", 1, "10", "100", fee="1"),
        Event("2010-02-01", 1, "-4", "-40", "20", fee="0.5"),
        Event("2010-02-02", 1, "-6", "-60", "30", fee="0.7"),
        Event("2010-03-01", 2, "-10", "-100", fee="1"),
        Event("2010-03-02", 2, "10", "100", "30", fee="2"),
    ]
    found = disposals(book_of_lots(events, "2010-12-31"))
    assert told(found) == [
        (D("59.5"), D("40.4"), 0, D("19.1")),
        (D("89.3"), D("60.6"), 0, D("28.7")),
        (D(99), D(72), 0, D(27)),
    ]


def test_what_was_taken_back_never_was() -> None:
    events = [
        Event("2010-01-04", 1, "10", "100", fee="1"),
        Event("2010-02-01", 1, "-4", "-40", "20", fee="0.5"),
        Event("2010-02-01", 1, "4", "40", "-20", fee="-0.5"),
    ]
    assert disposals(book_of_lots(events, "2010-12-31")) == []


def sums_hold(book: Book) -> None:
    """Gains are what the ledger has, and a wash sale only puts one off."""
    plain, washed = disposals(book, wash_sales=False), disposals(book)
    pieces, _ = pieces_of(book)
    open_lots = {place for place, lot in enumerate(book.lots) if lot.order_id and lot.closed_at is None}
    assert not open_lots
    rows = book.entry_ledger == LEDGERS.index(ledger.REALISED)
    fees = sum(piece.fees for piece in pieces)
    assert sum(one.gain for one in plain) == int(book.entry_amount[rows].sum()) - fees
    assert sum(one.gain for one in washed) == sum(one.gain for one in plain)  # nothing is held any more
    assert sum(one.added for one in washed) == sum(one.disallowed for one in washed)
    assert sum(one.proceeds for one in washed) == sum(one.proceeds for one in plain)
    assert all(one.disallowed <= max(0, one.cost - one.proceeds) for one in washed)


@pytest.mark.parametrize("seed", range(8))
def test_sums_hold_for_any_trading(tmp_path: Path, seed: int) -> None:
    with wandered(tmp_path, seed) as (rig, account_id):
        held = book_of(rig, account_id)
        shares = dict.fromkeys((AAA, BBB), D(0))
        for place, lot in enumerate(held.lots):
            own = held.change_lot == place
            symbol = held.slices[lot.slice].symbol
            if symbol in shares:
                shares[symbol] += D(int(held.change_shares[own].sum())).scaleb(-9)
        for symbol, qty in shares.items():
            if qty:
                order(rig, account_id, symbol, str(-qty))
        rig.play()
        sums_hold(book_of(rig, account_id))
