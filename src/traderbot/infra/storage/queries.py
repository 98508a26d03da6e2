"""How many statements are sent to the database: in all, and for one piece of work."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter
from sqlalchemy.engine import Engine


@dataclass(slots=True)
class Tally:
    """Statements that were sent for one piece of work, in whichever thread."""

    count: int = 0


_tally: ContextVar[Tally | None] = ContextVar("statements of this piece of work", default=None)


@contextmanager
def counted_queries() -> Iterator[Tally]:
    """Count the statements of this block and of what it starts; an outer block counts them too."""
    outer, tally = _tally.get(), Tally()
    token = _tally.set(tally)
    try:
        yield tally
    finally:
        _tally.reset(token)
        if outer is not None:
            outer.count += tally.count


def watch_queries(engines: Mapping[str, Engine], registry: CollectorRegistry) -> None:
    """Count the statements of these engines, by name, on /metrics and for `counted_queries`."""
    sent = Counter("traderbot_database_queries", "Statements sent.", ["pool"], registry=registry)
    for name, engine in engines.items():
        sa.event.listen(engine, "before_cursor_execute", _counting(sent.labels(name)))


def _counting(sent: Any) -> Any:
    def count(*_arguments: Any) -> None:
        sent.inc()
        tally = _tally.get()
        if tally is not None:
            tally.count += 1

    return count
