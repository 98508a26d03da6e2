"""Metrics and readiness on a port of their own."""

import socket
from typing import Any, NoReturn

import httpx2
import pytest
from prometheus_client import CollectorRegistry, Gauge

from traderbot.infra.metrics_server import MetricsServer, showing

pytestmark = pytest.mark.integration


def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("traderbot_things", "Things.", registry=registry).set(7)
    return registry


def _ready() -> tuple[int, dict[str, Any]]:
    return 200, {"status": "ready"}


def _broken() -> NoReturn:
    raise OSError("redis://:hunter2@valkey is gone")


def test_it_serves_metrics_and_readiness() -> None:
    server = MetricsServer("127.0.0.1", 0, _registry(), _ready)
    server.start()
    host, port = server.address()
    with httpx2.Client(base_url=f"http://{host}:{port}") as client:
        assert "traderbot_things 7.0" in client.get("/metrics").text
        assert client.get("/health/ready?x=1").json() == {"status": "ready"}
        assert client.get("/health").status_code == 200
        assert client.get("/api/v1/orders").status_code == 404
        assert client.post("/metrics").status_code == 501
    server.stop()
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"http://{host}:{port}/health")


def test_readiness_that_cannot_be_told_is_a_503_without_a_secret() -> None:
    server = MetricsServer("127.0.0.1", 0, _registry(), _broken)
    server.start()
    host, port = server.address()
    answer = httpx2.get(f"http://{host}:{port}/health/ready")
    assert (answer.status_code, "hunter2" in answer.text) == (503, False)
    server.stop()


def test_a_port_that_is_taken_is_had_once_it_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = MetricsServer("127.0.0.1", port, _registry(), _ready)
        server.start()
        with pytest.raises(TimeoutError, match="metrics_port"):
            server.address(0.2)
    assert server.address() == ("127.0.0.1", port)
    server.stop()


def test_without_a_port_nothing_is_served() -> None:
    with showing("127.0.0.1", 0, _registry(), _broken):
        pass
