from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulation.floor import AAA
from traderbot.model.observations import DepthUpdate, Trade
from traderbot.model.orders import Side
from traderbot.simulation.book import Book

pytestmark = pytest.mark.domain

D = Decimal


def levels(text: str) -> tuple[tuple[Decimal, Decimal], ...]:
    """ "100x5 99x3": prices and sizes."""
    return tuple((D(price), D(size)) for price, size in (level.split("x") for level in text.split()))


def test_levels_come_and_go() -> None:
    book = Book(AAA)
    assert (book.bid, book.ask, book.crossed) == (None, None, False)
    book.move(DepthUpdate(AAA, 1, 1, levels("99x3 98x1"), levels("101x2 103x4")))
    book.move(DepthUpdate(AAA, 2, 2, levels("99x0 97x0 98x7"), levels("102x5")))
    assert (book.bid, book.ask, book.at) == ((98, 7), (101, 2), 2)
    assert list(book.against(Side.BUY)) == [(101, 2), (102, 5), (103, 4)]
    assert (book.size(Side.BUY, D(98)), book.size(Side.BUY, D(99))) == (7, 0)
    book.move(DepthUpdate(AAA, 3, 3, levels("50x1"), levels("51x1"), snapshot=True))
    assert list(book.against(Side.SELL)) == [(50, 1)]


def test_a_print_changes_no_level() -> None:
    book = Book(AAA)
    book.move(DepthUpdate(AAA, 1, 1, levels("99x3"), levels("101x2")))
    trade = Trade(AAA, 5, 9, D(101), D(2))
    book.move(trade)
    assert (book.last, book.at, book.ask) == (trade, 5, (101, 2))


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 5)), max_size=60))
def test_it_holds_what_a_plain_dictionary_holds(changes: list[tuple[int, int]]) -> None:
    book, known = Book(AAA), {}
    for number, (price, size) in enumerate(changes):
        book.move(DepthUpdate(AAA, number, number, ((D(price), D(size)),), ()))
        known[price] = size
    left = sorted(((price, size) for price, size in known.items() if size), reverse=True)
    assert list(book.against(Side.SELL)) == left
