"""Amounts, identifiers and hashes come back as they were given, from either kind of database."""

from decimal import Decimal
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql

from traderbot.infra.ids import new_id
from traderbot.infra.storage.columns import HASH, ID, MONEY, QUANTITY, Scaled
from traderbot.infra.storage.database import Database
from traderbot.model.errors import InvalidValue

pytestmark = pytest.mark.integration

D = Decimal
tables = sa.MetaData()
values = sa.Table(
    "amounts",
    tables,
    sa.Column("id", ID, primary_key=True),
    sa.Column("money", MONEY),
    sa.Column("qty", QUANTITY),
    sa.Column("digest", HASH),
)


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.sampled_from([0, 6, 9]))
def test_an_amount_is_stored_exactly(integer: int, places: int) -> None:
    column = Scaled(places)
    amount = D(integer).scaleb(-places)
    assert column.to_integer(amount) == integer
    assert column._from_integer(integer) == amount


@pytest.mark.parametrize("amount", ["0.0000001", "9223372036854.775808", "-9223372036854.775808", "1E+20"])
def test_an_amount_that_does_not_fit_is_refused(empty: Database, amount: str) -> None:
    tables.create_all(empty.writer)
    with pytest.raises((InvalidValue, sa.exc.StatementError)), empty.write() as connection:
        connection.execute(sa.insert(values).values(id=new_id(), money=D(amount)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_both_databases_give_back_the_same_canonical_decimal(empty: Database, integer: int) -> None:
    tables.create_all(empty.writer)
    row = {"id": new_id(), "money": D(integer).scaleb(-6), "qty": D(integer).scaleb(-9), "digest": bytes(32)}
    with empty.write() as connection:
        connection.execute(sa.insert(values).values(row))
        found = connection.execute(sa.select(values).where(values.c.id == row["id"])).one()
        connection.execute(sa.delete(values))
    assert dict(found._mapping) == row
    assert (found.money.as_tuple().exponent, found.qty.as_tuple().exponent) == (-6, -9)


def test_postgresql_gets_numeric_and_native_uuids() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    assert str(QUANTITY.compile(dialect)) == "NUMERIC(28, 9)"
    assert str(ID.compile(dialect)) == "UUID"
    assert str(HASH.compile(dialect)) == "BYTEA"


def test_ids_are_sixteen_bytes_on_sqlite(empty: Database) -> None:
    tables.create_all(empty.writer)
    owner = new_id()
    with empty.write() as connection:
        connection.execute(sa.insert(values).values(id=owner))
        stored = connection.exec_driver_sql("SELECT id FROM amounts").scalar_one()
    assert stored == (owner if empty.shared else owner.bytes)
    assert isinstance(stored, UUID if empty.shared else bytes)
