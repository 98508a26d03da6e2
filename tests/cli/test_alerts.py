"""What the command shows of alerts, and that it tries the mail server."""

from pathlib import Path
from typing import Any

import pytest

from alerts.receivers import mailbox
from api.live import opened
from cli.desk import run

pytestmark = pytest.mark.integration

RULE = {"name": "MSFT moves", "metric": "price", "symbol": "MSFT", "threshold": "0.01"}


def test_alerts_rules_and_deliveries_are_listed_while_traderbot_runs(tmp_path: Path) -> None:
    with opened(tmp_path) as live, live.person(name="ada") as ada, live.person(name="bob") as bob:
        ada.put("/alerts/routing", {"warning": {"email": True}})
        ada.post("/alerts/rules", RULE)
        bob.post("/alerts/rules", {**RULE, "enabled": False})
        live.platform.alerts.measure()
        live.step()
        live.platform.alerts.measure()
        while "email" not in (sent := run(tmp_path, "alerts", "--deliveries")).output:
            assert sent.exit_code == 0, sent.output
        listed = run(tmp_path, "alerts")
        assert "MSFT price: " in listed.output
        assert ada.user.email in listed.output
        assert "MSFT price: " in run(tmp_path, "alerts", "--state", "open", "--user", ada.user.email).output
        assert "MSFT price: " not in run(tmp_path, "alerts", "--state", "resolved").output
        assert "MSFT price: " not in run(tmp_path, "alerts", "--user", bob.user.email).output
        rules = run(tmp_path, "alerts", "--rules").output
        assert "raised" in rules
        assert "off" in rules


def test_the_mail_server_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mailbox() as box:
        settings: dict[str, Any] = {"HOST": "127.0.0.1", "PORT": str(box.port), "SECURITY": "none"}
        for name, value in settings.items():
            monkeypatch.setenv(f"TRADERBOT_SMTP_{name}", value)
        found = run(tmp_path, "alerts", "--mail-to", "ada@example.com")
        assert found.exit_code == 0, found.output
        assert box.messages[0][1] == ["ada@example.com"]
        box.refuse = "550 not here"
        refused = run(tmp_path, "alerts", "--mail-to", "ada@example.com")
    assert refused.exit_code == 1
    assert "550 not here" in refused.output


@pytest.mark.parametrize("words", [("--state", "odd"), ("--user", "nobody@example.com")])
def test_what_cannot_be_asked_is_told_on_a_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    with opened(tmp_path):
        pass
    found = run(tmp_path, "alerts", *words)
    assert found.exit_code == 1
    assert len(found.output.splitlines()) == 1


def test_without_a_mail_server_that_is_said(tmp_path: Path) -> None:
    found = run(tmp_path, "alerts", "--mail-to", "ada@example.com")
    assert found.exit_code == 1
    assert "no SMTP server is set up" in found.output
