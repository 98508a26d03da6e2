"""Alerts as e-mail, handed to a real server on loopback."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from alerts.receivers import certificate, mailbox
from traderbot.alerts.mail import message_of, send
from traderbot.alerts.outgoing import NotSent
from traderbot.infra.settings import Settings

pytestmark = pytest.mark.integration

DATA = {
    "title": "Größe zählt", "body": "AAA price: 10.5, at or above 10.", "severity": "critical", "id": "17",
    "time": "2005-01-04T21:00:00Z", "resolved_value": None,
}  # fmt: skip
PAYLOAD = {"type": "alert.raised", "data": DATA}


def settings(tmp_path: Path, port: int, **changed: Any) -> Settings:
    usual = {"smtp_host": "localhost", "smtp_port": port, "smtp_from": "desk@example.com"}
    return Settings(home=tmp_path, **(usual | changed))


def message() -> Any:
    return message_of(PAYLOAD, "some-id", "desk@example.com", "ada@example.com", 1_104_872_400_000_000)


def test_a_message_arrives_over_starttls_after_signing_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, trusted = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with mailbox(context, login=("ada", "hunter2")) as box:
        signed_in = {"smtp_user": "ada", "smtp_password": SecretStr("hunter2")}
        send(settings(tmp_path, box.port, **signed_in), message())
    ((sender, to, got),) = box.messages
    assert (sender, to, box.secured) == ("desk@example.com", ["ada@example.com"], [True])
    assert got["subject"] == "[critical] Größe zählt"
    assert got["message-id"] == "<some-id@example.com>"
    assert got["auto-submitted"] == "auto-generated"
    assert got["date"] == "Tue, 04 Jan 2005 21:00:00 +0000"
    assert "AAA price: 10.5, at or above 10." in got.get_content()


def test_a_message_arrives_over_tls_from_the_first_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, trusted = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with mailbox(context, wrapped=True) as box:
        send(settings(tmp_path, box.port, smtp_security="tls"), message())
    assert len(box.messages) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    context, _ = certificate(tmp_path)
    with mailbox(context) as box, pytest.raises(NotSent, match=r"(?i)certificate"):
        send(settings(tmp_path, box.port), message())
    assert box.messages == []


def test_a_server_without_starttls_is_not_used_in_the_clear(tmp_path: Path) -> None:
    with mailbox() as box, pytest.raises(NotSent, match="STARTTLS"):
        send(settings(tmp_path, box.port), message())
    assert box.messages == []


def test_what_the_server_says_is_told_and_the_password_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mailbox() as box:
        box.refuse = "550 nobody of that name"
        with pytest.raises(NotSent, match="550 nobody of that name"):
            send(settings(tmp_path, box.port, smtp_security="none"), message())
    context, trusted = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with mailbox(context, login=("ada", "right")) as box:
        wrong = {"smtp_user": "ada", "smtp_password": SecretStr("hunter2")}
        with pytest.raises(NotSent) as refused:
            send(settings(tmp_path, box.port, **wrong), message())
    assert "535" in refused.value.detail
    assert "hunter2" not in refused.value.detail


def test_what_is_over_says_so() -> None:
    data = {**DATA, "resolved_value": "8"}
    over = message_of({"type": "alert.resolved", "data": data}, "x", "a@example.com", "b@example.com", 0)
    assert over["subject"] == "[over] Größe zählt"
    assert "Value now: 8" in over.get_content()
