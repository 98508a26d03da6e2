"""Who may do what: roles, the scopes each has, and who manages whom."""

from typing import Literal

Role = Literal["owner", "admin", "trader", "viewer"]
Scope = Literal["read", "trade", "manage"]

ROLES: tuple[Role, ...] = ("owner", "admin", "trader", "viewer")
SCOPES: tuple[Scope, ...] = ("read", "trade", "manage")
SCOPES_OF: dict[Role, frozenset[Scope]] = {
    "owner": frozenset(SCOPES),
    "admin": frozenset(SCOPES),
    "trader": frozenset({"read", "trade"}),
    "viewer": frozenset({"read"}),
}
_MANAGED_BY: dict[Role, frozenset[Role]] = {
    "owner": frozenset(ROLES),
    "admin": frozenset({"trader", "viewer"}),
    "trader": frozenset(),
    "viewer": frozenset(),
}


def role_named(text: object) -> Role:
    """The role as it is stored; what is none may only look."""
    for role in ROLES:
        if text == role:
            return role
    return "viewer"


def may_manage(actor: Role, whom: Role, becoming: Role | None = None) -> bool:
    """Whether somebody may change a person, and make them what they are to become."""
    managed = _MANAGED_BY[actor]
    return whom in managed and (becoming is None or becoming in managed)
