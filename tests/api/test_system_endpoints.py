"""Health, readiness and metrics over a real port, without signing in."""

from typing import NoReturn

import httpx2
import pytest
import sqlalchemy as sa

import traderbot
from api.live import Live, Person
from traderbot.infra.storage.database import Trouble
from traderbot.trading.command_path import OutcomeUnknown
from traderbot.trading.work import Work

pytestmark = pytest.mark.integration


def test_health_and_readiness(live: Live) -> None:
    assert httpx2.get(f"{live.url}/health").json() == {"status": "ok", "version": traderbot.__version__}
    ready = httpx2.get(f"{live.url}/health/ready").json()
    assert (ready["status"], ready["parts"]["session"]) == ("degraded", "played by nobody")
    assert {ready["parts"][name] for name in ("database", "writer", "tail")} == {"ok"}
    assert ready["market_time"].startswith("200")


def test_a_process_that_is_about_to_stop_is_not_ready(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live.platform, "draining", True)
    answer = httpx2.get(f"{live.url}/health/ready")
    assert (answer.status_code, answer.json()["detail"]) == (503, "this process is stopping")


def test_whoever_plays_is_told(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live.platform.session, "playing", True)
    ready = httpx2.get(f"{live.url}/health/ready").json()
    assert (ready["status"], ready["parts"]["session"]) == ("ready", "played here")


def test_a_session_in_trouble_is_told_and_orders_are_taken(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live.platform.session, "trouble", "database or disk is full")
    answer = httpx2.get(f"{live.url}/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["parts"]["session"] == "cannot go on: database or disk is full"


def test_metrics_count_requests_by_template_and_events_by_type(live: Live, ada: Person) -> None:
    order_id = ada.order()["id"]
    ada.get(f"/orders/{order_id}")
    text = httpx2.get(f"{live.url}/metrics").text
    for line in (
        'traderbot_http_requests_total{method="POST",route="/api/v1/orders",status="201"}',
        'traderbot_http_requests_total{method="GET",route="/api/v1/orders/{order_id}",status="200"}',
        'traderbot_events_total{type="OrderPlaced"}',
        "traderbot_journal_position ",
    ):
        assert line in text
    assert order_id not in text


@pytest.mark.parametrize(("trouble", "status"), [(Trouble.LOST, 503), (Trouble.OTHER, 500)])
def test_a_database_that_is_gone_is_a_503_with_a_time_to_wait(
    live: Live, ada: Person, monkeypatch: pytest.MonkeyPatch, trouble: Trouble, status: int
) -> None:
    database = live.platform.database

    def gone() -> NoReturn:
        raise sa.exc.OperationalError("SELECT 1", {}, Exception("no route to host"))

    monkeypatch.setattr(database.readers, "connect", gone)
    monkeypatch.setattr(database, "trouble", lambda _error: trouble)
    for path in ("/orders", "/portfolio", "/accounts", "/events"):
        answer = ada.client.get(f"/api/v1{path}")
        assert (answer.status_code, "route" in answer.text) == (status, False)
        assert ("retry-after" in answer.headers) is (status == 503)


def test_an_unknown_outcome_says_to_ask_again(
    live: Live, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(work: Work) -> NoReturn:
        raise OutcomeUnknown("The commit failed and its outcome is unknown.")

    monkeypatch.setattr(live.platform.path, "asubmit", lost)
    body = b'{"symbol":"MSFT","side":"buy","qty":"1"}'
    answer = ada.send("/orders", body)
    assert (answer.status_code, answer.json()["code"]) == (503, "outcome_unknown")
    assert int(answer.headers["retry-after"]) >= 1
    batch = ada.send("/orders/batch", b'{"orders":[' + body + b"]}").json()["items"]
    assert [(one["status"], one["problem"]["code"]) for one in batch] == [(503, "outcome_unknown")]
