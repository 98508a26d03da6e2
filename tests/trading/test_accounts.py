"""An account read from its tables equals the fold of its events, whatever was asked of it."""

from collections.abc import Iterator
from datetime import date
from itertools import count, islice
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from traderbot.engine.apply import fold
from traderbot.infra.ids import new_id
from traderbot.infra.journal import read
from traderbot.model import commands as c
from traderbot.model.account import Account
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.orders import OrderType, Side, TimeInForce
from traderbot.trading.work import Work
from trading.rig import AAA, BBB, SESSION, D, Rig, same

pytestmark = pytest.mark.integration

SYMBOLS = st.sampled_from([AAA, BBB])
QUANTITIES = st.sampled_from(["1", "3", "7.5", "0.000000001", "100"]).map(D)
PRICES = st.sampled_from(["9.99", "10", "10.01", "50.25"]).map(D)
CLOSES = count(1)  # a step is revalued once
SPLITS = st.sampled_from([(2, 1), (3, 2), (1, 3), (7, 3)])


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
    st.tuples(st.just("fill"), st.integers(0, 5), st.sampled_from(["all", "half"]), PRICES),
    st.tuples(st.just("fill"), st.integers(0, 5), st.just("all"), PRICES),
    st.tuples(st.just("cancel"), st.integers(0, 5)),
    st.tuples(st.just("expire"), st.integers(0, 5)),
    st.tuples(st.just("replace"), st.integers(0, 5), QUANTITIES),
    st.tuples(st.just("split"), SYMBOLS, SPLITS),
    st.tuples(st.just("dividend"), SYMBOLS),
    st.tuples(st.just("revalue")),
    st.tuples(st.just("pause")),
    st.tuples(st.just("resume")),
    st.tuples(st.just("deposit")),
)


def commands(step: tuple[Any, ...], account: Account, used: set[str]) -> Iterator[c.Command]:
    """The command of a step; orders are meant by their place among the open ones."""
    kind, rest = step[0], step[1:]
    if kind in ("fill", "cancel", "expire", "replace"):
        yield from _of_order(kind, rest, account)
    elif kind == "place":
        symbol, side, qty, limit, name = rest
        order_id = new_id()
        name = f"{name}-{len(used)}" if name else ""
        used.add(str(order_id))
        order_type = OrderType.MARKET if limit is None else OrderType.LIMIT
        yield c.PlaceOrder(order_id, symbol, side, qty, order_type, TimeInForce.GTC, limit, name)
    elif kind == "split":
        symbol, (new, old) = rest
        yield c.ApplyCorporateAction(
            CorporateAction(symbol, date(2020, 1, 1), ActionKind.SPLIT, new=new, old=old)
        )
    elif kind == "dividend":
        action = CorporateAction(rest[0], date(2020, 1, 1), ActionKind.DIVIDEND, D("0.17"))
        yield c.ApplyCorporateAction(action)
    elif kind == "revalue":
        yield c.RevaluePortfolio(next(CLOSES))
    else:
        yield {
            "pause": c.PauseTrading("stop"),
            "resume": c.ResumeTrading(),
            "deposit": c.DepositCash(D("12.34")),
        }[kind]


def _of_order(kind: str, rest: tuple[Any, ...], account: Account) -> Iterator[c.Command]:
    for working in islice(account.orders.values(), rest[0], rest[0] + 1):
        if kind == "cancel":
            yield c.CancelOrder(working.id)
        elif kind == "expire":
            yield c.ExpireOrder(working.id)
        elif kind == "replace":
            yield c.ReplaceOrder(working.id, new_id(), rest[1])
        else:
            part = (
                working.remaining if rest[1] == "all" else (working.remaining / 2).quantize(D("0.000000001"))
            )
            if part:
                yield c.RecordExecution(
                    working.id, new_id(), part, min(rest[2], working.price_max), D("0.01"), 1
                )


def _fold(rig: Rig, account_id: UUID) -> Account:
    entries = rig.read(lambda connection: read(connection, stream=f"account:{account_id}", limit=100_000))
    return fold(Account(account_id), [entry.event for entry in entries])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(st.lists(STEPS, min_size=1, max_size=6), min_size=1, max_size=8), forget=st.booleans()
)
def test_the_tables_are_the_fold(rig: Rig, batches: list[list[tuple[Any, ...]]], forget: bool) -> None:
    """Each list of steps is one transaction, so that rows are made and changed in one and in several."""
    account_id, used = rig.open("5000"), set[str]()
    for steps in batches:
        plans = [
            (account_id, lambda account, step=step: commands(step, account, used))  # type: ignore[misc]
            for step in steps
        ]
        rig.path.submit(Work(plans=plans, markets={SESSION: rig.market}))
        if forget:
            rig.path._memory.forget()
        same(rig.load(account_id), _fold(rig, account_id))


def test_there_is_no_account_without_events(rig: Rig) -> None:
    assert rig.load(new_id()) is None


def test_an_account_with_everything_at_once(rig: Rig) -> None:
    account_id = rig.open()
    rig.own(account_id, "10", "9.5")
    rig.own(account_id, "10", "10.5")
    half = rig.place(account_id, "8")
    rig.fill(account_id, half, "3")
    sale = rig.place(account_id, "15", Side.SELL)
    rig.fill(account_id, sale, "12")
    split = CorporateAction(AAA, date(2020, 1, 1), ActionKind.SPLIT, new=3, old=2)
    assert not rig.do(account_id, c.ApplyCorporateAction(split), c.PauseTrading("lunch")).refusals
    account = rig.load(account_id)
    assert account.halted == "lunch"
    assert account.positions[AAA].qty == D("16.5")  # (20 + 3 - 12) shares, three for two
    assert [lot.number for lot in account.positions[AAA].lots] == [2, 3]
    assert account.reserved[AAA] == D("4.5")
    same(account, _fold(rig, account_id))
    rig.check()
