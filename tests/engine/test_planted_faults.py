"""The books find every wrong amount: one field of one event at a time is changed, left out or said twice.

Faults in the engine's own code are planted by `make mutants`.
"""

from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
import pytest

from engine.books import AAA, BBB, Desk
from properties.audit import Books
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.account import Account, AccountKind, LotMethod
from traderbot.model.errors import InvariantBroken
from traderbot.model.orders import OrderClass, OrderStatus, OrderType, Side, TimeInForce

pytestmark = pytest.mark.domain
D = Decimal
FOUND = (AssertionError, InvariantBroken, KeyError, IndexError)
ONLY_SAID = {
    "mark",  # what the gate saw: compared with the market where there is one
    "limit_price",  # of an order that is placed; what is asked is compared where the command is known
    "amount",  # of a split: nothing
}
"""Amounts that change nothing of an account."""


@cache
def story(kind: AccountKind) -> tuple[Account, tuple[e.Event, ...]]:
    """A life with everything in it, audited after every step."""
    desk = Desk("10000", kind=kind)
    desk.do(c.ChooseLotMethod(LotMethod.HIGHEST_COST))
    desk.own("30.123456789", "9.876543211")
    desk.own("7", "10.10")
    for _ in range(2):
        desk.fill(desk.place("sell", "12", "9.50", tif="gtc"), "8.5", "9.70", "0.011")
        desk.audit()
    desk.split(3, 2)
    desk.audit()
    desk.dividend("0.123457")
    for order_id in list(desk.account.orders):
        desk.do(c.CancelOrder(order_id))
    sold = "80" if kind is AccountKind.MARGIN else "25"
    desk.fill(desk.place("sell", sold), sold, "7.11", "0.05")
    desk.audit()
    assert (desk.account.quantity(AAA) < 0) is (kind is AccountKind.MARGIN), "sold through flat"
    desk.dividend("0.2")
    desk.fill(desk.place("buy", "10", tif="gtc"), "4", "7.77", "0.01")
    bracket(desk)
    desk.audit()
    desk.do(c.AccrueInterest(3))
    desk.do(c.WithdrawCash(D("5.5")))
    bust_and_late(desk)
    desk.audit()
    desk.split(1, 7)
    desk.audit()
    return desk.account, tuple(desk.events)


def bracket(desk: Desk) -> None:
    gain, loss = c.TakeProfit(desk.id(), D("60.00")), c.StopLoss(desk.id(), D("40.00"))
    entry = c.PlaceOrder(
        desk.id(),
        BBB,
        Side.BUY,
        D(20),
        OrderType.LIMIT,
        TimeInForce.GTC,
        D("50.00"),
        order_class=OrderClass.BRACKET,
        take_profit=gain,
        stop_loss=loss,
    )
    desk.do(entry)
    desk.fill(entry.order_id, "20", "49.5", "0.1")
    desk.fill(gain.order_id, "5", "60.5", "0.02")
    desk.do(c.TriggerOrder(loss.order_id, D("39.99")))
    desk.fill(loss.order_id, "15", "39.5", "0.04")


def bust_and_late(desk: Desk) -> None:
    closed = desk.place("buy", "6", "40.00", symbol=BBB)
    order = msgspec.structs.replace(desk.order(closed), status=OrderStatus.CANCELED, hold=D(0))
    desk.do(c.CancelOrder(closed))
    report = c.RecordExecution(closed, desk.id(), D(6), D("39.9"), D("0.03"), desk.market.time)
    desk.do(c.RecordLateExecution(report, order, desk.market.time))
    last = [event for event in desk.events if isinstance(event, e.OrderFilled)][-1]
    known = msgspec.structs.replace(order, id=last.order_id, filled_qty=last.filled_qty)
    desk.do(c.BustExecution(last, msgspec.structs.replace(known, filled_value=last.filled_value)))


def wrong(account: Account, events: list[e.Event]) -> bool:
    """Whether the books, from these events alone, find that the account is not theirs."""
    books = Books()
    try:
        for event in events:
            books.take(event)
        books.compare(account)
    except FOUND:
        return True
    return False


def amounts(event: e.Event) -> list[str]:
    return [name for name in event.__struct_fields__ if isinstance(getattr(event, name), Decimal)]


@pytest.mark.parametrize("kind", AccountKind)
def test_the_story_itself_is_clean(kind: AccountKind) -> None:
    account, events = story(kind)
    assert not wrong(account, list(events))
    kinds = {type(event) for event in events}
    assert {e.OrderFilledLate, e.ExecutionBusted, e.LegActivated, e.LegResized, e.OrderTriggered} <= kinds


@pytest.mark.parametrize("kind", AccountKind)
def test_every_wrong_amount_is_found(kind: AccountKind) -> None:
    account, events = story(kind)
    missed, tried = [], 0
    for place, event in enumerate(events):
        for name in amounts(event):
            if name in ONLY_SAID or harmless(event, name, kind):
                continue
            for step in (D("0.000001"), D(-1)):
                tried += 1
                changed: Any = {name: getattr(event, name) + step}
                tampered = [*events[:place], msgspec.structs.replace(event, **changed), *events[place + 1 :]]
                if not wrong(account, tampered):
                    missed.append((type(event).__name__, name, step))
    assert missed == []
    assert tried > 190


def harmless(event: e.Event, name: str, kind: AccountKind) -> bool:
    """What is only a ceiling, and is checked where the command, the market and the rules are known."""
    if isinstance(event, e.OrderPlaced):
        ceiling = ("price_max", "fee_rate", "hold", "qty")
        return name in ceiling and (kind is AccountKind.MARGIN or event.side is Side.SELL)
    if isinstance(event, e.OrderFilled):
        return name == "hold" and kind is AccountKind.MARGIN
    return isinstance(event, e.OrderTriggered | e.LegActivated | e.PortfolioRevalued)


@pytest.mark.parametrize("kind", AccountKind)
def test_every_event_left_out_or_said_twice_is_found(kind: AccountKind) -> None:
    account, events = story(kind)
    counted = (
        e.OrderPlaced,
        e.OrderFilled,
        e.OrderFilledLate,
        e.ExecutionBusted,
        e.CashMoved,
        e.OrderCancelled,
    )
    for place, event in enumerate(events):
        if isinstance(event, counted):
            assert wrong(account, [*events[:place], *events[place + 1 :]]), event
            assert wrong(account, [*events[: place + 1], event, *events[place + 1 :]]), event
