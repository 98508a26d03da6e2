"""Money, Quantity and Price: Decimals told apart by the type checker, at no cost at run time.

Scales: quantity, price and fractions 9 places, money 6. Ranges fit a scaled 64-bit integer. Floats and
booleans are refused; a text is plain ASCII digits, so that no exponent is ever worked out.
"""

import re
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation
from typing import NewType

from traderbot.model.errors import InvalidValue

Money = NewType("Money", Decimal)
Quantity = NewType("Quantity", Decimal)
Price = NewType("Price", Decimal)

QUANTITY_PLACES = 9
PRICE_PLACES = 9
MONEY_PLACES = 6
AMOUNT_MAX = Decimal("9200000000")  # quantity and price: x 10^9 fits a signed 64-bit integer
MONEY_MAX = Decimal("9200000000000")  # money: x 10^6 fits a signed 64-bit integer
_INTEGER_MAX = 9_200_000_000_000  # an int, as comparing a long one with a Decimal costs seconds
ZERO = Decimal(0)
ONE = Decimal(1)

_POSITIVE = f"a positive decimal with at most {QUANTITY_PLACES} places, up to {AMOUNT_MAX}"
_EITHER_SIGN = f"a decimal with at most {MONEY_PLACES} places, up to {MONEY_MAX} either way"
_EXACT = Context(prec=40, traps=[Inexact, InvalidOperation])
_QUANTA = {places: Decimal(1).scaleb(-places) for places in (MONEY_PLACES, PRICE_PLACES)}
_PLAIN = re.compile(r"-?[0-9]{1,13}(\.[0-9]{1,9})?", re.ASCII)


def _exact(value: object, field: str, places: int, largest: Decimal, expected: str) -> Decimal:
    """Take a plain decimal; refuse floats, booleans, exponents, too many places or digits, cheaply."""
    if isinstance(value, str):
        if len(value) > 24 or _PLAIN.fullmatch(value) is None:
            raise InvalidValue(field, expected, value)
        amount = Decimal(value)
    elif isinstance(value, Decimal):
        amount = value
    elif isinstance(value, int) and not isinstance(value, bool) and -_INTEGER_MAX <= value <= _INTEGER_MAX:
        amount = Decimal(value)
    else:
        raise InvalidValue(field, expected, value if isinstance(value, bool | float | None) else None)
    if not isinstance(value, int):  # a whole number is finite and has no places
        if not amount.is_finite():
            raise InvalidValue(field, expected, value)
        try:
            _EXACT.quantize(amount, _QUANTA[places])
        except DecimalException:
            raise InvalidValue(field, expected, value) from None
    if not -largest <= amount <= largest:
        raise InvalidValue(field, expected, value)
    return amount or ZERO  # never -0


def quantity(value: object, field: str = "qty") -> Quantity:
    """A number of shares, positive, at most 9 places. Errors: InvalidValue."""
    amount = _exact(value, field, QUANTITY_PLACES, AMOUNT_MAX, _POSITIVE)
    if amount <= 0:
        raise InvalidValue(field, _POSITIVE, value)
    return Quantity(amount)


def price(value: object, field: str = "price") -> Price:
    """A price a share, positive, at most 9 places. Errors: InvalidValue."""
    amount = _exact(value, field, PRICE_PLACES, AMOUNT_MAX, _POSITIVE)
    if amount <= 0:
        raise InvalidValue(field, _POSITIVE, value)
    return Price(amount)


def money(value: object, field: str = "amount") -> Money:
    """An amount of money of either sign, at most 6 places. Errors: InvalidValue."""
    return Money(_exact(value, field, MONEY_PLACES, MONEY_MAX, _EITHER_SIGN))


def fraction(value: object, field: str, largest: Decimal = ONE) -> Decimal:
    """A rate or share from 0 to `largest`, at most 9 places. Errors: InvalidValue."""
    expected = f"a decimal from 0 to {largest} with at most {PRICE_PLACES} places"
    amount = _exact(value, field, PRICE_PLACES, largest, expected)
    if amount < 0:
        raise InvalidValue(field, expected, value)
    return amount
