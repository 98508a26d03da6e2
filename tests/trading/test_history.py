"""Events and activities: complete, in order, without repeats, and never somebody else's."""

import pytest

from traderbot.infra.events.journal import read
from traderbot.infra.ids import new_id
from traderbot.model import commands as c
from traderbot.model.account import AccountKind
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.trading.history import (
    EventFilter,
    accounts_of_user,
    find_account,
    list_activities,
    list_events,
    streams_of_user,
)
from traderbot.trading.streams import account_stream
from traderbot.trading.work import Work
from trading.rig import AAA, NOW, SESSION, D, Rig
from trading.test_accounts import EX_DATE

pytestmark = pytest.mark.integration


def test_accounts_and_streams_are_the_users_own(rig: Rig) -> None:
    user, other = new_id(), new_id()
    ids = [new_id() for _ in range(3)]
    for account_id, owner in zip(ids, (user, user, other), strict=True):
        opening = c.OpenAccount(account_id, owner, SESSION, "USD", AccountKind.MARGIN, "mine")
        rig.path.submit(Work([(account_id, opening)]))
    with rig.database.read() as connection:
        assert [account.id for account in accounts_of_user(connection, user)] == ids[:2]
        assert streams_of_user(connection, user)[1:] == [account_stream(name) for name in ids[:2]]
        found = find_account(connection, user, ids[0])
        assert found is not None
        assert (found.kind, found.name) == (AccountKind.MARGIN, "mine")
        assert find_account(connection, user, ids[2]) is None


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_pages_of_several_streams_hold_each_event_once(rig: Rig, limit: int) -> None:
    mine, second, other = rig.open(), rig.open(), rig.open()
    for account_id in (mine, other, second, mine):
        rig.own(account_id)
    streams = [account_stream(mine), account_stream(second)]
    with rig.database.read() as connection:
        wanted = [e.position for e in read(connection, limit=1000) if e.stream in streams]
        back, before = list[int](), None
        while page := list_events(connection, streams, before=before, limit=limit):
            back += [event.position for event in page]
            before = back[-1]
        forth, after = list[int](), 0
        while page := list_events(connection, streams, after=after, limit=limit):
            forth += [event.position for event in page]
            after = forth[-1]
        fills = list_events(connection, streams, EventFilter(types=("OrderFilled",)))
        late = list_events(connection, streams, EventFilter(after=NOW))
    assert back[::-1] == forth == wanted
    assert [event.data["symbol"] for event in fills] == ["AAA"] * 3
    assert late == []


def test_activities_tell_what_happened_besides_orders(rig: Rig) -> None:
    account_id, other = rig.open(), rig.open()
    rig.own(account_id)
    rig.do(
        account_id,
        c.WithdrawCash(D("5")),
        c.ApplyCorporateAction(CorporateAction(AAA, EX_DATE, ActionKind.DIVIDEND, D("0.5"))),
        c.ApplyCorporateAction(CorporateAction(AAA, EX_DATE, ActionKind.SPLIT, new=3, old=2)),
        c.PauseTrading("lunch"),
        c.QuarantineReport(AAA, "odd", {}),
    )
    with rig.database.read() as connection:
        found = list_activities(connection, account_id)
        assert [activity.kind for activity in found] == [
            "quarantine", "halt", "split", "dividend", "withdrawal", "deposit",
        ]  # fmt: skip
        assert [activity.amount for activity in found[3:]] == [D("5"), D("-5"), D("100000")]
        assert (found[2].qty, found[2].detail) == (15, "3 for 2")
        assert len(list_activities(connection, account_id, kinds=["deposit", "withdrawal"])) == 2
        assert list_activities(connection, account_id, before=found[-1].version) == []
        assert [activity.kind for activity in list_activities(connection, other)] == ["deposit"]
