"""SQL of this feature: each function takes the connection of a transaction that somebody else begins and
ends.
"""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from traderbot.model.symbols import Symbol
from traderbot.users.people import ApiKey, Grants, InvestmentGoal, Preferences, RiskTolerance, Sector, User
from traderbot.users.roles import SCOPES, role_named
from traderbot.users.tables import api_keys, grant_spending, preferences, refresh_tokens, users

_PUBLIC = (
    users.c.id,
    users.c.email,
    users.c.display_name,
    users.c.role,
    users.c.active,
    users.c.created_at,
    users.c.account_id,
)
_KEY = (
    api_keys.c.id,
    api_keys.c.user_id,
    api_keys.c.name,
    api_keys.c.prefix,
    api_keys.c.created_at,
    api_keys.c.last_used_at,
    api_keys.c.revoked_at,
    api_keys.c.account_id,
    api_keys.c.scopes,
    api_keys.c.symbols,
    api_keys.c.daily_notional,
    api_keys.c.expires_at,
)


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token as stored: times in microseconds, None for what has not happened."""

    id: UUID
    user_id: UUID
    family: UUID
    expires_at: int
    used_at: int | None
    revoked_at: int | None


def insert_user(connection: Connection, user: User, password_hash: str) -> None:
    """Errors: IntegrityError if the e-mail address is taken."""
    values = {name: getattr(user, name) for name in User.__slots__}
    connection.execute(sa.insert(users).values(password_hash=password_hash, **values))


def email_taken(connection: Connection, email: str) -> bool:
    return connection.execute(sa.select(users.c.id).where(users.c.email == email)).first() is not None


def user_by_id(connection: Connection, user_id: UUID) -> User | None:
    return _user(connection.execute(sa.select(*_PUBLIC).where(users.c.id == user_id)).first())


def users_by_id(connection: Connection, ids: sa.Select[Any]) -> list[User]:
    """The people that a query of ids gives, in its order and under its locks."""
    return [user for row in connection.execute(ids.with_only_columns(*_PUBLIC)) if (user := _user(row))]


def standing_of(connection: Connection, user_id: UUID) -> tuple[User | None, int]:
    """The user, and since when their older access tokens have ended; 0 for never."""
    row = connection.execute(sa.select(*_PUBLIC, users.c.signed_out_at).where(users.c.id == user_id)).first()
    return _user(row), 0 if row is None else row.signed_out_at or 0


def user_and_hash(connection: Connection, email: str) -> tuple[User, str] | None:
    """The user of an address with the hash of their password."""
    row = connection.execute(sa.select(*_PUBLIC, users.c.password_hash).where(users.c.email == email)).first()
    user = _user(row)
    return None if row is None or user is None else (user, str(row.password_hash))


def set_password_hash(connection: Connection, user_id: UUID, password_hash: str) -> None:
    connection.execute(sa.update(users).where(users.c.id == user_id).values(password_hash=password_hash))


def insert_refresh_token(
    connection: Connection,
    *,
    token_id: UUID,
    user_id: UUID,
    family: UUID,
    token_hash: str,
    issued_at: int,
    expires_at: int,
) -> None:
    connection.execute(
        sa.insert(refresh_tokens).values(
            id=token_id,
            user_id=user_id,
            family=family,
            token_hash=token_hash,
            issued_at=issued_at,
            expires_at=expires_at,
        )
    )


def refresh_token(connection: Connection, token_hash: str) -> RefreshToken | None:
    table = refresh_tokens.c
    chosen = sa.select(
        table.id, table.user_id, table.family, table.expires_at, table.used_at, table.revoked_at
    )
    row = connection.execute(chosen.where(table.token_hash == token_hash)).first()
    return None if row is None else RefreshToken(*row)


def use_refresh_token(connection: Connection, token_id: UUID, now: int) -> bool:
    """Mark the token used; False if somebody else already had."""
    unused = sa.and_(refresh_tokens.c.id == token_id, refresh_tokens.c.used_at.is_(None))
    return connection.execute(sa.update(refresh_tokens).where(unused).values(used_at=now)).rowcount == 1


def revoke_family(connection: Connection, family: UUID, now: int) -> None:
    alive = sa.and_(refresh_tokens.c.family == family, refresh_tokens.c.revoked_at.is_(None))
    connection.execute(sa.update(refresh_tokens).where(alive).values(revoked_at=now))


def forget_expired_tokens(connection: Connection, user_id: UUID, now: int) -> None:
    """Remove the user's refresh tokens that have expired, so that the table stays as large as its use."""
    old = sa.and_(refresh_tokens.c.user_id == user_id, refresh_tokens.c.expires_at <= now)
    connection.execute(sa.delete(refresh_tokens).where(old))


def forget_old_tokens(connection: Connection, now: int, limit: int) -> int:
    """Remove some of anybody's refresh tokens that have expired. Returns: how many."""
    old = sa.select(refresh_tokens.c.id).where(refresh_tokens.c.expires_at <= now).limit(limit)
    return connection.execute(sa.delete(refresh_tokens).where(refresh_tokens.c.id.in_(old))).rowcount


def insert_api_key(connection: Connection, key: ApiKey, key_hash: str) -> None:
    values = {name: getattr(key, name) for name in ApiKey.__slots__ if name != "grants"}
    grants = key.grants
    values["scopes"] = ",".join(grants.scopes)
    values["symbols"] = None if grants.symbols is None else json.dumps(grants.symbols)
    values["daily_notional"], values["expires_at"] = grants.daily_notional, grants.expires_at
    connection.execute(sa.insert(api_keys).values(key_hash=key_hash, **values))
    if grants.daily_notional is not None:  # the row that its orders lock
        connection.execute(sa.insert(grant_spending).values(key_id=key.id, day=0, spent=0))


def live_api_keys(connection: Connection, user_id: UUID) -> list[ApiKey]:
    """The user's keys that are not revoked, newest first."""
    live = sa.and_(api_keys.c.user_id == user_id, api_keys.c.revoked_at.is_(None))
    rows = connection.execute(sa.select(*_KEY).where(live).order_by(api_keys.c.id.desc()))
    return [_key(row) for row in rows]


def api_key_and_user(connection: Connection, key_hash: str) -> tuple[ApiKey, User] | None:
    """A live key with its active user."""
    live = sa.and_(api_keys.c.key_hash == key_hash, api_keys.c.revoked_at.is_(None))
    row = connection.execute(sa.select(*_KEY).where(live)).first()
    if row is None:
        return None
    key = _key(row)
    user = user_by_id(connection, key.user_id)
    return (key, user) if user is not None and user.active else None


def touch_api_key(connection: Connection, key_id: UUID, now: int) -> None:
    connection.execute(sa.update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=now))


def revoke_api_key(connection: Connection, user_id: UUID, key_id: UUID, now: int) -> bool:
    """False if the user has no such live key."""
    own = sa.and_(api_keys.c.id == key_id, api_keys.c.user_id == user_id, api_keys.c.revoked_at.is_(None))
    return connection.execute(sa.update(api_keys).where(own).values(revoked_at=now)).rowcount == 1


def preferences_of(connection: Connection, user_id: UUID) -> Preferences:
    """What the user set, or what holds for everybody who has not."""
    row = connection.execute(sa.select(preferences).where(preferences.c.user_id == user_id)).first()
    if row is None:
        return Preferences()
    return Preferences(
        RiskTolerance(row.risk_tolerance),
        InvestmentGoal(row.investment_goal),
        tuple(Sector(name) for name in json.loads(row.sector_preferences)),
        tuple(Sector(name) for name in json.loads(row.sector_exclusions)),
    )


def put_preferences(connection: Connection, user_id: UUID, wanted: Preferences, now: int) -> None:
    """Replace the user's preferences as a whole."""
    connection.execute(sa.delete(preferences).where(preferences.c.user_id == user_id))
    connection.execute(
        sa.insert(preferences).values(
            user_id=user_id,
            risk_tolerance=wanted.risk_tolerance.value,
            investment_goal=wanted.investment_goal.value,
            sector_preferences=json.dumps(wanted.sector_preferences),
            sector_exclusions=json.dumps(wanted.sector_exclusions),
            updated_at=now,
        )
    )


def _user(row: Row[*tuple[Any, ...]] | None) -> User | None:
    if row is None:
        return None
    role = role_named(row.role)
    return User(row.id, row.email, row.display_name, role, bool(row.active), row.created_at, row.account_id)


def _key(row: Row[*tuple[Any, ...]]) -> ApiKey:
    symbols = None if row.symbols is None else tuple(Symbol(name) for name in json.loads(row.symbols))
    scopes = tuple(scope for scope in SCOPES if scope in row.scopes.split(","))
    grants = Grants(scopes, symbols, row.daily_notional, row.expires_at)
    return ApiKey(
        row.id,
        row.user_id,
        row.name,
        row.prefix,
        row.created_at,
        row.last_used_at,
        row.revoked_at,
        row.account_id,
        grants,
    )
