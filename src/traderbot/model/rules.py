"""The limits and halts that the gate goes by: the platform's rules, and an account's own, tighter limits."""

from decimal import Decimal

import msgspec

from traderbot.model.amounts import fraction, money, quantity
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol

_DISTANCE_MAX = Decimal(10)
_TIMES_MAX = Decimal(100)


class Limits(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What may be limited, for the platform and for one account; None leaves a thing unlimited.

    order_value, position_value: money; order_qty, position_qty: shares. concentration, sector: one symbol's
    or one sector's share of equity; gross, net: exposure as a multiple of equity, gross being the leverage.
    daily_loss, weekly_loss, monthly_loss: share of the equity the period began with; drawdown: share of the
    highest close. orders_per_second, orders_per_day: in market time. restricted: symbols that may only be
    reduced. no_shorting: even where the account could. halt_on_breach: a loss or drawdown that has reached
    its limit at a close pauses the account. Errors: InvalidValue.
    """

    order_value: Decimal | None = None
    order_qty: Decimal | None = None
    position_value: Decimal | None = None
    position_qty: Decimal | None = None
    concentration: Decimal | None = None
    sector: Decimal | None = None
    gross: Decimal | None = None
    net: Decimal | None = None
    daily_loss: Decimal | None = None
    weekly_loss: Decimal | None = None
    monthly_loss: Decimal | None = None
    drawdown: Decimal | None = None
    orders_per_second: int | None = None
    orders_per_day: int | None = None
    restricted: frozenset[Symbol] = frozenset()
    no_shorting: bool = False
    halt_on_breach: bool = False

    def __post_init__(self) -> None:
        for name in ("order_value", "position_value"):
            if (value := getattr(self, name)) is not None and money(value, name) <= 0:
                raise InvalidValue(name, "an amount above 0", value)
        for name in ("order_qty", "position_qty"):
            if (value := getattr(self, name)) is not None:
                quantity(value, name)
        for name in ("concentration", "sector", "gross", "net"):
            if (value := getattr(self, name)) is not None:
                fraction(value, name, _TIMES_MAX)
        for name in ("daily_loss", "weekly_loss", "monthly_loss", "drawdown"):
            if (value := getattr(self, name)) is not None:
                fraction(value, name)
        for name in ("orders_per_second", "orders_per_day"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise InvalidValue(name, "a whole number from 1", value)


NO_LIMITS = Limits()


class Margin(msgspec.Struct, frozen=True):
    """What a margin account must keep, as fractions of market value, and what borrowing costs a year.

    initial: of a new position. maintenance_long, maintenance_short: of one held. loan_rate: of borrowed cash,
    borrow_rate: of the value of shares sold short; both over 360 days.
    Source: Federal Reserve Regulation T section 220.12 (initial 50%); FINRA rule 4210(c) (25% long, 30%
    short). The rates are only a common broker's.
    """

    initial: Decimal = Decimal("0.50")
    maintenance_long: Decimal = Decimal("0.25")
    maintenance_short: Decimal = Decimal("0.30")
    loan_rate: Decimal = Decimal("0.08")
    borrow_rate: Decimal = Decimal("0.03")

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            fraction(getattr(self, name), name)
        if not self.initial:
            raise InvalidValue("initial", "a fraction above 0", self.initial)


REG_T = Margin()


class Rules(msgspec.Struct, frozen=True):
    """The limits and halts in force: one versioned row, read in the transaction that decides.

    collar: how far above its mark a market buy may fill; max_limit_distance: how far a limit price may lie
    from the mark; both fractions. fee_rate, fee_per_share, fee_minimum: the worst fee an order is held for.
    stale_after: age in microseconds above which a mark is refused. limits: of every account; sectors: the
    sector of each symbol that has one. halted, halted_symbols: why, or None; lifting: the codes that were
    given out to lift a halt, by symbol, "" for the platform's own. Errors: InvalidValue.
    """

    version: int = 1
    max_order_value: Decimal = Decimal(1_000_000)
    collar: Decimal = Decimal("0.10")
    max_limit_distance: Decimal = Decimal("0.50")
    fee_rate: Decimal = Decimal("0.0001")
    stale_after: int = 7 * 86_400_000_000
    halted: str | None = None
    halted_symbols: frozenset[Symbol] = frozenset()
    lifting: dict[str, str] = msgspec.field(default_factory=dict)
    fee_per_share: Decimal | None = None
    fee_minimum: Decimal | None = None
    limits: Limits = NO_LIMITS
    sectors: dict[Symbol, str] = msgspec.field(default_factory=dict)
    margin: Margin = REG_T

    def __post_init__(self) -> None:
        if money(self.max_order_value, "max_order_value") <= 0:
            raise InvalidValue("max_order_value", "more than zero", self.max_order_value)
        fraction(self.collar, "collar")
        fraction(self.max_limit_distance, "max_limit_distance", _DISTANCE_MAX)
        fraction(self.fee_rate, "fee_rate")
        for name in ("fee_per_share", "fee_minimum"):
            if (value := getattr(self, name)) is not None and money(value, name) < 0:
                raise InvalidValue(name, "nothing or more", value)
        if self.stale_after < 0:
            raise InvalidValue("stale_after", "microseconds, none below 0", self.stale_after)
        if self.limits is not NO_LIMITS and self.limits == NO_LIMITS:  # so that the gate compares no figures
            msgspec.structs.force_setattr(self, "limits", NO_LIMITS)
