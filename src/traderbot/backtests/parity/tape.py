"""What the journal tells of an account that a strategy traded, and the account at each step."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.engine.apply import apply
from traderbot.infra.events.journal import Recorded, decode_event, events, last_position, read
from traderbot.market.datasets import Dataset
from traderbot.market.sessions import Timeline
from traderbot.model.account import Account
from traderbot.model.amounts import Money
from traderbot.model.errors import InvalidValue, NotFound
from traderbot.model.events import AccountOpened, CashMoved, MarketEvent, OrderFilled, SessionAdvanced
from traderbot.model.platform_events import AdministrationDone
from traderbot.trading import tables as t
from traderbot.trading.as_of import entries_until
from traderbot.trading.assignments import ASSIGNED, BEGAN, UNASSIGNED, actor_of
from traderbot.trading.streams import PLATFORM_STREAM, session_stream

FLOWS = frozenset({"deposit", "withdrawal", "correction"})
_SESSION = "session:"
_PAGE = 5_000


class Span(NamedTuple):
    """From when to when a strategy traded an account.

    first: the first step it saw. place: journal position of that. again: steps at which a new process
    showed it the steps. last: the step at which it was taken off, None while it trades.
    """

    first: int
    place: int
    again: tuple[int, ...] = ()
    last: int | None = None


class SessionFacts(NamedTuple):
    """The session of an account, as it is on record. step: the last one played."""

    id: UUID
    dataset: str
    dataset_hash: str
    step: int


class Tape:
    """An account's events up to now, and one of its strategies. `entries` in the order of the journal."""

    def __init__(
        self, entries: Sequence[Recorded], strategy: str, span: Span, dataset: Dataset, timeline: Timeline
    ) -> None:
        self.entries, self.strategy, self.span = entries, strategy, span
        self.dataset, self.timeline = dataset, timeline
        self.actor = actor_of(strategy)
        self.account_id = opening_of(entries).account_id

    def begin(self, step: int, after: int = 0) -> int:
        """How many entries were there when the strategy was shown a step, before it acted on it; at least
        `after` as is known.
        """
        if step > self.span.first:
            return self.behind(step, after)
        time = self.timeline.time_of(step)
        for index, entry in enumerate(self.entries):
            if entry.position > self.span.place or (self._own(entry) and at(entry) == time):
                return index
        return len(self.entries)

    def behind(self, step: int, after: int = 0) -> int:
        """As `begin`, of a later step: with what others did in it before the strategy."""
        time = self.timeline.time_of(step)
        first = after
        while first < len(self.entries):
            entry = self.entries[first]
            if at(entry) > time or (at(entry) == time and not entry.meta.actor.startswith(_SESSION)):
                break
            first += 1
        own = self._acts(first, time)
        return first if own is None else own

    def account(self, index: int) -> Account:
        """The account as the first so many entries left it."""
        account = Account(self.account_id)
        for entry in self.entries[:index]:
            apply(account, entry.event)
        return account

    def fills(self, step: int, before: int, after: int = 0) -> list[OrderFilled]:
        """The executions of a step among these entries."""
        time = self.timeline.time_of(step)
        found = (entry.event for entry in self.entries[after:before])
        return [event for event in found if isinstance(event, OrderFilled) and event.at == time]

    def flows(self, begin: int, end: int) -> list[tuple[int, Money]]:
        """Cash that a person moved among these entries, with the time of the step at whose start a run that
        sees it when the strategy did has to be given it.
        """
        found: list[tuple[int, Money]] = []
        for index in range(begin, end):
            event = self.entries[index].event
            if isinstance(event, CashMoved) and event.kind in FLOWS:
                seen = self._acts(index, event.at) is not None
                following = int(self.timeline.times.searchsorted(event.at, "left" if seen else "right"))
                found.append((self.timeline.time_of(following), event.amount))
        return found

    def _acts(self, index: int, time: int) -> int | None:
        """The first entry of the strategy's own at this time, from an index on."""
        while index < len(self.entries) and at(self.entries[index]) <= time:
            if self._own(self.entries[index]) and at(self.entries[index]) == time:
                return index
            index += 1
        return None

    def _own(self, entry: Recorded) -> bool:
        return entry.meta.actor == self.actor


def at(entry: Recorded) -> int:
    """Market time of an account's event."""
    event = entry.event
    assert isinstance(event, MarketEvent)  # as all events of an account
    return event.at


def entries_of(connection: Connection, account_id: UUID) -> list[Recorded]:
    """Every event of an account. Errors: NotFound."""
    entries = list(entries_until(connection, account_id, last_position(connection)))
    if not entries:
        raise NotFound("No such account.")
    return entries


def opening_of(entries: Sequence[Recorded]) -> AccountOpened:
    """How the account was opened."""
    event = entries[0].event
    assert isinstance(event, AccountOpened)  # the first of every account
    return event


def session_of(connection: Connection, session_id: UUID) -> SessionFacts:
    """Errors: NotFound."""
    c = t.market_sessions.c
    row = connection.execute(
        sa.select(c.id, c.dataset, c.dataset_hash, c.step).where(c.id == session_id)
    ).first()
    if row is None:
        raise NotFound("No such session.")
    return SessionFacts(*row)


def names_of(entries: Sequence[Recorded]) -> list[str]:
    """The strategies that did something on an account."""
    prefix = actor_of("")
    actors = {entry.meta.actor for entry in entries}
    return sorted(actor.removeprefix(prefix) for actor in actors if actor.startswith(prefix))


def span_of(connection: Connection, entries: Sequence[Recorded], strategy: str) -> Span:
    """When a strategy traded an account, the last time it did. Errors: NotFound where it never did."""
    opened = opening_of(entries)
    found: Span | None = None
    given: int | None = None
    for entry in _told(connection, opened.account_id, strategy):
        assert isinstance(entry.event, AdministrationDone)  # which is all that is asked for
        if entry.event.what == UNASSIGNED:
            step = step_at(connection, opened.session_id, entry.position)
            found, given = found and found._replace(last=step), None
        elif entry.event.what == ASSIGNED and given is None:
            given = entry.position
            if found is not None and found.last is not None:
                found = None
        elif entry.event.what == BEGAN:
            step = int(entry.event.detail["step"])
            if found is None:
                found = Span(step, entry.position)
            else:
                found = found._replace(again=(*found.again, step))
    if found is not None:
        return found
    if given is None:
        raise NotFound(f"no strategy {strategy} has traded the account {opened.account_id}")
    return Span(step_at(connection, opened.session_id, given), given)


def _told(connection: Connection, account_id: UUID, strategy: str) -> list[Recorded]:
    """What is on the platform's record of a strategy and an account."""
    found: list[Recorded] = []
    after, kinds = 0, [AdministrationDone.__name__]
    while page := read(connection, after=after, limit=_PAGE, stream=PLATFORM_STREAM, types=kinds):
        for entry in page:
            event = entry.event
            if isinstance(event, AdministrationDone) and event.what in (ASSIGNED, UNASSIGNED, BEGAN):
                detail = event.detail
                if (detail.get("account_id"), detail.get("strategy")) == (str(account_id), strategy):
                    found.append(entry)
        after = page[-1].position
    return found


def step_at(connection: Connection, session_id: UUID, position: int) -> int:
    """The last step of a session that was played when the journal ended at a position."""
    c = events.c
    query = (
        sa.select(events)
        .where(c.stream == session_stream(session_id), c.position <= position)
        .where(c.type.in_(["SessionAdvanced", "SessionOpened"]))
        .order_by(c.position.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    if row is None:
        raise InvalidValue("from", "a window whose events are not archived")
    event = decode_event(row.type, row.data, row.schema_version)
    return event.step if isinstance(event, SessionAdvanced) else int(getattr(event, "step", -1))
