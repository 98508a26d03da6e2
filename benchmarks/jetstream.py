"""Events a second from commit to handled, over NATS JetStream, by a consumer with a database of its own.

The journal, the relay, the server (every write synced) and the consumer run on this machine. Beside it
nats-py alone: publishing the same bytes with the same window and acknowledgements, and awaiting each publish.

    python benchmarks/jetstream.py [EVENTS] [SECONDS AT A PACE]
"""

import asyncio
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import nats as nats_py
from prometheus_client import CollectorRegistry

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from infra.journals import Desk, Reader, url_of
from servers import Program, nats
from traderbot.infra.clock import WallClock
from traderbot.infra.delivery.jetstream import Relay
from traderbot.infra.delivery.publishing import WINDOW
from traderbot.infra.events.envelopes import rows_after, seal, subject_of
from traderbot.infra.migrations import migrate
from traderbot.infra.storage.database import Database

PACE = 500  # events a second
AWAITED = 2_000  # of them are enough to tell


class Timed(Reader):
    """A reader that also notes how long ago each event was recorded, in microseconds."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self.lags: list[int] = []
        self.clock = WallClock()

    def handle(self, connection, envelope) -> None:  # type: ignore[no-untyped-def]
        super().handle(connection, envelope)
        self.lags.append(self.clock.now() - envelope.recorded_at)


def spread(lags: list[int]) -> str:
    """Median and 99th percentile."""
    lags = sorted(lags)
    half, most = (lags[int(share * (len(lags) - 1))] / 1000 for share in (0.5, 0.99))
    return f"p50 {half:.1f} ms, p99 {most:.1f} ms"


def wait_for(reader: Timed, count: int) -> None:
    while reader.consumer.handled < count:
        time.sleep(0.001)


def full_speed(desk: Desk, relay: Relay, reader: Timed, events: int) -> float:
    """Events a second, from the first commit to the last one handled."""
    began = time.perf_counter()
    for _ in range(events // 50):
        desk.append(50)
        relay.wake()
    wait_for(reader, events)
    return events / (time.perf_counter() - began)


def at_a_pace(desk: Desk, relay: Relay, reader: Timed, seconds: int) -> list[int]:
    """The lags of a steady flow, one event a commit."""
    before = reader.consumer.handled
    reader.lags.clear()
    began = time.perf_counter()
    for number in range(seconds * PACE):
        time.sleep(max(0.0, began + number / PACE - time.perf_counter()))
        desk.append(1)
        relay.wake()
    wait_for(reader, before + seconds * PACE)
    return list(reader.lags)


def relay_alone(desk: Desk, server: Program, events: int) -> float:
    """Events a second of the relay publishing a journal that is there already, to an empty stream."""
    relay = Relay(desk.database, desk, url_of(server), CollectorRegistry(), stream="ALONE")
    began = time.perf_counter()
    relay.start()
    while relay.position < events:
        time.sleep(0.001)
    taken = time.perf_counter() - began
    relay.stop()
    return events / taken


async def plain(server: Program, messages: list[tuple[str, bytes]], *, awaited: bool) -> float:
    """nats-py's own publishing of the same bytes, events a second."""
    connection = await nats_py.connect(url_of(server))
    context = connection.jetstream(publish_async_max_pending=WINDOW)
    name = "awaited" if awaited else "plain"
    await context.add_stream(name=name, subjects=[f"{name}.events.>"])
    began = time.perf_counter()
    for number, (subject, body) in enumerate(messages):
        headers = {"Nats-Msg-Id": f"{name}-{number}"}
        where = name + subject[subject.index(".") :]
        if awaited:
            await context.publish(where, body, headers=headers)
        else:
            await context.publish_async(where, body, headers=headers)
    if not awaited:
        await context.publish_async_completed()
    taken = time.perf_counter() - began
    await connection.close()
    return len(messages) / taken


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    with TemporaryDirectory(prefix="traderbot-jetstream-", dir=".") as place, nats(Path(place)) as server:
        folder = Path(place).resolve()
        database = Database(f"sqlite:///{folder / 'journal.db'}")
        migrate(database)
        desk = Desk(database)
        relay = desk.relay(server)
        reader = Timed(folder, server, ["traderbot.events.>"])
        reader.consumer.start()
        whole = full_speed(desk, relay, reader, events)
        lags = list(reader.lags)
        paced = at_a_pace(desk, relay, reader, seconds)
        relay.stop()
        reader.close()
        with database.read() as connection:
            rows = rows_after(connection, 0, events)
        messages = [(subject_of("traderbot", row.type, row.stream), seal(row)) for row in rows]
        alone = relay_alone(desk, server, desk.last())
        same = asyncio.run(plain(server, messages, awaited=False))
        each = asyncio.run(plain(server, messages[:AWAITED], awaited=True))
        database.close()
    print(f"events: {events:,}; a message has {len(messages[-1][1])} bytes; window {WINDOW}")
    print(f"commit to handled, all parts at once    {whole:9,.0f} events/s")
    print(f"  lag at full speed                     {spread(lags)}")
    print(f"  lag at {PACE} events/s                 {spread(paced)}")
    print(f"relay alone, journal to acknowledged    {alone:9,.0f} events/s")
    print(f"nats-py, same bytes, same window        {same:9,.0f} events/s: relay alone {alone / same:.2f}")
    print(f"nats-py, each publish awaited           {each:9,.0f} events/s: relay alone {alone / each:.2f}")


if __name__ == "__main__":
    main()
