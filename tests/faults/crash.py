"""Kill -9 a process in the middle of its order flow, again and again, and look for what was lost.

Each round starts a child on the same database. It places, fills and cancels orders through the command path
with many callers at once, and writes the id of each command to a pipe after its answer arrived. The parent
kills it at a random moment, opens the database and asks: is everything that was acknowledged there, is
nothing there twice, does the journal verify, do the tables equal its fold? Run: python -m faults.crash ROUNDS
"""

import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from traderbot.infra.clock import WallClock
from traderbot.infra.ids import new_id
from traderbot.infra.storage.database import Database, metadata
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.reasons import Reason
from traderbot.trading import tables as t
from traderbot.trading.accounts import load_account
from traderbot.trading.command_path import CommandPath
from traderbot.trading.work import Idempotency, Outcome, Work
from trading.rig import NOW, SESSION, StillMarket, check, execution, order

CALLERS = 12
ACCOUNTS = [UUID(int=1000 + number) for number in range(8)]  # fewer than callers, so that they meet
LONGEST = 0.3  # seconds from the first acknowledgement to the kill


class Flow:
    """The order flow of the child."""

    def __init__(self, file: Path) -> None:
        self.database = Database(f"sqlite:///{file}")
        self.path = CommandPath(self.database, WallClock())
        self.path.markets[SESSION] = StillMarket()

    def open_accounts(self) -> None:
        with self.database.read() as connection:
            known = set(connection.execute(sa.select(t.accounts.c.id)).scalars())
        for account_id in ACCOUNTS:
            if account_id not in known:
                opened = c.OpenAccount(account_id, account_id, SESSION, "USD")
                self.path.submit(Work([(account_id, opened), (account_id, c.DepositCash(Decimal(10**9)))]))

    async def ask(self, account_id: UUID, command: c.Command, key: str = "") -> Outcome:
        idempotency = Idempotency(key, bytes(32)) if key else None
        return await self.path.asubmit(Work([(account_id, command)], key=idempotency))

    async def tidy(self, account_id: UUID) -> None:
        """Cancel what the last child left open, and report its last executions a second time."""
        with self.database.read() as connection:
            account = load_account(connection, account_id)
            mine = sa.select(t.fills).where(t.fills.c.account_id == account_id)
            last = list(connection.execute(mine.order_by(t.fills.c.version.desc()).limit(5)))
        for fill in last:
            again = c.RecordExecution(fill.order_id, fill.execution_id, fill.qty, fill.price, fill.fee, NOW)
            outcome = await self.ask(account_id, again)
            assert outcome.refusals[0].reason is Reason.DUPLICATE_EXECUTION
        for order_id in list(account.orders) if account is not None else ():
            outcome = await self.ask(account_id, c.CancelOrder(order_id))
            if not outcome.refusals:
                say("cancelled", order_id)

    async def call(self, account_id: UUID) -> None:
        """Place, then fill in part, fill whole or cancel, for ever."""
        while True:
            place = order("10", name=str(new_id()))
            if not (await self.ask(account_id, place, key=str(place.order_id))).refusals:
                say("placed", place.order_id)
            for qty in random.choice((["10"], ["4"], ["4", "6"], [])):
                report = execution(place.order_id, qty)
                if not (await self.ask(account_id, report)).refusals:
                    say("filled", report.execution_id)
            outcome = await self.ask(account_id, c.CancelOrder(place.order_id))
            if not outcome.refusals:
                say("cancelled", place.order_id)

    async def run(self) -> None:
        self.open_accounts()
        await asyncio.gather(*map(self.tidy, ACCOUNTS))
        await asyncio.gather(*(self.call(ACCOUNTS[number % len(ACCOUNTS)]) for number in range(CALLERS)))


def say(what: str, command_id: UUID) -> None:
    """Acknowledge, in one write that a kill cannot split."""
    os.write(1, f"{what} {command_id}\n".encode())


class Round(NamedTuple):
    acknowledged: int
    events: int


def run_child(file: Path) -> Iterator[tuple[str, UUID]]:
    """Start a child, kill it at a random moment, and give what it acknowledged until then."""
    paths = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, "-m", "faults.crash", "--child", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": paths}) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(random.uniform(0, LONGEST))
        child.kill()
        lines = [first, *child.stdout.read().splitlines(keepends=True)]
    assert first, "the child ended by itself"
    for line in lines:
        what, command_id = line.decode().split()
        yield what, UUID(command_id)


def look(file: Path, acknowledged: set[tuple[str, UUID]]) -> int:
    """Open the database as it was left and look for everything. Returns: how many events it has."""
    database = Database(f"sqlite:///{file}")
    try:
        recorded = [entry.event for entry in check(database)]
    finally:
        database.close()
    found: set[tuple[str, UUID]] = set()
    for event in recorded:
        match event:
            case e.OrderPlaced():
                found.add(("placed", event.order_id))
            case e.OrderFilled():
                found.add(("filled", event.execution_id))
            case e.OrderCancelled():
                found.add(("cancelled", event.order_id))
    lost = acknowledged - found
    assert not lost, f"{len(lost)} acknowledged commands are lost, such as {min(lost)}"
    return len(recorded)


def crash(folder: Path, rounds: int) -> Iterator[Round]:
    """Rounds of flow, kill and look on one database. Errors: AssertionError, saying what was lost."""
    file = folder / "crash.db"
    database = Database(f"sqlite:///{file}")
    metadata.create_all(database.writer)
    database.close()
    acknowledged: set[tuple[str, UUID]] = set()
    for _ in range(rounds):
        before = len(acknowledged)
        acknowledged.update(run_child(file))
        yield Round(len(acknowledged) - before, look(file, acknowledged))


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        asyncio.run(Flow(Path(sys.argv[2])).run())
        return
    total, events = 0, 0
    with tempfile.TemporaryDirectory(prefix=".crash-", dir=Path.cwd()) as folder:  # on a real disk
        for number, result in enumerate(crash(Path(folder), int(sys.argv[1])), 1):
            total, events = total + result.acknowledged, result.events
            print(
                f"round {number}: {result.acknowledged} acknowledged, {events} events, all there", flush=True
            )
    print(f"{total} acknowledged commands, {events} events: none lost, none doubled")


if __name__ == "__main__":
    main()
