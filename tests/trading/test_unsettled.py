"""Commits whose outcome nobody knows: what is asked again waits until the database has said it."""

from collections.abc import Callable
from typing import Any

import pytest

from traderbot.infra.storage import database as databases
from traderbot.model import events as e
from traderbot.model.errors import Unavailable
from traderbot.trading.command_path import OutcomeUnknown
from traderbot.trading.unsettled import Unsettled
from traderbot.trading.work import Idempotency
from trading.rig import Rig, order
from trading.test_command_path import BrokenCommit, events_of

pytestmark = pytest.mark.integration

KEY = Idempotency("k", b"a" * 32)


class Mute:
    """A database that cannot say what became of a commit, until it speaks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.silent = True
        real: Callable[[Unsettled, databases.Database], bool] = Unsettled.committed

        def committed(commit: Unsettled, database: databases.Database) -> bool:
            if self.silent:
                raise OSError("no answer")
            return real(commit, database)

        monkeypatch.setattr(Unsettled, "committed", committed)


@pytest.fixture
def mute(monkeypatch: pytest.MonkeyPatch) -> Mute:
    return Mute(monkeypatch)


@pytest.mark.parametrize("committed", [True, False])
def test_what_is_asked_again_gets_no_second_order(rig: Rig, mute: Mute, committed: bool) -> None:
    account_id, other = rig.open(), rig.open()
    again = order()
    BrokenCommit(rig, committed=committed)
    with pytest.raises(OutcomeUnknown):
        rig.do(account_id, again, key=KEY)
    for command, key in ((again, KEY), (order(), None)):
        with pytest.raises(OutcomeUnknown):
            rig.do(account_id, command, key=key)
    rig.place(other)
    mute.silent = False
    answer = rig.do(account_id, again, key=KEY)
    assert answer.replayed is committed
    assert [event.order_id for event in events_of(rig, account_id, e.OrderPlaced)] == [again.order_id]
    rig.check()


def test_a_commit_is_found_again_after_others_went_on(rig: Rig, mute: Mute) -> None:
    """The last event it appended is looked for, not the head, which may have moved on."""
    account_id = rig.open()
    BrokenCommit(rig, committed=True)
    with pytest.raises(OutcomeUnknown):
        rig.do(account_id, order(), key=KEY)
    mute.silent = False
    other = Rig(rig.database)
    other.place(account_id)
    other.path.close()
    assert rig.do(account_id, order(), key=KEY).replayed
    assert len(events_of(rig, account_id, e.OrderPlaced)) == 2
    rig.check()


def test_a_refusal_without_events_is_found_by_its_key(rig: Rig, mute: Mute) -> None:
    from traderbot.model.commands import CancelOrder

    account_id = rig.open()
    command = CancelOrder(order().order_id)
    BrokenCommit(rig, committed=True)
    with pytest.raises(OutcomeUnknown):
        rig.do(account_id, command, key=KEY)
    mute.silent = False
    answer = rig.do(account_id, command, key=KEY)
    assert answer.replayed
    assert answer.refusals


def test_the_answer_says_when_to_come_again(rig: Rig, mute: Mute) -> None:
    account_id = rig.open()
    BrokenCommit(rig, committed=True)
    with pytest.raises(Unavailable) as found:
        rig.do(account_id, order())
    shown: Any = found.value
    assert (shown.status, shown.code, shown.retry_after_s) == (503, "outcome_unknown", 1)
