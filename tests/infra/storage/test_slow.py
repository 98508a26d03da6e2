"""A slow reading statement is logged with its plan, and never with its values."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from servers import database_url
from traderbot.infra.storage.database import Database
from traderbot.trading import tables as t

pytestmark = pytest.mark.integration
SECRET = "somebody-s-own-words"
QUERY = sa.select(t.activities).where(t.activities.c.kind == SECRET)


@pytest.fixture
def slow(kind: str, tmp_path: Path) -> Iterator[Database]:
    """A database on which every reading statement is too slow."""
    with database_url(kind, tmp_path) as url:
        database = Database(url, slow_query_ms=0)
        yield database
        database.close()


def test_a_slow_statement_is_logged_with_its_plan_and_without_its_values(slow: Database) -> None:
    with capture_logs() as logs:
        with slow.read() as connection:
            connection.execute(QUERY).all()
            connection.execute(QUERY).all()
        slow.close()
    found = [line for line in logs if line["event"] == "slow_query"]
    assert len(found) == 2
    assert all("FROM activities" in line["statement"] for line in found)
    assert all(line["milliseconds"] >= 0 for line in found)
    plans = [line["plan"] for line in found if "plan" in line]
    assert len(plans) == 1, "at most one plan a second"
    assert "activities" in plans[0]
    assert SECRET not in str(found)


def test_what_writes_or_is_quick_is_not_logged(kind: str, tmp_path: Path) -> None:
    with database_url(kind, tmp_path) as url, capture_logs() as logs:
        database = Database(url, slow_query_ms=3_600_000)
        with database.read() as connection:
            connection.execute(QUERY).all()
        database.close()
        writing = Database(url, slow_query_ms=0)
        with writing.write() as connection:
            connection.execute(sa.delete(t.activities))
        writing.close()
    assert [line for line in logs if line["event"] == "slow_query"] == []


def test_a_plan_that_cannot_be_had_does_not_hide_the_slow_statement(slow: Database) -> None:
    with slow.write() as connection:
        connection.exec_driver_sql("CREATE TABLE passing (a INTEGER)")
    with capture_logs() as logs:
        with slow.read() as connection:
            connection.exec_driver_sql("SELECT a FROM passing").all()
            sa.event.listen(slow._backend.alone, "before_cursor_execute", _fail)
            connection.exec_driver_sql("SELECT a FROM passing").all()
        slow.close()
    assert len([line for line in logs if line["event"] == "slow_query"]) == 2


def _fail(*_arguments: object) -> None:
    raise sa.exc.OperationalError("EXPLAIN", {}, Exception("no plan"))
