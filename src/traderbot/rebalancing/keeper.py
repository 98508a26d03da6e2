"""After each step of a session: proposals under way go on, and plans that are due make new ones."""

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

import msgspec
import structlog
from sqlalchemy.engine import Connection

from traderbot.infra.clock import Clock
from traderbot.infra.events.journal import Meta
from traderbot.infra.ids import new_id
from traderbot.infra.storage.database import Database
from traderbot.market.datasets import Dataset
from traderbot.model.amounts import ZERO
from traderbot.model.bars import Bar
from traderbot.model.errors import TraderbotError
from traderbot.model.events import RebalancingChanged
from traderbot.model.symbols import Symbol
from traderbot.portfolios.spans import label_of
from traderbot.portfolios.tracks import Tracks
from traderbot.rebalancing.executing import approve, give_up, go_on, said
from traderbot.rebalancing.proposal import Draft, Proposal, draft_of
from traderbot.rebalancing.rows import (
    Plan,
    add_proposal,
    all_plans,
    find_plan,
    keep_proposal,
    proposals_of,
    set_plan,
    under_way,
)
from traderbot.rebalancing.scene import scene_of, sold_at_a_loss
from traderbot.rebalancing.targets import Scene
from traderbot.simulation.costs import Costs
from traderbot.trading.command_path import CommandPath
from traderbot.trading.session_market import SessionMarket
from traderbot.trading.streams import user_stream
from traderbot.trading.work import Work

Fence = Callable[[Connection], None]
_NEWEST = 20
_REPLACED = "the plan made a newer one"
_log = structlog.get_logger()


class Keeper:
    """Follows a session. What follows from a step is done once, whoever else follows it too and whatever
    dies: each unit of work looks again at what is on record. check: asked in each of them, such as whether
    this process still may play.
    """

    def __init__(
        self,
        path: CommandPath,
        database: Database,
        clock: Clock,
        dataset: Dataset,
        tracks: Tracks,
        costs: Costs,
        session_id: UUID,
        check: Fence = lambda _connection: None,
    ) -> None:
        self._session_id = session_id
        self._path, self._database, self._clock = path, database, clock
        self._dataset, self._tracks, self._costs, self._check = dataset, tracks, costs, check

    def follow(self, market: SessionMarket, _moved: list[Bar]) -> None:
        """Errors: whatever keeps the database from being read."""
        with self._database.read() as connection:
            begun, plans = under_way(connection), all_plans(connection)
        for proposal in begun:
            work = go_on(proposal, market, self._costs)
            try:
                self._path.submit(work)
            except TraderbotError as error:
                _log.warning("rebalancing_held_up", proposal=str(proposal.id), error=error.detail)
        busy = {proposal.account_id for proposal in begun}
        for plan in plans:
            if plan.account_id not in busy:
                self._look(plan, market)

    def _look(self, plan: Plan, market: SessionMarket) -> None:
        with self._database.read() as connection:
            scene = scene_of(connection, plan.account_id, market, self._dataset, plan.wanted)
            waiting = _waiting(connection, plan)
            if scene.account.session_id != self._session_id or not _due(plan, scene, waiting=bool(waiting)):
                return
            losses = sold_at_a_loss(connection, self._tracks, plan.account_id, market.time)
        try:
            draft, trouble = draft_of(scene, plan.wanted, self._costs, losses), ""
        except TraderbotError as error:
            draft, trouble = None, error.detail
        proposal = self._path.submit(self._kept(plan, market, draft, trouble)).result
        if proposal is not None and plan.automatic:
            self._approve(proposal, market)

    def _kept(self, plan: Plan, market: SessionMarket, draft: Draft | None, trouble: str) -> Work:
        """Work that records that the plan was looked at, and what came of it; nothing where somebody was
        first or the plan is another by now. Its result: the new proposal, None without one.
        """
        now, account_id = self._clock.now(), plan.account_id
        stream = user_stream(plan.user_id)
        meta = Meta("system", f"plan:{account_id}")
        work = Work(plans=[(account_id, lambda _: [])], streams=[stream], alone=True, meta=meta)

        def job(connection: Connection) -> Proposal | None:
            self._check(connection)
            work.facts.clear()
            if find_plan(connection, account_id) != plan:
                return None
            targets = plan.targets if draft is None else _targets(draft)
            set_plan(connection, msgspec.structs.replace(plan, looked_at=market.time, targets=targets))
            if draft is None:
                work.facts.append(
                    (stream, RebalancingChanged(plan.user_id, account_id, "stopped", None, trouble))
                )
                return None
            if not draft.trades:
                return None
            for old in _waiting(connection, plan):
                keep_proposal(connection, msgspec.structs.replace(old, status="rejected", why=_REPLACED))
            proposal = Proposal(
                new_id(), account_id, plan.user_id, now, "proposed", plan.wanted, draft, plan=True
            )
            add_proposal(connection, proposal)
            work.facts.append((stream, said(proposal, "proposed")))
            return proposal

        work.job = job
        return work

    def _approve(self, proposal: Proposal, market: SessionMarket) -> None:
        meta = Meta(f"user:{proposal.user_id}", f"rebalancing:{proposal.id}")
        try:
            self._path.submit(approve(proposal, proposal.user_id, self._clock.now(), market, meta))
        except TraderbotError as error:
            self._path.submit(give_up(proposal, error.detail))


def _waiting(connection: Connection, plan: Plan) -> list[Proposal]:
    """Proposals of the plan that nobody has decided on."""
    newest = proposals_of(connection, plan.account_id, _NEWEST)
    return [one for one in newest if one.plan and one.status == "proposed"]


def _due(plan: Plan, scene: Scene, *, waiting: bool) -> bool:
    """By the calendar, or by a weight that has drifted from its last target while no proposal is waiting."""
    if plan.looked_at >= scene.time:
        return False
    if not plan.looked_at:
        return True
    if plan.every is not None and label_of(scene.time, plan.every) != label_of(plan.looked_at, plan.every):
        return True
    if plan.drift is None or waiting or scene.equity <= 0:
        return False
    off = (abs(scene.weight(name) - target) for name, target in plan.targets.items() if name in scene.marks)
    return max(off, default=ZERO) > plan.drift


def _targets(draft: Draft) -> dict[Symbol, Decimal]:
    return {line.symbol: line.target for line in draft.lines if line.target is not None}
