"""What fast reads came to: plain numbers, added up in one event loop, read where /metrics is asked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector


@dataclass(slots=True)
class ReadTally:
    """Reads of one path. made: by the application, with so many database queries."""

    hits: int = 0
    made: int = 0
    queries: int = 0

    @property
    def saved_queries(self) -> int:
        """What hits did not ask of the database, by what making took."""
        return self.hits * self.queries // self.made if self.made else 0


class ReadMetrics(Collector):
    """The tallies by path."""

    def __init__(self, tallies: Mapping[str, ReadTally]) -> None:
        self._tallies = tallies

    def collect(self) -> Iterator[Metric]:
        reads = CounterMetricFamily(
            "traderbot_fast_reads", "Reads answered from memory, or made anew.", labels=["path", "came"]
        )
        saved = CounterMetricFamily(
            "traderbot_fast_reads_saved_queries",
            "Database queries that kept answers did not make, by what making took.",
            labels=["path"],
        )
        for path, tally in sorted(self._tallies.items()):
            reads.add_metric([path, "kept"], tally.hits)
            reads.add_metric([path, "made"], tally.made)
            saved.add_metric([path], tally.saved_queries)
        yield reads
        yield saved
