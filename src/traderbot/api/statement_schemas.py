"""Answers with statements and tax years."""

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import Field

from traderbot.api.portfolio_schemas import PartOut, PerformanceOut
from traderbot.api.schemas_common import Answer, DecimalOut, TimeOut


class MovementOut(Answer):
    """Shares or cash that moved. amount: of cash, less the fee; below zero where it was paid."""

    at: TimeOut
    kind: str = Field(description="deposit, withdrawal, buy, sell, split, dividend, interest, borrow fee.")
    symbol: str | None
    qty: DecimalOut | None = Field(description="Below zero for what was sold.")
    price: DecimalOut | None = Field(description="Before fees, of 9 places.")
    fee: DecimalOut
    realised: DecimalOut = Field(description="Gross of fees.")
    amount: DecimalOut


class HeldAtEndOut(Answer):
    """What is held of a symbol at the last close of the period."""

    symbol: str
    qty: DecimalOut
    price: DecimalOut | None
    market_value: DecimalOut
    cost: DecimalOut
    unrealised: DecimalOut
    weight: DecimalOut | None = Field(description="Of equity; null where that is nothing or less.")


class StatementOut(Answer):
    """A period of the account. cash_end = cash_start + the movements' amounts, exactly."""

    account_id: UUID
    currency: str
    period: str
    cash_start: DecimalOut
    cash_end: DecimalOut
    performance: PerformanceOut
    holdings: list[HeldAtEndOut]
    movements: list[MovementOut] = Field(description="The oldest first.")
    parts: list[PartOut] = Field(description="What each symbol gained.")


class SoldOut(Answer):
    """Shares of a lot that left it at one moment. gain = proceeds - cost + disallowed."""

    symbol: str
    qty: DecimalOut
    acquired: date = Field(description="Earlier than the purchase for shares that replaced others.")
    disposed: date
    term: Literal["short", "long"] = Field(description="Long: held for more than a year.")
    sold_short: bool
    proceeds: DecimalOut = Field(description="Less fees.")
    cost: DecimalOut = Field(description="With fees, and with `wash_added`.")
    wash_added: DecimalOut = Field(description="Losses of wash sales that these shares took over.")
    disallowed: DecimalOut = Field(description="How much of a loss goes onto shares that replaced these.")
    gain: DecimalOut


class SumsOut(Answer):
    """Of all disposals of a term."""

    disposals: int
    proceeds: DecimalOut
    cost: DecimalOut
    disallowed: DecimalOut
    gain: DecimalOut


class TaxYearOut(Answer):
    """Gains and losses of a calendar year."""

    account_id: UUID
    currency: str
    year: int
    wash_sales: bool
    open_reason: str | None = Field(description="Why the year may still change; null where it cannot.")
    short_term: SumsOut
    long_term: SumsOut
    gain: DecimalOut
    dividends: DecimalOut
    interest: DecimalOut
    borrow: DecimalOut
    sold: list[SoldOut]
