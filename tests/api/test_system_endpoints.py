"""Health, readiness and metrics over a real port, without signing in."""

import httpx2
import pytest

import traderbot
from api.live import Live, Person

pytestmark = pytest.mark.integration


def test_health_and_readiness(live: Live) -> None:
    assert httpx2.get(f"{live.url}/health").json() == {"status": "ok", "version": traderbot.__version__}
    ready = httpx2.get(f"{live.url}/health/ready").json()
    assert ready["status"] == "ready"
    assert ready["market_time"].startswith("200")


def test_a_session_in_trouble_is_not_ready(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live.platform.session, "trouble", "database or disk is full")
    answer = httpx2.get(f"{live.url}/health/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "disk is full" in answer.json()["detail"]


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
