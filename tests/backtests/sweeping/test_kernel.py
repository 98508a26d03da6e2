from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traderbot.backtests.runner import Result, run
from traderbot.backtests.sweeping import kernel
from traderbot.backtests.sweeping.prices import Played
from traderbot.backtests.sweeping.tape import Tape, tape_of, terms_of
from traderbot.backtests.turning import turns_of
from traderbot.market.datasets import Dataset
from traderbot.market.demo import ensure_demo
from traderbot.model import rounding
from traderbot.model.account import AccountKind
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.amounts import Money
from traderbot.model.bars import Bar, Floats, Times
from traderbot.model.orders import Side
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol
from traderbot.simulation.costs import Costs
from traderbot.strategies.moving_average import MovingAverageSignal
from traderbot.strategies.signals import Frame, SignalStrategy, frame_of

pytestmark = pytest.mark.domain

DAY = 86_400_000_000
START = 18_000 * DAY
CASH = Money(Decimal(100_000))
COSTS = Costs(Decimal("0.0001"), Decimal("0.0002"), Decimal("0.10"))
Fill = tuple[int, str, str, Decimal, Decimal, Decimal]


class Table(SignalStrategy):
    """Targets given beforehand."""

    name = "table"

    def __init__(self, targets: Floats, times: Times, units: Decimal | None, lot: Decimal) -> None:
        super().__init__()
        self._targets, self._times, self._units, self.lot = targets, times, units, lot

    @property
    def units(self) -> Decimal | None:
        return self._units

    def signal(self, frame: Frame) -> Floats:
        return self._targets[np.searchsorted(self._times, frame.times)]


def walk(
    name: str,
    count: int,
    seed: int,
    *,
    step: int = DAY,
    gaps: float = 0.0,
    volume: float = 1e7,
    places: int = 2,
    jump: float = 0.03,
) -> Bar:
    """A random walk from 100; gaps: share of the times that have no bar."""
    random = np.random.default_rng(seed)
    closes = 100 * np.exp(np.cumsum(random.normal(0, 0.02, count)))
    opens = closes * np.exp(random.normal(0, jump, count))
    times = START + np.arange(count) * step
    there = random.random(count) >= gaps
    there[0] = True
    opens, closes = np.round(opens, places), np.round(closes, places)
    volumes = np.floor(random.random(count) * volume)
    columns = (opens, np.maximum(opens, closes), np.minimum(opens, closes), closes, volumes)
    return Bar(Symbol(name), times[there], *(column[there] for column in columns))


def fills_of(result: Result) -> list[Fill]:
    return [(f.at, f.symbol, f.side, f.qty, f.price, f.fee) for f in result.fills]


def compiled(tape: Tape, played: Played) -> list[Fill]:
    found = []
    for row, owner, qty, price, _, fee in played.fills.tolist():
        side = Side.BUY if qty > 0 else Side.SELL
        money = Decimal(price).scaleb(-9), Decimal(fee).scaleb(-6)
        found.append((int(tape.times[row]), tape.symbols[owner], side, Decimal(abs(qty)), *money))
    return found


def compare(
    bars: Sequence[Bar],
    targets: Floats,
    *,
    cash: Money = CASH,
    costs: Costs = COSTS,
    rules: Rules | None = None,
    units: Decimal | None = None,
    lot: Decimal = Decimal(1),
    actions: Sequence[CorporateAction] = (),
) -> int:
    """Play with both; the number of fills."""
    rules = rules or costs.rules
    frame = frame_of(bars)
    strategy = Table(targets, frame.times, units, lot)
    result = run(strategy, bars, cash=cash, costs=costs, rules=rules, actions=actions)
    tape = tape_of(bars, costs, rules, actions)
    terms = terms_of(cash, costs, rules, units, lot, AccountKind.CASH)
    changes = turns_of(strategy, frame)
    played = kernel.play(tape.prices, changes, tape.actions, terms)
    assert played.status == kernel.PLAYED
    assert compiled(tape, played) == fills_of(result)
    assert Decimal(played.cash).scaleb(-6) == result.account.cash
    assert Decimal(played.equity).scaleb(-6) == result.equity
    for symbol, held in zip(tape.symbols, played.held.tolist(), strict=True):
        assert held == result.account.quantity(symbol)
    return len(result.fills)


def random_targets(bars: Sequence[Bar], seed: int) -> Floats:
    """Steps, ties and silences."""
    frame = frame_of(bars)
    shape, random = frame.close.shape, np.random.default_rng(seed)
    targets = random.integers(0, 9, shape) / (9 * shape[1]) * 1.4
    targets[random.random(shape) < 0.5] = np.nan
    held = random.random(shape) < 0.4
    held[0] = False
    rows = np.maximum.accumulate(np.where(held, 0, np.arange(shape[0])[:, None]), axis=0)
    return np.take_along_axis(targets, rows, axis=0)


def test_one_instrument_trades_as_the_engine_does() -> None:
    bar = walk("AAA", 400, 1)
    assert compare([bar], random_targets([bar], 2)) > 100


def test_many_instruments_with_gaps_and_small_volumes() -> None:
    bars = [walk(f"N{number}", 300, 10 + number, gaps=0.3, volume=3000) for number in range(5)]
    assert compare(bars, random_targets(bars, 3)) > 300


def test_targets_of_instruments_that_list_later() -> None:
    bars = [walk("AAA", 200, 20), walk("BBB", 200, 21)]
    late = Bar(Symbol("BBB"), *(column[120:] for column in bars[1].whole()))
    targets = np.where(np.arange(200)[:, None] % 40 < 30, 0.4, 0.1) * np.ones((1, 2))
    assert compare([bars[0], late], targets) > 10
    assert compare([bars[0], late], np.full((200, 2), 0.4)) >= 2


def test_bars_within_a_day_and_orders_of_the_day() -> None:
    hours = [
        walk(f"N{number}", 600, 30 + number, step=DAY // 5, gaps=0.5, volume=2000) for number in range(3)
    ]
    assert compare(hours, random_targets(hours, 4)) > 200


def test_units_and_lots_of_more_than_one_share() -> None:
    bar = walk("AAA", 400, 5, volume=20_000)
    targets = random_targets([bar], 6)
    assert compare([bar], targets, units=Decimal(700), lot=Decimal(50)) > 50
    assert compare([bar], targets, lot=Decimal(7)) > 50


def test_prices_of_many_places_and_odd_rates() -> None:
    bar = walk("AAA", 400, 7, places=12)
    costs = Costs(Decimal("0.000123456"), Decimal("0.000987654"), Decimal("0.037"))
    assert compare([bar], random_targets([bar], 8), costs=costs) > 100


def test_orders_above_the_highest_value_are_not_placed() -> None:
    bar = walk("AAA", 200, 9)
    rules = Rules(max_order_value=Decimal(20_000))
    assert compare([bar], random_targets([bar], 10), rules=rules) > 10


def test_openings_beyond_the_collar_are_cut_to_what_was_set_aside() -> None:
    bars = [walk(f"N{number}", 300, 60 + number, jump=0.2, volume=20_000) for number in range(2)]
    assert compare(bars, random_targets(bars, 12), units=Decimal(900)) > 100


def test_splits_and_dividends() -> None:
    bars = [walk(f"N{number}", 300, 50 + number, gaps=0.2) for number in range(2)]
    first = date(2019, 4, 14)
    actions = [
        CorporateAction(
            Symbol(f"N{day % 2}"), date.fromordinal(first.toordinal() + day), ActionKind.DIVIDEND,
            Decimal("0.123457"),
        )
        for day in range(0, 300, 13)
    ]  # fmt: skip
    actions += [
        CorporateAction(Symbol("N1"), date.fromordinal(first.toordinal() + day), ActionKind.SPLIT, new=2)
        for day in (50, 150)
    ]
    assert compare(bars, random_targets(bars, 11), actions=actions) > 100


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    columns=st.integers(1, 4),
    gaps=st.sampled_from([0.0, 0.2, 0.6]),
    volume=st.sampled_from([200.0, 5_000.0, 1e7]),
    step=st.sampled_from([DAY, DAY // 3, 1_000_000]),
    slippage=st.decimals(0, Decimal("0.05"), places=5),
    fee=st.decimals(0, Decimal("0.01"), places=5),
)
def test_random_targets_trade_alike(
    seed: int, columns: int, gaps: float, volume: float, step: int, slippage: Decimal, fee: Decimal
) -> None:
    bars = [walk(f"N{n}", 60, seed + n, gaps=gaps, volume=volume, step=step) for n in range(columns)]
    costs = Costs(fee, slippage, Decimal("0.1"))
    compare(bars, random_targets(bars, seed), costs=costs, cash=Money(Decimal(30_000)))


@settings(deadline=None)
@given(
    qty=st.integers(1, 10**6),
    price=st.integers(1, 10**12),
    rate=st.decimals(0, 1, places=9),
    cash=st.integers(0, 10**15),
    lot=st.integers(1, 1000),
)
def test_whole_numbers_round_as_the_decimals_do(
    qty: int, price: int, rate: Decimal, cash: int, lot: int
) -> None:
    num, den = rate.as_integer_ratio()
    shares, exact, money = Decimal(qty), Decimal(price).scaleb(-9), Decimal(cash).scaleb(-6)
    value = kernel.half_even(qty * price, 1000)
    assert Decimal(value).scaleb(-6) == rounding.notional(shares, exact)
    assert Decimal(kernel.fee_of(value, num, den)).scaleb(-6) == rounding.fee(Decimal(value).scaleb(-6), rate)
    assert Decimal(kernel.hold_of(qty, price, num, den)).scaleb(-6) == rounding.hold(shares, exact, rate)
    for up in (True, False):
        factor = 1 + rate if up else 1 - rate
        assert Decimal(kernel.price_at(price, num, den, up)).scaleb(-9) == rounding.price_at(exact, factor)
    most = kernel.affordable(cash, price * 1000, num, den, lot)
    assert most == rounding.affordable(money, exact * 1000, rate, Decimal(lot))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return ensure_demo(tmp_path_factory.mktemp("home"))


def test_real_prices_with_splits_and_dividends_trade_alike(demo: Dataset) -> None:
    """Whole numbers of shares that a split parts are the engine's to play: then the kernel says so."""
    splits = {action.symbol for action in demo.actions if action.kind is ActionKind.SPLIT}
    compared = 0
    for values, (name, bars) in product(({"fast": 5, "slow": 20}, {"shares": 500}), demo.bars.items()):
        strategy, actions = MovingAverageSignal(**values), [a for a in demo.actions if a.symbol == name]
        result = run(MovingAverageSignal(**values), [bars.cursor()], cash=CASH, costs=COSTS, actions=actions)
        tape = tape_of([bars.cursor()], COSTS, COSTS.rules, actions)
        terms = terms_of(CASH, COSTS, COSTS.rules, strategy.units, strategy.lot, AccountKind.CASH)
        changes = turns_of(strategy, frame_of([bars.cursor()], {name: actions}))
        played = kernel.play(tape.prices, changes, tape.actions, terms)
        if played.status == kernel.NOT_WHOLE:
            assert name in splits
            continue
        assert compiled(tape, played) == fills_of(result)
        assert Decimal(played.equity).scaleb(-6) == result.equity
        compared += len(result.fills)
    assert compared > 500


def test_what_the_whole_numbers_do_not_hold_is_said() -> None:
    bar = walk("AAA", 50, 3)
    tape = tape_of([bar], COSTS, COSTS.rules)
    terms = terms_of(CASH, COSTS, COSTS.rules, None, Decimal(1), AccountKind.CASH)
    short = kernel.play(tape.prices, np.array([[3, 0, -500_000_000]]), tape.actions, terms)
    assert short.status == kernel.SHORT
    large = terms_of(CASH, COSTS, COSTS.rules, Decimal(10**9), Decimal(1), AccountKind.CASH)
    huge = kernel.play(tape.prices, np.array([[3, 0, 10**15]]), tape.actions, large)
    assert huge.status == kernel.TOO_LARGE


def test_prices_that_only_their_digits_tell_trade_alike() -> None:
    """Where a float lies between two billionths, it is read as the engine reads it."""
    whole = walk("AAA", 300, 5)
    times, opens, highs, lows, closes, volumes = whole.whole()
    opens, closes = (np.floor(column * 1e9) / 1e9 + 5e-10 for column in (opens, closes))
    bar = Bar(whole.symbol, times, opens, highs, lows, closes, volumes + 0.1234567895)
    assert compare([bar], random_targets([bar], 3)) > 50
