"""Bodies and answers about orders and executions."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, WithJsonSchema, field_validator
from pydantic.config import JsonDict

from traderbot.api.problems import Problem
from traderbot.api.schemas_common import (
    Answer,
    Body,
    CashIn,
    DecimalOut,
    PriceIn,
    QuantityIn,
    SymbolIn,
    TimeOut,
)
from traderbot.model.commands import PlaceOrder, StopLoss, TakeProfit
from traderbot.model.orders import OrderClass, OrderType, Side, TimeInForce

LOTS_MAX = 100
ORDERS_MAX = 500
CLIENT_ID = Field(
    default=None,
    min_length=1,
    max_length=128,
    pattern=r"^[\x21-\x7e]+$",
    description="Your own id of the order: printable ASCII without spaces, unique for ever in the account.",
    examples=["momentum-2005-01-03-AAPL"],
)
_ORDERS: list[JsonDict] = [
    {"symbol": "AAPL", "side": "buy", "type": "market", "qty": "10"},
    {"symbol": "AAPL", "side": "buy", "type": "market", "notional": "500"},
    {"symbol": "IBM", "side": "sell", "type": "limit", "qty": "5", "limit_price": "98.50"},
    {"symbol": "IBM", "side": "sell", "type": "trailing_stop", "qty": "5", "trail_percent": "5"},
    {
        "symbol": "MSFT",
        "side": "buy",
        "type": "limit",
        "qty": "10",
        "limit_price": "26.50",
        "time_in_force": "gtc",
        "order_class": "bracket",
        "take_profit": {"limit_price": "29"},
        "stop_loss": {"stop_price": "25", "limit_price": "24.90"},
    },
]


class TakeProfitIn(Body):
    """The exit at a gain: a limit order."""

    limit_price: PriceIn


class StopLossIn(Body):
    """The exit at a loss: a stop order, a stop-limit order with a limit_price."""

    stop_price: PriceIn
    limit_price: PriceIn | None = None


class OrderIn(Body):
    """An order to place: for a qty, or for a notional, which is its value in USD."""

    model_config = ConfigDict(json_schema_extra={"examples": list(_ORDERS)})

    symbol: SymbolIn
    side: Annotated[Side, Field(strict=False, description="buy or sell.")]
    qty: QuantityIn | None = None
    notional: CashIn | None = None
    type: Annotated[OrderType, Field(strict=False)] = OrderType.MARKET
    time_in_force: Annotated[TimeInForce, Field(strict=False)] = TimeInForce.DAY
    limit_price: PriceIn | None = None
    stop_price: PriceIn | None = None
    trail_price: PriceIn | None = None
    trail_percent: PriceIn | None = Field(default=None, description="5 is five percent.")
    order_class: Annotated[OrderClass, Field(strict=False)] = OrderClass.SIMPLE
    take_profit: TakeProfitIn | None = None
    stop_loss: StopLossIn | None = None
    extended_hours: bool = False
    client_order_id: str | None = CLIENT_ID
    lots: list[Annotated[int, Field(ge=1, le=2**53)]] | None = Field(
        default=None, max_length=LOTS_MAX, description="Of a sale: the lots it uses first, by number."
    )

    def command(self, new_id: Callable[[], UUID]) -> PlaceOrder:
        """What it asks for. Errors: InvalidValue for fields that do not go together."""
        profit, loss = self.take_profit, self.stop_loss
        return PlaceOrder(
            order_id=new_id(),
            symbol=self.symbol,
            side=self.side,
            qty=self.qty,
            type=self.type,
            time_in_force=self.time_in_force,
            limit_price=self.limit_price,
            client_order_id=self.client_order_id or "",
            notional=self.notional,
            stop_price=self.stop_price,
            trail_price=self.trail_price,
            trail_percent=self.trail_percent,
            order_class=self.order_class,
            take_profit=None if profit is None else TakeProfit(new_id(), profit.limit_price),
            stop_loss=None if loss is None else StopLoss(new_id(), loss.stop_price, loss.limit_price),
            extended_hours=self.extended_hours,
            lots=tuple(self.lots or ()),
        )


class ReplaceIn(Body):
    """What changes; qty is the new total, fills so far included. trail: the new trail_price or trail_percent,
    whichever the order has.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"limit_price": "97.25"}]})

    qty: QuantityIn | None = None
    limit_price: PriceIn | None = None
    stop_price: PriceIn | None = None
    trail: PriceIn | None = None
    time_in_force: Annotated[TimeInForce, Field(strict=False)] | None = None
    client_order_id: str | None = CLIENT_ID


class OrderOut(Answer):
    """An order. Times are market time."""

    id: UUID
    client_order_id: str
    symbol: str
    side: str
    type: str
    time_in_force: str
    qty: DecimalOut | None = Field(description="Shares; null of an order for a notional.")
    notional: DecimalOut | None = Field(description="The value it is for; null of an order for a qty.")
    limit_price: DecimalOut | None
    stop_price: DecimalOut | None = Field(description="What it waits for; of a trailing stop, as of now.")
    trail_price: DecimalOut | None
    trail_percent: DecimalOut | None
    hwm: DecimalOut | None = Field(description="The best price a trailing stop has seen.")
    triggered_at: TimeOut | None = Field(description="When the market reached its stop price.")
    extended_hours: bool
    lots: list[int] = Field(description="The lots a sale uses first, as ordered.")
    order_class: str = Field(description="simple, bracket, oco or oto.")
    leg: str | None = Field(description="entry, take_profit or stop_loss; null of a simple order.")
    group_id: UUID | None = Field(description="Id of the first parent of those it lives and ends with.")
    status: str = Field(
        description="pending_new, unknown, held, new, partially_filled, filled, canceled, expired, replaced"
        " or rejected; `why` also: refused."
    )
    filled_qty: DecimalOut
    filled_avg_price: DecimalOut | None
    hold: DecimalOut = Field(description="Set aside for what is left of it.")
    fees: DecimalOut = Field(description="Charged so far.")
    placed_at: TimeOut
    updated_at: TimeOut
    expires_at: TimeOut | None
    replaces: UUID | None
    replaced_by: UUID | None
    signal_id: UUID | None
    strategy: str | None = Field(
        description="Name of the strategy that placed it; null of one that a person or the platform placed."
    )
    reason: str | None = Field(description="Why it was cancelled, where it was.")
    legs: list["OrderOut"] | None = Field(
        default=None, description="The orders that hang on it, where it has some."
    )

    @field_validator("legs", mode="before")
    @classmethod
    def _null_without_any(cls, value: object) -> object:
        return value or None


class OrderState(Answer):
    """An order's id and status."""

    id: UUID
    status: str


class OrderStates(Answer):
    """The orders that a request touched."""

    items: list[OrderState]


class BatchIn(Body):
    """Orders to place; each is decided for itself, in this order."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"orders": list(_ORDERS[:2])}]})

    orders: Annotated[
        list[Any],
        Field(min_length=1, max_length=ORDERS_MAX),
        WithJsonSchema(
            {
                "type": "array",
                "minItems": 1,
                "maxItems": ORDERS_MAX,
                "items": {"$ref": "#/components/schemas/OrderIn"},
            }
        ),
    ]


class BatchItem(Answer):
    """What came of one order: the order, or the problem that it alone would have been answered by."""

    status: int = Field(description="The HTTP status that it alone would have had.")
    order: OrderOut | None
    problem: Problem | None


class BatchOut(Answer):
    """What came of each order, in the order they were asked."""

    items: list[BatchItem]


class CheckOut(Answer):
    """One check of the gate. detail: its figures in words."""

    name: str = Field(description="What is checked, such as buying_power.")
    passed: bool | None = Field(description="Null where it could not be made without a price.")
    reason: str = Field(description="The code it refuses with.")
    detail: str


class PreviewOut(Answer):
    """What an order would lead to if it were placed now; nothing was submitted. Figures that need a price are
    null where there is none.
    """

    approved: bool
    checks: list[CheckOut]
    qty: DecimalOut | None = Field(description="The most it may trade.")
    mark: DecimalOut | None = Field(description="The price it was looked at with.")
    mark_at: TimeOut | None
    price_max: DecimalOut | None = Field(description="The highest price that its hold covers.")
    value: DecimalOut | None = Field(description="At the mark, or at its own price above it.")
    cost_max: DecimalOut | None = Field(
        description="The most it may cost, fees included; of a sale the fees."
    )
    fees_max: DecimalOut | None
    hold: DecimalOut | None = Field(description="What it would set aside.")
    available_before: DecimalOut | None = Field(description="Cash, or excess equity of a margin account.")
    available_after: DecimalOut | None
    buying_power_before: DecimalOut | None
    buying_power_after: DecimalOut | None
    position_qty: DecimalOut | None = Field(description="Of the symbol, with this order filled.")
    position_value: DecimalOut | None
    gross: DecimalOut | None = Field(description="Long and short, all open orders at their worst.")
    net: DecimalOut | None = Field(description="Long less short, likewise.")
    concentration: DecimalOut | None = Field(description="The symbol's part of equity: 0.25 is a quarter.")
    leverage: DecimalOut | None = Field(description="gross as a multiple of equity.")


class FillOut(Answer):
    """One execution. realised: gross of fees."""

    execution_id: UUID
    order_id: UUID
    symbol: str
    side: str
    qty: DecimalOut
    price: DecimalOut
    fee: DecimalOut
    realised: DecimalOut
    time: TimeOut = Field(validation_alias="at")
    late: bool = Field(default=False, description="It came to light after its order was closed.")
    busted: bool = Field(default=False, description="It was taken back: it did not happen after all.")

    @field_validator("busted", mode="before")
    @classmethod
    def _is_busted(cls, value: object) -> bool:
        """From the version of the event that took it back."""
        return value is not None and value is not False
