"""Rewrite a journal behind its checkpoint, again and again, and look whether each time it is found.

Whoever rewrites it here knows the format and recomputes every hash and every head after what they changed, or
does not care to. Run: python -m faults.tampering ROUNDS
"""

import random
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.events.chains import FIRST_HASH
from traderbot.infra.events.checkpoints import Checkpoint, Marks
from traderbot.infra.events.journal import Journal, Meta, chain_hash, events, stream_heads, verify
from traderbot.infra.events.seals import Seal
from traderbot.infra.storage.database import Database, insert_into, metadata
from traderbot.model.amounts import money
from traderbot.model.events import CashMoved

STREAMS = 12
META = Meta(actor="system")
Rows = list[dict[str, Any]]


def filled(database: Database, count: int, begin: int = 0) -> None:
    """Append events to several streams."""
    journal = Journal(database.dialect)
    with database.write() as connection:
        appends = journal.stage(connection, 1_000_000 + begin)
        for number in range(begin, begin + count):
            amount = money(Decimal(number + 1))
            appends.add(f"stream {number * 7 % STREAMS}", CashMoved(number, amount, "deposit"), META)
        appends.flush()
        appends.check()


def signed(database: Database, home: Path) -> tuple[bytes, str]:
    """A checkpoint of the journal as it is, and the public key."""
    seal = Seal(home)
    marks = Marks(seal)
    with database.read() as connection:
        assert verify(connection, marks).fault is None
    return marks.file, seal.public_key


def forged(rows: Rows) -> Rows:
    """The rows with every link and every hash made anew, and positions without a gap."""
    last: dict[str, tuple[int, bytes]] = {}
    for position, row in enumerate(rows, 1):
        version, prev_hash = last.get(row["stream"], (0, FIRST_HASH))
        row.update(position=position, version=version + 1, prev_hash=prev_hash)
        row["hash"] = chain_hash(
            row["stream"], row["version"], row["type"], row["schema_version"], row["data"],
            row["metadata"], row["effective_at"], row["recorded_at"], prev_hash,
        )  # fmt: skip
        last[row["stream"]] = row["version"], row["hash"]
    return rows


def edited(rows: Rows, chance: random.Random, until: int) -> int:
    place = chance.randrange(until)
    rows[place]["data"] = rows[place]["data"].replace('"amount":"', '"amount":"9')
    return place + 1


def other_actor(rows: Rows, chance: random.Random, until: int) -> int:
    place = chance.randrange(until)
    rows[place]["metadata"] = '{"actor":"operator"}'
    return place + 1


def removed(rows: Rows, chance: random.Random, until: int) -> int:
    place = chance.randrange(until)
    del rows[place]
    return place + 1


def cut(rows: Rows, chance: random.Random, until: int) -> int:
    place = chance.randrange(until)
    del rows[place:]
    return place + 1


def swapped(rows: Rows, chance: random.Random, until: int) -> int:
    first, second = sorted(chance.sample(range(until), 2))
    rows[first], rows[second] = rows[second], rows[first]
    return first + 1


def put_in(rows: Rows, chance: random.Random, until: int) -> int:
    place = chance.randrange(until)
    rows.insert(place, dict(rows[place], data='{"at":1,"amount":"1000000","kind":"deposit"}'))
    return place + 1


WAYS: tuple[Callable[[Rows, random.Random, int], int], ...] = (
    edited, other_actor, removed, cut, swapped, put_in,
)  # fmt: skip


def rewritten(connection: Connection, rows: Rows) -> None:
    """Put the rows in place of the journal, with heads that fit them."""
    connection.execute(sa.delete(events))
    connection.execute(sa.delete(stream_heads))
    dialect = connection.dialect
    insert_into(events, dialect).run(connection, rows)
    names = ("stream", "version", "hash", "recorded_at")
    heads = {row["stream"]: {name: row[name] for name in names} for row in rows}
    insert_into(stream_heads, dialect).run(connection, list(heads.values()))


def tamper(database: Database, file: bytes, key: str, rounds: int, seed: int) -> dict[str, int]:
    """Rewrite and verify, round for round; nothing stays. Returns: rounds by way. Raises AssertionError for
    one that was not found at its first event.
    """
    chance = random.Random(seed)
    done: dict[str, int] = {}
    until = Checkpoint.opened(file, key).content.position
    with database.writer.connect() as connection:
        whole = [dict(row._mapping) for row in connection.execute(sa.select(events).order_by("position"))]
        connection.rollback()
        for number in range(rounds):
            way = chance.choice(WAYS)
            rows = [dict(row) for row in whole]
            place = way(rows, chance, until)
            rewritten(connection, forged(rows))
            plain = verify(connection).fault
            assert plain is None, f"the forgery of round {number} is not consistent: {plain}"
            fault = verify(connection, Checkpoint.opened(file, key)).fault
            assert fault is not None, f"round {number}, {way.__name__} at {place}: not found"
            assert fault.startswith(f"position {place}"), f"{way.__name__} at {place}: {fault}"
            done[way.__name__] = done.get(way.__name__, 0) + 1
            connection.rollback()
    return done


def run(rounds: int, count: int, seed: int) -> dict[str, int]:
    """A journal of its own, its checkpoint, and what comes after."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/tampering.db")
        metadata.create_all(database.writer)
        filled(database, count)
        file, key = signed(database, Path(folder))
        filled(database, count // 10, begin=count)
        found = tamper(database, file, key, rounds, seed)
        database.close()
    return found


if __name__ == "__main__":
    began = time.perf_counter()
    for name, number in sorted(run(int(sys.argv[1]), 500, random.randrange(2**32)).items()):
        print(f"{name:>12} {number:>7,} of {number:,} found at the first event")
    print(f"{time.perf_counter() - began:.1f} s")
