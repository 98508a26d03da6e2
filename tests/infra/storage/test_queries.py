"""Statements are counted in all, and for the work they were sent for."""

import threading
from contextvars import copy_context

import pytest
import sqlalchemy as sa
from prometheus_client import CollectorRegistry

from traderbot.infra.storage.queries import counted_queries, watch_queries

pytestmark = pytest.mark.integration


def test_each_piece_of_work_counts_its_own_also_in_another_thread() -> None:
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool, connect_args={"check_same_thread": False})
    registry = CollectorRegistry()
    watch_queries({"readers": engine}, registry)

    def ask(times: int) -> None:
        with engine.connect() as connection:
            for _ in range(times):
                connection.exec_driver_sql("SELECT 1")

    with counted_queries() as outer:
        ask(1)
        with counted_queries() as inner:
            context = copy_context()
            thread = threading.Thread(target=context.run, args=(ask, 2))
            thread.start()
            thread.join()
    ask(1)
    assert (outer.count, inner.count) == (3, 2)
    assert registry.get_sample_value("traderbot_database_queries_total", {"pool": "readers"}) == 4
