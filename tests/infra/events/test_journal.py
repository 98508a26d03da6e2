"""The journal: one text and one hash an event, and every kind of tampering is found."""

import hashlib
import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from traderbot.infra.events.journal import (
    FIRST_HASH,
    Journal,
    Meta,
    StreamMoved,
    chain_hash,
    decode_event,
    encode_event,
    events,
    read,
    read_all,
    stream_heads,
    verify,
)
from traderbot.infra.events.texts import canonical
from traderbot.infra.storage.database import Database
from traderbot.model import events as e
from traderbot.model.account import AccountKind
from traderbot.model.actions import ActionKind
from traderbot.model.amounts import money
from traderbot.model.errors import InvariantBroken
from traderbot.model.orders import OrderStatus, OrderType, Side, TimeInForce
from traderbot.model.reasons import Reason
from traderbot.model.rules import Limits
from traderbot.model.sentiment import Sentiment
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.integration

D = Decimal
AMOUNTS = st.decimals(min_value=-(10**9), max_value=10**9, places=6, allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)
LIMITS = st.builds(
    Limits,
    order_value=st.none() | st.decimals(1, 10**6, places=6),
    order_qty=st.none() | st.decimals(1, 10**6, places=9),
    drawdown=st.none() | st.decimals("0.01", "0.99", places=4),
    orders_per_day=st.none() | st.integers(1, 1000),
    restricted=st.frozensets(st.sampled_from([Symbol("AAA"), Symbol("BBB")])),
)


def values_of(annotation: Any) -> st.SearchStrategy[Any]:
    """Values for a field of an event."""
    known: dict[Any, st.SearchStrategy[Any]] = {
        Decimal: AMOUNTS,
        str: TEXTS,
        int: st.integers(-(2**62), 2**62),
        bool: st.booleans(),
        float: st.floats(allow_nan=False, allow_infinity=False),
        UUID: st.uuids(),
        Limits: LIMITS,
        Sentiment: st.builds(Sentiment, st.floats(-1, 1), st.floats(0, 1), st.just("desk")),
        date: st.dates(),
        type(None): st.none(),
        Any: st.one_of(st.none(), st.booleans(), TEXTS, st.lists(TEXTS, max_size=2), st.floats(0, 1)),
    }
    annotation = getattr(annotation, "__supertype__", annotation)
    if annotation in known:
        return known[annotation]
    origin, parts = getattr(annotation, "__origin__", None), getattr(annotation, "__args__", ())
    if origin is tuple:
        return st.lists(values_of(parts[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(values_of(parts[0]), values_of(parts[1]), max_size=3)
    if parts:
        return st.one_of(*map(values_of, parts))
    if issubclass(annotation, msgspec.Struct):
        return structs(annotation)
    return st.sampled_from(annotation)


def structs(kind: type[Any]) -> st.SearchStrategy[Any]:
    fields = {field.name: values_of(field.type) for field in msgspec.structs.fields(kind)}
    return st.fixed_dictionaries(fields).map(lambda values: kind(**values))


EVENTS = st.sampled_from(sorted(e.EVENT_TYPES)).flatmap(lambda name: structs(e.EVENT_TYPES[name]))


@given(AMOUNTS)
def test_an_amount_has_one_text(amount: Decimal) -> None:
    text = canonical(amount)
    assert Decimal(text) == amount
    assert text == canonical(amount.normalize()) == canonical(amount + D("0.000000000"))
    assert "E" not in text
    assert text == "0" or not text.startswith("-0") or "." in text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1E+2", "100"),
        ("1.50", "1.5"),
        ("0E-9", "0"),
        ("-0.00", "0"),
        ("1E-9", "0.000000001"),
        ("-5.0", "-5"),
        ("100", "100"),
    ],
)
def test_texts_of_amounts(amount: str, text: str) -> None:
    assert canonical(D(amount)) == text


@given(EVENTS)
def test_an_event_comes_back_from_its_text(event: e.Event) -> None:
    text = encode_event(event)
    assert decode_event(type(event).__name__, text) == event
    assert encode_event(decode_event(type(event).__name__, text)) == text


@given(EVENTS)
def test_the_text_is_the_plain_one(event: e.Event) -> None:
    """Beside the fast encoder, the obvious one: all to built-in values, then every amount to its text."""

    def plain(value: Any) -> Any:
        match value:
            case Decimal():
                return canonical(value)
            case dict():
                return {key: plain(item) for key, item in value.items()}
            case list() | tuple():
                return [plain(item) for item in value]
        return value

    expected = plain(msgspec.to_builtins(event, builtin_types=(Decimal,)))
    assert encode_event(event) == msgspec.json.encode(expected).decode()


PINNED = {
    e.OrderCancelled(5, UUID(int=1), Reason.CANCELED_BY_USER): (
        '{"at":5,"order_id":"00000000-0000-0000-0000-000000000001","reason":"canceled_by_user"}'
    ),
    e.CashMoved(5, D("1E+2"), "deposit"): '{"at":5,"amount":"100","kind":"deposit"}',
    e.CorporateActionApplied(
        5, Symbol("AAA"), ActionKind.DIVIDEND, date(2020, 1, 2), D("3.0"), amount=D("0.10"), cash=money("0.3")
    ): (
        '{"at":5,"symbol":"AAA","kind":"dividend","ex_date":"2020-01-02","position_qty":"3",'
        '"amount":"0.1","cash":"0.3"}'
    ),
}  # fmt: skip


@pytest.mark.parametrize("event", PINNED, ids=lambda event: type(event).__name__)
def test_stored_texts_stay_as_they_are(event: e.Event) -> None:
    """Values a field is left out at are part of what is stored: changing one would change the meaning of old
    events.
    """
    assert encode_event(event) == PINNED[event]


def test_what_is_left_out_is_pinned() -> None:
    left_out = {
        (name, field.name): field.default
        for name, kind in e.EVENT_TYPES.items()
        for field in msgspec.structs.fields(kind)
        if not field.required
    }
    assert left_out == {
        ("AlertRaised", "account_id"): None,
        ("AlertRaised", "symbol"): None,
        ("AlertResolved", "value"): None,
        ("AlertSettingsChanged", "of"): None,
        ("AccountOpened", "broker"): "paper",
        ("RebalancingChanged", "detail"): "",
        ("RebalancingChanged", "proposal_id"): None,
        ("RiskLimitBreached", "halt"): False,
        ("SentimentScored", "headline"): "",
        ("SessionControlled", "jump_to"): None,
        ("AccountOpened", "kind"): AccountKind.CASH,
        ("AccountOpened", "name"): "",
        ("CashMoved", "symbol"): None,
        ("CorporateActionApplied", "amount"): None,
        ("CorporateActionApplied", "cash"): None,
        ("CorporateActionApplied", "estimated"): False,
        ("CorporateActionApplied", "lots"): (),
        ("CorporateActionApplied", "new"): 1,
        ("CorporateActionApplied", "new_symbol"): None,
        ("CorporateActionApplied", "old"): 1,
        ("CorporateActionApplied", "orders"): (),
        ("CorporateActionApplied", "realised"): None,
        ("ExecutionBusted", "overdraft"): None,
        ("ExecutionBusted", "relief"): (),
        ("ExecutionBusted", "restored"): (),
        ("LegActivated", "reserves"): True,
        ("LegResized", "reserves"): True,
        ("OrderFilled", "lot"): None,
        ("OrderFilled", "lot_cost"): None,
        ("OrderFilled", "lot_qty"): None,
        ("OrderFilled", "relief"): (),
        ("OrderFilledLate", "lot"): None,
        ("OrderFilledLate", "lot_cost"): None,
        ("OrderFilledLate", "lot_qty"): None,
        ("OrderFilledLate", "overdraft"): None,
        ("OrderFilledLate", "relief"): (),
        ("OrderPlaced", "extended_hours"): False,
        ("OrderPlaced", "fee_minimum"): None,
        ("OrderPlaced", "fee_per_share"): None,
        ("OrderPlaced", "lots"): (),
        ("OrderPlaced", "member"): None,
        ("OrderPlaced", "notional"): None,
        ("OrderPlaced", "replaces"): None,
        ("OrderPlaced", "reserves"): True,
        ("OrderPlaced", "signal_id"): None,
        ("OrderPlaced", "status"): OrderStatus.NEW,
        ("OrderPlaced", "stop"): None,
        ("OrderRefused", "notional"): None,
        ("OrderRefused", "signal_id"): None,
        ("OrderRefused", "stop_price"): None,
        ("ResumeRequested", "symbol"): None,
        ("TradingPaused", "symbol"): None,
        ("TradingResumed", "symbol"): None,
    }
    assert Meta("a") == Meta("a", "", "", "")
    assert not any(isinstance(default, Decimal) for default in left_out.values())


def test_an_event_of_an_unknown_type_is_an_error() -> None:
    with pytest.raises(InvariantBroken, match="Unheard"):
        decode_event("Unheard", "{}")
    with pytest.raises(InvariantBroken, match="CashMoved"):
        decode_event("CashMoved", '{"at":1}')


def test_the_hash_can_be_made_by_hand() -> None:
    link = [1, "s", 3, "CashMoved", 1, '{"a":"é"}', "{}", None, 9, "ab" * 32]
    by_hand = hashlib.sha256(json.dumps(link, separators=(",", ":"), ensure_ascii=False).encode()).digest()
    assert chain_hash("s", 3, "CashMoved", 1, '{"a":"é"}', "{}", None, 9, bytes.fromhex("ab" * 32)) == by_hand


def append(database: Database, journal: Journal, *entries: tuple[str, e.Event], now: int = 100) -> None:
    with database.write() as connection:
        appends = journal.stage(connection, now)
        for stream, event in entries:
            appends.add(stream, event, Meta("system"))
        appends.flush()
        appends.check()
    journal.publish(appends)


def moved(amount: int) -> e.CashMoved:
    return e.CashMoved(amount, D(amount), "deposit")


@pytest.fixture
def filled(database: Database) -> Database:
    """Streams a and b, three events each, in turn."""
    journal = Journal(database.writer.dialect)
    append(database, journal, ("a", moved(1)), ("b", moved(2)), ("a", moved(3)))
    append(database, journal, ("b", moved(4)), ("a", moved(5)), ("b", moved(6)))
    return database


def fault_of(database: Database) -> str | None:
    with database.read() as connection:
        return verify(connection).fault


def tamper(database: Database, *statements: Any) -> None:
    with database.write() as connection:
        for statement in statements:
            connection.execute(statement)


def test_an_untouched_journal_verifies(filled: Database) -> None:
    with filled.read() as connection:
        assert verify(connection) == (6, 2, None)
        first = connection.execute(sa.select(events).order_by(events.c.position)).first()
        assert first is not None
        assert (first.position, first.version, first.prev_hash) == (1, 1, FIRST_HASH)


def test_an_empty_journal_verifies(database: Database) -> None:
    assert fault_of(database) is None


def at(position: int) -> Any:
    return sa.update(events).where(events.c.position == position)


def _swap(first: int, second: int) -> list[Any]:
    return [at(first).values(position=-1), at(second).values(position=first), at(-1).values(position=second)]


TAMPERINGS: dict[str, Callable[[], list[Any]]] = {
    "data": lambda: [at(3).values(data='{"at":3,"amount":"4","kind":"deposit"}')],
    "metadata": lambda: [at(3).values(metadata='{"actor":"somebody"}')],
    "type": lambda: [at(3).values(type="TradingPaused")],
    "market time": lambda: [at(3).values(effective_at=4)],
    "recorded time": lambda: [at(3).values(recorded_at=101)],
    "hash": lambda: [at(3).values(hash=bytes(32))],
    "removed": lambda: [sa.delete(events).where(events.c.position == 3)],
    "removed and closed up": lambda: [
        sa.delete(events).where(events.c.position == 3),
        *(at(position).values(position=position - 1) for position in (4, 5, 6)),
    ],
    "removed last": lambda: [sa.delete(events).where(events.c.position == 6)],
    "swapped": lambda: _swap(3, 5),
    "moved to another stream": lambda: [at(3).values(stream="b")],
    "forged head": lambda: [
        sa.update(stream_heads).where(stream_heads.c.stream == "a").values(hash=bytes(32))
    ],
    "removed head": lambda: [sa.delete(stream_heads).where(stream_heads.c.stream == "a")],
    "invented head": lambda: [
        sa.insert(stream_heads).values(stream="c", version=1, hash=bytes(32), recorded_at=1)
    ],
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_tampering_is_found(filled: Database, what: str) -> None:
    tamper(filled, *TAMPERINGS[what]())
    fault = fault_of(filled)
    assert fault is not None
    if what in ("data", "metadata", "type", "market time", "recorded time", "hash"):
        assert "position 3 (a version 2" in fault


def test_a_rehashed_event_breaks_the_next(filled: Database) -> None:
    """Whoever changes an event and its hash would have to change every later one and the head as well."""
    with filled.write() as connection:
        row = connection.execute(sa.select(events).where(events.c.position == 3)).one()
        data = row.data.replace('"3"', '"4"')
        digest = chain_hash(
            row.stream, row.version, row.type, row.schema_version, data, row.metadata,
            row.effective_at, row.recorded_at, row.prev_hash,
        )  # fmt: skip
        connection.execute(at(3).values(data=data, hash=digest))
    fault = fault_of(filled)
    assert fault is not None
    assert "position 5" in fault


def test_reading(filled: Database) -> None:
    with filled.read() as connection:
        assert [entry.position for entry in read(connection, after=2, limit=3)] == [3, 4, 5]
        assert [entry.version for entry in read(connection, stream="b")] == [1, 2, 3]
        assert read(connection, types=["OrderFilled"]) == []
        assert [entry.event for entry in read_all(connection, page=4)] == [
            moved(number) for number in range(1, 7)
        ]


def test_a_new_journal_goes_on_where_the_tables_end(filled: Database) -> None:
    append(filled, Journal(filled.writer.dialect), ("a", moved(7)), now=50)
    with filled.read() as connection:
        last = read(connection, after=6)[0]
    assert (last.position, last.version) == (7, 4)
    assert last.recorded_at == 100, "recorded time never goes back"
    assert fault_of(filled) is None


def test_two_writers_of_one_stream_are_noticed(filled: Database) -> None:
    here, there = Journal(filled.writer.dialect), Journal(filled.writer.dialect)
    append(filled, here, ("a", moved(7)))
    append(filled, there, ("b", moved(8)))
    here._position = 8  # on SQLite, as if only the stream were contested
    append(filled, there, ("a", moved(9)))
    here._position = 9
    with pytest.raises(StreamMoved, match="another writer"):
        append(filled, here, ("a", moved(10)))
    assert fault_of(filled) is None


def test_a_held_stream_is_as_it_is_now(postgres: Database) -> None:
    here, there = Journal(postgres.dialect), Journal(postgres.dialect)
    append(postgres, here, ("a", moved(1)))
    append(postgres, there, ("a", moved(2)))
    with postgres.write() as connection:
        here.lock_streams(connection, {"a", "new"})
        assert here.head(connection, "a").version == 2
        assert here.head(connection, "new").version == 0


def test_positions_follow_each_other_whoever_writes(postgres: Database) -> None:
    journals = [Journal(postgres.dialect) for _ in range(3)]
    for number in range(9):
        stream = f"of writer {number % 3}"
        append(postgres, journals[number % 3], (stream, moved(1)), (stream, moved(2)))
        assert journals[number % 3]._position is None, "nobody trusts what may have moved"
    with postgres.read() as connection:
        assert [entry.position for entry in read_all(connection)] == list(range(1, 19))
    assert fault_of(postgres) is None


def test_statuses_and_sides_are_stored_as_words() -> None:
    words = ("", Symbol("AAA"), Side.BUY, OrderType.LIMIT, TimeInForce.GTC)
    placed = e.OrderPlaced(1, UUID(int=1), *words, D(1), D("1.10"), D(1), D(0), D(1), None, D(1), 1, 1)
    stored = json.loads(encode_event(placed))
    assert (stored["side"], stored["type"], stored["time_in_force"], stored["limit_price"]) == (
        "buy",
        "limit",
        "gtc",
        "1.1",
    )
    assert OrderStatus("filled") is OrderStatus.FILLED
