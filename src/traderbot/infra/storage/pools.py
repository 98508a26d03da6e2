"""Pools of connections that count: how many are in use, how many callers wait, and for how long."""

from collections.abc import Iterator, Mapping
from threading import Lock
from time import perf_counter

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.engine import Engine
from sqlalchemy.pool import PoolProxiedConnection, QueuePool


class CountedPool(QueuePool):
    """Knows who waits for a connection now, how often one was asked for, and the seconds that took in all."""

    waiting = 0
    given = 0
    refused = 0
    waited_s = 0.0
    _counting = Lock()

    @property
    def most(self) -> int:
        """Connections that it gives at once."""
        return self.size() + self._max_overflow

    def connect(self) -> PoolProxiedConnection:
        with self._counting:
            self.waiting += 1
        start, given = perf_counter(), False
        try:
            connection = super().connect()
            given = True
        finally:
            with self._counting:
                self.waiting -= 1
                self.waited_s += perf_counter() - start
                if given:
                    self.given += 1
                else:
                    self.refused += 1
        return connection


class _Pools(Collector):
    def __init__(self, engines: Mapping[str, Engine]) -> None:
        self._engines = engines

    def collect(self) -> Iterator[Metric]:
        metrics: list[GaugeMetricFamily | CounterMetricFamily] = [
            kind(f"traderbot_database_{name}", words, labels=["pool"])
            for kind, name, words in (
                (GaugeMetricFamily, "pool_size", "Connections that a pool keeps open."),
                (GaugeMetricFamily, "pool_overflow", "Connections open beyond those."),
                (GaugeMetricFamily, "pool_in_use", "Connections in use."),
                (GaugeMetricFamily, "pool_waiting", "Callers that wait for a connection."),
                (CounterMetricFamily, "pool_given", "Connections given to callers."),
                (CounterMetricFamily, "pool_refused", "Callers that got no connection."),
                (CounterMetricFamily, "pool_wait_seconds", "Time that callers waited for a connection."),
            )
        ]
        for name, engine in self._engines.items():
            pool = engine.pool
            if isinstance(pool, CountedPool):
                for metric, value in zip(metrics, _counts(pool), strict=True):
                    metric.add_metric([name], value)
        yield from metrics


def _counts(pool: CountedPool) -> tuple[float, ...]:
    beyond = max(0, pool.overflow())  # below zero until the pool is filled
    return (pool.size(), beyond, pool.checkedout(), pool.waiting, pool.given, pool.refused, pool.waited_s)


def spent_pools(engines: Mapping[str, Engine]) -> list[str]:
    """Names of the pools that have no connection left to give while callers wait or would have to."""
    return [
        name
        for name, engine in engines.items()
        if isinstance(pool := engine.pool, CountedPool) and pool.checkedout() >= pool.most
    ]


def watch_pools(engines: Mapping[str, Engine], registry: CollectorRegistry) -> None:
    """Show the pools of these engines, by name, on /metrics."""
    registry.register(_Pools(engines))
