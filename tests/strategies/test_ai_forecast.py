"""The AI strategy: forecasts of the past only, orders within cash and limits, and reasons for each."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traderbot.analytics.returns import total_returns
from traderbot.analytics.volatility import ewma_volatility
from traderbot.backtests.runner import BarMarket, run
from traderbot.engine.apply import fold
from traderbot.intelligence.features import LOOKBACK_BARS, latest_features
from traderbot.intelligence.forecast import Forecast
from traderbot.intelligence.panels import Panel
from traderbot.intelligence.sizing import View
from traderbot.model.account import Account
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.bars import Bar
from traderbot.model.events import AccountOpened, CashMoved
from traderbot.model.orders import Side
from traderbot.model.symbols import Symbol
from traderbot.strategies.ai_forecast import AiForecast, Outlook, _decision, _panel, newest_rows
from traderbot.strategies.base import Context

pytestmark = pytest.mark.domain

D = Decimal
DAY = 86_400_000_000
START = int(datetime(2003, 1, 1, 21, tzinfo=UTC).timestamp()) * 1_000_000
NAMES = (Symbol("AAA"), Symbol("BBB"), Symbol("CCC"))


def bars_of(symbol: Symbol, days: int, seed: int) -> Bar:
    """A random walk, a bar each day."""
    chance = np.random.default_rng(seed)
    close = 50.0 * np.cumprod(1 + chance.normal(0.0005, 0.015, days))
    opens = close * (1 + chance.normal(0, 0.003, days))
    high, low = np.maximum(opens, close) * 1.005, np.minimum(opens, close) * 0.995
    times = START + np.arange(days) * DAY
    return Bar(symbol, times, opens, high, low, close, chance.uniform(1e6, 2e6, days))


def panel_of(seed: int, days: int = LOOKBACK_BARS) -> Panel:
    bar = bars_of(NAMES[0], days, seed)
    bar.move(days - 1)
    splits, dividends = np.ones(days), np.zeros(days)
    splits[days // 2], dividends[days // 3] = 2.0, 0.4
    return Panel("AAA", *bar.known(), splits, dividends)


def context(bars: Sequence[Bar], cash: str = "100000", actions: Sequence[CorporateAction] = ()) -> Context:
    account = Account(UUID(int=1))
    opened = AccountOpened(0, account.id, UUID(int=2), UUID(int=3), "USD")
    fold(account, [opened, CashMoved(0, D(cash), "deposit")])
    market = BarMarket({bar.symbol: bar for bar in bars})
    market.time = max(bar.time for bar in bars)
    ids = (UUID(int=number) for number in count(10))
    grouped = {bar.symbol: [action for action in actions if action.symbol == bar.symbol] for bar in bars}
    return Context(account, market, {bar.symbol: bar for bar in bars}, ids.__next__, grouped)


@settings(max_examples=10, deadline=None)
@given(seeds=st.lists(st.integers(0, 10**6), min_size=1, max_size=4))
def test_rows_of_several_instruments_at_once_are_those_of_each_alone_to_the_bit(seeds: list[int]) -> None:
    panels = [panel_of(seed) for seed in seeds]
    features, volatilities = newest_rows(panels)
    for panel, row, volatility in zip(panels, features, volatilities, strict=True):
        assert row.tobytes() == latest_features(panel).tobytes()
        alone = ewma_volatility(total_returns(panel.close, panel.split_ratios, panel.dividends))[-1]
        assert volatility == alone


def test_actions_stand_on_the_bar_of_their_day_and_no_earlier_or_later() -> None:
    bar = bars_of(NAMES[0], 30, 1)
    bar.move(19)
    actions = [
        CorporateAction(NAMES[0], date(2003, 1, 5), ActionKind.DIVIDEND, D("0.5")),
        CorporateAction(NAMES[0], date(2003, 1, 10), ActionKind.SPLIT, new=3, old=2),
        CorporateAction(NAMES[0], date(2003, 1, 25), ActionKind.SPLIT, new=9),
    ]
    ctx = context([bar], actions=actions)
    whole, window = _panel(ctx, NAMES[0]), _panel(ctx, NAMES[0], 12)
    assert len(whole) == 20
    assert np.flatnonzero(whole.dividends).tolist() == [4]
    assert np.flatnonzero(whole.split_ratios != 1).tolist() == [9]
    assert window.split_ratios.tolist() == whole.split_ratios[-12:].tolist()
    assert window.dividends.tolist() == whole.dividends[-12:].tolist()


@pytest.fixture(scope="module")
def models() -> list[Forecast]:
    """Models of a backtest of 700 days, and by the way the backtest's promises."""
    models: list[Forecast] = []
    bars = [bars_of(name, 700, seed) for seed, name in enumerate(NAMES)]
    strategy = AiForecast(on_model=models.append, data="walk 1234")
    result = run(strategy, bars)
    assert result.refusals == []
    for raised in result.signals:
        assert raised.order_id is not None
        model = raised.signal.rationale["model"]
        assert isinstance(model, dict)
        assert model["version"] in {kept.card.version for kept in models}
    assert result.fills
    return models


def test_a_model_each_quarter_trained_before_it_began(models: list[Forecast]) -> None:
    assert len(models) >= 3
    ends = [datetime.fromtimestamp(model.card.trained_to // 1_000_000, UTC).date() for model in models]
    assert ends == sorted(set(ends))
    assert {(day.month, day.day) for day in ends} <= {(3, 31), (6, 30), (9, 30), (12, 31)}
    assert {model.card.data for model in models} == {"walk 1234"}


def test_a_new_process_in_mid_quarter_trains_the_same_model(models: list[Forecast]) -> None:
    found: list[Forecast] = []
    bars = [bars_of(name, 700, seed) for seed, name in enumerate(NAMES)]
    for bar in bars:
        bar.move(690)
    AiForecast(on_model=found.append, data="walk 1234").on_bar(context(bars), bars[0])
    assert [model.to_text() for model in found] == [models[-1].to_text()]


class Oracle(AiForecast):
    """The strategy with a model that was trained before, and chances that a test sets."""

    def __init__(self, model: Forecast, chances: dict[Symbol, float]) -> None:
        super().__init__()
        self._model = model
        self.chances = chances

    def _begin_step(self, ctx: Context) -> None:
        super()._begin_step(ctx)
        for symbol, outlook in self._outlooks.items():
            view = View(symbol, self.chances[symbol], 0.005, outlook.view.horizon)
            self._outlooks[symbol] = Outlook(view, outlook.features)

    def _model_for(self, ctx: Context) -> Forecast | None:
        return self._model


def asked(model: Forecast, chances: Sequence[float], cash: str = "100000") -> Context:
    bars = [bars_of(name, 300, seed) for seed, name in enumerate(NAMES)]
    for bar in bars:
        bar.move(299)
    ctx = context(bars, cash)
    strategy = Oracle(model, dict(zip(NAMES, chances, strict=True)))
    for bar in bars:
        strategy.on_bar(ctx, bar)
    return ctx


def test_orders_of_one_step_ask_for_no_more_than_cash_can_hold(models: list[Forecast]) -> None:
    """Each looks at the same account; without keeping count the last ones would be refused."""
    ctx = asked(models[-1], [0.9, 0.9, 0.9])
    held = sum(order.qty * ctx.mark(order.symbol) for order in ctx.asked if hasattr(order, "qty"))  # type: ignore[union-attr]
    assert len(ctx.asked) == 3
    assert held <= D("95000")
    assert held * D("1.1") <= ctx.available


def test_below_the_threshold_nothing_is_asked(models: list[Forecast]) -> None:
    assert asked(models[-1], [0.5, 0.52, 0.1]).asked == []


def test_a_change_within_the_band_is_not_traded(models: list[Forecast]) -> None:
    assert asked(models[-1], [0.9, 0.9, 0.9], cash="20").asked == [], "no whole share of it is worth it"


def test_the_summary_says_what_how_much_and_why(models: list[Forecast]) -> None:
    ctx = asked(models[-1], [0.9, 0.1, 0.1])
    (raised,) = ctx.raised
    summary = raised.signal.rationale["summary"]
    assert summary.startswith(
        "Buy AAA, from 0.0% to 25.0% of equity (sized by the chance and a volatility of 0.5% a day): "
    )
    assert "chance to be higher in 5 sessions" in summary
    assert summary.endswith("%.")
    assert "The model's usual chance is " in summary
    assert summary.count("AAA") == 1


@pytest.mark.parametrize(
    ("side", "held", "target", "deserved", "words"),
    [
        (Side.SELL, 0.2, 0.0, 0.0, "Sell all AAA, 20.0% of equity"),
        (Side.SELL, 0.2, 0.1, 0.1, "Sell AAA, from 20.0% to 10.0% of equity (sized by the chance and"),
        (
            Side.BUY,
            0.0,
            0.1,
            0.2,
            "Buy AAA, from 0.0% to 10.0% of equity (all that the limit on the whole leaves)",
        ),
    ],
)
def test_what_is_done_in_words(side: Side, held: float, target: float, deserved: float, words: str) -> None:
    assert _decision(side, View("AAA", 0.55, 0.01), held, target, deserved).startswith(words)


def test_without_enough_history_nothing_is_forecast() -> None:
    bar = bars_of(NAMES[0], 200, 1)
    bar.move(150)
    ctx = context([bar])
    AiForecast().on_bar(ctx, bar)
    assert ctx.asked == []
    assert ctx.raised == []
