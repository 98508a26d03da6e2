"""AI forecast: holds what a boosted forest, trained only on the past, gives a better than even chance of
rising.

The model is trained on everything known at the end of the last calendar quarter, and again at each
quarter's first bar, so a restart in the middle of a quarter trains the same model again. The weight of an
instrument follows from the calibrated probability and its volatility; every order carries the forecast,
what moved it, and which model made it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from traderbot.analytics.arrays import Floats
from traderbot.analytics.remembering import recalled
from traderbot.analytics.returns import total_returns
from traderbot.analytics.volatility import ewma_volatility
from traderbot.intelligence.explanation import explain, percent
from traderbot.intelligence.features import LOOKBACK_BARS, feature_matrix
from traderbot.intelligence.forecast import SAMPLES_MIN, Forecast, Prediction, train
from traderbot.intelligence.panels import Panel
from traderbot.intelligence.sizing import SizingRules, View, target_weight, worth_trading
from traderbot.model.bars import Bar
from traderbot.model.border import quantity_from_float
from traderbot.model.orders import Side
from traderbot.model.rounding import affordable, ratio
from traderbot.model.signals import Signal
from traderbot.model.symbols import Symbol
from traderbot.strategies.adjustments import on_ex_dates
from traderbot.strategies.base import Context, Strategy

NO_TRADE_BAND = 0.05
"""Changes of weight that are not worth a trade: about what one percentage point of probability moves the
weight of an instrument of usual volatility, and the probability is not known better than that. On 2005 to
2013 a band of 0.02 traded four times as often and earned the same.
"""

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_EPOCH = date(1970, 1, 1).toordinal()
_SHARE = Decimal(1)
_COLUMNS = ("open", "high", "low", "close", "volume", "split_ratios", "dividends")


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is believed of an instrument after a bar. features: the row the belief rests on."""

    view: View
    features: Floats


class AiForecast(Strategy):
    """sizing: limits of what a forecast may ask for. collar: fraction of its value that a market buy has to
    hold in cash beyond the last price; a buy asks for no more than that leaves. on_model: called with every
    model trained, to keep it as a file. data: name and hash of the data set, for the model's card.
    """

    name = "ai-forecast"

    def __init__(
        self,
        sizing: SizingRules | None = None,
        *,
        collar: Decimal = Decimal("0.10"),
        on_model: Callable[[Forecast], None] | None = None,
        data: str = "",
    ) -> None:
        super().__init__()
        self.sizing = sizing or SizingRules(no_trade_band=NO_TRADE_BAND)
        self._collar = collar
        self._on_model = on_model
        self._data = data
        self._model: Forecast | None = None
        self._quarter: tuple[int, int] | None = None
        self._seen: tuple[Context, int] | None = None
        self._outlooks: dict[Symbol, Outlook] = {}
        self._cash_asked = Decimal(0)
        self._weight_asked = 0.0

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        if self._seen is None or self._seen[0] is not ctx or self._seen[1] != ctx.time:
            self._begin_step(ctx)
        outlook = self._outlooks.get(bar.symbol)
        if outlook is None or any(order.symbol == bar.symbol for order in ctx.orders):
            return
        self._trade(ctx, outlook)

    def _begin_step(self, ctx: Context) -> None:
        """Forecast all instruments with a bar at this time at once, which costs little more than one."""
        self._seen = (ctx, ctx.time)
        self._cash_asked, self._weight_asked = Decimal(0), 0.0
        self._outlooks = {}
        model = self._model_for(ctx)
        if model is None:
            return
        windows = [_panel(ctx, symbol, LOOKBACK_BARS) for symbol in ctx.symbols]
        ready = [panel for panel in windows if len(panel) == LOOKBACK_BARS and panel.times[-1] == ctx.time]
        if not ready:
            return
        features, volatilities = recalled(
            "newest rows", [LOOKBACK_BARS], _columns_of(ready), lambda: newest_rows(ready)
        )
        probabilities = recalled(
            "probabilities", [model.card.version], [features], lambda: model.probabilities(features)
        )
        for panel, row, volatility, chance in zip(ready, features, volatilities, probabilities, strict=True):
            if np.isfinite(chance):
                view = View(panel.symbol, float(chance), float(volatility), model.card.horizon)
                self._outlooks[Symbol(panel.symbol)] = Outlook(view, row)

    def _model_for(self, ctx: Context) -> Forecast | None:
        """The model of the present quarter, trained on what was known before its first bar."""
        quarter = _quarter(ctx.time)
        if quarter != self._quarter:
            cutoff = _start_of(quarter)
            panels = [_panel(ctx, symbol).until(cutoff) for symbol in sorted(ctx.symbols)]
            if sum(max(len(panel) - LOOKBACK_BARS, 0) for panel in panels) >= 2 * SAMPLES_MIN:
                names = [self._data, *(panel.symbol for panel in panels)]
                self._model = recalled(
                    "forecast", names, _columns_of(panels), lambda: train(panels, data=self._data)
                )
                if self._on_model is not None:
                    self._on_model(self._model)
            self._quarter = quarter
        return self._model

    def _trade(self, ctx: Context, outlook: Outlook) -> None:
        """Ask for the difference between what is held and what the forecast is worth, if it is worth the
        costs.
        """
        model, symbol = self._model, Symbol(outlook.view.symbol)
        equity, mark, owned = ctx.equity, ctx.mark(symbol), ctx.position(symbol)
        if model is None or equity <= 0:
            return
        held = float(ratio(owned * mark, equity))
        deserved = target_weight(outlook.view, self.sizing, held)
        others = float(ratio(equity - ctx.available, equity)) - held + self._weight_asked
        target = min(deserved, max(self.sizing.total_max - others, 0.0))
        if not worth_trading(held, target, self.sizing):
            return
        change = affordable(equity * quantity_from_float(target, "target"), mark, Decimal(0), _SHARE) - owned
        if change > 0:
            free = ctx.available - self._cash_asked
            change = min(change, affordable(max(free, Decimal(0)), mark, self._collar, _SHARE))
            reached = float(ratio((owned + change) * mark, equity))
            if not worth_trading(held, reached, self.sizing):
                return
            self._cash_asked += change * mark * (1 + self._collar)
            self._weight_asked += reached - held
        if not change:
            return
        side = Side.BUY if change > 0 else Side.SELL
        prediction = model.predict(outlook.features)
        signal = Signal(
            symbol=symbol,
            action=side.value,
            rationale=_rationale(prediction, model, _decision(side, outlook.view, held, target, deserved)),
            probability=prediction.probability,
            confidence=abs(2.0 * prediction.probability - 1.0),
            target_weight=target,
        )
        (ctx.buy if side is Side.BUY else ctx.sell)(symbol, abs(change), signal=signal)


def _columns_of(panels: Sequence[Panel]) -> list[NDArray[np.generic]]:
    """All that is known of these instruments."""
    return [getattr(panel, name) for panel in panels for name in ("times", *_COLUMNS)]


def newest_rows(panels: Sequence[Panel]) -> tuple[Floats, Floats]:
    """Features and volatility of each panel's newest bar, all in one pass over the panels end to end.

    panels:  of LOOKBACK_BARS bars each. The newest row of one depends on that many bars, so on no other's.
    Returns: float64 (panels, features) and (panels,), equal to the bit to each panel by itself.
    """
    columns = [np.concatenate([getattr(panel, name) for panel in panels]) for name in _COLUMNS]
    joined = Panel("all", np.arange(len(columns[0])), *columns)
    newest = slice(LOOKBACK_BARS - 1, None, LOOKBACK_BARS)
    with np.errstate(divide="ignore", invalid="ignore"):
        returns = total_returns(joined.close, joined.split_ratios, joined.dividends)
        return feature_matrix(joined)[newest], ewma_volatility(returns)[newest]


def _decision(side: Side, view: View, held: float, target: float, deserved: float) -> str:
    """What is done, and what set its size, as the start of the summary."""
    if target == 0.0:
        return f"Sell all {view.symbol}, {held:.1%} of equity"
    if target < deserved:
        size = "all that the limit on the whole leaves"
    else:
        size = f"sized by the chance and a volatility of {view.volatility:.1%} a day"
    return f"{side.value.capitalize()} {view.symbol}, from {held:.1%} to {target:.1%} of equity ({size})"


def _rationale(prediction: Prediction, model: Forecast, decision: str) -> dict[str, object]:
    """What the page and the API show: a sentence, the contributions in log-odds, the model behind them."""
    card = model.card
    reasons = explain(prediction, "").removeprefix(": ")
    usual = f"The model's usual chance is {percent(prediction.usual_probability)}."
    return {
        "summary": f"{decision}: {reasons} {usual}",
        "usual_probability": prediction.usual_probability,
        "horizon_sessions": prediction.horizon,
        "contributions": [
            {
                "feature": part.feature,
                "label": part.phrase,
                "value": part.words,
                "contribution": round(part.contribution, 6),
                "effect": part.effect,
            }
            for part in prediction.contributions
        ],
        "rest": round(prediction.rest, 6),
        "model": {
            "version": card.version,
            "trained_from": _day(card.trained_from),
            "trained_to": _day(card.trained_to),
            "samples": card.samples,
            "accuracy": card.scores.accuracy,
            "accuracy_of_base_rate": card.scores.accuracy_base,
        },
    }


def _panel(ctx: Context, symbol: Symbol, bars: int | None = None) -> Panel:
    """An instrument's known bars with its splits and dividends on their ex-dates."""
    history = ctx.history(symbol, bars)
    return Panel(symbol, *history, *on_ex_dates(history.times, ctx.actions(symbol)))


def _quarter(time: int) -> tuple[int, int]:
    day = datetime.fromtimestamp(time // _SECOND, UTC)
    return day.year, (day.month - 1) // 3


def _start_of(quarter: tuple[int, int]) -> int:
    """First microsecond of a quarter, UTC."""
    return int(datetime(quarter[0], quarter[1] * 3 + 1, 1, tzinfo=UTC).timestamp()) * _SECOND


def _day(time: int) -> str:
    return datetime.fromtimestamp(time // _SECOND, UTC).date().isoformat()
