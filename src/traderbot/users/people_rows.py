"""SQL of administration: people listed, locked, changed and erased, inside somebody else's transaction."""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.users import repository
from traderbot.users.people import User
from traderbot.users.roles import Role
from traderbot.users.tables import api_keys, preferences, refresh_tokens, users


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """Which people; None for any. email: how the address begins."""

    role: Role | None = None
    active: bool | None = None
    email: str | None = None


def list_people(
    connection: Connection, wanted: PeopleFilter, *, before: UUID | None, limit: int
) -> list[User]:
    """Newest first, from below an id."""
    query = sa.select(users.c.id).order_by(users.c.id.desc()).limit(limit)
    if wanted.role is not None:
        query = query.where(users.c.role == wanted.role)
    if wanted.active is not None:
        query = query.where(users.c.active.is_(wanted.active))
    if wanted.email:
        query = query.where(users.c.email.startswith(wanted.email, autoescape=True))
    if before is not None:
        query = query.where(users.c.id < before)
    return repository.users_by_id(connection, query)


def hold(connection: Connection, *user_ids: UUID) -> tuple[dict[UUID, User], set[UUID]]:
    """These people, and the ids of all active owners, with their rows locked until the transaction ends."""
    owners = sa.and_(users.c.role == "owner", users.c.active.is_(True))
    wanted = sa.or_(users.c.id.in_(user_ids), owners)
    locked = sa.select(users.c.id).where(wanted).order_by(users.c.id).with_for_update()
    found = {user.id: user for user in repository.users_by_id(connection, locked)}
    return found, {user.id for user in found.values() if user.role == "owner" and user.active}


def set_standing(connection: Connection, user_id: UUID, role: Role, *, active: bool) -> None:
    connection.execute(sa.update(users).where(users.c.id == user_id).values(role=role, active=active))


def end_sign_ins(connection: Connection, user_id: UUID, now: int) -> None:
    """Every token of the user ends: access tokens issued by now, and what would get new ones."""
    connection.execute(sa.update(users).where(users.c.id == user_id).values(signed_out_at=now))
    alive = sa.and_(refresh_tokens.c.user_id == user_id, refresh_tokens.c.revoked_at.is_(None))
    connection.execute(sa.update(refresh_tokens).where(alive).values(revoked_at=now))


def erase(connection: Connection, user_id: UUID) -> None:
    """Keep the id, as the journal names it, and nothing that says whose it was."""
    for table in (preferences, refresh_tokens, api_keys):
        connection.execute(sa.delete(table).where(table.c.user_id == user_id))
    nobody = {"email": f"{user_id}@erased.invalid", "display_name": "erased", "password_hash": ""}
    gone = sa.update(users).where(users.c.id == user_id)
    connection.execute(gone.values(role="viewer", active=False, **nobody))
