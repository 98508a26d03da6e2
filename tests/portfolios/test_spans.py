"""Stretches of closes: what is inside, what periods they are made of, and why a return is not defined."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from portfolios.made import DAY, START, book
from traderbot.portfolios.spans import Every, Span, label_of, money

pytestmark = pytest.mark.unit


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("time", "labels"),
    [
        ("2005-01-01T21:00:00", ["2005-01-01", "2004-W53", "2005-01", "2005-Q1", "2005"]),
        (
            "2005-04-01T00:00:00",
            ["2005-03-31", "2005-W13", "2005-03", "2005-Q1", "2005"],
        ),  # before
        ("2005-04-01T00:00:01", ["2005-04-01", "2005-W13", "2005-04", "2005-Q2", "2005"]),
        ("2008-12-29T21:00:00", ["2008-12-29", "2009-W01", "2008-12", "2008-Q4", "2008"]),
    ],
)
def test_labels(time: str, labels: list[str]) -> None:
    assert [label_of(at(time), every) for every in Every] == labels


@pytest.mark.parametrize("every", Every)
def test_periods_hold_every_close_once_and_one_label_each(every: Every) -> None:
    span = Span.between(book([100.0] * 800, {0: 100.0}))
    parts = span.parts(every)
    assert [place for _, first, last in parts for place in range(first, last + 1)] == list(range(800))
    for label, first, last in parts:
        assert {label_of(int(time), every) for time in span.times[first : last + 1]} == {label}
    assert len({label for label, _, _ in parts}) == len(parts)


def test_a_span_begins_with_the_close_before_it() -> None:
    made = book([101.0, 151.0, 152.0], {0: 100.0, 1: 50.0})
    whole, later = Span.between(made), Span.between(made, START + 2 * DAY)
    assert (len(whole), whole.start_equity, whole.starts) == (3, 0, START)
    assert (len(later), later.start_equity, later.starts) == (2, 101_000_000, START + DAY)
    assert later.flows.tolist() == [50_000_000, 0]
    assert later.gains.tolist() == [0, 1_000_000]
    assert len(Span.between(made, START + 2 * DAY, START + 2 * DAY)) == 1
    assert money(later.start_equity) == Decimal(101)
    early = Span.between(made, None, START)
    assert len(early) == 0
    assert early.parts(Every.DAY) == []
    assert early.undefined() == "no close of the account lies in this span"


def test_why_there_is_no_return() -> None:
    def why(equity: list[float], flows: dict[int, float]) -> str | None:
        return Span.between(book(equity, flows)).undefined()

    assert why([100.0, 0.0, 0.0], {0: 100.0}) is None  # a total loss is a return
    assert why([0.0, 0.0], {}) == "the account had no money"
    assert why([100.0, -5.0], {0: 100.0}) == "more was lost than there was on 2005-01-05"
    assert why([5.0], {}) == "there was no capital on 2005-01-04 to earn a return"
    later = Span.between(book([100.0, -5.0, -6.0], {0: 100.0}), START + 3 * DAY)
    assert later.undefined() == "equity was below zero before 2005-01-06, and a return on it means nothing"
