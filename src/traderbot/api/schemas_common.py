"""Words shared by all schemas: exact amounts in and out, times, pages with cursors nobody can forge, strict
bodies.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import msgspec
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from traderbot.api.strict_json import Scientific
from traderbot.infra.clock import rfc3339
from traderbot.model.amounts import Money, Price, Quantity, fraction, money, price, quantity
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import PATTERN, Symbol, symbol

T = TypeVar("T")
_UUID = re.compile(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", re.ASCII)
_TIME = re.compile(
    r"[12][0-9]{3}-[01][0-9]-[0-3][0-9]"
    r"(T[012][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-][01][0-9]:[0-5][0-9]))?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR_LENGTH_MAX = 512
_MAC_BYTES = 16
_NUMBER_MAX = Decimal(10**12)
_RATIO_MAX = Decimal(100)
_BPS_MAX = Decimal(1000)


def _taken_by(constructor: Callable[[object], T]) -> BeforeValidator:
    """The model's own constructor as a validator: its `expected` becomes the problem's, under the field's
    path.
    """

    def take(value: object) -> T:
        try:
            return constructor(value)
        except InvalidValue as error:
            raise PydanticCustomError("invalid_value", "{expected}", {"expected": error.expected}) from None

    return BeforeValidator(take)


def _amount_by(constructor: Callable[[object], T]) -> BeforeValidator:
    """As `_taken_by`, and refuses what was written with an exponent."""
    return _taken_by(lambda value: constructor(None if isinstance(value, Scientific) else value))


def _amount_schema(places: int, example: str, description: str, sign: str = "") -> WithJsonSchema:
    pattern = rf"^{sign}[0-9]{{1,13}}(\.[0-9]{{1,{places}}})?$"
    return WithJsonSchema(
        {"type": "string", "pattern": pattern, "examples": [example], "description": description}
    )


def uuid_from(value: object, field: str = "id") -> UUID:
    """A UUID in its usual spelling only. Errors: InvalidValue."""
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str) or _UUID.fullmatch(value) is None:
        raise InvalidValue(field, "a UUID such as 0198c7a2-5e1f-7d3a-9b1c-2f6f5f0e8a11")
    return UUID(value)


def _cash(value: object) -> Money:
    amount = money(value)
    if amount <= 0:
        raise InvalidValue("amount", "a positive decimal with at most 6 places")
    return amount


def _micros(value: object) -> int:
    """Microseconds of an RFC 3339 time, or of the first moment of a plain date, UTC."""
    wrong = InvalidValue("time", "an RFC 3339 time such as 2005-01-03T21:00:00Z, or a date")
    if not isinstance(value, str) or _TIME.fullmatch(value) is None:
        raise wrong
    try:
        moment = datetime.fromisoformat(value)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    except (ValueError, OverflowError):
        raise wrong from None
    return seconds // timedelta(microseconds=1)


def _number(value: object) -> Decimal:
    wrong = InvalidValue("number", "a JSON number between -10^12 and 10^12")
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise wrong
    number = Decimal(value)
    if not -_NUMBER_MAX <= number <= _NUMBER_MAX:
        raise wrong
    return number


QuantityIn = Annotated[
    Quantity,
    _amount_by(quantity),
    _amount_schema(9, "10", "Shares, exact; a JSON number is taken too, digit by digit."),
]
PriceIn = Annotated[
    Price,
    _amount_by(price),
    _amount_schema(9, "9.5", "USD a share, exact; a JSON number is taken too, digit by digit."),
]
MoneyIn = Annotated[
    Money,
    _amount_by(money),
    _amount_schema(6, "2500.50", "USD, exact; a JSON number is taken too, digit by digit.", "-?"),
]
SymbolIn = Annotated[
    Symbol,
    _taken_by(symbol),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": PATTERN,
            "maxLength": 15,
            "examples": ["AAPL"],
            "description": "A ticker.",
        }
    ),
]
CashIn = Annotated[
    Money,
    _amount_by(_cash),
    _amount_schema(6, "2500.50", "USD above 0, exact; a JSON number is taken too, digit by digit."),
]
LevelIn = Annotated[
    Decimal,
    _amount_by(money),
    _amount_schema(6, "0.05", "A decimal of either sign, exact, at most 6 places.", "-?"),
]
RatioIn = Annotated[
    Decimal,
    _amount_by(lambda value: fraction(value, "ratio", _RATIO_MAX)),
    _amount_schema(9, "0.25", "A fraction, exact: 0.25 is 25 percent."),
]
BpsIn = Annotated[
    Decimal,
    _amount_by(lambda value: fraction(value, "bps", _BPS_MAX)),
    _amount_schema(9, "2.5", "Basis points, exact: 100 is one percent."),
]


def _plain_text(value: str) -> str:
    if not value.isprintable():
        raise PydanticCustomError("invalid_value", "printable characters on one line")
    return value


PlainText = Annotated[str, AfterValidator(_plain_text)]
"""What a person writes and others read, in a terminal too: no control or direction characters."""

IdIn = Annotated[UUID, _taken_by(uuid_from), WithJsonSchema({"type": "string", "format": "uuid"})]
TimeIn = Annotated[
    int,
    _taken_by(_micros),
    WithJsonSchema(
        {
            "type": "string",
            "examples": ["2005-01-03T21:00:00Z"],
            "description": "RFC 3339, or a date, which stands for its first moment in UTC.",
        }
    ),
]
NumberIn = Annotated[Decimal, _taken_by(_number), WithJsonSchema({"type": "number", "examples": [2]})]


@lru_cache(10_000)
def decimal_text(value: Decimal) -> str:
    """Positional notation, no exponent, no trailing zeros of a fraction, no minus on zero: 10, 9.5, 0."""
    if not value:
        return "0"
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


time_text = lru_cache(10_000)(rfc3339)  # a step's time is that of everything in it


DecimalOut = Annotated[
    Decimal,
    PlainSerializer(decimal_text, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^-?[0-9]+(\.[0-9]+)?$",
            "examples": ["9.5"],
            "description": "Exact decimal.",
        }
    ),
]
TimeOut = Annotated[
    int,
    PlainSerializer(time_text, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "examples": ["2005-01-03T21:00:00Z"],
            "description": "RFC 3339, UTC.",
        }
    ),
]


class Body(BaseModel):
    """A request body: unknown fields are refused, and so is every value of another type (true is not 1).

    Enumerations need `Field(strict=False)` to be taken from their text; ids are `IdIn`.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Answer(BaseModel):
    """A response body, made from a schema's fields or from an object's attributes."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Page(Answer, Generic[T]):
    """Part of a list, and where the next part begins."""

    items: list[T] = Field(description="The items, newest first unless the operation says otherwise.")
    next_cursor: str | None = Field(
        description="Give it as `cursor` for the next page; null on the last page."
    )


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


class Cursors:
    """Makes and checks the cursors of pages.

    A cursor is signed together with what it belongs to (list, account, filters), so one that is broken,
    invented, of another list or of somebody else is refused alike, before any database sees it.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def encode(self, scope: str, position: Sequence[str | int]) -> str:
        """The cursor after `position` of the list named by `scope`, such as "orders <account> open"."""
        payload = msgspec.json.encode(list(position))
        return _base64(self._mac(scope, payload) + payload)

    def decode(self, scope: str, cursor: str) -> list[Any]:
        """The position. Errors: InvalidValue for a cursor that this scope did not make."""
        wrong = InvalidValue("cursor", "a next_cursor of this same list")
        if len(cursor) > _CURSOR_LENGTH_MAX or not cursor.isascii():
            raise wrong
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise wrong from None
        mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if _base64(raw) != cursor or not hmac.compare_digest(mac, self._mac(scope, payload)):
            raise wrong
        position = msgspec.json.decode(payload)
        return list(position)

    def _mac(self, scope: str, payload: bytes) -> bytes:
        return hmac.new(self._key, scope.encode() + b"\x00" + payload, hashlib.sha256).digest()[:_MAC_BYTES]
