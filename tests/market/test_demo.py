import importlib.util
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from traderbot.market import demo
from traderbot.market.datasets import Dataset, load
from traderbot.market.demo import build_demo, ensure_demo, recover_actions
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.errors import ConfigurationError
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.integration
AAA = Symbol("AAA")


@pytest.fixture(scope="module")
def built() -> Dataset:
    return build_demo()


def dividends(built: Dataset, symbol: str) -> list[CorporateAction]:
    return [a for a in built.actions if a.symbol == symbol and a.kind is ActionKind.DIVIDEND]


def test_five_instruments_and_no_bar_is_lost(built: Dataset) -> None:
    assert {symbol: len(bars) for symbol, bars in built.bars.items()} == {
        "AAPL": 3270,
        "FB": 196,
        "GOOG": 2148,
        "IBM": 3270,
        "MSFT": 3270,
    }
    assert built.licence == "public domain"
    assert "0 faulty rows left out" in built.notes
    assert len(built.sessions) == 3270


def test_prices_are_raw_and_known_at_the_close(built: Dataset) -> None:
    apple = built.bars_of("AAPL")
    assert apple.close[0] == 130.31  # as traded on 2000-03-01; 4.19 when adjusted
    assert np.array_equal(apple.times, built.sessions.closes)
    assert built.sessions.date_of(int(apple.times[-1])) == date(2013, 3, 1)


def test_exactly_three_splits(built: Dataset) -> None:
    splits = [a for a in built.actions if a.kind is ActionKind.SPLIT]
    assert [(a.symbol, a.ex_date, a.new, a.old) for a in splits] == [
        ("AAPL", date(2000, 6, 21), 2, 1),
        ("MSFT", date(2003, 2, 18), 2, 1),
        ("AAPL", date(2005, 2, 28), 2, 1),
    ]


def test_every_quarters_dividend_and_none_beyond(built: Dataset) -> None:
    counts = {symbol: len(dividends(built, symbol)) for symbol in built.bars}
    assert counts == {"AAPL": 3, "FB": 0, "GOOG": 0, "IBM": 52, "MSFT": 37}
    quarters = {(a.ex_date.year, (a.ex_date.month - 1) // 3) for a in dividends(built, "IBM")}
    assert len(quarters) == 52
    assert all(a.estimated for symbol in built.bars for a in dividends(built, symbol))


@pytest.mark.parametrize(
    ("symbol", "ex_date", "declared"),
    [
        ("IBM", date(2005, 2, 8), "0.18"),
        ("IBM", date(2005, 5, 6), "0.20"),
        ("IBM", date(2005, 8, 8), "0.20"),
        ("IBM", date(2005, 11, 8), "0.20"),
        ("IBM", date(2008, 5, 7), "0.50"),
        ("IBM", date(2012, 5, 8), "0.85"),
        ("MSFT", date(2003, 2, 19), "0.08"),  # its first
        ("MSFT", date(2003, 10, 15), "0.16"),
        ("MSFT", date(2004, 8, 23), "0.08"),
        ("MSFT", date(2004, 11, 15), "3.08"),  # 3.00 special and 0.08 regular
        ("MSFT", date(2012, 11, 13), "0.23"),
        ("AAPL", date(2012, 8, 9), "2.65"),
        ("AAPL", date(2012, 11, 7), "2.65"),
        ("AAPL", date(2013, 2, 7), "2.65"),
    ],
)
def test_dividends_are_those_declared_to_the_cent(
    built: Dataset, symbol: str, ex_date: date, declared: str
) -> None:
    (amount,) = [a.amount for a in dividends(built, symbol) if a.ex_date == ex_date]
    assert amount == Decimal(declared)


def test_built_once_then_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ensure_demo(tmp_path)
    monkeypatch.setattr(demo, "build_demo", None)
    assert ensure_demo(tmp_path).sha256 == first.sha256 == load(tmp_path / "data" / "demo").sha256


def test_builds_are_the_same_every_time(built: Dataset) -> None:
    assert build_demo().sha256 == built.sha256


def test_the_other_process_may_have_built_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = demo.build_demo

    def overtaken() -> Dataset:
        monkeypatch.setattr(demo, "build_demo", real)
        ensure_demo(tmp_path)
        return real()

    monkeypatch.setattr(demo, "build_demo", overtaken)
    assert ensure_demo(tmp_path).name == "demo"


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ConfigurationError, match="bokeh-sampledata"):
        build_demo()


def adjusted_for(closes: list[float], factors: dict[int, float]) -> np.ndarray:
    """Closes lowered before each index by its factor."""
    adjusted = np.array(closes)
    for index, factor in factors.items():
        adjusted[:index] *= factor
    return adjusted


def days(count: int) -> list[date]:
    return [date(2005, 1, 3) + timedelta(days=number) for number in range(count)]


closes = st.lists(st.integers(100, 99_999).map(lambda cents: cents / 100), min_size=2, max_size=40)


@settings(deadline=None)
@given(closes, st.integers(2, 6))
def test_rounded_adjusted_closes_invent_nothing(prices: list[float], places: int) -> None:
    lowered = np.maximum(np.round(np.array(prices) / 28, places), 10.0**-places)
    assert recover_actions(AAA, days(len(prices)), np.array(prices), lowered) == []


@settings(deadline=None)
@given(closes, st.data())
def test_a_planted_dividend_is_found_to_the_cent(prices: list[float], data: st.DataObject) -> None:
    index = data.draw(st.integers(1, len(prices) - 1))
    cents = data.draw(st.integers(1, int(prices[index] * 10)))  # up to a tenth of the price
    factor = prices[index] / (prices[index] + cents / 100)
    adjusted = adjusted_for(prices, {index: factor})
    assume(not demo._resolution(adjusted))  # a few prices may all happen to be whole cents
    found = recover_actions(AAA, days(len(prices)), np.array(prices), adjusted)
    assert [(a.ex_date, a.amount) for a in found] == [(days(len(prices))[index], Decimal(cents) / 100)]


@pytest.mark.parametrize(("new", "old"), [(2, 1), (3, 2), (7, 1), (1, 3), (1, 10), (5, 4), (20, 1)])
def test_a_planted_split_is_found(new: int, old: int) -> None:
    prices = [50.0 * new / old, 51.0 * new / old, 51.0, 50.5]
    (split,) = recover_actions(AAA, days(4), np.array(prices), adjusted_for(prices, {2: old / new}))
    assert (split.kind, split.ex_date, split.new, split.old) == (ActionKind.SPLIT, days(4)[2], new, old)


def test_a_step_that_the_price_does_not_bear_out_is_no_split() -> None:
    prices = [50.0, 50.0, 50.0]
    (found,) = recover_actions(AAA, days(3), np.array(prices), adjusted_for(prices, {1: 0.5}))
    assert (found.kind, found.amount) == (ActionKind.DIVIDEND, Decimal(50))


def test_one_price_tells_nothing() -> None:
    assert recover_actions(AAA, days(1), np.array([1.0]), np.array([0.5])) == []
