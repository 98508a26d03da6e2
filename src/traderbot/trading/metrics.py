"""What the command path shows on /metrics, and the spans of commands that belong to a trace."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from traderbot.infra.events.journal import Recorded
from traderbot.infra.traces import NoTraces, Traces
from traderbot.trading.command_path import CommandPath
from traderbot.trading.watching import Committed

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_WORKS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def watch_path(path: CommandPath, registry: CollectorRegistry, traces: Traces | None = None) -> None:
    """Count committed events by type, show the journal's last position, the queue and the commits."""
    events = Counter("traderbot_events", "Events committed to the journal.", ["type"], registry=registry)
    commits = Counter("traderbot_commits", "Transactions that appended to the journal.", registry=registry)
    position = Gauge("traderbot_journal_position", "Position of the journal's last event.", registry=registry)

    def count(recorded: list[Recorded]) -> None:
        if not recorded:
            return
        commits.inc()
        position.set(recorded[-1].position)
        for entry in recorded:
            events.labels(type(entry.event).__name__).inc()

    path.listen(count)
    waiting = Gauge("traderbot_command_waiting", "Works that wait for the writer.", registry=registry)
    waiting.set_function(lambda: path.waiting)
    path.watch = _Watch(registry, traces or NoTraces())


class _Watch:
    def __init__(self, registry: CollectorRegistry, traces: Traces) -> None:
        self._traces = traces
        self._works = Histogram(
            "traderbot_command_works", "Works that shared a commit.", registry=registry, buckets=_WORKS
        )
        self._seconds = Histogram(
            "traderbot_command_transaction_seconds",
            "From the begin of a transaction to its commit.",
            registry=registry,
            buckets=_SECONDS,
        )
        self._waited = Histogram(
            "traderbot_command_wait_seconds",
            "Time that the first work of a transaction waited for the writer.",
            registry=registry,
            buckets=_SECONDS,
        )
        self._retried = Counter(
            "traderbot_command_retries", "Transactions rolled back and tried again.", registry=registry
        )
        self._failed = Counter("traderbot_command_failures", "Works answered by an error.", registry=registry)

    def committed(self, transaction: Committed) -> None:
        works, recorded, began_at, seconds, waited = transaction
        self._works.observe(len(works))
        self._seconds.observe(seconds)
        self._waited.observe(waited)
        if self._traces.enabled:
            began = began_at * 1000
            until = began + int(seconds * 1e9)
            for trace in {work.meta.trace for work in works if work.meta.trace}:
                self._traces.record("command", trace, began, until, works=len(works), events=len(recorded))

    def retried(self) -> None:
        self._retried.inc()

    def failed(self, works: int) -> None:
        self._failed.inc(works)
