"""What trades an account, told to its owner: warnings, and why and when a strategy was stopped."""

from pathlib import Path

import pytest

from api.live import opened
from traderbot.trading.assignments import Assigned
from trading.test_placers import MINE

pytestmark = pytest.mark.integration


def test_warnings_and_a_stop_are_told_to_the_owner(tmp_path: Path) -> None:
    file, home = tmp_path / "mine.py", tmp_path / "home"
    file.write_text(MINE)
    with opened(home) as live, live.person() as ada, live.person() as bob:
        account_id = ada.user.account_id
        assert account_id is not None
        assert ada.get("/strategies/assigned") == {"items": []}
        live.platform.trade_by(Assigned(account_id, "mine", str(file), {"shares": "7"}))
        (alone,) = ada.get("/strategies/assigned")["items"]
        assert (alone["name"], alone["source"], alone["parameters"]) == ("mine", str(file), {"shares": "7"})
        assert (alone["warnings"], alone["stopped"], alone["stopped_at"]) == ([], None, None)
        assert len(alone["sha256"]) == 64
        live.platform.trade_by(Assigned(account_id, "buy-and-hold", "buy-and-hold", {}))
        for one, other in zip(
            ada.get("/strategies/assigned")["items"], ("buy-and-hold", "mine"), strict=True
        ):
            assert [text.split()[0] for text in one["warnings"]] == [other]
        assert bob.get("/strategies/assigned") == {"items": []}
        live.platform.assigning.take(account_id, "buy-and-hold")
        user, before = ada.user, alone["assigned_at"]
    file.write_text(MINE + "# edited\n")
    with opened(home) as live, live.person() as eve:
        live.platform._resume_strategies()
        eve.client.headers["Authorization"] = f"Bearer {live.token(user)}"
        (stopped,) = eve.get("/strategies/assigned")["items"]
        assert "is not the one that was assigned" in stopped["stopped"]
        assert stopped["stopped_at"] > stopped["assigned_at"] == before
