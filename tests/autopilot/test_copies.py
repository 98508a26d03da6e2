"""Copies of accounts are what their tables say, after whatever was committed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from traderbot.autopilot.copies import AccountCopies
from traderbot.infra.ids import new_id
from traderbot.model import commands as c
from traderbot.model.errors import NotFound
from traderbot.model.orders import Side
from trading.rig import Rig, same

pytestmark = pytest.mark.integration


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.close()


def test_a_copy_follows_every_kind_of_event(rig: Rig) -> None:
    copies = AccountCopies(rig.path, rig.database)
    account_id = rig.open()
    copies.get(account_id)
    rig.own(account_id, "10")
    same(rig.load(account_id), copies.get(account_id))
    waiting = rig.place(account_id, "3")
    same(rig.load(account_id), copies.get(account_id))
    rig.do(account_id, c.CancelOrder(waiting))
    sale = rig.place(account_id, "4", Side.SELL)
    same(rig.load(account_id), copies.get(account_id))
    rig.fill(account_id, sale, "2")
    rig.do(account_id, c.PauseTrading("enough"))
    same(rig.load(account_id), copies.get(account_id))
    assert copies.get(account_id).halted == "enough"


def test_a_copy_is_folded_on_not_read_again(rig: Rig) -> None:
    copies = AccountCopies(rig.path, rig.database)
    account_id = rig.open()
    first = copies.get(account_id)
    rig.place(account_id)
    assert copies.get(account_id) is first


def test_a_copy_that_missed_an_event_is_read_again(rig: Rig) -> None:
    copies = AccountCopies(rig.path, rig.database)
    account_id = rig.open()
    first = copies.get(account_id)
    rig.place(account_id)
    copies._news.get()  # the event that gets lost
    rig.place(account_id)
    found = copies.get(account_id)
    assert found is not first
    same(rig.load(account_id), found)


def test_forgotten_copies_are_read_again(rig: Rig) -> None:
    copies = AccountCopies(rig.path, rig.database)
    account_id = rig.open()
    first = copies.get(account_id)
    copies.forget()
    assert copies.get(account_id) is not first


def test_others_events_and_unknown_accounts(rig: Rig) -> None:
    copies = AccountCopies(rig.path, rig.database)
    mine, theirs = rig.open(), rig.open()
    copies.get(mine)
    rig.place(theirs)
    assert copies._news.empty()
    with pytest.raises(NotFound):
        copies.get(new_id())
