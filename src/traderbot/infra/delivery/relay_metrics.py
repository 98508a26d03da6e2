"""What the relay shows on /metrics."""

from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge

from traderbot.infra.clock import WallClock


class Lag(NamedTuple):
    """What waits. last: position of the journal's last event; since: when the oldest event that the stream
    does not have was recorded.
    """

    last: int = 0
    since: int | None = None


class RelayMetrics:
    """position: of the last acknowledged event. lag_events and lag_seconds: how far behind the journal the
    stream is.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.position = 0
        self.lag = Lag()
        self._clock = WallClock()
        self.published = Counter(
            "traderbot_relay_published", "Events that JetStream acknowledged.", registry=registry
        )
        self.connections = Counter(
            "traderbot_relay_connections", "Connections to NATS, so reconnects and one.", registry=registry
        )
        self.errors = Counter(
            "traderbot_relay_errors", "Times that publishing was broken off.", registry=registry
        )
        position = Gauge(
            "traderbot_relay_position", "Position of the last event acknowledged.", registry=registry
        )
        events = Gauge("traderbot_relay_lag_events", "Events not acknowledged yet.", registry=registry)
        seconds = Gauge(
            "traderbot_relay_lag_seconds", "Age of the oldest event not acknowledged yet.", registry=registry
        )
        position.set_function(lambda: self.position)
        events.set_function(lambda: self.lag_events)
        seconds.set_function(lambda: self.lag_seconds)

    @property
    def lag_events(self) -> int:
        return max(0, self.lag.last - self.position)

    @property
    def lag_seconds(self) -> float:
        since = self.lag.since
        return 0.0 if since is None else max(0.0, (self._clock.now() - since) / 1e6)
