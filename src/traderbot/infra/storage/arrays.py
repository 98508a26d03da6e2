"""Columns of rows as the text of PostgreSQL arrays.

The driver's own way for lists looks at every value to find its type: several times the cost of writing the
text by hand.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

_NUMBERS = ("BIGINT", "INTEGER", "SMALLINT", "NUMERIC", "BOOLEAN")
_LENGTH = re.compile(r"\(.*\)")


class ArrayOf(sa.types.UserDefinedType[Any]):
    """An array of a type without its length or places: a cast to those would cut and round in silence, while
    storing into the column refuses what does not fit.
    """

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_options: Any) -> str:
        return f"{self.name}[]"


def bare_name(kind: sa.types.TypeEngine[Any], dialect: Dialect) -> str:
    """The type's name without length and places."""
    return _LENGTH.sub("", str(kind.compile(dialect)))


def array_text(kind: sa.types.TypeEngine[Any], dialect: Dialect) -> Callable[[Iterable[Any]], str]:
    """A function that writes values of this type as one array's text."""
    name = bare_name(kind, dialect)
    if name in _NUMBERS:
        return _numbers
    return _identifiers if name == "UUID" else _bytes if name == "BYTEA" else _texts


def _numbers(values: Iterable[Any]) -> str:
    return f"{{{','.join(map(str, values)).replace('None', 'NULL')}}}"


def _identifiers(values: Iterable[UUID | None]) -> str:
    parts = ["NULL" if value is None else value.hex for value in values]
    return f"{{{','.join(parts)}}}"


def _bytes(values: Iterable[bytes | None]) -> str:
    parts = ["NULL" if value is None else f'"\\\\x{value.hex()}"' for value in values]
    return f"{{{','.join(parts)}}}"


def _texts(values: Iterable[Any]) -> str:
    parts = [
        "NULL" if value is None else '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
        for value in values
    ]
    return f"{{{','.join(parts)}}}"
