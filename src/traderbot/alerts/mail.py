"""Alerts as e-mail, by the server of the settings."""

import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from traderbot.alerts.outgoing import NotSent
from traderbot.infra.settings import Settings

SECONDS = 10.0
_MICROS = 1_000_000


def message_of(payload: dict[str, Any], message_id: str, sender: str, to: str, now: int) -> EmailMessage:
    """payload: as webhooks have it. now: microseconds."""
    data = payload["data"]
    over = payload["type"] == "alert.resolved"
    message = EmailMessage()
    message["From"] = sender
    message["To"] = to
    severity = "over" if over else data["severity"]
    message["Subject"] = f"[{severity}] {data['title']}"
    message["Date"] = format_datetime(datetime.fromtimestamp(now // _MICROS, UTC))
    message["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    lines = [data["body"], "", f"Time: {data['time']}"]
    if over:
        lines = [f"Over: {data['title']}", f"Value now: {data['resolved_value'] or '-'}", "", *lines]
    message.set_content("\n".join([*lines, f"Alert: {data['id']}"]) + "\n")
    return message


def send(settings: Settings, message: EmailMessage) -> None:
    """Hand a message to the server. Errors: NotSent, which never says the password."""
    if settings.smtp_host is None:
        raise NotSent("no SMTP server is set up")
    tls = ssl.create_default_context()
    try:
        with _connected(settings.smtp_host, settings.smtp_port, settings.smtp_security, tls) as server:
            if settings.smtp_security == "starttls":
                server.starttls(context=tls)
            if settings.smtp_user is not None and settings.smtp_password is not None:
                server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
            server.send_message(message)
    except smtplib.SMTPResponseException as error:
        raise NotSent(f"the mail server refuses it: {error.smtp_code} {_text(error.smtp_error)}") from error
    except smtplib.SMTPRecipientsRefused as error:
        code, text = next(iter(error.recipients.values()))
        raise NotSent(f"the mail server refuses the recipient: {code} {_text(text)}") from error
    except (smtplib.SMTPException, OSError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise NotSent(f"the mail server cannot be used: {said[:200]}") from error


def _connected(host: str, port: int, security: str, tls: ssl.SSLContext) -> smtplib.SMTP:
    if security == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=tls)
    return smtplib.SMTP(host, port, timeout=SECONDS)


def _text(said: bytes | str) -> str:
    return (said.decode("utf-8", "replace") if isinstance(said, bytes) else said)[:200]
