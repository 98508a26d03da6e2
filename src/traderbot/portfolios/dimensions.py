"""How the parts of an account are named: by position, sector, strategy or trade."""

from collections.abc import Mapping
from enum import StrEnum

from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol
from traderbot.portfolios.track import Slice

UNKNOWN = "unknown"  # the sector of a symbol that the platform's table does not name
CASH = "cash"
_CURRENCY = "currency"


class By(StrEnum):
    """What to group by. A trade is a lot: from the execution that opened it to those that closed it."""

    POSITION = "position"
    SECTOR = "sector"
    STRATEGY = "strategy"
    TRADE = "trade"


def dimension(text: str, offered: tuple[By, ...] = tuple(By)) -> By:
    """What somebody asked to group by. Errors: InvalidValue."""
    if text == _CURRENCY:
        raise InvalidValue("by", f"{_offer(offered)}; an account is kept in one currency, USD", text)
    if text not in offered:
        raise InvalidValue("by", _offer(offered), text)
    return By(text)


def _offer(offered: tuple[By, ...]) -> str:
    return f"one of {', '.join(offered)}"


def name_of(slice_: Slice, by: By, sectors: Mapping[Symbol, str]) -> str:
    """What a slice counts under; what belongs to the account as a whole is cash's."""
    if not slice_.symbol:
        return CASH
    if by is By.SECTOR:
        return sectors.get(Symbol(slice_.symbol), UNKNOWN)
    return slice_.strategy if by is By.STRATEGY else slice_.symbol
