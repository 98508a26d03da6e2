"""Events a second from commit to handled, with lag, beside a plain loop of bare SQL on the same rows.

Orders are placed and filled through the command path while the handlers of the inbox follow. Then the same
inbox rows are written again by a loop that reads the same events, inserts the same rows and keeps its place,
one transaction for as many events as the handlers took at once, straight through the driver. Run:
python benchmarks/handlers.py [--quick] [--url postgresql://...]
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

import traderbot.notifications.tables  # noqa: F401 - its tables
from traderbot.engine.market import Mark
from traderbot.event_map import build_bus
from traderbot.infra.clock import WallClock
from traderbot.infra.delivery.bus import Bus, Handler
from traderbot.infra.events.journal import Recorded
from traderbot.infra.ids import new_id
from traderbot.infra.migrations import migrate
from traderbot.infra.storage.database import Database
from traderbot.model.commands import Command, DepositCash, OpenAccount, PlaceOrder, RecordExecution
from traderbot.model.events import OrderFilled, OrderPlaced
from traderbot.model.orders import Side
from traderbot.model.symbols import Symbol
from traderbot.trading.command_path import CommandPath
from traderbot.trading.deliveries import Deliveries
from traderbot.trading.work import Work

NOW = 1_100_000_000_000_000
STOCK = Symbol("ACME")
MARK = Mark(Decimal(100), NOW)
SESSION = new_id()
CALLERS = 64


class StillMarket:
    """A market whose one price never moves."""

    time = NOW
    day_end = NOW + 1
    ended = False

    def mark(self, symbol: Symbol) -> Mark | None:
        return MARK


class Timed:
    """A handler that also notes when its events' transaction was handled, and how many it took at once."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.taken: list[list[int]] = []

    def timed(self) -> Handler:
        def handle(connection: Any, recorded: Sequence[Recorded]) -> Any:
            self.taken.append([one.recorded_at for one in recorded])
            return self.handler.handle(connection, recorded)

        return Handler(self.handler.name, self.handler.types, handle)


def fill_orders(path: CommandPath, accounts: list[Any], orders: int, pause_s: float) -> None:
    """Place and fill so many orders: as fast as the command path takes them, or with pauses."""
    futures: deque[Any] = deque()
    for number in range(orders):
        order_id, account = new_id(), accounts[number % len(accounts)]
        execution = RecordExecution(order_id, new_id(), Decimal(1), Decimal(100), Decimal("0.01"), NOW)
        commands: list[tuple[Any, Command]] = [
            (account, PlaceOrder(order_id, STOCK, Side.BUY, Decimal(1))),
            (account, execution),
        ]
        futures.append(path.enqueue(Work(commands, markets={SESSION: StillMarket()})))
        if len(futures) > CALLERS:
            assert not futures.popleft().result().refusals
        time.sleep(pause_s)
    for future in futures:
        assert not future.result().refusals


class Bench:
    """A command path with the platform's handlers over an empty database."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        migrate(self.database)
        self.bus = build_bus(self.database.dialect)
        self.timed = [Timed(handler) for handler in self.bus.handlers]
        handlers = Bus((), [one.timed() for one in self.timed])
        self.path = CommandPath(self.database, WallClock())
        self.deliveries = Deliveries(handlers, self.path, self.database, WallClock())
        self.path.listen(lambda recorded: self.deliveries.wake() if recorded else None)
        self.deliveries.listen(self._follow)
        self.accounts = [new_id() for _ in range(50)]
        for account in self.accounts:
            opened = [OpenAccount(account, new_id(), SESSION, "USD"), DepositCash(Decimal(100_000_000))]
            self.path.submit(Work([(account, command) for command in opened]))
        self.deliveries.start()

    def _follow(self) -> None:
        now = time.time_ns() // 1000
        for one in self.timed:
            taken, one.taken = one.taken, []
            for batch in taken:
                self.sizes.append(len(batch))
                self.lags.extend((now - at) / 1000 for at in batch)
        if len(self.lags) >= self.wanted:
            self.done.set()

    def flow(self, what: str, orders: int, pause_s: float = 0.0) -> None:
        """Orders, until the last of their events is handled."""
        self.lags: list[float] = []
        self.sizes: list[int] = []
        self.wanted = 3 * orders  # placed to one handler, filled to two
        self.done = threading.Event()
        begin = time.perf_counter()
        fill_orders(self.path, self.accounts, orders, pause_s)
        placed = time.perf_counter() - begin
        assert self.done.wait(600)
        whole = time.perf_counter() - begin
        lags = sorted(self.lags)
        p50, p99 = statistics.median(lags), lags[int(len(lags) * 0.99)]
        print(
            f"  {what}: committed {2 * orders / placed:,.0f} events/s, handled {2 * orders / whole:,.0f}"
            f" events/s; lag p50 {p50:.1f} ms, p99 {p99:.1f} ms; {statistics.mean(self.sizes):.0f} a batch"
        )


def run(url: str, orders: int) -> None:
    """The whole table for one database."""
    bench = Bench(url)
    bench.flow("100 orders a second", orders // 10, 0.01)
    bench.flow("as fast as it goes", orders)
    bench.deliveries.stop()
    bench.path.close()
    catch_up(bench.database, bench.bus, orders + orders // 10)
    bench.database.close()


def catch_up(database: Database, bus: Bus, orders: int) -> None:
    """All events once more with nobody trading: the handlers from the first event on, then the plain loop."""
    with database.write() as connection:
        for table in ("inbox", "round_trips", "dead_letters"):
            connection.execute(sa.text(f"DELETE FROM {table}"))
        connection.execute(sa.text("UPDATE handler_positions SET position = 0"))
    path = CommandPath(database, WallClock())
    kinds = (OrderPlaced, OrderFilled)
    quiet = Bus((), [one for one in bus.handlers if one.types & set(kinds)])
    deliveries = Deliveries(quiet, path, database, WallClock())
    begin = time.perf_counter()
    while deliveries.deliver()[0]:
        pass
    ours = time.perf_counter() - begin
    path.close()
    with database.read() as connection:
        again = [tuple(row) for row in connection.execute(sa.text("SELECT * FROM inbox"))]
    plain = plain_loop(database, again)
    print(
        f"  catching up: {2 * orders / ours:8,.0f} events/s; plain loop {2 * orders / plain:8,.0f} events/s;"
        f" ratio {plain / ours:.2f}; {len(again)} rows kept"
    )


def plain_loop(database: Database, rows: list[tuple[Any, ...]]) -> float:
    """Reads the events in pages, writes two rows a fill and one an order, keeps the newest, and its place."""
    mark = "?" if database.dialect.name == "sqlite" else "%s"
    with database.write() as connection:
        connection.execute(sa.text("DELETE FROM inbox"))
    sample = rows[0]
    insert = f"INSERT INTO inbox VALUES ({', '.join(mark for _ in sample)})"
    drop = (
        f"DELETE FROM inbox WHERE user_id = {mark} AND position <"
        f" (SELECT position FROM inbox WHERE user_id = {mark} ORDER BY position DESC LIMIT 1 OFFSET 999)"
    )
    users = {}
    begin = time.perf_counter()
    place = 0
    while True:
        with database.write() as connection:
            cursor = connection.connection.cursor()
            cursor.execute(
                f"SELECT position, stream, type, data FROM events WHERE position > {place}"
                " AND type IN ('OrderPlaced', 'OrderFilled') ORDER BY position LIMIT 500"
            )
            found = cursor.fetchall()
            if not found:
                return time.perf_counter() - begin
            new = []
            for position, stream, kind, _data in found:
                user = users.setdefault(stream, rows[len(users) % len(rows)][0])
                tail = sample[3:]
                new.append((user, position, kind, *tail))
            cursor.executemany(insert, new)
            for user in {row[0] for row in new}:
                cursor.execute(drop, (user, user))
            place = found[-1][0]
            cursor.execute(f"UPDATE handler_positions SET position = {place} WHERE handler = 'x'")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--quick", action="store_true")
    options.add_argument("--url", help="another database, an empty one")
    given = options.parse_args()
    orders = 2_000 if given.quick else 20_000
    with tempfile.TemporaryDirectory() as folder:
        url = given.url or f"sqlite:///{Path(folder) / 'bench.db'}"
        print(f"{url.partition(':')[0]}: {orders} orders placed and filled by 50 accounts, 64 callers")
        run(url, orders)


if __name__ == "__main__":
    main()
