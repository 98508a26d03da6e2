"""Every rounding of money, in named functions; any other inexact Decimal operation raises.

Importing this module sets the process's decimal context: 60 digits, traps on Inexact, InvalidOperation,
Overflow and DivisionByZero. All roundings are to 6 places of money or 9 places of price and quantity.
"""

import decimal
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from traderbot.model.amounts import Money, Price, Quantity

PRECISION = 60
_TRAPS: list[type[decimal.DecimalException]] = [
    decimal.Inexact,
    decimal.InvalidOperation,
    decimal.Overflow,
    decimal.DivisionByZero,
]


def _make_exact(context: decimal.Context) -> None:
    context.prec = PRECISION
    for signal in context.traps:
        context.traps[signal] = signal in _TRAPS


_make_exact(decimal.DefaultContext)  # threads to come
_make_exact(decimal.getcontext())  # this one

_NO_TRAP: list[type[decimal.DecimalException]] = [decimal.InvalidOperation, decimal.Overflow]
_HALF_EVEN = decimal.Context(prec=PRECISION, rounding=ROUND_HALF_EVEN, traps=_NO_TRAP)
_UP = decimal.Context(prec=PRECISION, rounding=ROUND_CEILING, traps=_NO_TRAP)
_DOWN = decimal.Context(prec=PRECISION, rounding=ROUND_DOWN, traps=_NO_TRAP)
_FLOOR = decimal.Context(prec=PRECISION, rounding=ROUND_FLOOR, traps=_NO_TRAP)

MONEY_STEP = Decimal("0.000001")
_PRICE = Decimal("0.000000001")
_QUANTITY = Decimal("0.000000001")
_CENT = Decimal("0.01")
_SUB_CENT = Decimal("0.0001")
_ONE = Decimal(1)
_YEAR = Decimal(360)
_ZERO = Decimal(0)
_PERCENT = Decimal(100)


def notional(qty: Decimal, price: Decimal) -> Money:
    """Value of an execution: quantity x price, half-even to 6 places, rounded once when it is posted."""
    return Money(_HALF_EVEN.quantize(qty * price, MONEY_STEP))


def market_value(qty: Decimal, mark: Decimal) -> Money:
    """Value of a position at its mark, half-even to 6 places."""
    return Money(_HALF_EVEN.quantize(qty * mark, MONEY_STEP))


def fee(value: Decimal, rate: Decimal) -> Money:
    """Fee as a share of the value traded, rounded down to 6 places: parts never cost more than the whole."""
    return Money(_DOWN.quantize(value * rate, MONEY_STEP))


def hold(qty: Decimal, price_max: Decimal, fee_rate: Decimal) -> Money:
    """Cash to set aside for a buy: its worst value with fees, rounded up to 6 places.

    A millionth more pays for the rounding of the value when it fills.
    """
    return Money(_UP.quantize(qty * price_max * (_ONE + fee_rate), MONEY_STEP) + MONEY_STEP)


def pro_rata(total: Decimal, part: Decimal, whole: Decimal) -> Money:
    """Share of `total` that belongs to `part` of `whole`, half-even to 6 places; the rest keeps the rest."""
    return Money(_HALF_EVEN.quantize(_HALF_EVEN.divide(total * part, whole), MONEY_STEP))


def average_price(value: Decimal, qty: Decimal) -> Price:
    """Average price of `value` over `qty`, half-even to 9 places."""
    return Price(_HALF_EVEN.quantize(_HALF_EVEN.divide(value, qty), _PRICE))


def price_at(price: Decimal, factor: Decimal) -> Price:
    """Price scaled by a factor, such as a collar or slippage, half-even to 9 places, never nothing."""
    return Price(_HALF_EVEN.quantize(price * factor, _PRICE) or _PRICE)


def split_price(price: Decimal, new: int, old: int) -> Price:
    """Price after a split of `new` shares for `old` ones, half-even to 9 places."""
    return Price(_HALF_EVEN.quantize(_HALF_EVEN.divide(price * old, new), _PRICE))


def split_price_max(price: Decimal, new: int, old: int) -> Price:
    """Highest price an order's hold covers after a split, rounded down to 9 places."""
    return Price(_DOWN.quantize(_DOWN.divide(price * old, new), _PRICE) or _PRICE)


def split_limit(limit: Decimal, new: int, old: int, buying: bool) -> Price:
    """Limit price after a split, on its tick, no worse for its owner: a buy's rounded down, a sale's up."""
    toward = _DOWN if buying else _UP
    exact = toward.divide(limit * old, new)
    step = tick(exact)
    return Price(toward.quantize(exact, step) or step)


def split_quantity(qty: Decimal, new: int, old: int) -> Quantity:
    """Quantity after a split, rounded down to 9 places; what was something is never nothing."""
    scaled = _DOWN.quantize(_DOWN.divide(qty * new, old), _QUANTITY)
    return Quantity(scaled or (_QUANTITY if qty else scaled))


def tick(price: Decimal) -> Decimal:
    """Smallest step of a limit price: 0.01 from $1 upwards, 0.0001 below.

    Source: SEC rule 612 of Regulation NMS.
    """
    return _CENT if price >= 1 else _SUB_CENT


def affordable(cash: Decimal, price: Decimal, fee_rate: Decimal, step: Decimal) -> Quantity:
    """Largest multiple of `step` shares that `cash` pays for, with fees and a millionth for rounding."""
    steps = _DOWN.divide(cash - MONEY_STEP, price * (_ONE + fee_rate) * step).to_integral_value(ROUND_DOWN)
    return Quantity(max(steps, Decimal(0)) * step)


def budget(equity: Decimal, weight: Decimal) -> Money:
    """The part of equity that a weight of either sign stands for, rounded down to a millionth, never below
    nothing.
    """
    return Money(max(_DOWN.quantize(equity * abs(weight), MONEY_STEP), Decimal(0)))


def shares_for(value: Decimal, price: Decimal, step: Decimal) -> Quantity:
    """Largest multiple of `step` shares that is worth no more than the value."""
    return Quantity(_DOWN.divide(value, price * step).to_integral_value(ROUND_DOWN) * step)


def whole_steps(qty: Decimal, step: Decimal) -> Quantity:
    """A quantity rounded down to a multiple of `step`."""
    return Quantity(_DOWN.divide(qty, step).to_integral_value(ROUND_DOWN) * step)


def dividend(qty: Decimal, per_share: Decimal) -> Money:
    """Cash dividend of a position, half-even to 6 places."""
    return Money(_HALF_EVEN.quantize(qty * per_share, MONEY_STEP))


def ratio(part: Decimal, whole: Decimal) -> Decimal:
    """Dimensionless fraction for display, half-even to 6 places; 0 where the whole is 0."""
    if not whole:
        return Decimal(0)
    return _HALF_EVEN.quantize(_HALF_EVEN.divide(part, whole), MONEY_STEP)


def cents(value: Decimal) -> Money:
    """Money as people read it, half-even to 2 places."""
    return Money(_HALF_EVEN.quantize(value, _CENT))


# Orders


def trailing_stop(
    hwm: Decimal, trail_price: Decimal | None, trail_percent: Decimal | None, buying: bool
) -> Price:
    """Stop price of a trailing stop: the best price seen, less (a sale) or more (a buy) than what it trails.

    Rounded to its tick against its owner, a sale's down and a buy's up; at least one tick.
    """
    gap = hwm * (trail_percent or _ZERO) / _PERCENT if trail_price is None else trail_price
    exact = hwm + gap if buying else hwm - gap
    step = tick(exact)
    return Price(max((_UP if buying else _DOWN).quantize(exact, step), step))


def notional_quantity(value: Decimal, mark: Decimal, room: Decimal) -> Quantity:
    """Most shares an order for a value may ever trade, rounded up to 9 places.

    room: how far the price may fall, as a fraction.
    """
    return Quantity(_UP.quantize(_UP.divide(value * (_ONE + room), mark), _QUANTITY))


# What an order sets aside, and what margin accounts owe.


def set_aside(value: Decimal, fee: Decimal) -> Money:
    """Hold for a worst value and a worst fee, both exact, rounded up to 6 places.

    A millionth more pays for the rounding of the value when it fills.
    """
    return Money(_UP.quantize(value + fee, MONEY_STEP) + MONEY_STEP)


def worst_money(value: Decimal) -> Money:
    """An amount that something may cost at most, rounded up to 6 places."""
    return Money(_UP.quantize(value, MONEY_STEP))


def spare_money(value: Decimal) -> Money:
    """An amount that is free at least, rounded down to 6 places."""
    return Money(_FLOOR.quantize(value, MONEY_STEP))


def buying_power(excess: Decimal, initial: Decimal) -> Money:
    """Value of the positions that an excess of equity can carry, rounded down to 6 places."""
    return Money(_FLOOR.quantize(_FLOOR.divide(excess, initial), MONEY_STEP))


def interest(borrowed: Decimal, rate: Decimal, days: int) -> Money:
    """Interest for some days at a yearly rate, actual days over 360, half-even to 6 places."""
    return Money(_HALF_EVEN.quantize(_HALF_EVEN.divide(borrowed * rate * days, _YEAR), MONEY_STEP))


def payout(qty: Decimal, per_share: Decimal) -> Money:
    """What a delisting pays for a position, half-even to 6 places; owed for one sold short."""
    return Money(_HALF_EVEN.quantize(qty * per_share, MONEY_STEP))


def signed_split(qty: Decimal, new: int, old: int) -> Decimal:
    """Signed quantity after a split: its size as `split_quantity` rounds it, its sign kept."""
    return split_quantity(qty, new, old) if qty >= 0 else -split_quantity(-qty, new, old)


def quantity_for(value: Decimal, price: Decimal) -> Quantity:
    """Shares that a value buys or is sold for at a price, rounded down to 9 places."""
    return Quantity(_DOWN.quantize(_DOWN.divide(value, price), _QUANTITY))


def schedule_fee(value: Decimal, rate: Decimal, qty: Decimal, per_share: Decimal) -> Money:
    """Fee as a share of the value and an amount a share, rounded down to 6 places."""
    return Money(_DOWN.quantize(value * rate + qty * per_share, MONEY_STEP))


def taken_share(qty: Decimal, volume: Decimal) -> Decimal:
    """Share of a volume that a quantity is, rounded up to 9 places: its impact is not made smaller."""
    return _UP.quantize(_UP.divide(qty, volume), _PRICE)


def squared_impact(impact: Decimal, share: Decimal) -> Decimal:
    """Slippage, impact x share squared, rounded up to 9 places."""
    return _UP.quantize(impact * share * share, _PRICE)


def root_impact(factor: Decimal, share: Decimal) -> Decimal:
    """Slippage, factor x square root of the share, rounded up to 9 places."""
    return _UP.quantize(_UP.multiply(factor, _UP.sqrt(share)), _PRICE)


def split_stop(stop: Decimal, new: int, old: int, buying: bool) -> Price:
    """Stop price after a split, on its tick, no nearer to the market: a sale's rounded down, a buy's up."""
    return split_limit(stop, new, old, buying=not buying)


def shares_at(value: Decimal, price: Decimal) -> Decimal:
    """Shares that a value comes to at a price, half-even to 9 places."""
    return _HALF_EVEN.quantize(_HALF_EVEN.divide(value, price), _QUANTITY)


def apportioned(values: list[Decimal], total: Decimal) -> list[Decimal]:
    """Fractions rounded down to 6 places, then a millionth more for those that lost most by it, the first
    of equals before the others, until they sum to `total`, a fraction of 6 places itself.

    Source: the method of largest remainders (Hamilton). Where the values do not sum to about the total, the
    last one takes what is left over.
    """
    floors = [_FLOOR.quantize(value, MONEY_STEP) for value in values]
    missing = int((total - sum(floors, _ZERO)) / MONEY_STEP)
    order = sorted(range(len(values)), key=lambda place: floors[place] - values[place])
    for place in order[: max(missing, 0)]:
        floors[place] += MONEY_STEP
    if floors:
        floors[-1] += total - sum(floors, _ZERO)
    return floors


def weight(part: Decimal, whole: Decimal) -> Decimal | None:
    """Fraction of a whole, half-even to 6 places; None of a whole that is nothing or less."""
    return ratio(part, whole) if whole > 0 else None
