"""A second person decides by the command on looser limits, at a server that runs."""

from pathlib import Path

import pytest

from api.live import opened
from cli.desk import run
from cli.test_alert_settings import key_of

pytestmark = pytest.mark.integration


def test_looser_limits_are_listed_approved_and_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as live, live.person("admin") as ada, live.person("admin", name="second") as second:
        account = str(ada.user.account_id)
        path = f"/accounts/{account}/limits"
        ada.put(path, {"order_qty": "5", "gross": "2"})
        ada.put(f"{path}/second-person", {"needed": True})
        ada.put(path, {"order_qty": "50", "gross": "2"}, 202)
        own, others = ((key_of(live, one, "read", "trade", "manage")) for one in (ada, second))

        def asked(key: str, *words: str, typed: str | None = None) -> tuple[int, str]:
            found = run(tmp_path, "limits", *words, "--url", live.url, "--api-key", key, typed=typed)
            return found.exit_code, str(found.output)

        status, listed = asked(others, "waiting")
        assert (status, account in listed, "order_qty" in listed, "gross" in listed) == (0, True, True, False)
        assert "second person has to decide" in asked(own, "approve", account, "--yes")[1]
        assert asked(others, "approve", account, typed="n\n")[0] == 1
        assert ada.get(path)["account"]["order_qty"] == "5"
        assert asked(others, "approve", account, typed="y\n")[0] == 0
        assert ada.get(path)["account"]["order_qty"] == "50"
        ada.put(f"{path}/second-person", {"needed": False}, 202)
        assert "not needed" in asked(others, "waiting")[1]
        assert asked(others, "refuse", account, "--yes")[0] == 0
        assert ada.get(path)["waiting"] is None
        assert "Nothing waits" in asked(others, "refuse", account, "--yes")[1]
