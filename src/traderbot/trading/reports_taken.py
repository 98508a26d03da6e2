"""What others report about instruments, such as a scored text: taken once under the name it has at its
source.
"""

from hashlib import sha256

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.events.journal import Meta, encode_event
from traderbot.model.errors import Conflict
from traderbot.model.events import MarketAlertRaised, SentimentScored
from traderbot.trading import tables as t
from traderbot.trading.streams import market_stream
from traderbot.trading.work import Work


class SourceIdReused(Conflict):
    """Something else was reported under the same name."""

    code = "source_id_reused"


def take_report(event: SentimentScored | MarketAlertRaised, source: str, source_id: str, meta: Meta) -> Work:
    """Work that journals a report unless it is there already; its result says whether it is new.

    Errors: SourceIdReused.
    """
    fact = market_stream(event.symbol), event
    content = sha256(f"{type(event).__name__} {encode_event(event)}".encode()).digest()
    work = Work(facts=[fact], meta=meta)
    own = t.reports_taken.c

    def job(connection: Connection) -> bool:
        query = sa.select(own.content).where(own.source == source, own.source_id == source_id)
        known = connection.execute(query).scalar()
        if known is not None and known != content:
            raise SourceIdReused(f"Something else was reported as {source_id} of {source}.")
        new = known is None
        if new:
            row = {"source": source, "source_id": source_id, "content": content}
            connection.execute(sa.insert(t.reports_taken).values(row))
        work.facts[:] = [fact] if new else []
        return new

    work.job = job
    return work
