"""An account read from its tables equals the fold of its events, whatever was asked of it."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import count, islice
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from traderbot.engine.apply import fold
from traderbot.infra.events.journal import read
from traderbot.infra.ids import new_id
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model import rounding
from traderbot.model.account import Account, AccountKind, LotMethod
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.orders import OrderClass, OrderType, Side, TimeInForce
from traderbot.model.rules import Limits
from traderbot.model.symbols import Symbol
from traderbot.trading import audit
from traderbot.trading.accounts import load_order
from traderbot.trading.work import Work
from trading.rig import AAA, BBB, NOW, SESSION, D, Rig, order, same

pytestmark = pytest.mark.integration

SYMBOLS = st.sampled_from([AAA, BBB])
QUANTITIES = st.sampled_from(["1", "3", "7.5", "0.000000001", "100"]).map(D)
WHOLE = st.sampled_from([1, 4, 10]).map(D)
PRICES = st.sampled_from(["9.99", "10", "10.01", "50.25"]).map(D)
CLOSES = count(1)  # a step is revalued once
SPLITS = st.sampled_from([(2, 1), (3, 2), (1, 3), (7, 3)])
ORDERS = st.integers(0, 5)
EX_DATE = date(2020, 1, 1)


def places(side: Side | None = None) -> st.SearchStrategy[Any]:
    return st.tuples(
        st.just("place"),
        SYMBOLS,
        st.sampled_from(Side) if side is None else st.just(side),
        QUANTITIES,
        st.one_of(st.none(), PRICES),
        st.sampled_from(["", "named"]),
    )


STEPS = st.one_of(
    places(),
    places(Side.BUY),
    st.tuples(st.just("stop"), SYMBOLS, st.sampled_from(Side), WHOLE, st.sampled_from(OrderType)),
    st.tuples(st.just("group"), SYMBOLS, st.sampled_from(Side), WHOLE, st.sampled_from(OrderClass)),
    st.tuples(st.just("notional"), SYMBOLS, st.sampled_from(Side)),
    st.tuples(st.just("fill"), ORDERS, st.sampled_from(["all", "half"]), PRICES),
    st.tuples(st.just("fill"), ORDERS, st.just("all"), PRICES),
    st.tuples(st.just("fill"), ORDERS, st.just("all"), st.just(D(10))),
    st.tuples(st.just("trigger"), ORDERS),
    st.tuples(st.just("trail"), ORDERS, PRICES),
    st.tuples(st.just("cancel"), ORDERS),
    st.tuples(st.just("expire"), ORDERS),
    st.tuples(st.just("replace"), ORDERS, QUANTITIES),
    st.tuples(st.just("reject"), ORDERS),
    st.tuples(st.just("split"), SYMBOLS, SPLITS),
    st.tuples(st.just("dividend"), SYMBOLS),
    st.tuples(st.just("rename"), SYMBOLS),
    st.tuples(st.just("delist"), SYMBOLS),
    st.tuples(st.just("revalue")),
    st.tuples(st.just("pause"), st.sampled_from([None, AAA])),
    st.tuples(st.just("request"), st.sampled_from([None, AAA])),
    st.tuples(st.just("resume"), st.sampled_from([None, AAA])),
    st.tuples(st.just("quarantine"), SYMBOLS),
    st.tuples(st.just("deposit")),
    st.tuples(st.just("withdraw")),
    st.tuples(st.just("interest")),
    st.tuples(st.just("method"), st.sampled_from(LotMethod)),
    st.tuples(st.just("limits"), st.sampled_from([None, 3])),
    st.tuples(st.just("late"), ORDERS, WHOLE),
    st.tuples(st.just("bust"), ORDERS),
)
OF_ORDERS = ("fill", "cancel", "expire", "replace", "trigger", "trail", "reject")
OTHER = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}


def commands(step: tuple[Any, ...], account: Account, used: set[str]) -> Iterator[c.Command]:
    """The command of a step; orders are meant by their place among the open ones."""
    kind, rest = step[0], step[1:]
    if kind in OF_ORDERS:
        yield from _of_order(kind, rest, account)
    elif kind in ("place", "stop", "group", "notional"):
        yield from _placing(kind, rest, used)
    elif kind in ("split", "dividend", "rename", "delist"):
        yield c.ApplyCorporateAction(_action(kind, rest))
    elif kind == "revalue":
        yield c.RevaluePortfolio(next(CLOSES))
    elif kind == "pause":
        yield c.PauseTrading("stop", rest[0])
    elif kind == "request":
        yield c.RequestResume("code", rest[0])
    elif kind == "resume":
        yield c.ResumeTrading("code", rest[0])
    elif kind == "quarantine":
        yield c.QuarantineReport(rest[0], "too much", {"qty": "-1"})
    elif kind == "method":
        yield c.ChooseLotMethod(rest[0])
    elif kind == "limits":
        yield c.SetLimits(
            Limits() if rest[0] is None else Limits(gross=D("5.50"), restricted=frozenset({BBB}))
        )
    else:
        yield {
            "deposit": c.DepositCash(D("12.34")),
            "withdraw": c.WithdrawCash(D("1.01")),
            "interest": c.AccrueInterest(3),
        }[kind]


def _placing(kind: str, rest: tuple[Any, ...], used: set[str]) -> Iterator[c.Command]:
    order_id = new_id()
    symbol, side = rest[:2]
    price = D(10) if symbol == AAA else D(50)
    if kind == "place":
        qty, limit, name = rest[2:]
        name = f"{name}-{len(used)}" if name else ""
        used.add(str(order_id))
        order_type = OrderType.MARKET if limit is None else OrderType.LIMIT
        yield c.PlaceOrder(order_id, symbol, side, qty, order_type, TimeInForce.GTC, limit, name)
    elif kind == "notional":
        yield c.PlaceOrder(order_id, symbol, side, None, notional=D("33.33"))
    elif kind == "stop":
        qty, order_type = rest[2:]
        beyond = price + (D("0.5") if side is Side.BUY else D("-0.5"))
        limited = order_type in (OrderType.LIMIT, OrderType.STOP_LIMIT)
        stopped = order_type in (OrderType.STOP, OrderType.STOP_LIMIT)
        trails = order_type is OrderType.TRAILING_STOP
        yield c.PlaceOrder(
            order_id, symbol, side, qty, order_type, TimeInForce.GTC, beyond if limited else None,
            stop_price=beyond if stopped else None, trail_percent=D(5) if trails else None,
        )  # fmt: skip
    else:
        qty, order_class = rest[2:]
        sign = 1 if side is Side.BUY else -1
        gain, loss = price + sign, price - sign
        if order_class is OrderClass.OCO:
            gain, loss = loss, gain
        first = c.TakeProfit(new_id(), gain) if order_class is OrderClass.BRACKET else None
        last = None if order_class is OrderClass.SIMPLE else c.StopLoss(new_id(), loss)
        limit = gain if order_class is OrderClass.OCO else price
        yield c.PlaceOrder(
            order_id, symbol, side, qty, OrderType.LIMIT, TimeInForce.GTC, limit,
            order_class=order_class, take_profit=first, stop_loss=last,
        )  # fmt: skip


def _action(kind: str, rest: tuple[Any, ...]) -> CorporateAction:
    if kind == "split":
        symbol, (new, old) = rest
        return CorporateAction(symbol, EX_DATE, ActionKind.SPLIT, new=new, old=old)
    if kind == "dividend":
        return CorporateAction(rest[0], EX_DATE, ActionKind.DIVIDEND, D("0.17"))
    if kind == "delist":
        return CorporateAction(rest[0], EX_DATE, ActionKind.DELISTING, D("1.5"))
    other = BBB if rest[0] == AAA else AAA
    return CorporateAction(rest[0], EX_DATE, ActionKind.SYMBOL_CHANGE, new_symbol=other)


def _of_order(kind: str, rest: tuple[Any, ...], account: Account) -> Iterator[c.Command]:
    for working in islice(account.orders.values(), rest[0], rest[0] + 1):
        if kind == "cancel":
            yield c.CancelOrder(working.id)
        elif kind == "expire":
            yield c.ExpireOrder(working.id)
        elif kind == "reject":
            yield c.RejectOrder(working.id, "not today")
        elif kind == "replace":
            yield c.ReplaceOrder(working.id, new_id(), rest[1])
        elif kind == "trigger":
            yield c.TriggerOrder(working.id, D("10.55"))
        elif kind == "trail":
            yield c.MoveTrailingMark(working.id, rest[1])
        else:
            part = working.remaining
            if rest[1] != "all":
                part = rounding.whole_steps(part / 2, D("0.000000001"))
            if part:
                yield c.RecordExecution(
                    working.id, new_id(), part, min(rest[2], working.price_max), D("0.01"), 1
                )


def reports(rig: Rig, account_id: UUID, step: tuple[Any, ...]) -> list[c.Command]:
    """Late and busted executions, with what a broker's report is judged by."""
    events = [entry.event for entry in journal(rig, account_id)]
    filled = [event for event in events if isinstance(event, e.Execution)]
    if step[0] == "bust":
        gone = {event.execution_id for event in events if isinstance(event, e.ExecutionBusted)}
        left = [event for event in filled if event.execution_id not in gone]
        for execution in left[step[1] : step[1] + 1]:
            with rig.database.read() as connection:
                order = load_order(connection, account_id, execution.order_id)
            return [c.BustExecution(execution, order)]
        return []
    open_ones = rig.load(account_id).orders
    placed = [event.order_id for event in events if isinstance(event, e.OrderPlaced)]
    closed = [order_id for order_id in placed if order_id not in open_ones]
    for order_id in closed[step[1] : step[1] + 1]:
        with rig.database.read() as connection:
            order = load_order(connection, account_id, order_id)
        assert order is not None
        execution = c.RecordExecution(order_id, new_id(), step[2], D(10), D("0.02"), 1)
        return [c.RecordLateExecution(execution, order, NOW - 5)]
    return []


def journal(rig: Rig, account_id: UUID) -> list[Any]:
    found: list[Any] = rig.read(
        lambda connection: read(connection, stream=f"account:{account_id}", limit=100_000)
    )
    return found


def folded(rig: Rig, account_id: UUID) -> Account:
    return fold(Account(account_id), [entry.event for entry in journal(rig, account_id)])


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(st.lists(STEPS, min_size=1, max_size=6), min_size=1, max_size=8),
    kind=st.sampled_from(AccountKind),
    forget=st.booleans(),
)
def ask_anything(rig: Rig, batches: list[list[tuple[Any, ...]]], kind: AccountKind, forget: bool) -> None:
    """Each list of steps is one transaction, so that rows are made and changed in one and in several."""
    account_id, used = rig.open("5000", kind), set[str]()
    for steps in batches:
        plans = [
            (account_id, lambda account, step=step: commands(step, account, used))  # type: ignore[misc]
            for step in steps
            if step[0] not in ("late", "bust")
        ]
        rig.path.submit(Work(plans=plans, markets={SESSION: rig.market}))
        for step in steps:
            if step[0] in ("late", "bust"):
                rig.do(account_id, *reports(rig, account_id, step))
        if forget:
            rig.path._memory.forget()
        same(rig.load(account_id), folded(rig, account_id))


def test_the_tables_are_the_fold(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """After every transaction, and once more from the journal alone, in pages of another length."""
    ask_anything(rig)
    monkeypatch.setattr(audit, "PAGE", 13)
    assert audit.rebuild(rig.database).differences == []


def test_there_is_no_account_without_events(rig: Rig) -> None:
    assert rig.load(new_id()) is None


def test_an_account_with_everything_at_once(rig: Rig) -> None:
    account_id = rig.open()
    rig.own(account_id, "10", "9.5")
    rig.own(account_id, "10", "10.5")
    half, sale = order("8", limit="9"), order("15", Side.SELL, limit="11")  # which cannot meet each other
    assert not rig.do(account_id, half, sale).refusals
    rig.fill(account_id, half.order_id, "3", "9")
    rig.fill(account_id, sale.order_id, "12", "11")
    split = CorporateAction(AAA, EX_DATE, ActionKind.SPLIT, new=3, old=2)
    assert not rig.do(account_id, c.ApplyCorporateAction(split), c.PauseTrading("lunch")).refusals
    account = rig.load(account_id)
    assert account.halted == "lunch"
    assert account.positions[AAA].qty == D("16.5")  # (20 + 3 - 12) shares, three for two
    assert list(account.positions[AAA].lots) == [2, 3]
    assert account.reserved[AAA] == D("4.5")
    same(account, folded(rig, account_id))
    rig.check()


def test_a_short_account_with_settings_of_its_own(rig: Rig) -> None:
    account_id = rig.open("5000", AccountKind.MARGIN)
    rig.fill(account_id, rig.place(account_id, "30", Side.SELL), "30")
    limits = Limits(gross=Decimal(3), restricted=frozenset({BBB, Symbol("CCC")}), orders_per_day=9)
    done = rig.do(
        account_id,
        c.SetLimits(limits),
        c.ChooseLotMethod(LotMethod.LIFO),
        c.PauseTrading("odd", AAA),
        c.RequestResume("yes", AAA),
        c.RevaluePortfolio(next(CLOSES)),
        c.AccrueInterest(2),
    )
    assert not done.refusals
    account = rig.load(account_id)
    assert account.positions[AAA].qty == -30
    assert account.positions[AAA].lots[1].cost == -300
    assert account.limits == limits
    assert (account.halted_symbols, account.lifting) == ({AAA: "odd"}, {AAA: "yes"})
    assert account.balances["borrow"] > 0
    assert account.valued is not None
    same(account, folded(rig, account_id))
    rig.check()


def test_open_orders_are_found_by_their_own_index(rig: Rig) -> None:
    """SQLite takes a partial index only for its condition word for word."""
    if rig.database.dialect.name != "sqlite":
        pytest.skip("PostgreSQL proves more")
    account_id = rig.open()
    plans = rig.read(
        lambda connection: list(
            connection.exec_driver_sql(
                "EXPLAIN QUERY PLAN SELECT * FROM orders WHERE account_id = ? AND orders.status IN "
                "('pending_new', 'unknown', 'held', 'new', 'partially_filled') ORDER BY version",
                (account_id.bytes,),
            )
        )
    )
    assert any("ix_orders_open" in str(row) for row in plans), plans
