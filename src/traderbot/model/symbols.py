"""Symbol: the ticker of an instrument, in one spelling."""

import re
from typing import NewType

from traderbot.model.errors import InvalidValue

Symbol = NewType("Symbol", str)

PATTERN = r"^[A-Z][A-Z0-9]{0,9}([.\-][A-Z0-9]{1,4})?$"
_SYMBOL = re.compile(PATTERN.strip("^$"), re.ASCII)


def symbol(text: object, field: str = "symbol") -> Symbol:
    """A ticker such as AAPL or BRK.B: upper-case ASCII, at most 15 characters. Errors: InvalidValue."""
    if not isinstance(text, str) or len(text) > 15 or _SYMBOL.fullmatch(text) is None:
        raise InvalidValue(field, "a ticker such as AAPL or BRK.B (upper-case letters and digits)")
    return Symbol(text)
