"""Which rates hold for whom: those of the settings, and over them those that an administrator has set."""

from collections.abc import Iterable, Mapping
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.limits.rates import Policy, policy
from traderbot.infra.settings import Settings
from traderbot.model.errors import InvalidValue
from traderbot.users.people import Principal
from traderbot.users.tables import rate_limits

RateClass = Literal["general", "trading", "risk"]
CLASSES: tuple[RateClass, ...] = ("general", "trading", "risk")
ROLES = ("owner", "admin", "trader", "viewer")
SCOPES_MAX = 10_000
_EXPECTED = (
    "general, trading, risk or address; role:ROLE:CLASS, user:ID:CLASS or key:ID:CLASS, a class being one of"
    " the first three"
)


def check_scope(scope: str) -> str:
    """The scope as it is kept. Errors: InvalidValue."""
    parts = scope.split(":")
    if len(parts) == 1 and scope in {*CLASSES, "address"}:
        return scope
    if len(parts) == 3 and parts[2] in CLASSES:
        kind, whose, limited = parts
        if kind == "role" and whose in ROLES:
            return scope
        if kind in {"user", "key"}:
            try:
                return f"{kind}:{UUID(whose)}:{limited}"
            except ValueError:
                pass
    raise InvalidValue("scope", _EXPECTED, scope)


def check_rates(wanted: Mapping[str, str]) -> dict[str, str]:
    """Rates by scope, as they are kept. Errors: InvalidValue."""
    if len(wanted) > SCOPES_MAX:
        raise InvalidValue("rates", f"at most {SCOPES_MAX} of them", len(wanted))
    for scope, rate in wanted.items():
        policy(scope, rate)
    return {check_scope(scope): rate for scope, rate in wanted.items()}


def read_rates(connection: Connection) -> dict[str, str]:
    """What administrators have set, rates by scope."""
    rows = connection.execute(sa.select(rate_limits.c.scope, rate_limits.c.rate))
    return {row.scope: row.rate for row in rows}


def replace_rates(connection: Connection, wanted: Mapping[str, str], now: int) -> None:
    """Set these and no others."""
    connection.execute(sa.delete(rate_limits))
    if wanted:
        connection.execute(
            sa.insert(rate_limits),
            [{"scope": scope, "rate": rate, "updated_at": now} for scope, rate in wanted.items()],
        )


class RateBook:
    """The policies in force. The narrowest scope counts: the user's own, then the role's, then everybody's.

    A key's own rate does not replace the user's: both must allow.
    """

    def __init__(self, settings: Settings, changed: Mapping[str, str] | None = None) -> None:
        self.built_in = _of_settings(settings)
        self.changed = dict(changed or {})
        self._rates = {**self.built_in, **self.changed}
        self.address = policy("address", self._rates["address"], "bucket")
        self._policies: dict[tuple[str, str], Policy] = {}

    def of_user(self, principal: Principal, limited: RateClass) -> Policy:
        """What the user may do of a class of requests."""
        for scope in (
            f"user:{principal.user_id}:{limited}",
            f"role:{principal.role}:{limited}",
            limited,
        ):
            rate = self._rates.get(scope)
            if rate is not None:
                return self._policy(limited, rate)
        raise KeyError(limited)

    def of_key(self, principal: Principal, limited: RateClass) -> Policy | None:
        """What the API key may do besides, where it has a rate of its own."""
        rate = self._rates.get(f"key:{principal.key_id}:{limited}") if principal.key_id else None
        return None if rate is None else self._policy(f"key-{limited}", rate)

    def all_of(self, kind: str, whose: UUID) -> Iterable[Policy]:
        """Every policy that something of this user or key may be counted under."""
        if kind == "user":
            return [self._policy(name, rate) for name in CLASSES for rate in self._spoken_of(name)]
        own = {name: self._rates.get(f"key:{whose}:{name}") for name in CLASSES}
        return [self._policy(f"key-{name}", rate) for name, rate in own.items() if rate is not None]

    def _spoken_of(self, limited: RateClass) -> set[str]:
        return {rate for scope, rate in self._rates.items() if scope.rpartition(":")[2] == limited}

    def _policy(self, name: str, rate: str) -> Policy:
        made = self._policies.get((name, rate))
        if made is None:
            made = self._policies[name, rate] = policy(name, rate)
        return made


def _of_settings(settings: Settings) -> dict[str, str]:
    rates = {
        "general": settings.rate_general,
        "trading": settings.rate_trading,
        "risk": settings.rate_risk,
        "address": settings.rate_address,
    }
    for text in settings.rate_roles:
        scope, _, rate = text.partition("=")
        rates[f"role:{scope}"] = rate
    return rates
