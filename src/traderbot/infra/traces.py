"""Traces: what a request, the command it became, its events and their handlers took, as OpenTelemetry spans.

A span's place in its trace travels with an event's metadata (`trace`, a W3C traceparent), so that a handler
in another process, hours later, still belongs to the request that caused it. Without the setting
otlp_endpoint nothing is measured and nothing is stored. Source: W3C Trace Context, level 1.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

from traderbot.model.errors import ConfigurationError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

CLOSE_WITHIN_MS = 3_000
Attribute = str | int | float


class Request(Protocol):
    """The span of a request that is being answered. traceparent: its own, "" where it is not kept."""

    traceparent: str

    def end(self, name: str, *, failed: bool, **attributes: Attribute) -> None:
        """Name it once the route is known, and end it."""
        ...


class Traces(Protocol):
    """Where spans go. failing: whether the last that were sent did not arrive."""

    enabled: bool

    @property
    def failing(self) -> bool: ...

    def request(self, method: str, parent: str) -> Request:
        """Begin the span of a request. parent: the traceparent that came with it."""
        ...

    def span(self, name: str, parent: str = "", **attributes: Attribute) -> AbstractContextManager[str]:
        """Measure a block; gives its traceparent. parent: a traceparent, "" for the span around this one."""
        ...

    def record(self, name: str, parent: str, began_ns: int, ended_ns: int, **attributes: Attribute) -> None:
        """A span that is over. began_ns, ended_ns: nanoseconds since the epoch."""
        ...

    def close(self) -> None:
        """Send what waits, for a few seconds at most."""
        ...


class NoTraces:
    """Nothing is measured."""

    enabled = False
    failing = False
    traceparent = ""
    _nothing: AbstractContextManager[str] = nullcontext("")

    def request(self, method: str, parent: str) -> Request:
        return self

    def end(self, name: str, *, failed: bool, **attributes: Attribute) -> None:
        """Nothing to name."""

    def span(self, name: str, parent: str = "", **attributes: Attribute) -> AbstractContextManager[str]:
        return self._nothing

    def record(self, name: str, parent: str, began_ns: int, ended_ns: int, **attributes: Attribute) -> None:
        """Nothing to keep."""

    def close(self) -> None:
        """Nothing to send."""


class OtelTraces:
    """Spans of this process by OpenTelemetry's SDK, sent in batches by a thread of its own."""

    enabled = True

    def __init__(self, exporter: "SpanExporter", instance: str) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        named = Resource.create({"service.name": "traderbot", "service.instance.id": instance})
        self._provider = TracerProvider(resource=named)
        self._watched = _Watched(exporter)
        self._provider.add_span_processor(BatchSpanProcessor(self._watched))  # type: ignore[arg-type]
        self._tracer = self._provider.get_tracer("traderbot")

    @property
    def failing(self) -> bool:
        return self._watched.failing

    def request(self, method: str, parent: str) -> Request:
        from opentelemetry.trace import SpanKind

        return _Request(self._tracer.start_span(method, _context(parent), kind=SpanKind.SERVER))

    @contextmanager
    def span(self, name: str, parent: str = "", **attributes: Attribute) -> Iterator[str]:
        with self._tracer.start_as_current_span(name, _context(parent), attributes=attributes) as span:
            yield _traceparent(span)

    def record(self, name: str, parent: str, began_ns: int, ended_ns: int, **attributes: Attribute) -> None:
        span = self._tracer.start_span(name, _context(parent), attributes=attributes, start_time=began_ns)
        span.end(ended_ns)

    def close(self) -> None:
        self._provider.force_flush(CLOSE_WITHIN_MS)
        self._provider.shutdown()


class _Request:
    def __init__(self, span: Any) -> None:
        self._span = span
        self.traceparent = _traceparent(span) if span.is_recording() else ""

    def end(self, name: str, *, failed: bool, **attributes: Attribute) -> None:
        from opentelemetry.trace import StatusCode

        self._span.update_name(name)
        self._span.set_attributes(attributes)
        if failed:
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


class _Watched:
    """An exporter that remembers whether what it sent last arrived."""

    def __init__(self, exporter: "SpanExporter") -> None:
        self._exporter = exporter
        self.failing = False
        self.shutdown = exporter.shutdown
        self.force_flush = exporter.force_flush

    def export(self, spans: "Sequence[ReadableSpan]") -> "SpanExportResult":
        try:
            result = self._exporter.export(spans)
        except Exception:
            self.failing = True
            raise
        self.failing = result.name != "SUCCESS"
        return result


def _context(parent: str) -> Any:
    """The context of a traceparent; None, which is the span around this one, for none or a damaged one."""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": parent}) if parent else None


def _traceparent(span: Any) -> str:
    found = span.get_span_context()
    return f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}"


def open_traces(endpoint: str | None, instance: str) -> Traces:
    """Traces to an OTLP endpoint over HTTP, or none. Errors: ConfigurationError without the packages."""
    if endpoint is None:
        return NoTraces()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise ConfigurationError(
            "otlp_endpoint: traces need OpenTelemetry; install traderbot[traces]"
        ) from error
    return OtelTraces(OTLPSpanExporter(endpoint=endpoint, timeout=2), instance)
