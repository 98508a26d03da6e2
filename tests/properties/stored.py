"""One seed through the command path and a database: batches, duplicates, crashes, faults; then everything
read back and compared with the books, which know only what was delivered.
"""

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from functools import cache
from pathlib import Path
from threading import Event as Signal
from typing import Any
from uuid import UUID

import msgspec

from properties.reference import Violation, must, same
from properties.stored_checks import check_account, check_all
from properties.world import SESSION, Ask, World, short
from traderbot.engine.apply import apply
from traderbot.infra.clock import WallClock
from traderbot.infra.events.journal import Recorded
from traderbot.infra.storage.database import Database, metadata
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.amounts import Money
from traderbot.model.reasons import Reason
from traderbot.trading import batch as batching
from traderbot.trading.command_path import CommandPath, OutcomeUnknown
from traderbot.trading.streams import RULES_STREAM
from traderbot.trading.work import Idempotency, Outcome, Work

STEPS = 24
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # no disk to wait for
ONE = Money(Decimal(1))


class BrokenError(RuntimeError):
    """What the test breaks on purpose."""


class Store:
    """A command path that can crash, and the accounts as its listeners saw them."""

    def __init__(self, database: Database, world: World) -> None:
        self.database, self.world = database, world
        self.delivered: list[Recorded] = []
        self.versions: dict[str, int] = {}
        self.position = 0
        self.rules_version = world.rules.version
        self.wrong: list[Violation] = []
        self.keys: list[tuple[int, str, bytes, Outcome]] = []
        self.path = self.start()

    def start(self) -> CommandPath:
        path = CommandPath(self.database, WallClock())
        path.listen(self.deliver)
        return path

    def crash(self) -> None:
        """Whatever was in memory is gone; a new path finds what was committed."""
        old, self.path = self.path, self.start()
        old.close()

    def deliver(self, recorded: list[Recorded]) -> None:
        """Take a commit's events, in the writer's thread; what is wrong is raised by the next step."""
        try:
            for entry in recorded:
                self.take(entry)
        except Violation as violation:
            self.wrong.append(violation)

    def take(self, entry: Recorded) -> None:
        same(20, entry.version, self.versions.get(entry.stream, 0) + 1, f"versions of {entry.stream}")
        same(23, entry.position, self.position + 1, "events are delivered in order, none left out")
        self.versions[entry.stream], self.position = entry.version, entry.position
        self.delivered.append(entry)
        if entry.stream.startswith("account:"):
            number = self.world.account_ids.index(UUID(entry.stream.removeprefix("account:")))
            account = self.world.accounts[number]
            apply(account, entry.event)
            self.world.books[number].take(entry.event)
            if isinstance(entry.event, e.OrderPlaced):
                self.world.closed[entry.event.order_id] = account.orders[entry.event.order_id]

    def work(self, asks: list[Ask], key: Idempotency | None = None) -> Work:
        commands = [(self.world.account_ids[number], command) for number, command in asks]
        return Work(commands, markets={SESSION: self.world.market}, key=key)

    def submit(self, work: Work) -> Outcome:
        """Have it done; then every account is what its events make it."""
        outcome = self.path.submit(work)
        self.settle()
        return outcome

    def settle(self) -> None:
        if self.wrong:
            raise self.wrong[0]
        for number, books in enumerate(self.world.books):
            if books.events:
                books.compare(self.world.accounts[number])

    def tell_rules(self) -> None:
        """Changed rules are an event as well, so that the next transaction reads them."""
        rules = self.world.rules
        if rules.version != self.rules_version:
            self.rules_version = rules.version
            changed = e.RulesChanged(msgspec.to_builtins(rules))
            self.submit(Work(facts=[(RULES_STREAM, changed)]))


def play(seed: int, database: Database, steps: int = STEPS) -> World:
    """Play a seed against an empty database. Errors: Violation; whatever else is raised is one."""
    world = World(seed, accounts=3)
    store = Store(database, world)
    trail: list[str] = []
    try:
        store.submit(store.work(world.opening()))
        for step in range(steps):
            asks = world.asks()
            store.tell_rules()
            trail[:] = [*trail[-3:], f"step {step}: {[(number, short(command)) for number, command in asks]}"]
            take_a_step(store, asks)
        check_all(store, from_scratch=seed % 4 == 0)
    except Violation as violation:
        violation.add_note("\n".join(trail))
        raise
    except Exception as error:
        raised = Violation(0, f"raised {type(error).__name__}: {error}")
        raised.add_note("\n".join(trail))
        raise raised from error
    finally:
        store.path.close()
    return world


def take_a_step(store: Store, asks: list[Ask]) -> None:
    how = store.world.pick(
        ("plain", 50), ("keyed", 14), ("batch", 12), ("fault", 10), ("twice", 8), ("crash", 6)
    )
    if how == "keyed" and len({number for number, _ in asks}) == 1:
        keyed(store, asks)
    elif how == "batch" and len(asks) > 1:
        together(store, asks)
    elif how == "fault":
        broken(store, asks)
    elif how == "twice":
        store.submit(store.work(asks))
        twice(store, asks)
    else:
        store.submit(store.work(asks))
        if how == "crash":
            store.crash()
            check_account(store, store.world.dice.randrange(len(store.world.accounts)))


def keyed(store: Store, asks: list[Ask]) -> None:
    """The same key and request again: the same answer, and nothing happens. Another request: refused."""
    number, text = asks[0][0], f"k{store.world.id().int}"
    key = Idempotency(text, bytes([1]) * 32)
    first = store.submit(store.work(asks, key))
    if store.world.chance(30):
        store.crash()
    position = store.position
    again = store.submit(store.work(asks, key))
    same(22, store.position, position, "a repeated request does nothing")
    must(22, again.replayed, "a repeated request is answered from its record")
    same(
        22,
        [type(event) for event in again.events],
        [type(event) for event in first.events],
        "the same answer",
    )
    same(22, again.refusals, first.refusals, "the same refusals")
    other = store.submit(store.work([(number, c.DepositCash(ONE))], Idempotency(text, bytes([2]) * 32)))
    reasons = [refusal.reason for refusal in other.refusals]
    same(22, reasons, [Reason.IDEMPOTENCY_KEY_REUSED], "a key with another request is refused")
    same(22, store.position, position, "a refused key does nothing")


def together(store: Store, asks: list[Ask]) -> None:
    """One work for each command, all waiting while the writer is busy, so that they are one batch."""
    busy, go_on = Signal(), Signal()

    def hold_up(_connection: object) -> None:
        busy.set()
        go_on.wait(10)

    held = store.path.enqueue(Work(job=hold_up))
    must(22, busy.wait(10), "the writer takes work")
    futures: list[Future[Outcome]] = [store.path.enqueue(store.work([ask])) for ask in asks]
    spoiled = store.world.chance(40)
    if spoiled:  # a bad one in the middle takes nobody along
        futures.append(store.path.enqueue(Work(job=fail)))
        futures.append(store.path.enqueue(store.work([(0, c.DepositCash(ONE))])))
    go_on.set()
    held.result(10)
    failed = [future.exception(10) for future in futures]
    same(22, [type(error) for error in failed if error], [BrokenError] * spoiled, "only the bad one fails")
    store.settle()


def fail(_connection: object) -> None:
    raise BrokenError("a job that fails")


def broken(store: Store, asks: list[Ask]) -> None:
    """A fault before, while or after everything is written: all of it happened, or nothing did."""
    before = store.position
    where = store.world.dice.choice(["early", "late", "commit lost", "commit made"])
    try:
        with planted(store, where):
            store.submit(store.work(asks))
    except (BrokenError, OSError, OutcomeUnknown):
        same(22, store.position, before, f"nothing of a failed transaction is delivered ({where})")
        check_account(store, store.world.dice.randrange(len(store.world.accounts)))
        if store.world.chance(50):
            store.submit(store.work(asks))


@contextmanager
def planted(store: Store, where: str) -> Iterator[None]:
    """Break the next transaction, once."""
    if where.startswith("commit"):
        dialect = store.database.writer.dialect
        real_commit = dialect.do_commit

        def lose(connection: Any) -> None:
            dialect.do_commit = real_commit  # type: ignore[method-assign]
            if where == "commit made":
                real_commit(connection)
            raise OSError("the disk went away")

        dialect.do_commit = lose  # type: ignore[method-assign]
        try:
            yield
        finally:
            dialect.do_commit = real_commit  # type: ignore[method-assign]
        return
    real_flush = batching.Batch.flush

    def flush(batch: batching.Batch) -> None:
        batching.Batch.flush = real_flush  # type: ignore[method-assign]
        if where == "late":
            real_flush(batch)
        raise BrokenError(where)

    batching.Batch.flush = flush  # type: ignore[method-assign]
    try:
        yield
    finally:
        batching.Batch.flush = real_flush  # type: ignore[method-assign]


def twice(store: Store, asks: list[Ask]) -> None:
    """The same reports and names again: none counts a second time."""
    for number, command in asks:
        book = store.world.books[number]
        if isinstance(command, c.RecordExecution) and command.execution_id in book.ledger.executions:
            if store.world.chance(50):
                store.crash()
            again = store.submit(store.work([(number, command)]))
            reasons = [refusal.reason for refusal in again.refusals]
            same(10, reasons, [Reason.DUPLICATE_EXECUTION], "an execution reported twice counts once")
        late = isinstance(command, c.RecordLateExecution)
        if late and command.execution.execution_id in book.ledger.executions:
            again = store.submit(store.work([(number, command)]))
            reasons = [refusal.reason for refusal in again.refusals]
            same(10, reasons, [Reason.DUPLICATE_EXECUTION], "a late execution reported twice counts once")
        if isinstance(command, c.BustExecution) and command.execution.execution_id in book.ledger.busted:
            again = store.submit(store.work([(number, command)]))
            must(10, bool(again.refusals) and not again.events, "an execution busted twice is busted once")
        if isinstance(command, c.PlaceOrder) and command.order_id in book.orders.orders:
            name = command.client_order_id or str(
                command.order_id
            )  # an order without a name has its id for one
            key = store.world.id()
            renamed = msgspec.structs.replace(
                command, order_id=key, client_order_id=name, **new_legs(store, command)
            )
            again = store.submit(store.work([(number, renamed)]))
            reasons = [refusal.reason for refusal in again.refusals]
            same(12, reasons, [Reason.DUPLICATE_CLIENT_ORDER_ID], "a client order id is used once for ever")


def new_legs(store: Store, command: c.PlaceOrder) -> dict[str, Any]:
    """Exits under ids of their own."""
    return {
        name: msgspec.structs.replace(leg, order_id=store.world.id())
        for name in ("take_profit", "stop_loss")
        if (leg := getattr(command, name)) is not None
    }


@cache
def empty_sqlite() -> Path:
    """A file with all tables and nothing in them."""
    folder = Path(tempfile.mkdtemp(prefix="traderbot-seeds-", dir=MEMORY))
    database = Database(f"sqlite:///{folder / 'empty.db'}")
    metadata.create_all(database.writer)
    database.writer.dispose()
    database.close()
    return folder / "empty.db"


def play_sqlite(seed: int) -> World:
    """A seed on a new SQLite file."""
    with tempfile.TemporaryDirectory(prefix="traderbot-seed-", dir=MEMORY) as folder:
        file = Path(folder) / "seed.db"
        shutil.copy(empty_sqlite(), file)
        database = Database(f"sqlite:///{file}")
        try:
            return play(seed, database)
        finally:
            database.close()


@cache
def one_postgres() -> Database:
    """A PostgreSQL database with all tables, of a server that goes with this process."""
    from servers import postgres_url

    ends = ExitStack()
    database = Database(ends.enter_context(postgres_url()))
    atexit.register(ends.close)
    atexit.register(database.close)  # before the other: what was registered last is done first
    return database


def play_postgres(seed: int) -> World:
    """A seed on a PostgreSQL database with nothing in it."""
    database = one_postgres()
    with database.writer.begin() as connection:
        names = ", ".join(table.name for table in metadata.sorted_tables)
        connection.exec_driver_sql(f"TRUNCATE {names}")
    return play(seed, database)
