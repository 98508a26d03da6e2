"""The one place where an observed float becomes an exact Decimal, or an amount a float for statistics."""

from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

from traderbot.model.amounts import AMOUNT_MAX, ZERO, Money, Price, Quantity
from traderbot.model.errors import InvalidValue

_CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation])
_PLACES = Decimal("0.000000001")
_CENTS = Decimal("0.01")
_LARGEST = float(AMOUNT_MAX)


def _decimal(value: float, field: str) -> Decimal:
    """Shortest decimal that reads back as the float, half-even to 9 places.

    Errors: InvalidValue if not finite.
    """
    if not -_LARGEST <= value <= _LARGEST:  # false for NaN as well
        raise InvalidValue(field, f"a finite number up to {AMOUNT_MAX}", value)
    seen = float(value)  # an int is a float to the type checker
    if seen.is_integer():
        return Decimal(int(seen))
    text = repr(seen)
    if len(text) <= 10 and "e" not in text:  # no room for more than 9 places
        return Decimal(text)
    return _CONTEXT.quantize(Decimal(text), _PLACES)


def price_from_float(value: float, field: str = "price") -> Price:
    """Observed price as an exact Price of at most 9 places.

    Errors: InvalidValue unless finite and positive.
    """
    exact = _decimal(value, field)
    if exact <= ZERO:
        raise InvalidValue(field, "a positive price", value)
    return Price(exact)


def quantity_from_float(value: float, field: str = "volume") -> Quantity:
    """Observed volume as an exact Quantity of at most 9 places, zero allowed. Errors: InvalidValue."""
    if not value >= 0:
        raise InvalidValue(field, "a volume of zero or more", value)
    return Quantity(_decimal(value, field))


def weight_from_float(value: float, field: str = "weight") -> Decimal:
    """A target weight of either sign, at most 9 places. Errors: InvalidValue if not finite."""
    return _decimal(value, field)


def money_from_float(value: float, field: str = "amount") -> Money:
    """An estimated amount in whole cents, half-even. Errors: InvalidValue if not finite."""
    return Money(_CONTEXT.quantize(_decimal(value, field), _CENTS))


def to_float(amount: Decimal) -> float:
    """The float nearest to an amount, for statistics and plots; nothing is decided by it."""
    return float(amount)
