"""Membership: which instruments belonged to an index on which day, so that a test of the past sees what was
in it then and not what survived.
"""

from datetime import date
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

from traderbot.model.bars import Times
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol

Mask = NDArray[np.bool_]
_DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1).toordinal()
EVERYBODY: Mask = np.ones((1, 1), dtype=np.bool_)
EVERYBODY.flags.writeable = False


class Spell(msgspec.Struct, frozen=True, order=True):
    """A time as a member: from the first day up to but not including `end`; None for a member until now.

    Errors: InvalidValue.
    """

    symbol: Symbol
    start: date
    end: date | None = None

    def __post_init__(self) -> None:
        if self.end is not None and self.end <= self.start:
            raise InvalidValue("end_date", f"a day after {self.start}, for {self.symbol}", self.end)

    def holds(self, at: date) -> bool:
        """Whether it was a member on that day."""
        return self.start <= at and (self.end is None or at < self.end)


class Membership(msgspec.Struct, frozen=True):
    """All spells, by symbol and start; those of one symbol do not overlap. `membership_of` builds it."""

    spells: tuple[Spell, ...]

    def members(self, at: date) -> frozenset[Symbol]:
        """The members on a day."""
        return frozenset(spell.symbol for spell in self.spells if spell.holds(at))

    def members_at(self, time: int) -> frozenset[Symbol]:
        """The members at a moment, microseconds UTC; midnight is of the day before, as it is for bars."""
        return self.members(date.fromordinal((time - 1) // _DAY + _EPOCH))

    def mask(self, symbols: tuple[Symbol, ...], times: Times) -> Mask:
        """Whether each instrument was a member at each time, bool (T, N), read-only."""
        days = (times - 1) // _DAY + _EPOCH
        columns = {symbol: column for column, symbol in enumerate(symbols)}
        found = np.zeros((len(times), len(symbols)), dtype=np.bool_)
        for spell in self.spells:
            column = columns.get(spell.symbol)
            if column is not None:
                first = int(days.searchsorted(spell.start.toordinal()))
                last = len(days) if spell.end is None else int(days.searchsorted(spell.end.toordinal()))
                found[first:last, column] = True
        found.flags.writeable = False
        return found


def membership_of(spells: list[Spell]) -> Membership:
    """Spells in their one order. Errors: InvalidValue for none, or two that overlap."""
    if not spells:
        raise InvalidValue("membership", "at least one spell")
    ordered = sorted(spells, key=lambda spell: (spell.symbol, spell.start))
    for one, other in pairwise(ordered):
        if one.symbol == other.symbol and (one.end is None or one.end > other.start):
            raise InvalidValue("start_date", f"spells of {one.symbol} that do not overlap", other.start)
    return Membership(tuple(ordered))
