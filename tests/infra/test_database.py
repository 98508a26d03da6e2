"""Exact column types, statements through the driver, readers that cannot write, one process a home."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql

from traderbot.infra.database import (
    HASH,
    ID,
    MONEY,
    QUANTITY,
    Database,
    Lookup,
    Scaled,
    cursor_of,
    insert_into,
    lock_home,
    update_of,
    upsert_into,
)
from traderbot.infra.ids import new_id
from traderbot.model.errors import ConfigurationError, InvalidValue

pytestmark = pytest.mark.integration

D = Decimal
tables = sa.MetaData()
things = sa.Table(
    "things",
    tables,
    sa.Column("owner", ID, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("amount", MONEY),
    sa.Column("other", ID),
    sa.Column("digest", HASH),
)
ONE, TWO = UUID(int=1), UUID(int=2)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'things.db'}")
    tables.create_all(database.writer)
    yield database
    database.close()


def thing(owner: UUID = ONE, name: str = "a", amount: str | None = "1.5") -> dict[str, object]:
    value = None if amount is None else D(amount)
    return {"owner": owner, "name": name, "amount": value, "other": None, "digest": bytes(32)}


def rows(database: Database) -> list[tuple[object, ...]]:
    with database.read() as connection:
        return [
            tuple(row)
            for row in connection.execute(sa.select(things).order_by(things.c.owner, things.c.name))
        ]


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.sampled_from([0, 6, 9]))
def test_an_amount_is_stored_exactly(integer: int, places: int) -> None:
    column = Scaled(places)
    amount = D(integer).scaleb(-places)
    assert column.to_integer(amount) == integer
    assert column._from_integer(integer) == amount


@pytest.mark.parametrize("amount", ["0.0000001", "9223372036854.775808", "-9223372036854.775808", "1E+20"])
def test_an_amount_that_does_not_fit_is_refused(amount: str) -> None:
    with pytest.raises(InvalidValue):
        MONEY.to_integer(D(amount))


def test_postgresql_gets_numeric_and_native_uuids() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    assert str(QUANTITY.compile(dialect)) == "NUMERIC(28, 9)"
    assert str(ID.compile(dialect)) == "UUID"
    assert str(HASH.compile(dialect)) == "BYTEA"
    bind = QUANTITY.bind_processor(dialect)
    assert bind(D("1.5")) == D("1.5")
    with pytest.raises(InvalidValue):
        bind(D("0.0000000001"))


def test_ids_are_sixteen_bytes_on_sqlite(database: Database) -> None:
    owner = new_id()
    with database.write() as connection:
        connection.execute(sa.insert(things).values(thing(owner) | {"other": TWO}))
        stored = connection.exec_driver_sql("SELECT owner, other, typeof(owner) FROM things").one()
    assert tuple(stored) == (owner.bytes, TWO.bytes, "blob")
    assert rows(database) == [(owner, "a", D("1.5"), TWO, bytes(32))]


def test_bulk_statements_bind_as_the_columns_do(database: Database) -> None:
    dialect = database.writer.dialect
    insert = insert_into(things, dialect)
    with database.write() as connection:
        assert insert.run(connection, []) == 0
        assert insert.run(connection, [thing(), thing(TWO, "b", None)]) == 2
        assert upsert_into(things, dialect).run(connection, [thing(amount="2"), thing(name="c")]) == 2
        change = {"amount": D(7), "key_owner": TWO, "key_name": "b"}
        assert (
            update_of(things, ["amount"], dialect).run(connection, [change, change | {"key_name": "?"}]) == 1
        )
    assert [row[:3] for row in rows(database)] == [(ONE, "a", D(2)), (ONE, "c", D("1.5")), (TWO, "b", D(7))]


def test_an_update_that_expects_a_value_changes_only_rows_that_have_it(database: Database) -> None:
    dialect = database.writer.dialect
    update = update_of(things, ["amount"], dialect, expected=["amount"])
    with database.write() as connection:
        insert_into(things, dialect).run(connection, [thing()])
        stale = {"amount": D(9), "key_owner": ONE, "key_name": "a", "key_amount": D(2)}
        assert update.run(connection, [stale]) == 0
        assert update.run(connection, [stale | {"key_amount": D("1.5")}]) == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(present=st.sets(st.integers(0, 40), max_size=40), asked=st.sets(st.integers(0, 40), max_size=40))
def test_lookups_find_what_is_there(database: Database, present: set[int], asked: set[int]) -> None:
    dialect = database.writer.dialect
    lookup = Lookup(things, ["amount"], dialect)
    with database.writer.connect() as connection, connection.begin() as transaction:
        insert_into(things, dialect).run(connection, [thing(name=str(number)) for number in present])
        found = lookup.find_all(cursor_of(connection), [(ONE, str(number)) for number in asked])
        assert found == {(ONE, str(number)): (1_500_000,) for number in present & asked}
        assert lookup.find(cursor_of(connection), TWO, "0") is None
        transaction.rollback()


def test_a_reader_cannot_write_and_sees_one_state(database: Database) -> None:
    insert = insert_into(things, database.writer.dialect)
    with database.read() as reader:
        assert reader.execute(sa.select(sa.func.count()).select_from(things)).scalar() == 0
        with database.write() as connection:
            insert.run(connection, [thing()])
        assert reader.execute(sa.select(sa.func.count()).select_from(things)).scalar() == 0
        remove = sa.delete(things)
        with pytest.raises(sa.exc.DatabaseError, match="readonly"):
            reader.execute(remove)
    assert len(rows(database)) == 1


def test_an_error_rolls_back(database: Database) -> None:
    twice = [thing(), thing()]
    with pytest.raises(Exception, match="UNIQUE"), database.write() as connection:
        insert_into(things, database.writer.dialect).run(connection, twice)
    assert rows(database) == []


def test_commits_are_durable(database: Database) -> None:
    with database.writer.connect() as connection:
        asked = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert asked == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_checkpoint_empties_the_log_into_the_file(database: Database, tmp_path: Path) -> None:
    with database.writer.connect() as connection:
        with connection.begin():
            insert_into(things, database.writer.dialect).run(connection, [thing()])
        database.checkpoint(connection)
        pages = cursor_of(connection).execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    assert pages[1] == pages[2], "every page of the log is in the file"


def test_other_databases_are_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="database_url"):
        Database("postgresql://localhost/x")


def test_a_home_belongs_to_one_process(tmp_path: Path) -> None:
    handle = lock_home(tmp_path / "home")
    with pytest.raises(ConfigurationError, match="in use"):
        lock_home(tmp_path / "home")
    handle.close()
    lock_home(tmp_path / "home").close()
