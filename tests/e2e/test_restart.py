"""The demo killed in the middle of trading, started again on the same home, and audited."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from e2e.demo import Demo, running, traderbot, wait_for

pytestmark = pytest.mark.integration


def test_kill_start_again_and_audit(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running(home, "--speed", "20") as demo:
        filled = wait_for(lambda: first_fill(demo))
        before = demo.get("/market/clock")
        events = demo.get("/events", limit=500)["items"]
        demo.kill()
    with running(home, "--speed", "20") as again:
        assert {name: again.login[name] for name in ("email", "password", "api_key")} == {
            name: demo.login[name] for name in ("email", "password", "api_key")
        }
        clock = again.get("/market/clock")
        assert clock["session_id"] == before["session_id"]
        assert clock["step"] >= before["step"]  # nothing that was answered is lost
        signed_in = httpx2.post(
            f"{again.url}/api/v1/auth/login",
            json={"email": again.login["email"], "password": again.login["password"]},
        )
        assert signed_in.status_code == 200
        assert again.get("/events", limit=500)["items"][: len(events)] == events
        assert again.get(f"/orders/{filled['order_id']}")["status"] == "filled"
        wait_for(lambda: again.get("/market/clock")["step"] > clock["step"] or None)
        assert again.stop() == 0
    for command, says in (("verify", "every chain holds"), ("rebuild", "identical")):
        found = traderbot("audit", command, "--home", str(home))
        assert (found.returncode, says in found.stdout) == (0, True), found.stdout + found.stderr


def first_fill(demo: Demo) -> Any:
    fills = demo.get("/fills")["items"]
    return fills[-1] if fills else None
