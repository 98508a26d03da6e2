"""What callers hand to the command path, and what they get back."""

import asyncio
import concurrent.futures
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.engine import Connection

from traderbot.engine.market import Market
from traderbot.infra.events.journal import Meta, decode_event, encode_event
from traderbot.model.account import Account
from traderbot.model.commands import Command
from traderbot.model.events import Event
from traderbot.model.grants import Grant
from traderbot.model.reasons import Refusal
from traderbot.model.rules import Rules

SYSTEM = Meta(actor="system")
Plan = Callable[[Account], Iterable[Command]]


class Idempotency(NamedTuple):
    """A caller's key and the hash of the request it came with."""

    key: str
    request_hash: bytes


class Outcome(NamedTuple):
    """What came of the work. refusals: of its commands, in order; replayed: answered from an earlier, equal
    request.
    """

    events: list[Event]
    refusals: list[Refusal]
    replayed: bool = False
    result: Any = None

    @property
    def refusal(self) -> Refusal | None:
        return self.refusals[0] if self.refusals else None

    def stored(self) -> str:
        """The text an idempotency record keeps."""
        kept = {
            "events": [[type(event).__name__, encode_event(event), event.schema] for event in self.events],
            "refusals": self.refusals,
        }
        return msgspec.json.encode(kept).decode()

    @classmethod
    def recall(cls, stored: str) -> "Outcome":
        """The outcome of an earlier request from its record."""
        kept = msgspec.json.decode(stored)
        events = [decode_event(*parts) for parts in kept["events"]]
        return cls(events, msgspec.convert(kept["refusals"], list[Refusal]), replayed=True)


@dataclass(slots=True)
class Work:
    """One unit that commits as a whole: commands of one or more accounts, facts, and a job in the same
    transaction.

    commands: (account, command) decided in order; a refusal does not stop the rest. plans: (account, function
    of the account as it then is) giving further commands. facts: (stream, event) that need no decision,
    appended first. streams: those that have no account and that the job will give facts of. job: run inside
    the transaction. rules: what the platform's rules become, from what they are in this transaction. markets:
    sessions whose market moves on with this work. key: for one account only. grant: what bounds the orders of
    the API key that it comes from. alone: in a transaction of its own, as its job reads what others would
    have staged. handed_over: when it was, by the performance counter.
    """

    commands: list[tuple[UUID, Command]] = field(default_factory=list)
    plans: list[tuple[UUID, Plan]] = field(default_factory=list)
    facts: list[tuple[str, Event]] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)
    job: Callable[[Connection], Any] | None = None
    rules: Callable[[Rules], Rules | Refusal] | None = None
    alone: bool = False
    markets: dict[UUID, Market] = field(default_factory=dict)
    meta: Meta = SYSTEM
    key: Idempotency | None = None
    grant: Grant | None = None
    handed_over: float = 0.0
    future: "asyncio.Future[Outcome] | concurrent.futures.Future[Outcome] | None" = None
    loop: asyncio.AbstractEventLoop | None = None
    answer: "Outcome | BaseException | None" = None
