"""A consumer in another process's place: takes every published event from JetStream into its own database,
where each handling leaves a mark, so that one left out or done twice is seen.
"""

import time
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.delivery.consumer import Consumer
from traderbot.infra.events.envelopes import Envelope

_tables = sa.MetaData()
_handled = sa.Table(
    "handled",
    _tables,
    sa.Column("position", sa.BigInteger, nullable=False, index=True),
    sa.Column("recorded_at", sa.BigInteger, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),  # microseconds, by this machine's clock
)


class Outside:
    """Handles from `start` to `stop`, or to the end of the block it is opened for."""

    def __init__(self, nats_url: str, folder: Path) -> None:
        self._engine = sa.create_engine(f"sqlite:///{folder / 'outside.db'}")
        _tables.create_all(self._engine)
        self._consumer = Consumer(nats_url, "outside", ["traderbot.events.>"], _mark, self._engine)

    def start(self) -> None:
        self._consumer.start()

    def stop(self) -> None:
        self._consumer.stop()
        self._engine.dispose()

    def position(self) -> int:
        """The last position handled, 0 before the first."""
        with self._engine.connect() as connection:
            return connection.execute(sa.select(sa.func.max(_handled.c.position))).scalar() or 0

    def delays_s(self) -> list[float]:
        """From the recording of an event to its handling here, of each event, shortest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(_handled.c.at - _handled.c.recorded_at))
            return sorted(micros / 1e6 for micros in rows.scalars())

    def wrong(self, last: int) -> list[str]:
        """What is missing, or was handled twice, of the positions from 1 to the last."""
        column = _handled.c.position
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(column, sa.func.count()).group_by(column))
            seen: dict[int, int] = {row[0]: row[1] for row in rows}
        trouble = self._consumer.trouble
        wrong = [f"consumer: {trouble}"] if trouble is not None else []
        wrong += [f"consumer: position {n} never came" for n in range(1, last + 1) if n not in seen]
        return wrong + [
            f"consumer: position {n} handled {times} times" for n, times in seen.items() if times > 1
        ]


def _mark(connection: Connection, envelope: Envelope) -> None:
    row = {
        "position": envelope.position,
        "recorded_at": envelope.recorded_at,
        "at": time.time_ns() // 1000,
    }
    connection.execute(sa.insert(_handled), row)
