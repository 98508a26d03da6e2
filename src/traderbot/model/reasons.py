"""Why something was refused or ended: the closed list, each with the sentence a person reads."""

from enum import StrEnum

import msgspec


class Reason(StrEnum):
    ACCOUNT_HALTED = "account_halted"
    PLATFORM_HALTED = "platform_halted"
    SYMBOL_HALTED = "symbol_halted"
    SESSION_ENDED = "session_ended"
    UNKNOWN_SYMBOL = "unknown_symbol"
    STALE_QUOTE = "stale_quote"
    OFF_TICK = "off_tick"
    OUTSIDE_COLLAR = "outside_collar"
    ORDER_VALUE_LIMIT = "order_value_limit"
    INSUFFICIENT_BUYING_POWER = "insufficient_buying_power"
    INSUFFICIENT_QUANTITY = "insufficient_quantity"
    ORDER_NOT_OPEN = "order_not_open"
    NOTHING_TO_CHANGE = "nothing_to_change"
    DUPLICATE_CLIENT_ORDER_ID = "duplicate_client_order_id"
    DUPLICATE_EXECUTION = "duplicate_execution"
    EXECUTION_TOO_LARGE = "execution_too_large"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    ALREADY_HALTED = "already_halted"
    NOT_HALTED = "not_halted"
    CANCELED_BY_USER = "canceled_by_user"
    CANCELED_BY_STRATEGY = "canceled_by_strategy"
    CANCELED_BY_BROKER = "canceled_by_broker"
    GAP_BEYOND_COLLAR = "gap_beyond_collar"
    CORPORATE_ACTION = "corporate_action"
    DELISTED = "delisted"
    SESSION_CLOSED = "session_closed"
    RESTRICTED_SYMBOL = "restricted_symbol"
    ORDER_QTY_LIMIT = "order_qty_limit"
    ORDER_RATE_LIMIT = "order_rate_limit"
    DAILY_ORDER_LIMIT = "daily_order_limit"
    POSITION_LIMIT = "position_limit"
    CONCENTRATION_LIMIT = "concentration_limit"
    SECTOR_LIMIT = "sector_limit"
    GROSS_EXPOSURE_LIMIT = "gross_exposure_limit"
    NET_EXPOSURE_LIMIT = "net_exposure_limit"
    DAILY_LOSS_LIMIT = "daily_loss_limit"
    WEEKLY_LOSS_LIMIT = "weekly_loss_limit"
    MONTHLY_LOSS_LIMIT = "monthly_loss_limit"
    DRAWDOWN_LIMIT = "drawdown_limit"
    SHORTING_NOT_ALLOWED = "shorting_not_allowed"
    MARGIN_CALL = "margin_call"
    SELF_TRADE = "self_trade"
    GROUP_PRICES = "group_prices"
    UNKNOWN_LOT = "unknown_lot"
    NOT_REPLACEABLE = "not_replaceable"
    GROUP_CANCELED = "group_canceled"
    SIBLING_FILLED = "sibling_filled"
    NO_SHARES_LEFT = "no_shares_left"
    NOT_FILLED_AT_ONCE = "not_filled_at_once"
    EXECUTION_BUSTED = "execution_busted"
    REJECTED_BY_BROKER = "rejected_by_broker"
    OUTCOME_UNKNOWN = "outcome_unknown"
    IMPOSSIBLE_REPORT = "impossible_report"
    RESUME_NOT_REQUESTED = "resume_not_requested"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    BALANCE_LIMIT = "balance_limit"
    SYMBOL_NOT_GRANTED = "symbol_not_granted"
    DAILY_NOTIONAL_SPENT = "daily_notional_spent"


SENTENCES: dict[Reason, str] = {
    Reason.ACCOUNT_HALTED: "Trading is paused on this account; cancels still work.",
    Reason.PLATFORM_HALTED: "Trading is paused on the whole platform; cancels still work.",
    Reason.SYMBOL_HALTED: "Trading in this symbol is paused; cancels still work.",
    Reason.SESSION_ENDED: "The market session has ended; no further bars will come.",
    Reason.UNKNOWN_SYMBOL: "This market session has no price for the symbol at this time.",
    Reason.STALE_QUOTE: "The last price of the symbol is too old to trade on.",
    Reason.OFF_TICK: "The limit price is off the minimum tick: 0.01 from $1 upwards, 0.0001 below.",
    Reason.OUTSIDE_COLLAR: "The limit price is too far from the market.",
    Reason.ORDER_VALUE_LIMIT: "The order is worth more than the largest order allowed.",
    Reason.INSUFFICIENT_BUYING_POWER: "Not enough available cash for this order at its worst price.",
    Reason.INSUFFICIENT_QUANTITY: "Not enough shares that no other order already holds.",
    Reason.ORDER_NOT_OPEN: "The order is no longer open.",
    Reason.NOTHING_TO_CHANGE: "The replacement does not change the order, or leaves nothing to fill.",
    Reason.DUPLICATE_CLIENT_ORDER_ID: "The client_order_id was used before; it is unique for ever.",
    Reason.DUPLICATE_EXECUTION: "This execution was recorded before.",
    Reason.EXECUTION_TOO_LARGE: "The execution is larger than what the order or its cash can carry.",
    Reason.IDEMPOTENCY_KEY_REUSED: "The Idempotency-Key was used before with another request.",
    Reason.ALREADY_HALTED: "Trading is already paused.",
    Reason.NOT_HALTED: "Trading is not paused.",
    Reason.CANCELED_BY_USER: "Cancelled on request.",
    Reason.CANCELED_BY_STRATEGY: "Cancelled by the strategy that trades the account.",
    Reason.CANCELED_BY_BROKER: "Cancelled by the broker.",
    Reason.GAP_BEYOND_COLLAR: "The market went beyond what the held cash can pay; the rest was cancelled.",
    Reason.CORPORATE_ACTION: "Cancelled by a reverse split.",
    Reason.DELISTED: "Cancelled, as the symbol is no longer listed.",
    Reason.SESSION_CLOSED: "The market is closed, and this kind of order cannot wait for it to open.",
    Reason.RESTRICTED_SYMBOL: "This symbol may only be sold out of or bought back, not added to.",
    Reason.ORDER_QTY_LIMIT: "The order is for more shares than the largest order allowed.",
    Reason.ORDER_RATE_LIMIT: "Too many orders within one second.",
    Reason.DAILY_ORDER_LIMIT: "The number of orders allowed in a day is used up.",
    Reason.POSITION_LIMIT: "With all its open orders the position would be larger than allowed.",
    Reason.CONCENTRATION_LIMIT: "The symbol would be too large a share of the account's equity.",
    Reason.SECTOR_LIMIT: "The sector would be too large a share of the account's equity.",
    Reason.GROSS_EXPOSURE_LIMIT: "Long and short positions together would be too large for the equity.",
    Reason.NET_EXPOSURE_LIMIT: "Long less short positions would be too large for the equity.",
    Reason.DAILY_LOSS_LIMIT: "The loss of the day has reached its limit; only exits are taken.",
    Reason.WEEKLY_LOSS_LIMIT: "The loss of the week has reached its limit; only exits are taken.",
    Reason.MONTHLY_LOSS_LIMIT: "The loss of the month has reached its limit; only exits are taken.",
    Reason.DRAWDOWN_LIMIT: "The fall from the highest equity has reached its limit; only exits are taken.",
    Reason.SHORTING_NOT_ALLOWED: "Selling short is not allowed on this account.",
    Reason.MARGIN_CALL: "The account is under a margin call; only exits are taken.",
    Reason.SELF_TRADE: "The order could trade against an open order of the same account.",
    Reason.GROUP_PRICES: "The prices of the exits must lie on their own side of the entry.",
    Reason.UNKNOWN_LOT: "The account holds no such lot of this symbol.",
    Reason.NOT_REPLACEABLE: "An order in this state, or for a notional, cannot be replaced.",
    Reason.GROUP_CANCELED: "Cancelled with another order of its group.",
    Reason.SIBLING_FILLED: "Cancelled, as the other exit of its group was filled.",
    Reason.NO_SHARES_LEFT: "Cancelled, as the shares that it was to sell are gone.",
    Reason.NOT_FILLED_AT_ONCE: "Cancelled, as the market did not fill it at its one look.",
    Reason.EXECUTION_BUSTED: "Cancelled, as one of its executions was taken back.",
    Reason.REJECTED_BY_BROKER: "The broker did not take the order.",
    Reason.OUTCOME_UNKNOWN: "Whether the broker has this order is not known yet; it can only wait.",
    Reason.IMPOSSIBLE_REPORT: "The broker's report cannot be; it was put aside and the symbol is halted.",
    Reason.RESUME_NOT_REQUESTED: "A halt is lifted in two steps: ask, then confirm with the code given.",
    Reason.BALANCE_LIMIT: "An account takes deposits up to a trillion in all.",
    Reason.SYMBOL_NOT_GRANTED: "The API key may not trade this symbol.",
    Reason.DAILY_NOTIONAL_SPENT: "The order is worth more than the API key has left to trade with today.",
    Reason.INSUFFICIENT_FUNDS: "Not enough available cash for this withdrawal.",
}


class Refusal(msgspec.Struct, frozen=True):
    """A decision against a command. detail: the sentence with its figures."""

    reason: Reason
    detail: str


def refuse(reason: Reason, figures: str = "") -> Refusal:
    """A refusal with its sentence and, where it helps, the figures it was decided on."""
    return Refusal(reason, f"{SENTENCES[reason]} {figures}".strip())
