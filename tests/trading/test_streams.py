"""Names of streams are stored for ever, so they may not change."""

from uuid import UUID

import pytest

from traderbot.trading.streams import RULES_STREAM, account_stream, session_stream, user_stream

pytestmark = pytest.mark.unit


def test_the_names_of_streams() -> None:
    name = UUID(int=7)
    assert account_stream(name) == "account:00000000-0000-0000-0000-000000000007"
    assert session_stream(name) == "session:00000000-0000-0000-0000-000000000007"
    assert user_stream(name) == "user:00000000-0000-0000-0000-000000000007"
    assert RULES_STREAM == "rules"
