"""Counts of what the handlers of events do, for /metrics, and their spans."""

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from traderbot.infra.events.journal import Recorded
from traderbot.infra.traces import Attribute, NoTraces, Traces

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600)
_MICROS = 1_000_000


class DeliveryMetrics:
    """registry: None counts for nobody."""

    def __init__(
        self, registry: CollectorRegistry | None, names: Sequence[str], traces: Traces | None = None
    ) -> None:
        self._traces = traces or NoTraces()
        registry = registry or CollectorRegistry()
        self._handled = Counter("traderbot_handler_events", "Events handled.", ["handler"], registry=registry)
        self._failed = Counter(
            "traderbot_handler_failures", "Attempts that failed.", ["handler"], registry=registry
        )
        self._dead = Counter(
            "traderbot_handler_dead_letters", "Events given up.", ["handler"], registry=registry
        )
        self._behind = Gauge(
            "traderbot_handler_behind", "Positions yet to be looked at.", ["handler"], registry=registry
        )
        self._lag = Histogram(
            "traderbot_handler_lag_seconds",
            "From the recording of a batch's oldest event until it was handled.",
            ["handler"],
            buckets=_BUCKETS,
            registry=registry,
        )
        for name in names:
            self._handled.labels(name)
            self._failed.labels(name)
            self._dead.labels(name)

    def handled(self, name: str, own: Sequence[Recorded], began: int, now: int) -> None:
        """These were handled together. began, now: wall time, microseconds."""
        self._handled.labels(name).inc(len(own))
        self._lag.labels(name).observe(max(0, now - own[0].recorded_at) / _MICROS)
        if self._traces.enabled:
            for one in own:
                if one.meta.trace:
                    said: dict[str, Attribute] = {"event": type(one.event).__name__, "position": one.position}
                    self._traces.record(f"handler {name}", one.meta.trace, began * 1000, now * 1000, **said)

    def failed(self, name: str, *, dead: bool) -> None:
        self._failed.labels(name).inc()
        if dead:
            self._dead.labels(name).inc()

    def behind(self, positions: Mapping[str, int]) -> None:
        for name, count in positions.items():
            self._behind.labels(name).set(count)
