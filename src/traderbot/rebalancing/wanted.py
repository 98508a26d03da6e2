"""What is asked of a rebalancing: target weights or a model, what they have to keep to, and how to trade."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal, get_args

import msgspec

from traderbot.model.amounts import ONE, ZERO, fraction, money
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol, symbol
from traderbot.rebalancing.models import Model
from traderbot.risk.history import RETURNS_MIN

MODELS: tuple[Model, ...] = get_args(Model)
LotChoice = Literal["account", "fifo", "lifo", "highest_cost", "least_tax"]
LOT_CHOICES: tuple[LotChoice, ...] = get_args(LotChoice)
Others = Literal["keep", "sell"]
SYMBOLS_MAX = 500
DAYS_MAX = 2500
_SLACK_MAX = Decimal("0.10")
_EXPECTED_MAX = 10.0


class Expected(msgspec.Struct, frozen=True):
    """What somebody expects of a symbol. expected: its return over a year, a fraction. confidence: 0 to 1."""

    symbol: Symbol
    expected: float
    confidence: float

    def __post_init__(self) -> None:
        if not -1 < self.expected <= _EXPECTED_MAX:
            raise InvalidValue(
                "views.expected", f"a return of a year above -1, at most {_EXPECTED_MAX:g}", self.expected
            )
        if not 0 <= self.confidence <= 1:
            raise InvalidValue("views.confidence", "a confidence from 0 to 1", self.confidence)


class Between(msgspec.Struct, frozen=True):
    """A smallest and a largest share of equity."""

    low: Decimal = ZERO
    high: Decimal = ONE


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Weights are shares of equity. Either `weights`, or a `model` over `symbols` (what is held, where none
    are named) from `days` of daily returns.

    views: of black_litterman; those of the account's newest AI signals where none are given. bounds, sectors:
    of a symbol and of a sector, beside min_weight and max_weight of each. turnover: at most half of what is
    bought and sold together. cash_buffer: kept as cash. others: what becomes of positions that are not named.
    band: a symbol is left alone as long as its weight is off by no more. min_trade: of money. slack: how far
    above its mark a buy may fill. lots: which are sold first. no_wash_sale: neither sell at a loss what was
    bought within 30 days, nor buy what was sold at one. tax_short, tax_long: rates for the estimate of the
    tax. Errors: InvalidValue.
    """

    weights: Mapping[Symbol, Decimal] = {}
    model: Model | None = None
    symbols: tuple[Symbol, ...] = ()
    days: int = 500
    views: tuple[Expected, ...] = ()
    min_weight: Decimal = ZERO
    max_weight: Decimal = ONE
    bounds: Mapping[Symbol, Between] = {}
    sectors: Mapping[str, Between] = {}
    turnover: Decimal | None = None
    cash_buffer: Decimal = Decimal("0.02")
    others: Others = "keep"
    band: Decimal = ZERO
    min_trade: Decimal = ZERO
    whole_shares: bool = True
    slack: Decimal = Decimal("0.02")
    lots: LotChoice = "account"
    no_wash_sale: bool = False
    tax_short: Decimal = ZERO
    tax_long: Decimal = ZERO

    def __post_init__(self) -> None:
        if bool(self.weights) is (self.model is not None):
            raise InvalidValue("weights", "either weights or a model")
        if self.model is None:
            self._check_weights()
        elif self.model not in MODELS:
            raise InvalidValue("model", f"one of {', '.join(MODELS)}", self.model)
        if self.views and self.model != "black_litterman":
            raise InvalidValue("views", "nothing but for the model black_litterman")
        if not RETURNS_MIN <= self.days <= DAYS_MAX:
            raise InvalidValue("days", f"days of history from {RETURNS_MIN} to {DAYS_MAX}", self.days)
        for name in ("cash_buffer", "band", "tax_short", "tax_long"):
            fraction(getattr(self, name), name)
        fraction(self.slack, "slack", _SLACK_MAX)
        if self.turnover is not None:
            fraction(self.turnover, "turnover")
        if money(self.min_trade, "min_trade") < 0:
            raise InvalidValue("min_trade", "an amount from 0", self.min_trade)
        if self.lots not in LOT_CHOICES:
            raise InvalidValue("lots", f"one of {', '.join(LOT_CHOICES)}", self.lots)
        if self.others not in get_args(Others):
            raise InvalidValue("others", "keep or sell", self.others)
        self._check_symbols()
        self._check_bounds()

    def _check_weights(self) -> None:
        for name, weight in self.weights.items():
            fraction(weight, f"weights.{name}")
        total, most = sum(self.weights.values(), ZERO), ONE - self.cash_buffer
        if total > most:
            raise InvalidValue(
                "weights", f"{most:f} in all, the cash_buffer of {self.cash_buffer:f} apart", total
            )
        if self.symbols:
            raise InvalidValue("symbols", "nothing beside weights, which name theirs")

    def _check_symbols(self) -> None:
        for field, names in (("weights", self.weights), ("symbols", self.symbols), ("bounds", self.bounds)):
            for name in names:
                symbol(name, field)
            if len(names) > SYMBOLS_MAX:
                raise InvalidValue(field, f"at most {SYMBOLS_MAX} symbols", len(names))
            if len(set(names)) < len(names):
                raise InvalidValue(field, "each symbol once")
        if len({view.symbol for view in self.views}) < len(self.views):
            raise InvalidValue("views", "one view of a symbol")

    def _check_bounds(self) -> None:
        named = {"min_weight": Between(self.min_weight, self.max_weight)}
        named |= {f"bounds.{name}": one for name, one in self.bounds.items()}
        named |= {f"sectors.{name}": one for name, one in self.sectors.items()}
        for field, one in named.items():
            fraction(one.low, field)
            fraction(one.high, field)
            if one.low > one.high:
                raise InvalidValue(field, f"no more than its largest, {one.high:f}", one.low)

    def between(self, name: Symbol) -> Between:
        """The bounds of a symbol: its own, or those of each."""
        return self.bounds.get(name, Between(self.min_weight, self.max_weight))
