"""The event bus: who reacts to an event inside its transaction, and who handles it afterwards.

A reaction is decided together with the command that caused the event: it gives further commands of the same
account. A handler comes after the commit: it reads the journal by position, and what it writes is committed
together with how far it has read, so each event has its effect once. `trading/deliveries.py` runs the
handlers.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.engine import Connection

from traderbot.infra.delivery import handler_records
from traderbot.infra.events.journal import Recorded, last_position
from traderbot.infra.storage.database import Database
from traderbot.model.account import Account
from traderbot.model.commands import Command
from traderbot.model.events import EVENT_TYPES, Event

React = Callable[[Any, Account], Iterable[Command]]
Commands = Iterable[tuple[UUID, Command]]
Handle = Callable[[Connection, Sequence[Recorded]], Commands | None]


@dataclass(frozen=True)
class Reaction:
    """Commands that follow from an event in its own transaction. react: a function of the event and of the
    account as it is after the command.
    """

    name: str
    type: type[Event]
    react: React


@dataclass(frozen=True)
class Handler:
    """What is done about events of some types, after their commit.

    name: stands for it in the tables, for ever. handle: takes events in order of position, some at a time,
    and writes with the connection of the transaction that keeps the handler's place; commands it gives are
    decided in that transaction. It may be called again for events whose transaction came to nothing, so
    whatever it remembers outside the database must bear that.
    """

    name: str
    types: frozenset[type[Event]]
    handle: Handle


def each(handle: Callable[[Connection, Recorded], Commands | None]) -> Handle:
    """A handler's function of one event, as one of several."""

    def handle_each(connection: Connection, recorded: Sequence[Recorded]) -> Commands:
        return [command for one in recorded for command in handle(connection, one) or ()]

    return handle_each


class Standing(NamedTuple):
    """Where a handler stands. behind: positions of the journal it has yet to look at; seconds: how long the
    oldest event it has yet to handle has waited; retrying, waiting, dead: events put aside.
    """

    name: str
    types: tuple[str, ...]
    position: int
    behind: int
    seconds: float
    retrying: int
    waiting: int
    dead: int


class Bus:
    """All reactions and handlers of a platform. Errors: ValueError for two of one name, or an event without a
    type of its own.
    """

    def __init__(self, reactions: Iterable[Reaction] = (), handlers: Iterable[Handler] = ()) -> None:
        self.all_reactions = tuple(reactions)
        self.handlers = tuple(handlers)
        names = [one.name for one in self.all_reactions] + [one.name for one in self.handlers]
        if len(set(names)) != len(names):
            raise ValueError(f"every reaction and handler needs a name of its own: {sorted(names)}")
        by_type: dict[type[Event], list[React]] = {}
        for one in self.all_reactions:
            by_type.setdefault(one.type, []).append(one.react)
        self.reactions: Mapping[type[Event], tuple[React, ...]] = {
            kind: tuple(found) for kind, found in by_type.items()
        }
        for kind in {*self.reactions, *(kind for handler in self.handlers for kind in handler.types)}:
            if EVENT_TYPES.get(kind.__name__) is not kind:
                raise ValueError(f"{kind.__name__} is not the type of an event")

    def subscribers(self, kind: type[Event]) -> tuple[str, ...]:
        """Names of those who do something about an event of this type: reactions first, then handlers."""
        reacting = [one.name for one in self.all_reactions if one.type is kind]
        return (*reacting, *(one.name for one in self.handlers if kind in one.types))

    def standings(self, database: Database, now: int) -> list[Standing]:
        """Where each handler stands, as of the last commit of any process. now: microseconds."""
        with database.read() as connection:
            head = last_position(connection)
            positions = handler_records.positions(connection)
            aside = handler_records.counts(connection)
            found = []
            for handler in self.handlers:
                types = sorted(kind.__name__ for kind in handler.types)
                position = positions.get(handler.name, positions.get(handler_records.EVERYBODY, 0))
                oldest = handler_records.oldest_after(connection, position, types)
                behind = 0 if oldest is None else head - position
                waited = 0.0 if oldest is None else max(0, now - oldest) / 1_000_000
                states = (aside.get((handler.name, state), 0) for state in handler_records.STATES)
                found.append(Standing(handler.name, tuple(types), position, behind, waited, *states))
        return found

    def lag(self, database: Database, now: int) -> dict[str, tuple[int, float]]:
        """How far behind each handler is: positions and seconds."""
        return {one.name: (one.behind, one.seconds) for one in self.standings(database, now)}
