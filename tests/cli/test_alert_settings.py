"""Rules, routes and webhooks by the command, at a server that runs, with a real receiver."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alerts.receivers import LOOPBACK, receiver
from api.live import Live, Person, opened
from cli.desk import run
from traderbot.users.people import Grants, Principal

pytestmark = pytest.mark.integration

Words = Callable[..., Any]


def key_of(live: Live, person: Person, *scopes: Any) -> str:
    user = person.user
    principal = Principal(user.id, user.account_id, user.role, "token")
    grants = Grants(frozenset(scopes)) if scopes else None
    return live.platform.users.create_api_key(principal, "command", grants=grants)[1]


def fact(output: str, name: str) -> str:
    found = re.search(rf"^{name} +(\S.*)$", output, re.MULTILINE)
    assert found is not None, output
    return found[1].strip()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with opened(tmp_path_factory.mktemp("home"), webhook_networks=LOOPBACK) as built:
        yield built


@pytest.fixture
def ada(live: Live) -> Iterator[Person]:
    with live.person(name="ada") as person:
        yield person


@pytest.fixture
def command(live: Live, ada: Person, tmp_path: Path) -> Words:
    given = ("--url", live.url, "--api-key", key_of(live, ada))

    def asked(*words: str, status: int = 0) -> str:
        found = run(tmp_path, "alerts", *words, *given)
        assert found.exit_code == status, found.output
        return str(found.output)

    return asked


def test_a_rule_is_made_changed_switched_off_and_deleted(ada: Person, command: Words) -> None:
    made = command("rule", "add", "breakout", "--metric", "price", "--symbol", "MSFT", "--above", "27")
    rule = fact(made, "id")
    assert (fact(made, "rearm"), fact(made, "enabled")) == ("27", "yes")
    moved = command("rule", "change", rule, "--below", "20", "--severity", "critical")
    assert [fact(moved, name) for name in ("direction", "threshold", "rearm", "symbol", "severity")] == [
        "below", "20", "20", "MSFT", "critical",
    ]  # fmt: skip
    assert fact(command("rule", "change", rule, "--rearm", "21"), "rearm") == "21"
    assert fact(command("rule", "off", rule), "enabled") == "no"
    assert not ada.get("/alerts/rules")["items"][0]["enabled"]
    on = command("rule", "on", rule)
    assert (fact(on, "enabled"), fact(on, "rearm"), fact(on, "name")) == ("yes", "21", "breakout")
    assert rule in command("rule", "delete", rule)
    assert ada.get("/alerts/rules")["items"] == []
    assert "No such rule." in command("rule", "off", rule, status=1)
    assert "No such rule." in command("rule", "delete", rule, status=1)


def test_an_alert_is_acknowledged(live: Live, ada: Person, command: Words) -> None:
    command("rule", "add", "any", "--metric", "price", "--symbol", "MSFT", "--above", "0.01")
    live.platform.alerts.measure()
    live.step()
    live.platform.alerts.measure()
    (alert,) = ada.get("/alerts")["items"]
    assert "acknowledged" in command("acknowledge", alert["id"])
    assert ada.get("/alerts", state="acknowledged")["items"][0]["acknowledged_by"] == str(ada.user.id)


def test_a_webhook_shows_its_secret_once_and_is_tested(live: Live, ada: Person, command: Words) -> None:
    with receiver() as there:
        made = command("webhook", "add", "desk", f"{there.url}/alerts")
        hook, secret = fact(made, "id"), fact(made, "secret")
        assert secret.startswith("whsec_")
        listed = command("webhook", "list")
        assert hook in listed
        assert secret not in listed
        assert fact(command("webhook", "test", hook), "state") == "pending"
        assert live.platform.courier.deliver()
    assert [path for path, *_ in there.requests] == ["/alerts"]
    delivery = ada.get("/alerts/deliveries")["items"][0]["id"]
    assert "it was not given up" in command("replay", delivery, status=1)
    assert fact(command("webhook", "secret", hook), "secret") not in (secret, "")
    assert hook in command("webhook", "enable", hook)
    told = command("route", "critical", "--webhook", hook, "--no-inbox", "--resolved")
    assert [fact(told, name) for name in ("inbox", "webhooks", "resolved")] == ["no", hook, "yes"]
    assert fact(command("route", "critical"), "webhooks") == hook
    assert fact(command("route", "critical", "--webhook", "none"), "webhooks") == "-"
    assert fact(command("route", "warning"), "inbox") == "yes"  # it stayed as it was
    assert hook in command("webhook", "delete", hook)
    assert ada.get("/alerts/webhooks")["items"] == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("rule", "add", "x", "--metric", "price"), "--above"),
        (("rule", "add", "x", "--metric", "price", "--above", "1", "--below", "2"), "either"),
        (("rule", "add", "x", "--metric", "odd", "--above", "1"), "metric"),
        (("rule", "add", "x", "--metric", "price", "--symbol", "MSFT", "--above", "much"), "threshold"),
        (("rule", "add", "x", "--metric", "price", "--symbol", "NOSUCH", "--above", "1"), "NOSUCH"),
        (("rule", "change", "0198c7a2-7003-7c55-9d21-4e8b7f6a5c43"), "at least one option"),
        (("route", "odd"), "critical"),
        (("webhook", "add", "x", "ftp://example.com"), "https"),
    ],
)
def test_what_cannot_be_is_told_on_a_line(command: Words, words: tuple[str, ...], told: str) -> None:
    found = command(*words, status=1)
    (line,) = [one for one in found.splitlines() if "request_id=" not in one]  # the server logs here too
    assert told in line


def test_an_email_that_nobody_sends_is_said(command: Words) -> None:
    assert "no SMTP server is set up" in command("route", "info", "--email")


def test_who_asks_has_to_be_known(live: Live, tmp_path: Path) -> None:
    found = run(tmp_path, "alerts", "webhook", "list", "--url", live.url)
    assert (found.exit_code, "--api-key" in found.output) == (1, True)
    gone = run(tmp_path, "alerts", "webhook", "list", "--url", "http://127.0.0.1:1", "--api-key", "tb_x")
    assert (gone.exit_code, len(gone.output.splitlines())) == (1, 1)
