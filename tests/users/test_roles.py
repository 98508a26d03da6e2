"""Roles, their scopes, and who manages whom: the whole table."""

from itertools import pairwise

import pytest

from traderbot.users.roles import ROLES, SCOPES_OF, may_manage, role_named

pytestmark = pytest.mark.unit


def test_the_whole_table_of_who_manages_whom() -> None:
    managed = {
        (actor, whom, becoming)
        for actor in ROLES
        for whom in ROLES
        for becoming in ROLES
        if may_manage(actor, whom, becoming)
    }
    low = ("trader", "viewer")
    by_admin = {("admin", whom, becoming) for whom in low for becoming in low}
    assert managed == by_admin | {("owner", whom, becoming) for whom in ROLES for becoming in ROLES}


def test_each_role_has_the_scopes_of_those_below_it() -> None:
    scopes = [SCOPES_OF[role] for role in ROLES]
    assert all(higher >= lower for higher, lower in pairwise(scopes))


@pytest.mark.parametrize("text", ["root", "", "Owner", None, 7])
def test_what_is_no_role_may_only_look(text: object) -> None:
    assert role_named(text) == "viewer"
