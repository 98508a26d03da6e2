"""Accounts as folded up to a version, kept so that a look at the past does not begin with the first event.

A cache: one that was made by another program's shape of an account, or that is damaged, is left aside.
"""

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.engine.apply import apply
from traderbot.infra.events.journal import Recorded, read
from traderbot.model.account import Account
from traderbot.model.events import EVENT_TYPES
from traderbot.trading.streams import account_stream
from traderbot.trading.tables import snapshots

PAGE = 5_000
EVERY = 1_000
"""Events of an account from one snapshot to the next."""


class Snapshot(NamedTuple):
    """An account after the event of a version. position, recorded_at: of that event."""

    version: int
    position: int
    recorded_at: int
    account: Account


_FIELDS = [field for field in msgspec.structs.fields(Account) if field.name != "sides"]
_State: Any = msgspec.defstruct("_State", [(field.name, field.type) for field in _FIELDS])
_decode: Callable[[str], Any] = msgspec.json.Decoder(_State).decode


@cache
def shape() -> bytes:
    """Changes with the fields of an account and of the events it is folded from."""
    kinds = {name: kind.schema for name, kind in sorted(EVENT_TYPES.items())}
    schema = msgspec.json.schema(_State)
    return sha256(msgspec.json.encode([kinds, schema], order="sorted")).digest()


def encode(account: Account) -> str:
    """The text of an account, its amounts exact."""
    return msgspec.json.encode(_State(*(getattr(account, field.name) for field in _FIELDS))).decode()


def decode(text: str) -> Account:
    """The account of a text. Errors: msgspec.MsgspecError."""
    state = _decode(text)
    account = Account(
        **{field.name: getattr(state, field.name) for field in _FIELDS if field.name != "orders"}
    )
    for order in state.orders.values():
        account.add_order(order)
    return account


def take(connection: Connection, entry: Recorded, account: Account) -> None:
    """Keep the account as it is after an event of it, in place of what was kept for that version."""
    text = encode(account)
    key = (snapshots.c.account_id == account.id) & (snapshots.c.version == entry.version)
    connection.execute(sa.delete(snapshots).where(key))
    connection.execute(
        sa.insert(snapshots).values(
            account_id=account.id,
            version=entry.version,
            position=entry.position,
            recorded_at=entry.recorded_at,
            shape=shape(),
            state=text,
            hash=sha256(text.encode()).digest(),
        )
    )


def nearest(connection: Connection, account_id: UUID, position: int) -> Snapshot | None:
    """The newest one at or below a position that fits today's program; None where there is none."""
    c = snapshots.c
    query = sa.select(snapshots).where(c.account_id == account_id, c.position <= position, c.shape == shape())
    row = connection.execute(query.order_by(c.version.desc()).limit(1)).first()
    if row is None or sha256(row.state.encode()).digest() != row.hash:
        return None
    try:
        return Snapshot(row.version, row.position, row.recorded_at, decode(row.state))
    except msgspec.MsgspecError:
        return None


def folded(connection: Connection, account_id: UUID, position: int) -> tuple[Recorded | None, Account]:
    """An account as recorded up to a position, with its last event until then; None before its first."""
    found = nearest(connection, account_id, position)
    account = Account(account_id) if found is None else found.account
    after = 0 if found is None else found.position - 1
    stream, last = account_stream(account_id), None
    while page := read(connection, after=after, limit=PAGE, stream=stream):
        for entry in page:
            if entry.position > position:
                return last, account
            if found is None or entry.position > found.position:
                apply(account, entry.event)
            last = entry
        after = page[-1].position
    return last, account
