"""Sales, then buys, once: over a restart in between, steps shown twice, a process that may play no longer."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy.engine import Connection

from portfolios.accounts import order
from traderbot.infra.clock import WallClock
from traderbot.infra.events.journal import read_all
from traderbot.infra.ids import new_id
from traderbot.model.errors import Unavailable
from traderbot.model.events import RebalancingChanged
from traderbot.portfolios.spans import Every
from traderbot.portfolios.tracks import Tracks
from traderbot.rebalancing.executing import approve, record
from traderbot.rebalancing.keeper import Keeper
from traderbot.rebalancing.proposal import Proposal, draft_of
from traderbot.rebalancing.rows import Plan, find_proposal, proposals_of, set_plan
from traderbot.rebalancing.scene import scene_of
from traderbot.rebalancing.wanted import Wanted
from traderbot.simulation.costs import Costs
from traderbot.trading.work import Work
from trading.session_rig import AAA, BBB, SessionRig

pytestmark = pytest.mark.integration

D = Decimal
FREE = Costs(D(0), D(0))
WANTED = Wanted(weights={AAA: D("0.1"), BBB: D("0.4")}, slack=D("0.1"))


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[SessionRig]:
    made = SessionRig(tmp_path)
    yield made
    made.close()


def keeper(rig: SessionRig, check: object = lambda _connection: None) -> Keeper:
    return Keeper(
        rig.path,
        rig.database,
        WallClock(),
        rig.dataset,
        Tracks(),
        FREE,
        rig.session_id,
        check,  # type: ignore[arg-type]
    )


def proposed(rig: SessionRig, account_id: UUID, wanted: Wanted = WANTED) -> Proposal:
    market = rig.loop.market
    with rig.database.read() as connection:
        scene = scene_of(connection, account_id, market, rig.dataset, wanted)
    draft = draft_of(scene, wanted, FREE, frozenset())
    proposal = Proposal(new_id(), account_id, scene.account.user_id or new_id(), 1, "proposed", wanted, draft)
    rig.path.submit(record(proposal))
    return proposal


def now(rig: SessionRig, proposal: Proposal) -> Proposal:
    return rig.read(lambda connection: find_proposal(connection, proposal.account_id, proposal.id))


def holder(rig: SessionRig) -> UUID:
    account_id = rig.join()
    order(rig, account_id, AAA, "500")
    rig.play()
    return account_id


def placed(rig: SessionRig, account_id: UUID) -> list[tuple[str, str]]:
    with rig.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT symbol, side FROM orders ORDER BY version").all()
    return [(row.symbol, row.side) for row in rows][1:]  # behind the one that began it


def test_a_restart_between_sales_and_buys_places_each_once(rig: SessionRig) -> None:
    account_id = holder(rig)
    proposal = proposed(rig, account_id)
    rig.path.submit(approve(proposal, proposal.user_id, 2, rig.loop.market))
    keeper(rig).follow(rig.loop.market, [])
    assert (now(rig, proposal).status, placed(rig, account_id)) == ("selling", [(AAA, "sell")])
    rig.play()
    rig.restart()
    for _ in range(3):  # the same step again and again
        keeper(rig).follow(rig.loop.market, [])
    assert (now(rig, proposal).status, placed(rig, account_id)) == (
        "buying", [(AAA, "sell"), (BBB, "buy")],
    )  # fmt: skip
    rig.play()
    rig.restart()
    keeper(rig).follow(rig.loop.market, [])
    assert now(rig, proposal).status == "done"
    told = [
        one.event.what
        for one in rig.read(lambda c: list(read_all(c)))
        if isinstance(one.event, RebalancingChanged)
    ]
    assert told == ["proposed", "approved", "done"]


def test_who_may_no_longer_play_makes_no_proposal_of_a_plan(rig: SessionRig) -> None:
    def gone(_connection: Connection) -> None:
        raise Unavailable("somebody else plays")

    account_id = holder(rig)
    plan = Plan(account_id, new_id(), WANTED, Every.DAY)
    rig.path.submit(Work(job=lambda connection: set_plan(connection, plan)))
    with pytest.raises(Unavailable):
        keeper(rig, gone).follow(rig.loop.market, [])
    assert rig.read(lambda connection: proposals_of(connection, account_id, 9)) == []
    for _ in range(2):
        keeper(rig).follow(rig.loop.market, [])
    assert len(rig.read(lambda connection: proposals_of(connection, account_id, 9))) == 1
