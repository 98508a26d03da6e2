"""Counts of what the handlers of events do, for /metrics."""

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600)
_MICROS = 1_000_000


class DeliveryMetrics:
    """registry: None counts for nobody."""

    def __init__(self, registry: CollectorRegistry | None, names: Sequence[str]) -> None:
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

    def handled(self, name: str, events: int, lag: int) -> None:
        """lag: microseconds."""
        self._handled.labels(name).inc(events)
        self._lag.labels(name).observe(max(0, lag) / _MICROS)

    def failed(self, name: str, *, dead: bool) -> None:
        self._failed.labels(name).inc()
        if dead:
            self._dead.labels(name).inc()

    def behind(self, positions: Mapping[str, int]) -> None:
        for name, count in positions.items():
            self._behind.labels(name).set(count)
