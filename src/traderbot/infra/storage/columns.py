"""Column types that mean the same on SQLite and PostgreSQL: exact amounts, identifiers, hashes."""

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from traderbot.model.errors import InvalidValue

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)
_LARGEST = 2**63 - 1


class Scaled(sa.types.TypeDecorator[Decimal]):
    """An exact decimal of fixed places: NUMERIC on PostgreSQL, a scaled 64-bit integer on SQLite.

    Errors: InvalidValue for a value with more places than the column has, or too large for it.
    """

    impl = sa.Numeric
    cache_ok = True

    def __init__(self, places: int) -> None:
        super().__init__(28, places)
        self.places = places
        self.factor = Decimal(10**places)
        self.quantum = Decimal(1).scaleb(-places)
        self._to_integer = lru_cache(maxsize=10_000)(self.to_integer)  # amounts come again and again

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.BigInteger())
        return dialect.type_descriptor(sa.Numeric(28, self.places))

    def bind_processor(self, dialect: Dialect) -> Callable[[Decimal | None], Any]:
        if dialect.name == "sqlite":
            return self._to_integer
        return self._checked

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Decimal | None]:
        if dialect.name == "sqlite":
            return self._from_integer
        return lambda value: value

    def to_integer(self, value: Decimal | None) -> int | None:
        """The scaled integer that SQLite stores."""
        if value is None:
            return None
        scaled = value * self.factor
        integer = int(scaled)
        if scaled != integer or not -_LARGEST <= integer <= _LARGEST:
            raise InvalidValue("amount", f"at most {self.places} places and 64 bits when scaled", value)
        return integer

    def _checked(self, value: Decimal | None) -> Decimal | None:
        self._to_integer(value)  # NUMERIC alone would round in silence
        return value

    def _from_integer(self, value: int | None) -> Decimal | None:
        return None if value is None else value * self.quantum


class Identifier(sa.types.TypeDecorator[UUID]):
    """A UUID: native on PostgreSQL, its 16 bytes on SQLite (in place of SQLAlchemy's 32 characters: half the
    index).
    """

    impl = sa.Uuid
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(sa.LargeBinary(16) if dialect.name == "sqlite" else sa.Uuid())

    def bind_processor(self, dialect: Dialect) -> Callable[[UUID | None], Any]:
        if dialect.name == "sqlite":
            return _to_bytes
        return lambda value: value

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], UUID | None]:
        if dialect.name == "sqlite":
            return _from_bytes
        return lambda value: value


class Digest(sa.types.TypeDecorator[bytes]):
    """A SHA-256: 32 bytes, handed to the driver as they are (SQLAlchemy's own type wraps each in a
    memoryview).
    """

    impl = sa.LargeBinary(32)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> None:
        return None

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], bytes | None]:
        return lambda value: None if value is None else bytes(value)


def _to_bytes(value: UUID | None) -> bytes | None:
    return None if value is None else value.bytes


def _from_bytes(value: bytes | None) -> UUID | None:
    return None if value is None else UUID(bytes=value)


QUANTITY = Scaled(9)
PRICE = Scaled(9)
MONEY = Scaled(6)
POSITION = sa.BigInteger().with_variant(
    sa.Integer(), "sqlite"
)  # SQLite's own row number only under this name
TIME = sa.BigInteger()  # microseconds since the epoch, UTC
ID = Identifier()
HASH = Digest()
