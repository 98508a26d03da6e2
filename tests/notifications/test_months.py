"""The first close of a month tells the owner that the statement of the month before is ready, once."""

from datetime import UTC, datetime

import pytest

from notifications.test_handlers import Desk
from traderbot.model import commands as c
from trading.rig import Rig

pytestmark = pytest.mark.integration


def at(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1_000_000


def test_each_month_is_told_once_at_the_first_close_after_it(rig: Rig) -> None:
    desk = Desk(rig)
    days = (
        "2005-01-28T21:00", "2005-01-31T21:00", "2005-02-01T21:00", "2005-02-02T21:00",
        "2005-03-01T00:00",  # the close of February's last day, where a day ends at midnight
        "2005-03-01T21:00", "2005-05-03T21:00",
    )  # fmt: skip
    told = []
    for step, day in enumerate(days, 1):
        rig.market.time = at(day)
        rig.do(desk.account_id, c.RevaluePortfolio(step))
        told.append([one.data["period"] for one in desk.news() if one.kind == "statement_ready"])
    assert told == [[], [], ["2005-01"], [], [], ["2005-02"], ["2005-03"]]


def test_the_first_close_of_an_account_tells_nothing(rig: Rig) -> None:
    desk = Desk(rig)
    rig.market.time = at("2005-02-01T21:00")
    rig.do(desk.account_id, c.RevaluePortfolio(7))
    assert [one.kind for one in desk.news()] == []
