"""Events of older shapes and names are read as today's; what nobody knows is refused in words."""

import msgspec
import pytest
import sqlalchemy as sa

from faults.tampering import filled
from traderbot.infra.events import texts
from traderbot.infra.events.journal import decode_event, events, read
from traderbot.infra.events.upcasts import Fields, Upcasts
from traderbot.infra.storage.database import Database
from traderbot.model.amounts import money
from traderbot.model.errors import InvariantBroken
from traderbot.model.events import CashMoved

pytestmark = pytest.mark.integration
TODAY = CashMoved(1, money(5), "deposit")


@pytest.fixture
def upcasts(monkeypatch: pytest.MonkeyPatch) -> Upcasts:
    """As if cash had once moved by the name of CashBooked, its amount called sum, its kind not written."""

    def renamed(fields: Fields) -> Fields:
        return {"amount" if name == "sum" else name: value for name, value in fields.items()}

    found = Upcasts()
    found.add("CashBooked", 1, renamed)
    found.add("CashBooked", 2, lambda fields: {**fields, "kind": "deposit"}, becomes=("CashMoved", 1))
    monkeypatch.setattr(texts, "UPCASTS", found)
    return found


def test_an_old_shape_is_brought_up_step_by_step(upcasts: Upcasts) -> None:
    assert decode_event("CashBooked", '{"at":1,"sum":"5"}', 1) == TODAY
    assert decode_event("CashBooked", '{"at":1,"amount":"5"}', 2) == TODAY
    assert decode_event("CashMoved", texts.encode_event(TODAY), 1) == TODAY


def test_a_stored_one_is_read_and_stays_as_it_is(upcasts: Upcasts, database: Database) -> None:
    filled(database, 3)
    old = {"type": "CashBooked", "data": '{"at":1,"sum":"5"}'}
    with database.write() as connection:
        connection.execute(sa.update(events).where(events.c.position == 2).values(old))
    with database.read() as connection:
        entries = read(connection)
        stored = connection.execute(sa.select(events.c.data).where(events.c.position == 2)).scalar()
    assert [type(entry.event) for entry in entries] == [CashMoved] * 3
    assert entries[1].event == TODAY
    assert stored == old["data"]


@pytest.mark.parametrize(
    ("kind", "schema", "told"),
    [
        ("CashMoved", 2, "written by a newer one"),
        ("CashMoved", 0, "no step leads on from version 0"),
        ("CashLent", 1, "not known"),
    ],
)
def test_what_nobody_knows_is_refused_in_words(upcasts: Upcasts, kind: str, schema: int, told: str) -> None:
    with pytest.raises(InvariantBroken, match=told):
        decode_event(kind, "{}", schema)


def test_steps_neither_branch_nor_go_in_a_circle(upcasts: Upcasts) -> None:
    with pytest.raises(InvariantBroken, match="two steps"):
        upcasts.add("CashBooked", 1, dict)
    with pytest.raises(InvariantBroken, match="back"):
        upcasts.add("CashMoved", 1, dict, becomes=("CashBooked", 1))


def test_a_step_whose_result_does_not_fit_is_told(upcasts: Upcasts) -> None:
    with pytest.raises(InvariantBroken, match="cannot be read"):
        decode_event("CashBooked", msgspec.json.encode({"at": 1}).decode(), 1)
