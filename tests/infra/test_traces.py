"""Spans reach a collector over HTTP and keep their place in the trace; unwanted, they cost nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from api.live import opened
from infra.collector import Collector, collecting
from traderbot.infra.events.journal import events, read
from traderbot.infra.traces import NoTraces, open_traces
from traderbot.model.events import OrderPlaced

pytestmark = pytest.mark.integration
ORDER = {"symbol": "MSFT", "side": "buy", "type": "market", "qty": "10"}
CALLER = f"00-{'a' * 32}-{'b' * 16}-01"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as server:
        yield server


def test_a_trace_goes_from_the_caller_through_a_span_to_what_is_recorded_later(collector: Collector) -> None:
    traces = open_traces(collector.url, "test")
    with traces.span("request", CALLER, route="/x") as inside, traces.span("inner"):
        pass
    traces.record("handler", inside, 1_000, 2_000)
    traces.close()
    spans = collector.spans
    assert {ids[0] for ids in spans.values()} == {"a" * 32}
    assert spans["request"][2] == "b" * 16
    assert spans["inner"][2] == spans["handler"][2] == spans["request"][1]


def test_a_damaged_parent_begins_a_trace_of_its_own(collector: Collector) -> None:
    traces = open_traces(collector.url, "test")
    with traces.span("request", "00-zz-zz-01"):
        pass
    traces.close()
    assert collector.spans["request"][2] == ""


def test_a_collector_that_is_not_there_stops_nothing() -> None:
    traces = open_traces("http://127.0.0.1:9/v1/traces", "test")
    assert not traces.failing
    with traces.span("request"):
        pass
    traces.close()
    assert traces.failing


def test_without_an_endpoint_nothing_is_measured() -> None:
    traces = open_traces(None, "test")
    assert isinstance(traces, NoTraces)
    with traces.span("request") as parent:
        assert parent == ""


def test_one_order_is_one_trace_of_its_request_its_command_and_its_handlers(
    collector: Collector, tmp_path: Path
) -> None:
    with opened(tmp_path, otlp_endpoint=collector.url) as live, live.person() as ada:
        order_id = ada.post("/orders", ORDER, 201, traceparent=CALLER)["id"]
        platform = live.platform
        with platform.database.read() as connection:
            (placed,) = read(connection, types=["OrderPlaced"])
        names = [handler.name for handler in platform.bus.handlers if OrderPlaced in handler.types]
        while any(behind for behind, _ in platform.bus.lag(platform.database, platform.clock.now()).values()):
            platform.deliveries.wake()
        platform.deliveries.stop()
        ada.get(f"/orders/{order_id}")
    request, command = collector.spans["POST /api/v1/orders"], collector.spans["command"]
    assert (request[0], request[2]) == ("a" * 32, "b" * 16)
    assert placed.meta.trace == f"00-{request[0]}-{request[1]}-01"
    assert names
    for span in (command, *(collector.spans[f"handler {name}"] for name in names)):
        assert (span[0], span[2]) == request[:2]
    said = collector.said["POST /api/v1/orders"]
    assert (said["http.response.status_code"], said["request.id"]) == (201, placed.meta.request)
    assert said["url.path"] == "/api/v1/orders"
    assert collector.said["command"] == {"works": 1, "events": 1}
    read_span = collector.spans["GET /api/v1/orders/{order_id}"]
    assert read_span[0] != request[0], "without a traceparent a request begins a trace of its own"


def test_without_traces_nothing_of_them_is_stored(tmp_path: Path) -> None:
    with opened(tmp_path) as live, live.person() as ada:
        ada.post("/orders", ORDER, 201, traceparent=CALLER)
        with live.platform.database.read() as connection:
            texts = connection.execute(sa.select(events.c.metadata)).scalars().all()
    assert texts
    assert not any("trace" in text for text in texts)
