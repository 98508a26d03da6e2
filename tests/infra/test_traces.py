"""Spans reach a collector over HTTP and keep their place in the trace; unwanted, they cost nothing."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from traderbot.infra.traces import NoTraces, open_traces

pytestmark = pytest.mark.integration


class Collector(HTTPServer):
    """Takes OTLP over HTTP as a collector does."""

    def __init__(self) -> None:
        self.spans: dict[str, tuple[str, str, str]] = {}
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1/traces"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            import gzip

            body = gzip.decompress(body)
        assert isinstance(self.server, Collector)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    ids = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
                    self.server.spans[span.name] = ids
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_trace_goes_from_the_caller_through_a_span_to_what_is_recorded_later(collector: Collector) -> None:
    traces = open_traces(collector.url, "test")
    caller = f"00-{'a' * 32}-{'b' * 16}-01"
    with traces.span("request", caller, route="/x") as inside, traces.span("inner"):
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
    with traces.span("request"):
        pass
    traces.close()


def test_without_an_endpoint_nothing_is_measured() -> None:
    traces = open_traces(None, "test")
    assert isinstance(traces, NoTraces)
    with traces.span("request") as parent:
        assert parent == ""
