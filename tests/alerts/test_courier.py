"""What is sent to the outside, by a whole platform, to real receivers on loopback."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from alerts.receivers import LOOPBACK, Mailbox, mailbox, receiver
from alerts.waiting import eventually
from api.live import Live, Person, opened
from api.test_inbox_endpoints import until
from servers import KINDS, database_url
from traderbot.alerts import courier as courier_room
from traderbot.alerts import telling
from traderbot.alerts.courier import FAILURES_MAX, Courier
from traderbot.alerts.tables import alert_deliveries
from traderbot.infra.settings import signing_secret

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def box() -> Iterator[Mailbox]:
    with mailbox() as found:
        yield found


@pytest.fixture(scope="module", params=KINDS)
def live(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, box: Mailbox
) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("database")
    settings = {
        "webhook_networks": LOOPBACK, "smtp_host": "127.0.0.1", "smtp_port": box.port,
        "smtp_security": "none", "smtp_from": "desk@example.com",
    }  # fmt: skip
    home = tmp_path_factory.mktemp("home")
    with (
        database_url(request.param, folder) as url,
        opened(home, database_url=url, **settings) as built,
    ):
        yield built


@pytest.fixture
def ada(live: Live) -> Iterator[Person]:
    with live.person(name="ada") as person:
        yield person
    with live.platform.database.write() as connection:
        for table in ("alert_rules", "alert_deliveries"):
            connection.exec_driver_sql(f"DELETE FROM {table}")


@pytest.fixture
def send(live: Live) -> Any:
    """Handles and sends all there is, without waiting for the pauses between attempts."""
    platform = live.platform
    secret = signing_secret(platform.settings)
    courier = Courier(
        platform.settings, secret, platform.path, platform.database, platform.clock, backoff_s=(0, 0, 0)
    )

    def deliver() -> None:
        while platform.alerts.measure():
            pass
        eventually(lambda: not any(behind(live, one) for one in TELLING))
        while courier.deliver():
            pass

    deliver()
    return deliver


def behind(live: Live, handler: str) -> int:
    """How far a handler has yet to read."""
    platform = live.platform
    return platform.bus.lag(platform.database, platform.clock.now())[handler][0]


TELLING = ("tell_alerts", "tell_webhook_disabled")


def alert(live: Live, person: Person, **route: Any) -> None:
    """Have an alert raised that goes by this route."""
    person.put("/alerts/routing", {"warning": route})
    rule = {"name": "MSFT moves", "metric": "price", "symbol": "MSFT", "threshold": "0.01"}
    person.post("/alerts/rules", rule)
    live.step()


def hook(person: Person, url: str) -> tuple[str, str]:
    """A webhook's id and secret."""
    made = person.post("/alerts/webhooks", {"name": "desk", "url": url})
    return made["id"], made["secret"]


def verified(secret: str, headers: dict[str, str], body: bytes) -> Any:
    """As a receiver does it."""
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    return json.loads(body)


def test_an_alert_reaches_a_webhook_signed_and_once(live: Live, ada: Person, send: Any) -> None:
    with receiver() as there:
        webhook_id, secret = hook(ada, there.url + "/alerts?desk=1")
        alert(live, ada, webhooks=[webhook_id], resolved=True)
        send()
        send()
        ((path, headers, body),) = there.requests
        found = verified(secret, headers, body)
        assert (path, headers["content-type"]) == ("/alerts?desk=1", "application/json")
        (raised,) = ada.get("/alerts")["items"]
        assert (found["type"], found["data"]["id"]) == ("alert.raised", raised["id"])
        assert found["data"]["value"] == raised["value"]
        (delivery,) = ada.get("/alerts/deliveries")["items"]
        assert (delivery["state"], delivery["attempts"], delivery["alert_id"]) == ("sent", 1, raised["id"])
        assert delivery["id"] == headers["webhook-id"]
        assert ada.get("/alerts/webhooks")["items"][0].get("secret") is None
        ada.delete(f"/alerts/rules/{raised['rule_id']}")
        send()
        assert verified(secret, *there.requests[1][1:])["type"] == "alert.resolved"


def test_what_fails_is_tried_again_under_its_id_and_then_given_up(live: Live, ada: Person, send: Any) -> None:
    with receiver() as there:
        there.status = 500
        webhook_id, secret = hook(ada, there.url)
        alert(live, ada, webhooks=[webhook_id])
        send()
        assert len(there.requests) == 4
        assert len({headers["webhook-id"] for _, headers, _ in there.requests}) == 1
        (dead,) = ada.get("/alerts/deliveries", state="dead")["items"]
        assert (dead["attempts"], dead["error"]) == (4, "it answered 500")
        there.status = 200
        again = ada.post(f"/alerts/deliveries/{dead['id']}/replay", {}, 200)
        assert (again["state"], again["attempts"]) == ("pending", 0)
        send()
        verified(secret, *there.requests[4][1:])
        assert there.requests[4][1]["webhook-id"] == dead["id"]
        assert ada.post(f"/alerts/deliveries/{dead['id']}/replay", {}, 409)["code"] == "conflict"
        assert ada.get("/alerts/webhooks")["items"][0]["failures"] == 0


def test_a_webhook_that_fails_too_often_is_disabled_and_its_owner_told(
    live: Live, ada: Person, send: Any
) -> None:
    with receiver() as there:
        there.status = 404
        webhook_id, _ = hook(ada, there.url)
        for _ in range(5):
            ada.post(f"/alerts/webhooks/{webhook_id}/test", {}, 202)
        send()
        assert len(there.requests) == FAILURES_MAX
        (one,) = ada.get("/alerts/webhooks")["items"]
        assert (one["enabled"], one["failures"], one["last_error"]) == (
            False,
            FAILURES_MAX,
            "it answered 404",
        )
        told = until(ada, "webhook_disabled")[0]
        assert (told["title"], told["data"]["webhook_id"]) == ("Webhook disabled: desk", webhook_id)
        assert len(ada.get("/alerts/deliveries", state="dead")["items"]) == 5
        there.status = 200
        assert ada.post(f"/alerts/webhooks/{webhook_id}/enable", {}, 200)["enabled"] is True
        ada.post(f"/alerts/webhooks/{webhook_id}/test", {}, 202)
        send()
        assert len(there.requests) == FAILURES_MAX + 1


def test_what_waits_for_a_webhook_that_failed_is_not_tried_as_well(
    live: Live, ada: Person, send: Any
) -> None:
    """Else an outage of a second, in which many alerts come, would disable it."""
    platform = live.platform
    with receiver() as there:
        there.status = 503
        webhook_id, _ = hook(ada, there.url)
        for _ in range(3):
            ada.post(f"/alerts/webhooks/{webhook_id}/test", {}, 202)
        slow = Courier(
            platform.settings, b"s" * 32, platform.path, platform.database, platform.clock, backoff_s=(60,)
        )
        assert [slow.deliver(), slow.deliver()] == [1, 0]
        (one,) = ada.get("/alerts/webhooks")["items"]
        assert (one["failures"], len(there.requests)) == (1, 1)
        assert one["next_try_at"] is not None
        there.status = 200
        ada.post(f"/alerts/webhooks/{webhook_id}/enable", {}, 200)
        assert [slow.deliver(), slow.deliver(), slow.deliver()] == [1, 1, 0]
        states = {one["state"] for one in ada.get("/alerts/deliveries")["items"]}
        assert states == {"sent", "pending"}


def test_a_crash_between_sending_and_recording_sends_the_same_id_again(
    live: Live, ada: Person, send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiver() as there:
        webhook_id, _ = hook(ada, there.url)
        ada.post(f"/alerts/webhooks/{webhook_id}/test", {}, 202)

        def crash(*_: Any) -> None:
            raise RuntimeError("killed")

        with monkeypatch.context() as killed:
            killed.setattr(Courier, "_keep", crash)
            with pytest.raises(RuntimeError):
                send()
        send()
        first, second = there.requests
        assert first[1]["webhook-id"] == second[1]["webhook-id"]
        (delivery,) = ada.get("/alerts/deliveries")["items"]
        assert (delivery["state"], delivery["attempts"]) == ("sent", 1)


def test_a_renewed_secret_signs_and_a_deleted_webhook_is_gone(live: Live, ada: Person, send: Any) -> None:
    with receiver() as there:
        webhook_id, old = hook(ada, there.url)
        new = ada.post(f"/alerts/webhooks/{webhook_id}/secret", {}, 200)["secret"]
        assert new != old
        alert(live, ada, webhooks=[webhook_id])
        send()
        verified(new, *there.requests[0][1:])
        ada.post(f"/alerts/webhooks/{webhook_id}/test", {}, 202)
        ada.delete(f"/alerts/webhooks/{webhook_id}")
        send()
        assert len(there.requests) == 1
        assert ada.get("/alerts/routing")["warning"]["webhooks"] == []
        assert ada.delete(f"/alerts/webhooks/{webhook_id}", 404)["code"] == "not_found"


def test_webhooks_are_ones_own(live: Live, ada: Person) -> None:
    with live.person() as bob:
        webhook_id, _ = hook(ada, "https://desk.example.com/")
        assert bob.get("/alerts/webhooks")["items"] == []
        for act in ("secret", "enable", "test"):
            assert bob.post(f"/alerts/webhooks/{webhook_id}/{act}", {}, 404)["code"] == "not_found"
        assert (
            bob.put("/alerts/routing", {"info": {"webhooks": [webhook_id]}}, 422)["code"] == "invalid_value"
        )
    inside = {"name": "inside", "url": "https://169.254.169.254/latest"}
    assert "public" in ada.post("/alerts/webhooks", inside, 422)["detail"]


def test_an_alert_reaches_its_user_by_mail(live: Live, ada: Person, box: Mailbox, send: Any) -> None:
    box.messages.clear()
    assert ada.get("/alerts/routing")["email_set_up"] is True
    alert(live, ada, email=True)
    send()
    ((_, to, message),) = box.messages
    assert to == [ada.user.email]
    assert message["subject"] == "[warning] MSFT moves"
    (delivery,) = ada.get("/alerts/deliveries")["items"]
    assert (delivery["channel"], delivery["state"]) == ("email", "sent")


def test_mails_of_a_day_end_somewhere(
    live: Live, ada: Person, box: Mailbox, send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.messages.clear()
    monkeypatch.setattr(telling, "MAILS_A_DAY", 2)
    ada.put("/alerts/routing", {"warning": {"email": True}})
    for _ in range(4):
        ada.post("/alerts/rules", {"name": "r", "metric": "equity", "threshold": "1"})
    live.step()
    send()
    assert len(box.messages) == 2
    dead = ada.get("/alerts/deliveries", state="dead")["items"]
    assert [one["error"] for one in dead] == ["more than 2 e-mails a day"] * 2


def test_nothing_goes_to_people_who_are_locked_or_erased(
    live: Live, ada: Person, box: Mailbox, send: Any
) -> None:
    box.messages.clear()
    with live.person("owner") as owner, receiver() as there:
        webhook_id, _ = hook(ada, there.url)
        alert(live, ada, email=True, webhooks=[webhook_id])
        while live.platform.alerts.measure():
            pass
        owner.patch(f"/admin/users/{ada.user.id}", {"active": False})
        send()
        assert (box.messages, there.requests) == ([], [])
        dead = sa.select(alert_deliveries.c.error).where(alert_deliveries.c.state == "dead")
        with live.platform.database.read() as connection:
            errors = set(connection.execute(dead).scalars())
        assert errors == {"the user is not active", "the webhook is not enabled"}
        assert owner.client.delete(f"/api/v1/admin/users/{ada.user.id}").status_code == 204
        until_gone(live, ada)


def until_gone(live: Live, person: Person) -> None:
    """Wait until nothing of a person is left."""
    rows = sa.select(alert_deliveries.c.id).where(alert_deliveries.c.user_id == person.user.id)
    platform = live.platform
    eventually(lambda: not behind(live, "forget_alerts"))
    with platform.database.read() as connection:
        assert connection.execute(rows).first() is None


def test_old_deliveries_are_dropped(live: Live, ada: Person, send: Any) -> None:
    with receiver() as there:
        webhook_id, _ = hook(ada, there.url)
        ada.post(f"/alerts/webhooks/{webhook_id}/test", {}, 202)
        send()
    path, now = live.platform.path, live.platform.clock.now()
    path.write(lambda connection: courier_room._forget(connection, now - 60_000_000))
    assert len(ada.get("/alerts/deliveries")["items"]) == 1
    path.write(lambda connection: courier_room._forget(connection, now + 60_000_000))
    assert ada.get("/alerts/deliveries")["items"] == []
