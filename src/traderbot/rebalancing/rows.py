"""Proposals and plans of rebalancing on record."""

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.storage.database import ID, TIME, metadata
from traderbot.model.amounts import fraction
from traderbot.model.errors import InvalidValue, NotFound
from traderbot.model.symbols import Symbol
from traderbot.portfolios.spans import Every
from traderbot.rebalancing.proposal import OPEN, Proposal, Status
from traderbot.rebalancing.wanted import Wanted

proposals = sa.Table(
    "rebalancing_proposals",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("account_id", ID, nullable=False),
    sa.Column("made_at", TIME, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index("ix_rebalancing_proposals_account", "account_id", "made_at", "id"),
    sa.Index("ix_rebalancing_proposals_status", "status"),
)
plans = sa.Table(
    "rebalancing_plans",
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("user_id", ID, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)
_p, _l = proposals.c, plans.c


class Plan(msgspec.Struct, frozen=True):
    """What is done again and again. every: at the first step of each such period; drift: as soon as a weight
    is off its target by more, a share of equity; one of the two at least. automatic: approved at once, else
    it waits for somebody. looked_at: market time of the last proposal; targets: its weights. Errors:
    InvalidValue.
    """

    account_id: UUID
    user_id: UUID
    wanted: Wanted
    every: Every | None = None
    drift: Decimal | None = None
    automatic: bool = False
    looked_at: int = 0
    targets: dict[Symbol, Decimal] = {}

    def __post_init__(self) -> None:
        if self.every is None and self.drift is None:
            raise InvalidValue("every", f"one of {', '.join(Every)}, or a drift, or both")
        if self.drift is not None and not fraction(self.drift, "drift"):
            raise InvalidValue("drift", "a share of equity above 0, such as 0.05", self.drift)
        if self.drift is not None and self.drift <= self.wanted.band:
            raise InvalidValue("drift", f"more than the band of {self.wanted.band:f}", self.drift)


def add_proposal(connection: Connection, proposal: Proposal) -> None:
    connection.execute(sa.insert(proposals).values(_columns(proposal)))


def keep_proposal(connection: Connection, proposal: Proposal) -> None:
    """In the place of what was there."""
    connection.execute(sa.update(proposals).where(_p.id == proposal.id).values(_columns(proposal)))


def find_proposal(connection: Connection, account_id: UUID, proposal_id: UUID) -> Proposal:
    """Errors: NotFound."""
    query = sa.select(_p.body).where(_p.id == proposal_id, _p.account_id == account_id)
    body = connection.execute(query).scalar()
    if body is None:
        raise NotFound("No such proposal.")
    return msgspec.json.decode(body, type=Proposal)


def proposals_of(
    connection: Connection, account_id: UUID, limit: int, before: Proposal | None = None
) -> list[Proposal]:
    """An account's, the newest first; only those made before another where one is given."""
    query = sa.select(_p.body).where(_p.account_id == account_id)
    if before is not None:
        earlier = sa.tuple_(_p.made_at, _p.id) < sa.tuple_(
            sa.literal(before.made_at, TIME), sa.literal(before.id, ID)
        )
        query = query.where(earlier)
    query = query.order_by(_p.made_at.desc(), _p.id.desc()).limit(limit)
    return [msgspec.json.decode(body, type=Proposal) for body in connection.execute(query).scalars()]


def under_way(connection: Connection, statuses: Iterable[Status] = OPEN) -> list[Proposal]:
    """Of all accounts, the oldest first."""
    query = sa.select(_p.body).where(_p.status.in_(list(statuses))).order_by(_p.made_at, _p.id)
    return [msgspec.json.decode(body, type=Proposal) for body in connection.execute(query).scalars()]


def _columns(proposal: Proposal) -> dict[str, object]:
    return {
        "id": proposal.id,
        "account_id": proposal.account_id,
        "made_at": proposal.made_at,
        "status": proposal.status,
        "body": msgspec.json.encode(proposal).decode(),
    }


def set_plan(connection: Connection, plan: Plan) -> None:
    """In the place of the account's plan, where it had one."""
    drop_plan(connection, plan.account_id)
    body = msgspec.json.encode(plan).decode()
    row = {"account_id": plan.account_id, "user_id": plan.user_id, "body": body}
    connection.execute(sa.insert(plans).values(row))


def drop_plan(connection: Connection, account_id: UUID) -> bool:
    """Whether there was one."""
    return connection.execute(sa.delete(plans).where(_l.account_id == account_id)).rowcount == 1


def find_plan(connection: Connection, account_id: UUID) -> Plan | None:
    body = connection.execute(sa.select(_l.body).where(_l.account_id == account_id)).scalar()
    return None if body is None else msgspec.json.decode(body, type=Plan)


def all_plans(connection: Connection) -> list[Plan]:
    bodies = connection.execute(sa.select(_l.body).order_by(_l.account_id)).scalars()
    return [msgspec.json.decode(body, type=Plan) for body in bodies]
