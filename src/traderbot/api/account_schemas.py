"""Bodies and answers about accounts, their money, lots, limits and halts."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from traderbot.api.order_schemas import OrderOut
from traderbot.api.schemas_common import (
    Answer,
    Body,
    CashIn,
    DecimalOut,
    PlainText,
    QuantityIn,
    RatioIn,
    SymbolIn,
    TimeIn,
    TimeOut,
)
from traderbot.model.account import AccountKind, LotMethod
from traderbot.model.rules import Limits

RESTRICTED_MAX = 500


class AccountIn(Body):
    """An account to open."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "long and short", "kind": "margin"}]})

    name: str = Field(min_length=1, max_length=80, description="To tell it from your others.")
    kind: Annotated[AccountKind, Field(strict=False, description="cash or margin.")] = AccountKind.CASH


class AccountOut(Answer):
    """An account. available: cash that no order holds; of a margin account it may be below zero."""

    id: UUID
    name: str
    kind: str = Field(description="cash or margin.")
    broker: str = Field(description="Who fills its orders: paper is the simulation.")
    currency: str
    lot_method: str = Field(description="fifo, lifo or highest_cost.")
    cash: DecimalOut
    held: DecimalOut
    available: DecimalOut
    overdraft: DecimalOut = Field(description="Cash that a broker's late report took beyond what there was.")
    margin_call: DecimalOut | None = Field(description="What a margin account is short of; null without one.")
    halted: str | None = Field(description="Why trading is paused; null where it is not.")
    halted_symbols: dict[str, str] = Field(description="Symbols whose trading is paused, and why.")


class Accounts(Answer):
    """The user's accounts, oldest first."""

    items: list[AccountOut]


class TransferIn(Body):
    """Paper money to put in or take out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": "2500.50"}]})

    amount: CashIn


class TransferOut(Answer):
    """Money that moved; negative where it left the account."""

    kind: str = Field(description="deposit or withdrawal.")
    amount: DecimalOut
    time: TimeOut


class LotMethodIn(Body):
    """Which lots a sale uses first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"method": "lifo"}]})

    method: Annotated[LotMethod, Field(strict=False, description="fifo, lifo or highest_cost.")]


class LotMethodOut(Answer):
    """Which lots a sale uses first."""

    method: str


class LimitsIn(Body):
    """An account's own limits, whole; what is left out is unlimited. Losses and shares are fractions of
    equity, gross and net multiples of it.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"order_value": "25000", "daily_loss": "0.02", "restricted": ["FB"]}]}
    )

    order_value: CashIn | None = None
    order_qty: QuantityIn | None = None
    position_value: CashIn | None = None
    position_qty: QuantityIn | None = None
    concentration: RatioIn | None = None
    sector: RatioIn | None = None
    gross: RatioIn | None = None
    net: RatioIn | None = None
    daily_loss: RatioIn | None = None
    weekly_loss: RatioIn | None = None
    monthly_loss: RatioIn | None = None
    drawdown: RatioIn | None = None
    orders_per_second: int | None = Field(default=None, ge=1, le=2**31)
    orders_per_day: int | None = Field(default=None, ge=1, le=2**31)
    restricted: list[SymbolIn] = Field(
        default=[], max_length=RESTRICTED_MAX, description="Symbols that may only be reduced."
    )
    no_shorting: bool = False
    halt_on_breach: bool = Field(
        default=False, description="Pause the account when a loss or drawdown reached its limit at a close."
    )

    def limits(self) -> Limits:
        """Errors: InvalidValue."""
        given = {name: getattr(self, name) for name in type(self).model_fields if name != "restricted"}
        return Limits(restricted=frozenset(self.restricted), **given)


class LimitsOut(Answer):
    """Limits; null where a thing is unlimited."""

    order_value: DecimalOut | None
    order_qty: DecimalOut | None
    position_value: DecimalOut | None
    position_qty: DecimalOut | None
    concentration: DecimalOut | None
    sector: DecimalOut | None
    gross: DecimalOut | None
    net: DecimalOut | None
    daily_loss: DecimalOut | None
    weekly_loss: DecimalOut | None
    monthly_loss: DecimalOut | None
    drawdown: DecimalOut | None
    orders_per_second: int | None
    orders_per_day: int | None
    restricted: list[str]
    no_shorting: bool
    halt_on_breach: bool


class WaitingLimits(Answer):
    """Looser limits that wait for a second person. limits: what they are to be; loosened: which of them would
    bind less; lift: whether a second person is to be needed no longer.
    """

    account_id: UUID
    user_id: UUID
    asked_at: TimeOut
    before: LimitsOut
    limits: LimitsOut
    loosened: list[str]
    lift: bool


class AllWaitingLimits(Answer):
    """What waits for a second person, the oldest first."""

    items: list[WaitingLimits]


class DecisionIn(Body):
    """What is decided on: asked_at as it was read, so that nothing is approved unseen."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"asked_at": "2026-01-05T09:30:00Z"}]})

    asked_at: TimeIn


class SecondPersonIn(Body):
    """Whether looser limits need a second person."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"needed": True}]})

    needed: bool


class BothLimits(Answer):
    """What limits an account: its own limits and the platform's; the tighter of both counts. second_person:
    whether looser ones of its own need one.
    """

    account: LimitsOut
    platform: LimitsOut
    second_person: bool
    waiting: WaitingLimits | None


class LotOut(Answer):
    """Shares opened in one execution, negative when sold short. qty, cost: what is left of them."""

    number: int = Field(description="Name it in an order's `lots`.")
    symbol: str
    opened_at: TimeOut
    opened_qty: DecimalOut
    opened_cost: DecimalOut
    qty: DecimalOut
    cost: DecimalOut
    closed_at: TimeOut | None


class ActivityOut(Answer):
    """What happened to the account besides its orders."""

    time: TimeOut = Field(validation_alias="at")
    kind: str = Field(
        description="deposit, withdrawal, margin_interest, borrow_fee, correction, dividend, split,"
        " symbol_change, delisting, margin_call, margin_call_met, halt, resume_requested, resume"
        " or quarantine."
    )
    symbol: str | None
    qty: DecimalOut | None = Field(description="Of the position after it.")
    amount: DecimalOut | None = Field(description="Cash into the account, or what a margin call is for.")
    detail: str | None
    version: int = Field(description="Of its event, in the account's stream.")


class RealisedOut(Answer):
    """A part of a lot that was closed. realised: gross of fees; all negative where an execution was taken
    back.
    """

    time: TimeOut = Field(validation_alias="at")
    symbol: str
    kind: str = Field(description="sale, cover (of a short sale), delisting, symbol_change or bust.")
    lot: int
    opened_at: TimeOut
    qty: DecimalOut
    proceeds: DecimalOut
    cost: DecimalOut
    realised: DecimalOut
    fee: DecimalOut
    term: str = Field(description="long where held for more than a year, else short.")
    order_id: UUID | None
    execution_id: UUID | None
    version: int = Field(description="Of its event, in the account's stream.")


class HaltIn(Body):
    """Why trading is to stop, of one symbol where named."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"detail": "too much at once"}, {"detail": "odd prices", "symbol": "MSFT"}]
        }
    )

    detail: PlainText = Field(min_length=1, max_length=200)
    symbol: SymbolIn | None = None


class ResumeRequestIn(Body):
    """What is to be traded again: one symbol where named, else the whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"symbol": "MSFT"}]})

    symbol: SymbolIn | None = None


class ResumeIn(Body):
    """The second step: the code that the first gave."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "7KQ2-M4TD"}]})

    code: str = Field(min_length=1, max_length=64)
    symbol: SymbolIn | None = None


class ResumeCodeOut(Answer):
    """What the second step has to give."""

    code: str
    symbol: str | None


class HaltsOut(Answer):
    """What is paused, and why."""

    scope: Literal["account", "platform"]
    halted: str | None = Field(description="Why all trading is paused; null where it is not.")
    symbols: dict[str, str] = Field(description="Symbols whose trading is paused, and why.")


class PositionThen(Answer):
    """A position as it was."""

    symbol: str
    qty: DecimalOut
    cost: DecimalOut
    realised: DecimalOut


class AccountThen(Answer):
    """An account as it was on record at a position of the journal."""

    account: AccountOut
    position: int = Field(description="The last event counted.")
    recorded_at: TimeOut = Field(description="When the account's last event by then was recorded.")
    positions: list[PositionThen]
    orders: list[OrderOut] = Field(description="The orders that were open.")
    limits: LimitsOut


class BookPosition(Answer):
    """A position by its executions up to a moment; mark, value and gain are null without a price then."""

    symbol: str
    qty: DecimalOut
    cost: DecimalOut
    realised: DecimalOut
    mark: DecimalOut | None
    market_value: DecimalOut | None
    unrealised: DecimalOut | None


class Books(Answer):
    """The books at a moment of market time, by what was on record up to a position of the journal."""

    market_time: TimeOut = Field(validation_alias="at")
    position: int = Field(description="The last event counted.")
    cash: DecimalOut
    balances: dict[str, DecimalOut] = Field(description="The sum of each ledger's postings; together zero.")
    positions: list[BookPosition]
    realised: DecimalOut = Field(description="Gains so far, gross of fees.")
    unrealised: DecimalOut | None
    market_value: DecimalOut | None
    equity: DecimalOut | None = Field(description="Null where a position has no price then.")
