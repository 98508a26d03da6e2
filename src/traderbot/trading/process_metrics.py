"""What a process shows on /metrics besides its command path: session, tail, leases, dead letters, traces."""

from collections.abc import Iterator, Sequence

import structlog
from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from traderbot.infra.clock import WallClock
from traderbot.infra.delivery import handler_records
from traderbot.infra.events.tail import Tail
from traderbot.infra.leases import Leases
from traderbot.infra.storage.database import Database
from traderbot.infra.traces import Traces
from traderbot.trading.session_loop import SessionLoop
from traderbot.trading.session_view import SessionView

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)
_log = structlog.get_logger()


def watch_process(
    registry: CollectorRegistry,
    database: Database,
    session: SessionView,
    tail: Tail,
    leases: Leases,
    traces: Traces,
) -> None:
    """Show all of it, read when it is asked for."""
    _watch_session(registry, session, traces)
    position = Gauge("traderbot_tail_position", "Last event that this process has heard.", registry=registry)
    position.set_function(lambda: tail.position)
    lag = Gauge("traderbot_tail_lag_events", "Events committed and not heard yet.", registry=registry)
    lag.set_function(lambda: tail.lag)
    failing = Gauge("traderbot_traces_failing", "1 while spans do not arrive.", registry=registry)
    failing.set_function(lambda: traces.failing)
    registry.register(_Asked(database, leases))


def _watch_session(registry: CollectorRegistry, session: SessionView, traces: Traces) -> None:
    step = Gauge("traderbot_session_step", "Step of the session known here.", registry=registry)
    step.set_function(lambda: session.replay.step)
    playing = Gauge("traderbot_session_playing", "1 where this process plays it.", registry=registry)
    playing.set_function(lambda: session.playing)
    trouble = Gauge("traderbot_session_trouble", "1 while it cannot go on here.", registry=registry)
    trouble.set_function(lambda: session.trouble is not None)
    seconds = Histogram(
        "traderbot_session_step_seconds",
        "Time to decide and commit a step of all accounts.",
        registry=registry,
        buckets=_SECONDS,
    )
    clock = WallClock()

    def timed(played: int, took: float, events: int) -> None:
        seconds.observe(took)
        if traces.enabled:
            now = clock.now() * 1000
            traces.record("session step", "", now - int(took * 1e9), now, step=played, events=events)

    if isinstance(session, SessionLoop):
        session.timed = timed


class _Asked(Collector):
    """What only a list or the database knows, as of the moment it is asked for."""

    def __init__(self, database: Database, leases: Leases) -> None:
        self._database = database
        self._leases = leases

    def describe(self) -> Sequence[Metric]:
        """Without asking the database, when it is registered."""
        return _families()

    def collect(self) -> Iterator[Metric]:
        held, aside = _families()
        for name in self._leases.held:
            held.add_metric([name], 1)
        yield held
        try:
            with self._database.read() as connection:
                for (handler, state), count in handler_records.counts(connection).items():
                    aside.add_metric([handler, state], count)
        except Exception as error:  # noqa: BLE001 - what else there is to show is shown
            _log.debug("dead_letters_not_counted", error=repr(error))
        else:
            yield aside


def _families() -> Sequence[GaugeMetricFamily]:
    return [
        GaugeMetricFamily(
            "traderbot_lease_held", "1 for each lease that this process has.", labels=["lease"]
        ),
        GaugeMetricFamily(
            "traderbot_handler_aside",
            "Events put aside, in the whole platform; state dead: given up.",
            labels=["handler", "state"],
        ),
    ]
