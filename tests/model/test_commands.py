from decimal import Decimal
from uuid import UUID

import pytest

from traderbot.model import commands as c
from traderbot.model.errors import InvalidValue
from traderbot.model.orders import OrderClass as K
from traderbot.model.orders import OrderType, Side
from traderbot.model.orders import OrderType as T
from traderbot.model.orders import TimeInForce as F
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.unit

ID = UUID(int=1)
AAA = Symbol("AAA")
D = Decimal
GAIN, LOSS = c.TakeProfit(UUID(int=2), D(9)), c.StopLoss(UUID(int=3), D(3))


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: c.OpenAccount(ID, ID, ID, "EUR"), "currency"),
        (lambda: c.DepositCash(D(0)), "amount"),
        (lambda: c.DepositCash(D(-1)), "amount"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(0)), "qty"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(-5)), "qty"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(1), OrderType.LIMIT), "limit_price"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(1), OrderType.MARKET, limit_price=D(1)), "limit_price"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(1), OrderType.LIMIT, limit_price=D(-1)), "limit_price"),
        (lambda: c.ReplaceOrder(ID, ID, qty=D(0)), "qty"),
        (lambda: c.ReplaceOrder(ID, ID, limit_price=D(0)), "limit_price"),
        (lambda: c.RecordExecution(ID, ID, D(0), D(1), D(0), 0), "qty"),
        (lambda: c.RecordExecution(ID, ID, D(1), D(-1), D(0), 0), "price"),
        (lambda: c.RecordExecution(ID, ID, D(1), D(1), D("-0.01"), 0), "fee"),
        (lambda: c.WithdrawCash(D(0)), "amount"),
        (lambda: c.AccrueInterest(0), "days"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, None), "qty"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(1), notional=D(100)), "qty"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, None, notional=D(0)), "notional"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, None, T.LIMIT, limit_price=D(1), notional=D(5)), "notional"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, None, T.MARKET, F.GTC, notional=D(5)), "notional"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(1), T.STOP), "stop_price"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(1), T.MARKET, stop_price=D(5)), "stop_price"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(1), T.STOP, stop_price=D(-5)), "stop_price"),
        (
            lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(1), T.STOP, limit_price=D(1), stop_price=D(5)),
            "limit_price",
        ),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(1), T.STOP_LIMIT, stop_price=D(5)), "limit_price"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(1), T.TRAILING_STOP), "trail_price"),
        (
            lambda: c.PlaceOrder(
                ID, AAA, Side.BUY, D(1), T.TRAILING_STOP, trail_price=D(1), trail_percent=D(1)
            ),
            "trail_price",
        ),
        (
            lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(1), T.TRAILING_STOP, trail_percent=D(100)),
            "trail_percent",
        ),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(1), trail_price=D(1)), "trail_price"),
        (
            lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(1), T.TRAILING_STOP, F.IOC, trail_price=D(1)),
            "time_in_force",
        ),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D("1.5"), time_in_force=F.FOK), "qty"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(1), extended_hours=True), "extended_hours"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(1), lots=(1,)), "lots"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(1), take_profit=GAIN), "take_profit"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(1), stop_loss=LOSS), "stop_loss"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(1), order_class=K.BRACKET, take_profit=GAIN), "stop_loss"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(1), order_class=K.OTO), "take_profit"),
        (
            lambda: c.PlaceOrder(
                ID, AAA, Side.BUY, D(1), order_class=K.OTO, take_profit=GAIN, stop_loss=LOSS
            ),
            "take_profit",
        ),
        (lambda: c.PlaceOrder(ID, AAA, Side.SELL, D(1), order_class=K.OCO, stop_loss=LOSS), "type"),
        (
            lambda: c.PlaceOrder(
                ID, AAA, Side.BUY, D("0.5"), order_class=K.BRACKET, take_profit=GAIN, stop_loss=LOSS
            ),
            "qty",
        ),
        (
            lambda: c.PlaceOrder(
                ID,
                AAA,
                Side.BUY,
                D(1),
                T.MARKET,
                F.CLS,
                order_class=K.BRACKET,
                take_profit=GAIN,
                stop_loss=LOSS,
            ),
            "time_in_force",
        ),
        (lambda: c.TakeProfit(ID, D(0)), "take_profit.limit_price"),
        (lambda: c.StopLoss(ID, D(0)), "stop_loss.stop_price"),
        (lambda: c.StopLoss(ID, D(1), D(0)), "stop_loss.limit_price"),
        (lambda: c.ReplaceOrder(ID, ID, stop_price=D(0)), "stop_price"),
        (lambda: c.ReplaceOrder(ID, ID, trail=D(0)), "trail"),
        (lambda: c.TriggerOrder(ID, D(0)), "price"),
        (lambda: c.MoveTrailingMark(ID, D(-1)), "hwm"),
    ],
)
def test_a_command_that_makes_no_sense_cannot_be_made(make, field: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        make()
    assert refusal.value.field == field


def test_a_refusal_shows_no_insides() -> None:
    with pytest.raises(InvalidValue) as refusal:
        c.PlaceOrder(ID, AAA, Side.BUY, D(1), take_profit=GAIN)
    assert refusal.value.detail == "take_profit: expected nothing but for a bracket, oco or oto order"


def test_orders_of_every_kind_can_be_made() -> None:
    made = [
        c.PlaceOrder(ID, AAA, Side.BUY, D("0.000000001")),
        c.PlaceOrder(ID, AAA, Side.BUY, None, notional=D("12.34")),
        c.PlaceOrder(ID, AAA, Side.SELL, D(1), T.STOP, F.GTC, stop_price=D(5)),
        c.PlaceOrder(ID, AAA, Side.SELL, D(1), T.STOP_LIMIT, F.DAY, D(4), stop_price=D(5)),
        c.PlaceOrder(ID, AAA, Side.SELL, D(1), T.TRAILING_STOP, F.GTC, trail_percent=D("2.5")),
        c.PlaceOrder(ID, AAA, Side.BUY, D(1), T.LIMIT, F.GTC, D(4), extended_hours=True),
        c.PlaceOrder(ID, AAA, Side.BUY, D(1), T.LIMIT, F.FOK, D(4)),
        c.PlaceOrder(ID, AAA, Side.BUY, D(1), order_class=K.BRACKET, take_profit=GAIN, stop_loss=LOSS),
        c.PlaceOrder(ID, AAA, Side.SELL, D(1), T.LIMIT, F.GTC, D(9), order_class=K.OCO, stop_loss=LOSS),
        c.PlaceOrder(ID, AAA, Side.BUY, D(1), order_class=K.OTO, stop_loss=LOSS),
        c.PlaceOrder(ID, AAA, Side.SELL, D(1), lots=(3, 1)),
    ]
    assert len({order.type for order in made}) == len(T)
