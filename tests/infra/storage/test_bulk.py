"""Statements for many rows: as many as said, as the columns bind, on either kind of database."""

from decimal import Decimal
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from traderbot.infra.storage.bulk import (
    cursor_of,
    in_one_flight,
    insert_into,
    lookup_of,
    update_of,
    upsert_into,
)
from traderbot.infra.storage.columns import HASH, ID, MONEY
from traderbot.infra.storage.database import Database

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
    sa.Column("short", sa.String(5)),
    sa.Column("share", sa.Float(53)),
    sa.Column("open", sa.Boolean),
    sa.Column("at", sa.BigInteger),
)
numbered = sa.Table("numbered", tables, sa.Column("position", sa.BigInteger, primary_key=True))
ONE, TWO = UUID(int=1), UUID(int=2)


@pytest.fixture
def database(empty: Database) -> Database:
    tables.create_all(empty.writer)
    return empty


def thing(
    owner: UUID = ONE, name: str = "a", amount: str | None = "1.5", **more: object
) -> dict[str, object]:
    value = None if amount is None else D(amount)
    rest = dict.fromkeys(("short", "share", "open", "at"))
    return {"owner": owner, "name": name, "amount": value, "other": None, "digest": bytes(32)} | rest | more


def rows(database: Database) -> list[tuple[object, ...]]:
    with database.read() as connection:
        chosen = sa.select(things).order_by(things.c.owner, things.c.name)
        return [tuple(row) for row in connection.execute(chosen)]


def test_bulk_statements_bind_as_the_columns_do(database: Database) -> None:
    insert = insert_into(things, database.dialect)
    with database.write() as connection:
        assert insert.run(connection, []) == 0
        assert insert.run(connection, [thing(), thing(TWO, "b", None)]) == 2
        upsert = upsert_into(things, database.dialect)
        assert upsert.run(connection, [thing(amount="2"), thing(name="c")]) == 2
        change = {"amount": D(7), "key_owner": TWO, "key_name": "b"}
        update = update_of(things, ["amount"], database.dialect)
        assert update.run(connection, [change, change | {"key_name": "?"}]) == 1
    assert [row[:3] for row in rows(database)] == [(ONE, "a", D(2)), (ONE, "c", D("1.5")), (TWO, "b", D(7))]


def test_an_update_that_expects_a_value_changes_only_rows_that_have_it(database: Database) -> None:
    update = update_of(things, ["amount"], database.dialect, expected=["amount"])
    with database.write() as connection:
        insert_into(things, database.dialect).run(connection, [thing()])
        stale = {"amount": D(9), "key_owner": ONE, "key_name": "a", "key_amount": D(2)}
        assert update.run(connection, [stale]) == 0
        assert update.run(connection, [stale | {"key_amount": D("1.5")}]) == 1


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    names=st.lists(
        TEXTS | st.sampled_from(["", "NULL", "None", '{a,"b"}', "\\N", "'", "é\t\n"]), unique=True
    ),
    share=st.none() | st.floats(allow_nan=False),
    amount=st.none() | st.integers(-(10**15), 10**15).map(lambda n: D(n).scaleb(-6)),
    digest=st.binary(min_size=32, max_size=32),
    opened=st.none() | st.booleans(),
)
def test_whatever_is_written_comes_back(
    database: Database,
    names: list[str],
    share: float | None,
    amount: D | None,
    digest: bytes,
    opened: bool | None,
) -> None:
    wanted = [
        {**thing(ONE, name), "amount": amount, "other": TWO, "digest": digest, "share": share, "open": opened}
        for name in names
    ]
    with database.write() as connection:
        assert insert_into(things, database.dialect).run(connection, wanted) == len(wanted)
        found = [dict(row._mapping) for row in connection.execute(sa.select(things))]
        connection.execute(sa.delete(things))
    assert sorted(found, key=lambda row: row["name"]) == sorted(wanted, key=lambda row: str(row["name"]))


def test_postgresql_refuses_what_is_too_long_instead_of_cutting_it(database: Database) -> None:
    if database.shared:
        with pytest.raises(Exception, match="too long"), database.write() as connection:
            insert_into(things, database.dialect).run(connection, [thing(short="longer than five")])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(present=st.sets(st.integers(0, 40), max_size=40), asked=st.sets(st.integers(0, 40), max_size=40))
def test_lookups_find_what_is_there(database: Database, present: set[int], asked: set[int]) -> None:
    lookup = lookup_of(things, ["amount"], database.dialect, hold="update")
    with database.writer.connect() as connection, connection.begin() as transaction:
        insert_into(things, database.dialect).run(connection, [thing(name=str(number)) for number in present])
        found = lookup.find_all(connection, [(ONE, str(number)) for number in asked])
        assert found == {(ONE, str(number)): (D("1.5"),) for number in present & asked}
        assert lookup.find(connection, TWO, "0") is None
        transaction.rollback()


def test_a_flight_answers_when_it_has_landed(database: Database) -> None:
    insert, lookup = insert_into(things, database.dialect), lookup_of(things, ["name"], database.dialect)
    with database.write() as connection:
        with in_one_flight(connection):
            cursor = cursor_of(connection)
            insert.run_on(cursor, [thing(name="a"), thing(name="b")])
            asked = lookup.ask(connection, [(ONE, "b"), (ONE, "c")])
        assert cursor.rowcount == 2
        assert asked() == {(ONE, "b"): ("b",)}


def test_an_error_of_a_flight_is_raised_by_it(database: Database) -> None:
    insert = insert_into(things, database.dialect)
    with (
        pytest.raises(Exception, match=r"(?i)unique"),
        database.write() as connection,
        in_one_flight(connection),
    ):
        insert.run(connection, [thing(), thing(name="b"), thing()])
    assert rows(database) == []


def test_counted_rows_go_on_behind_the_last(database: Database) -> None:
    insert = insert_into(numbered, database.dialect, counted="position")
    with database.write() as connection:
        for first in (1, 1 if database.shared else 3):
            insert.run(connection, [{"position": first}, {"position": first + 1}])
        assert list(connection.execute(sa.select(numbered)).scalars()) == [1, 2, 3, 4]
