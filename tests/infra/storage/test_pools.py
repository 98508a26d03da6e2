"""The pools' figures are what the pools do."""

from threading import Thread

import pytest
import sqlalchemy as sa
from prometheus_client import CollectorRegistry

from traderbot.infra.storage.database import Database, DatabaseUnavailable, Limits
from traderbot.infra.storage.pools import watch_pools

pytestmark = pytest.mark.integration


def value(registry: CollectorRegistry, name: str, pool: str = "readers") -> float | None:
    return registry.get_sample_value(f"traderbot_database_pool_{name}", {"pool": pool})


def test_connections_in_use_and_given_are_counted(database: Database) -> None:
    registry = CollectorRegistry()
    watch_pools({"readers": database.readers, "writer": database.writer}, registry)
    assert value(registry, "size") == 8
    assert value(registry, "size", "writer") == 2
    with database.read(), database.read():
        assert value(registry, "in_use") == 2
        assert value(registry, "in_use", "writer") == 0
    assert value(registry, "in_use") == 0
    assert value(registry, "given_total") == 2
    assert value(registry, "overflow") == 0
    waited = value(registry, "wait_seconds_total")
    assert waited is not None
    assert waited > 0


def test_who_waits_is_seen_and_counted_when_turned_away(postgres: Database) -> None:
    registry = CollectorRegistry()
    watch_pools({"writer": postgres.writer}, registry)
    postgres.writer.pool._timeout = 0.5  # type: ignore[attr-defined]  # seconds, in place of five

    def ask() -> None:
        with pytest.raises(sa.exc.TimeoutError), postgres.writer.connect():
            pass

    with postgres.writer.connect(), postgres.writer.connect():
        asking = Thread(target=ask)
        asking.start()
        while asking.is_alive() and not value(registry, "waiting", "writer"):
            asking.join(0.01)
        assert value(registry, "waiting", "writer") == 1
        asking.join(10)
    assert value(registry, "waiting", "writer") == 0
    assert value(registry, "refused_total", "writer") == 1
    assert value(registry, "given_total", "writer") == 2


def test_the_settings_reach_the_connections(postgres: Database) -> None:
    url = postgres.url.render_as_string(hide_password=False)
    database = Database(url, limits=Limits(readers=3, statement_timeout_s=1))
    assert database.readers.pool.size() == 3  # type: ignore[attr-defined]
    with pytest.raises(DatabaseUnavailable), database.read() as connection:
        connection.exec_driver_sql("SELECT pg_sleep(5)")
    database.close()
