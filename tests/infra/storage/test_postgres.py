"""What is PostgreSQL's alone: limits, what its errors mean."""

import sys
import time

import psycopg
import pytest
import sqlalchemy as sa

from servers import shared_postgres
from traderbot.infra.storage.backend import Trouble
from traderbot.infra.storage.database import Database, DatabaseUnavailable
from traderbot.model.errors import ConfigurationError, Conflict

pytestmark = pytest.mark.integration


def test_the_writer_does_not_wait_for_ever(postgres: Database) -> None:
    with postgres.writer.connect() as connection:
        shown = {
            name: connection.exec_driver_sql(f"SHOW {name}").scalar()
            for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        }
        assert shown == {
            "lock_timeout": "4s",
            "statement_timeout": "10s",
            "idle_in_transaction_session_timeout": "3s",
        }
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "read committed"
        assert connection.exec_driver_sql("SHOW application_name").scalar() == "traderbot writer"
    with postgres.write() as connection:
        postgres.take_time(connection)
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "0"


def test_what_the_url_sets_counts(postgres: Database) -> None:
    url = postgres.url.update_query_dict({"options": "-c statement_timeout=7s", "connect_timeout": "9"})
    other = Database(url.render_as_string(hide_password=False))
    with other.writer.connect() as connection:
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "7s"
    other.close()


def test_the_scratch_schema_has_one_user_at_a_time(postgres: Database) -> None:
    with postgres.scratch(), pytest.raises(Conflict), postgres.scratch():
        pass


def test_readers_get_on_after_their_connections_were_cut(postgres: Database) -> None:
    one = sa.select(sa.literal(1))
    with postgres.read() as connection:
        assert connection.execute(one).scalar() == 1
    assert postgres.url.database is not None
    shared_postgres().terminate_backends(postgres.url.database)
    with postgres.read() as connection:
        assert connection.execute(one).scalar() == 1
        shared_postgres().terminate_backends(postgres.url.database)
        with pytest.raises(sa.exc.DBAPIError) as found:
            connection.execute(one)
        assert postgres.trouble(found.value) is Trouble.LOST


def test_a_server_that_is_not_there_is_unavailable_at_once() -> None:
    gone = Database("postgresql://127.0.0.1:9/nothing")
    start = time.monotonic()
    with pytest.raises(DatabaseUnavailable), gone.read():
        pass
    assert time.monotonic() - start < 5
    gone.close()


@pytest.mark.parametrize(
    ("statement", "trouble"),
    [
        ("SELECT 1 / 0", Trouble.OTHER),
        ("DO $$ BEGIN RAISE SQLSTATE '57014'; END $$", Trouble.REFUSED),
        ("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$", Trouble.CONFLICT),
        ("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$", Trouble.CONFLICT),
        ("DO $$ BEGIN RAISE SQLSTATE '53100'; END $$", Trouble.REFUSED),
        ("DO $$ BEGIN RAISE SQLSTATE '25006'; END $$", Trouble.REFUSED),
        ("SELECT pg_terminate_backend(pg_backend_pid())", Trouble.LOST),
    ],
)
def test_errors_are_told_apart(postgres: Database, statement: str, trouble: Trouble) -> None:
    with pytest.raises(sa.exc.DBAPIError) as found, postgres.write() as connection:
        connection.exec_driver_sql(statement)
    assert postgres.trouble(found.value) is trouble
    assert found.value.orig is not None
    assert postgres.trouble(found.value.orig) is trouble


def test_a_unique_key_is_a_conflict_only_where_the_driver_reports_it(postgres: Database) -> None:
    violation = psycopg.errors.UniqueViolation("key")
    assert postgres.trouble(violation) is Trouble.CONFLICT
    assert postgres.trouble(sa.exc.IntegrityError("INSERT", {}, violation)) is Trouble.OTHER
    assert postgres.trouble(ValueError("x")) is Trouble.OTHER


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r"traderbot\[postgres\]"):
        Database("postgresql://localhost/x")
