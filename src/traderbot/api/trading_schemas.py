"""Bodies and answers about the portfolio, signals, events and the market."""

from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field

from traderbot.api.order_schemas import OrderOut
from traderbot.api.schemas_common import Answer, Body, DecimalOut, NumberIn, TimeOut


class HoldingOut(Answer):
    """A position at its mark; qty, cost and value are negative of one sold short."""

    symbol: str
    side: str = Field(description="long or short.")
    qty: DecimalOut
    available: DecimalOut = Field(description="Shares that no open sale reserves.")
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


class MarginOut(Answer):
    """What a margin account must keep and what it may still do."""

    requirement: DecimalOut = Field(description="Initial margin of its positions.")
    maintenance: DecimalOut = Field(description="Equity below which it is called.")
    excess: DecimalOut = Field(description="Equity that neither positions nor open orders need.")
    call: DecimalOut | None = Field(description="What is missing; null where nothing is.")


class PortfolioOut(Answer):
    """An account at its session's marks: equity is exactly cash + market_value. Of a margin account cash may
    be below zero: a loan.
    """

    account_id: UUID
    name: str
    kind: str = Field(description="cash or margin.")
    broker: str
    lot_method: str
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
    long_value: DecimalOut
    short_value: DecimalOut
    interest: DecimalOut = Field(description="Paid on borrowed cash.")
    borrow: DecimalOut = Field(description="Paid for shares sold short.")
    overdraft: DecimalOut = Field(description="Cash that a broker's late report took beyond what there was.")
    margin: MarginOut | None
    buying_power: DecimalOut | None = Field(description="Value of the positions it could open now.")
    withdrawable: DecimalOut | None
    halted: str | None = Field(description="Why trading is paused; null where it is not.")
    halted_symbols: dict[str, str] = Field(description="Symbols whose trading is paused, and why.")
    as_of: TimeOut
    holdings: list[HoldingOut]


class EquityPointOut(Answer):
    """Equity and cash at a session's close."""

    time: TimeOut
    equity: DecimalOut
    cash: DecimalOut


class EquityHistory(Answer):
    """A page of the equity curve, oldest first."""

    items: list[EquityPointOut]
    next_cursor: str | None = Field(
        description="Give it as `cursor` for the closes before these; null where there are none."
    )


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


class PlacerOut(Answer):
    """The strategy that placed an order, as it was put on record last before it did."""

    name: str
    source: str | None = Field(description="Its name or file; null where that is not on record.")
    sha256: str | None = Field(description="Of the file its code is in; null where that is not on record.")
    parameters: dict[str, str] | None = Field(description="As texts; null where that is not on record.")
    assigned_at: TimeOut | None = Field(description="By the wall clock; null where that is not on record.")


class AssignmentOut(PlacerOut):
    """A strategy that trades the account. stopped: why it is not run, null where it is."""

    warnings: list[str] = Field(description="What to know of it, such as others that trade the account too.")
    stopped: str | None
    stopped_at: TimeOut | None = Field(description="By the wall clock.")


class AssignmentsOut(Answer):
    """The strategies that trade an account, in the order in which they were given to it."""

    items: list[AssignmentOut]


class WhyOut(Answer):
    """The causal chain of an order."""

    order: OrderOut
    strategy: PlacerOut | None = Field(
        description="Null of an order that a person or the platform asked for."
    )
    signal: SignalOut | None
    chain: list[LinkOut]


class EventOut(Answer):
    """An event of the journal. time: market time, null where it has none."""

    position: int
    stream: str
    version: int = Field(description="Its number in its stream.")
    type: str
    time: TimeOut | None = Field(validation_alias="at")
    recorded_at: TimeOut
    actor: str
    data: dict[str, Any]


class Events(Answer):
    """Events in order of position; newest first with `before`."""

    items: list[EventOut]
    next_after: int = Field(description="Give it as `after` for what comes next.")
    next_before: int | None = Field(description="Give it as `before` for what came before; null at the end.")


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
    """A split (`new` shares for `old` ones), a dividend (`amount` in USD a share), a change of symbol or a
    delisting (`amount` a share is paid out).
    """

    ex_date: str
    time: TimeOut = Field(description="Of the bar it took effect before.")
    kind: str = Field(description="split, dividend, symbol_change or delisting.")
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
