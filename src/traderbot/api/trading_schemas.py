"""Bodies and answers of the trading routes."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field

from traderbot.api.schemas_common import (
    Answer,
    Body,
    DecimalOut,
    NumberIn,
    PriceIn,
    QuantityIn,
    SymbolIn,
    TimeOut,
)
from traderbot.model.orders import OrderType, Side, TimeInForce

CLIENT_ID = Field(
    default=None,
    min_length=1,
    max_length=128,
    pattern=r"^[\x21-\x7e]+$",
    description="Your own id of the order: printable ASCII without spaces, unique for ever in the account.",
    examples=["momentum-2005-01-03-AAPL"],
)


class OrderIn(Body):
    """An order to place."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"symbol": "AAPL", "side": "buy", "type": "market", "qty": "10"},
                {
                    "symbol": "IBM",
                    "side": "sell",
                    "type": "limit",
                    "qty": "5",
                    "limit_price": "98.50",
                    "time_in_force": "gtc",
                },
            ]
        }
    )

    symbol: SymbolIn
    side: Annotated[Side, Field(strict=False, description="buy or sell.")]
    qty: QuantityIn
    type: Annotated[OrderType, Field(strict=False)] = OrderType.MARKET
    limit_price: PriceIn | None = None
    time_in_force: Annotated[TimeInForce, Field(strict=False)] = TimeInForce.DAY
    client_order_id: str | None = CLIENT_ID


class ReplaceIn(Body):
    """What changes; qty is the new total, fills so far included."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"limit_price": "97.25"}]})

    qty: QuantityIn | None = None
    limit_price: PriceIn | None = None
    client_order_id: str | None = CLIENT_ID


class OrderOut(Answer):
    """An order. Times are market time. hold: cash set aside for what is left of a buy."""

    id: UUID
    client_order_id: str
    symbol: str
    side: str
    type: str
    time_in_force: str
    qty: DecimalOut
    limit_price: DecimalOut | None
    status: str = Field(
        description="accepted, partially_filled, filled, canceled, expired or replaced; `why` also: refused."
    )
    filled_qty: DecimalOut
    filled_avg_price: DecimalOut | None
    hold: DecimalOut
    placed_at: TimeOut
    updated_at: TimeOut
    expires_at: TimeOut | None
    replaces: UUID | None
    replaced_by: UUID | None
    signal_id: UUID | None
    reason: str | None = Field(description="Why it was cancelled, where it was.")


class OrderState(Answer):
    """An order's id and status."""

    id: UUID
    status: str


class OrderStates(Answer):
    """The orders that a request touched."""

    items: list[OrderState]


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


class HoldingOut(Answer):
    """A position at its mark."""

    symbol: str
    qty: DecimalOut
    avg_entry_price: DecimalOut
    cost_basis: DecimalOut
    mark: DecimalOut
    market_value: DecimalOut
    unrealised_pnl: DecimalOut
    realised_pnl: DecimalOut
    day_change: DecimalOut | None


class Holdings(Answer):
    """The positions that are not flat, by symbol."""

    items: list[HoldingOut]


class PortfolioOut(Answer):
    """An account at its session's marks: equity is exactly cash + market_value."""

    account_id: UUID
    currency: str
    cash: DecimalOut
    held: DecimalOut
    available: DecimalOut
    market_value: DecimalOut
    equity: DecimalOut
    starting_cash: DecimalOut
    realised_pnl: DecimalOut
    unrealised_pnl: DecimalOut
    day_change: DecimalOut
    fees: DecimalOut
    dividends: DecimalOut
    total_return: DecimalOut = Field(description="A fraction: 0.05 is 5 percent.")
    halted: str | None = Field(description="Why trading is paused; null where it is not.")
    as_of: TimeOut
    holdings: list[HoldingOut]


class EquityPointOut(Answer):
    """Equity and cash at a session's close."""

    time: TimeOut
    equity: DecimalOut
    cash: DecimalOut


class EquityHistory(Answer):
    """The equity curve, oldest first."""

    items: list[EquityPointOut]


class SignalOut(Answer):
    """A strategy's conclusion and its reasons."""

    id: UUID
    time: TimeOut = Field(validation_alias="at")
    symbol: str
    strategy: str
    action: str
    probability: float | None
    confidence: float | None
    target_weight: float | None
    order_id: UUID | None
    rationale: dict[str, Any] = Field(
        description="summary, contributions (log-odds, strongest first) and the model's card."
    )


class LinkOut(Answer):
    """One event in words."""

    position: int
    type: str
    time: TimeOut
    title: str
    detail: str
    actor: str


class WhyOut(Answer):
    """The causal chain of an order."""

    order: OrderOut
    signal: SignalOut | None
    chain: list[LinkOut]


class EventOut(Answer):
    """An event of the account's journal."""

    position: int
    type: str
    time: TimeOut | None
    recorded_at: TimeOut
    actor: str
    data: dict[str, Any]


class Events(Answer):
    """Events in order of position."""

    items: list[EventOut]
    next_after: int = Field(description="Give it as `after` for what comes next.")


class InstrumentOut(Answer):
    """What can be traded in the session."""

    symbol: str
    name: str
    exchange: str
    first_bar: TimeOut
    last_bar: TimeOut = Field(description="Of the bars known by now.")
    bars: int


class Instruments(Answer):
    """Instruments with at least one bar known by now."""

    items: list[InstrumentOut]


class BarOut(Answer):
    """A bar, complete at `time`."""

    time: TimeOut
    open: DecimalOut
    high: DecimalOut
    low: DecimalOut
    close: DecimalOut
    volume: DecimalOut


class BarsOut(Answer):
    """Bars known by now, oldest first, as traded (not adjusted for splits or dividends)."""

    symbol: str
    adjustment: str = "raw"
    items: list[BarOut]


class ActionOut(Answer):
    """A split (`new` shares for `old` ones) or a dividend (`amount` in USD a share)."""

    ex_date: str
    time: TimeOut = Field(description="Of the bar it took effect before.")
    kind: str = Field(description="split or dividend.")
    amount: DecimalOut | None
    new: int
    old: int
    estimated: bool = Field(description="Recovered from adjusted prices, not declared.")


class ActionsOut(Answer):
    """Splits and dividends known by now, oldest first."""

    symbol: str
    items: list[ActionOut]


class ClockOut(Answer):
    """The session's clock. speed: bars a second, 0 as fast as it can."""

    session_id: UUID
    name: str
    mode: str
    time: TimeOut
    date: str
    paused: bool
    speed: float
    step: int = Field(description="Index of the last step played.")
    first_step: int = Field(description="Index of the first step that this session plays.")
    steps: int
    ended: bool
    start: str = Field(description="Date of the first step that this session plays.")
    end: str
    jump_to: str | None


class ClockIn(Body):
    """What to change about the replay."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"paused": True}, {"speed": 5}, {"jump_to": "2007-01-03"}]}
    )

    paused: bool | None = None
    speed: NumberIn | None = Field(default=None, description="Bars a second, 0 as fast as it can.")
    jump_to: str | None = Field(
        default=None, pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="A later date."
    )


class HaltIn(Body):
    """Why trading is to stop."""

    reason: str = Field(min_length=1, max_length=200, examples=["too much at once"])


class HaltOut(Answer):
    """Whether trading is paused, and why."""

    halted: str | None
