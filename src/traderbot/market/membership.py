"""Reads who belonged to an index when: a table of spells, or one of changes that goes on from it."""

import csv
from datetime import date
from pathlib import Path

from traderbot.model.errors import InvalidValue, NotFound
from traderbot.model.membership import Membership, Spell, membership_of
from traderbot.model.symbols import Symbol, symbol

SPELLS = ("ticker", "start_date", "end_date")
CHANGES = ("date", "add", "remove")


def read_membership(path: Path, before: Membership | None = None) -> Membership:
    """A CSV of ticker, start_date, end_date (the first day it was out; empty for a member until now), or of
    date, add, remove (symbols with commas between), which goes on from `before`.

    Errors: NotFound, InvalidValue naming the row.
    """
    if not path.is_file():
        raise NotFound(f"no file at {path}")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidValue("membership", f"a CSV in UTF-8: {error}") from error
    columns = set(rows[0]) if rows else set()
    if columns >= set(SPELLS):
        return membership_of([_spell(row, number) for number, row in enumerate(rows, 2)])
    if columns >= set(CHANGES):
        if before is None:
            raise InvalidValue("membership", f"a table of {', '.join(SPELLS)} before one of changes")
        return _changed(before, rows)
    raise InvalidValue(
        "membership", f"columns {', '.join(SPELLS)} or {', '.join(CHANGES)}", ", ".join(map(str, columns))
    )


def _spell(row: dict[str, str], number: int) -> Spell:
    name = _symbol(row["ticker"], number)
    end = (row["end_date"] or "").strip()
    return Spell(name, _day(row["start_date"], number), _day(end, number) if end else None)


def _changed(before: Membership, rows: list[dict[str, str]]) -> Membership:
    """Who joins is a member from that day, who leaves is none from that day; what is so already stays so."""
    spells = list(before.spells)
    for number, row in enumerate(rows, 2):
        day = _day(row["date"], number)
        present = {spell.symbol: place for place, spell in enumerate(spells) if _holds(spell, day)}
        for name in _symbols(row["remove"], number):
            place = present.pop(name, None)
            if place is not None:
                spells[place] = Spell(name, spells[place].start, day)
        for name in _symbols(row["add"], number):
            if name not in present:
                later = [spell.start for spell in spells if spell.symbol == name and spell.start > day]
                spells.append(Spell(name, day, min(later, default=None)))
    return membership_of([spell for spell in spells if spell.end is None or spell.start < spell.end])


def _holds(spell: Spell, day: date) -> bool:
    return spell.start < day and (spell.end is None or day < spell.end)


def _symbols(text: str | None, number: int) -> list[Symbol]:
    return [_symbol(part, number) for part in (text or "").split(",") if part.strip()]


def _symbol(text: str | None, number: int) -> Symbol:
    return symbol((text or "").strip(), f"membership, row {number}")


def _day(text: str | None, number: int) -> date:
    try:
        return date.fromisoformat((text or "").strip())
    except ValueError as error:
        raise InvalidValue(f"membership, row {number}", "a day such as 2019-01-18", text) from error
