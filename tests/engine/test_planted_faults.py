"""Faults planted in the engine one by one: the auditor, or a guard of the engine itself, must find each."""

from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from engine.books import AAA, Desk
from traderbot.engine import apply as applying
from traderbot.engine import decide as deciding
from traderbot.engine import ledger
from traderbot.engine.gate import Approval
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model import rounding
from traderbot.model.errors import InvariantBroken
from traderbot.model.orders import Order
from traderbot.model.reasons import Refusal
from traderbot.simulation import broker

pytestmark = pytest.mark.domain

D = Decimal
Plant = Callable[[pytest.MonkeyPatch], None]


def story() -> None:
    """A life with everything in it, audited after every step."""
    desk = Desk("10000")

    def step(outcome: Any) -> Any:
        desk.audit()
        return outcome

    first = step(desk.place("buy", "100", tif="gtc"))
    step(desk.bar(AAA, ("10.123457", "11", "9", "10.5"), 333))
    step(desk.bar(AAA, ("10.2", "11", "9", "10.5"), 1e6))
    assert first not in desk.account.orders
    step(desk.own("30.123456789", "9.876543211"))
    step(desk.own("7", "10.10"))
    for _ in range(2):
        sale = step(desk.place("sell", "60", "9.50", tif="gtc"))
        step(desk.fill(sale, "20.5", "9.70", "0.011"))
    step(desk.split(3, 2))
    step(desk.bar(AAA, ("7", "7.2", "6.8", "7.1"), 1e6))
    step(desk.place("buy", "50", "6.00", tif="gtc"))
    step(desk.place("sell", "20", "9.00", tif="gtc"))
    step(desk.split(2, 1))
    step(desk.dividend("0.123457"))
    step(desk.do(c.CancelOrder(next(iter(desk.account.orders)))))
    step(desk.split(1, 7))
    assert not desk.account.orders
    desk.market.quote(AAA, "24")
    dear = step(desk.place("buy", "100", "25.00"))
    step(desk.do(c.ReplaceOrder(dear, desk.id(), limit_price=D("24.00"))))
    step(desk.place("buy", "200", "30.00"))
    step(desk.do(c.ReplaceOrder(next(iter(desk.account.orders)), desk.id(), qty=D(400))))
    step(desk.bar(AAA, ("30", "31", "29", "30"), 100))
    step(desk.place("sell", str(desk.account.quantity(AAA))))
    step(desk.bar(AAA, ("28", "31", "27", "30"), 1e6))
    assert not desk.account.quantity(AAA)
    assert not desk.account.orders


def _without_fee(event: e.OrderFilled) -> list[ledger.Posting]:
    return _EXECUTION(e.OrderFilled(**{**_fields(event), "fee": D(0)}))


def _fields(event: e.Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


_EXECUTION = ledger._execution
_APPLY = applying.apply
_FILLED = applying._filled
_FINISH = applying._finish
_RELIEVE = applying._relieve
_HOLD = rounding.hold
_PRO_RATA = rounding.pro_rata
_SPLIT_QUANTITY = rounding.split_quantity
_SPLIT_LOTS = deciding._split_lots
_REVIEW = deciding.review
_WITHOUT = deciding._without
_CASH_MOVED = applying._cash_moved


def _unbalanced(event: e.OrderFilled) -> list[ledger.Posting]:
    return [entry for entry in _EXECUTION(event) if entry.ledger != ledger.SECURITIES]


def _last_lot_first(position: Any, qty: Decimal) -> tuple[e.Relief, ...]:
    return _FIFO(SimpleNamespace(lots=list(position.lots)[::-1]), qty)  # type: ignore[arg-type]


_FIFO = deciding.fifo


def _deposit_twice(account: Any, event: Any) -> None:
    _CASH_MOVED(account, event)
    _CASH_MOVED(account, event)


def _fill_twice(account: Any, event: Any) -> None:
    _FILLED(account, event)
    _FILLED(account, event)


def _keep_the_hold(account: Any, order_id: UUID, status: Any) -> None:
    hold = account.orders[order_id].hold
    _FINISH(account, order_id, status)
    account.held += hold


def _forget_the_gain(position: Any, event: Any) -> None:
    before = position.realised
    _RELIEVE(position, event)
    position.realised = before


def _approve_anything(account: Any, order: Any, market: Any, rules: Any) -> Any:
    verdict = _REVIEW(account, order, market, rules)
    refused, mark = isinstance(verdict, Refusal), market.mark(order.symbol)
    return (
        Approval(mark, mark.price, rounding.hold(order.qty, mark.price, rules.fee_rate))
        if refused
        else verdict
    )


def _lose_the_last_lot(position: Any, new: int, old: int) -> Any:
    lots, after = _SPLIT_LOTS(position, new, old)
    return lots[:-1], after


def _free_everything(account: Any, order: Order) -> Any:
    freed = _WITHOUT(account, order)
    freed.held = D(0)
    return freed


def _ignore(*_: Any) -> None:
    return None


FAULTS: dict[str, Plant] = {
    "the fee is not posted": lambda m: m.setattr(ledger, "_execution", _without_fee),
    "postings do not balance": lambda m: m.setattr(ledger, "_execution", _unbalanced),
    "a deposit counts twice": lambda m: m.setitem(applying._CHANGES, e.CashMoved, _deposit_twice),
    "a fill counts twice": lambda m: m.setitem(applying._CHANGES, e.OrderFilled, _fill_twice),
    "the newest lot goes first": lambda m: m.setattr(deciding, "fifo", _last_lot_first),
    "the cost of a part is in whole cents": lambda m: m.setattr(
        rounding, "pro_rata", lambda *lot: rounding.cents(_PRO_RATA(*lot))
    ),
    "the value of a fill is in whole cents": lambda m: m.setattr(
        rounding, "notional", lambda qty, price: rounding.cents(qty * price)
    ),
    "a hold forgets the fee": lambda m: m.setattr(rounding, "hold", lambda q, p, fee: _HOLD(q, p, D(0))),
    "a partial fill frees the hold": lambda m: m.setattr(deciding, "_hold_left", lambda *_: D(0)),
    "a partial fill keeps the hold": lambda m: m.setattr(
        deciding, "_hold_left", lambda order, *_: order.hold
    ),
    "a cancelled order keeps its hold": lambda m: m.setattr(applying, "_finish", _keep_the_hold),
    "an expired order stays open": lambda m: m.setitem(applying._CHANGES, e.OrderCancelled, _ignore),
    "sells reserve nothing": lambda m: m.setattr(applying, "_reserve", _ignore),
    "a status never changes": lambda m: m.setattr(Order, "become", _ignore),
    "what is left ignores what was filled": lambda m: m.setattr(
        Order, "remaining", property(lambda order: order.qty)
    ),
    "the gain is not kept": lambda m: m.setattr(applying, "_relieve", _forget_the_gain),
    "a gate that lets everything through": lambda m: m.setattr(deciding, "review", _approve_anything),
    "a replacement may use other holds": lambda m: m.setattr(deciding, "_without", _free_everything),
    "a split loses a lot": lambda m: m.setattr(deciding, "_split_lots", _lose_the_last_lot),
    "a split is rounded up": lambda m: m.setattr(
        rounding, "split_quantity", lambda q, new, old: _SPLIT_QUANTITY(q, new, old) + D("0.000000001")
    ),
    "a dividend pays half": lambda m: m.setattr(
        rounding, "dividend", lambda qty, amount: rounding.cents(qty)
    ),
    "an execution's id is always the same": lambda m: m.setattr(
        broker, "execution_id", lambda *_: UUID(int=9)
    ),
}


def test_the_story_itself_is_clean() -> None:
    story()


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    FAULTS[fault](monkeypatch)
    with pytest.raises((AssertionError, InvariantBroken, KeyError, IndexError)):
        story()
