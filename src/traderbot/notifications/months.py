"""Tell the owner of an account when a month of it has ended, so that its statement can be asked for."""

from collections.abc import Sequence
from datetime import date, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.events.journal import Recorded
from traderbot.model import events as e
from traderbot.notifications.texts import INFO, Text
from traderbot.trading import tables as t
from traderbot.trading.streams import account_of

_DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1)
_LOOKED_AT = 10  # no market stays shut for the first ten days of a month; later closes need no look


def ended(connection: Connection, one: Recorded) -> Text | None:
    """What to tell of a close: the month of the close before, where this one is in another."""
    event, account_id = one.event, account_of(one.stream)
    assert isinstance(event, e.PortfolioRevalued)
    if account_id is None or _day_of(event.at).day > _LOOKED_AT:
        return None
    own = t.valuations.c
    earlier = own.account_id == account_id, own.step < event.step
    before = sa.select(own.at).where(*earlier).order_by(own.step.desc()).limit(1)
    found = connection.execute(before).scalar()
    if found is None or (month := _month_of(found)) == _month_of(event.at):
        return None
    body = "What it was worth, what moved and what gained: on the page Portfolio, to print or as a table."
    title = f"The statement of {month} is ready"
    return Text("statement_ready", INFO, title, body, {"period": month})


def all_ended(connection: Connection, recorded: Sequence[Recorded]) -> list[tuple[Recorded, Text]]:
    """Those closes after which there is something to tell."""
    told = ((one, ended(connection, one)) for one in recorded)
    return [(one, text) for one, text in told if text is not None]


def _day_of(at: int) -> date:
    """A close at midnight belongs to the day before."""
    return _EPOCH + timedelta(days=-(-at // _DAY) - 1)


def _month_of(at: int) -> str:
    return f"{_day_of(at):%Y-%m}"
