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
    GAP_BEYOND_COLLAR = "gap_beyond_collar"
    CORPORATE_ACTION = "corporate_action"


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
    Reason.GAP_BEYOND_COLLAR: "The market went beyond what the held cash can pay; the rest was cancelled.",
    Reason.CORPORATE_ACTION: "Cancelled by a reverse split.",
}


class Refusal(msgspec.Struct, frozen=True):
    """A decision against a command. detail: the sentence with its figures."""

    reason: Reason
    detail: str


def refuse(reason: Reason, figures: str = "") -> Refusal:
    """A refusal with its sentence and, where it helps, the figures it was decided on."""
    return Refusal(reason, f"{SENTENCES[reason]} {figures}".strip())
