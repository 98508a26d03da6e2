"""What there is before any process starts: the owner of the deployment, with a key, whose account the AI
trades.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from traderbot.bootstrap import Platform
from traderbot.infra.delivery.duties import API_ONLY
from traderbot.infra.settings import load_settings
from traderbot.users.people import Grants, Principal
from traderbot.users.roles import SCOPES

EMAIL = "owner@example.com"
PASSWORD = "correct horse battery staple"


class Owner(NamedTuple):
    """The owner of the deployment. key: an API key that may do everything."""

    key: str
    account_id: UUID


def seed(settings: Mapping[str, object], home: Path) -> Owner:
    """Make the tables, the owner and the assignment, as `traderbot users create` and the demo do."""
    platform = Platform.open(load_settings({**settings, "home": home}), API_ONLY)
    try:
        user = platform.users.create_user(EMAIL, PASSWORD, role="owner", display_name="Owner")
        assert user.account_id is not None
        principal = Principal(user.id, user.account_id, user.role, "token")
        _, key = platform.users.create_api_key(principal, "cluster", grants=Grants(SCOPES))
        platform.trade_by_ai(user.account_id)
        return Owner(key, user.account_id)
    finally:
        platform.close()
