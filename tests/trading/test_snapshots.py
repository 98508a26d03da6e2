"""A snapshot and what came after it are the fold of everything; one that does not fit is left aside."""

import random
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from traderbot.engine.apply import fold
from traderbot.infra.events.journal import last_position, read
from traderbot.model import commands as c
from traderbot.model.account import Account
from traderbot.trading import tables as t
from traderbot.trading.as_of import state_at
from traderbot.trading.audit import refresh_snapshots as refresh
from traderbot.trading.snapshots import decode, encode, folded, nearest
from traderbot.trading.streams import account_stream
from trading.rig import Rig

pytestmark = pytest.mark.integration


def test_snapshot_and_tail_are_the_fold(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    account_id = rig.open()
    chance = random.Random(11)
    for round_ in range(40):
        order_id = rig.place(account_id, qty=str(chance.randint(1, 9)))
        if chance.random() < 0.5:
            rig.do(account_id, c.CancelOrder(order_id))
        if round_ % 7 == 0:
            refresh(rig.database, every=5)
    with rig.database.read() as connection:
        entries = read(connection, stream=account_stream(account_id), limit=1000)
        kept = connection.execute(sa.select(t.snapshots.c.version)).scalars().all()
        assert len(kept) >= 4
        for entry in entries:
            whole = fold(
                Account(account_id), [one.event for one in entries if one.position <= entry.position]
            )
            last, found = folded(connection, account_id, entry.position)
            assert found == whole
            assert last == entry
            assert decode(encode(whole)) == whole
            assert state_at(connection, account_id, position=entry.position).version == entry.version
    rig.close()


@pytest.mark.parametrize("damage", [{"shape": bytes(32)}, {"state": "{}"}, {"hash": bytes(32)}])
def test_one_that_does_not_fit_is_left_aside(tmp_path: Path, damage: dict[str, object]) -> None:
    rig = Rig(tmp_path)
    account_id = rig.open()
    rig.place(account_id)
    assert refresh(rig.database, every=1) == 1
    assert refresh(rig.database, every=1) == 0
    with rig.database.write() as connection:
        connection.execute(sa.update(t.snapshots).values(damage))
    with rig.database.read() as connection:
        assert nearest(connection, account_id, last_position(connection)) is None
        _, account = folded(connection, account_id, last_position(connection))
    assert len(account.orders) == 1
    assert refresh(rig.database, every=1) == ("shape" in damage)
    rig.close()


def test_amounts_stay_exact() -> None:
    account = Account(UUID(int=1))
    account.balances["cash"] = Decimal("0.000001")
    account.held = Decimal("1E+2")
    found = decode(encode(account))
    assert str(found.held) == "1E+2"
    assert found == account
