"""Counts of what the command path commits, for /metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from traderbot.infra.journal import Recorded
from traderbot.trading.command_path import CommandPath


def watch_path(path: CommandPath, registry: CollectorRegistry) -> None:
    """Count committed events by type and show the journal's last position."""
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
