"""Examples of the answers about the inbox, reports and handlers, for the OpenAPI description."""

from typing import Any

_ENTRY = {
    "id": "43.order_filled",
    "position": 43,
    "kind": "order_filled",
    "severity": "info",
    "title": "Order filled: buy 10 MSFT at 26.775354",
    "body": "10 filled at 26.775354 on average, fee 0.026775.",
    "data": {"symbol": "MSFT", "side": "buy", "qty": "10", "price": "26.775354", "remaining": "0"},
    "account_id": "0198c7a2-5d02-7aa1-8f0e-6b1f4f3d2c90",
    "time": "2026-01-05T09:30:01Z",
    "read_at": None,
}
_HANDLER = {
    "name": "notify_order_filled",
    "types": ["OrderFilled", "OrderFilledLate"],
    "position": 43,
    "behind": 0,
    "lag_seconds": 0.0,
    "retrying": 0,
    "waiting": 0,
    "dead": 0,
}
_LETTER = {
    "handler": "notify_sentiment",
    "position": 44,
    "stream": "market:MSFT",
    "type": "SentimentScored",
    "state": "dead",
    "attempts": 5,
    "next_try_at": "2026-01-05T09:33:00Z",
    "error": "notify_sentiment: KeyError('MSFT')",
}

INBOX_EXAMPLES: dict[str, dict[str, Any]] = {
    "InboxOut": {"items": [_ENTRY], "unread": 1, "next_cursor": None},
    "UnreadOut": {"unread": 0, "marked": 1},
    "ReportedOut": {
        "type": "SentimentScored",
        "stream": "market:MSFT",
        "source": "newsdesk",
        "source_id": "2005-01-03/17",
        "new": True,
    },
    "HandlersOut": {"items": [_HANDLER]},
    "Page_DeadLetterOut_": {"items": [_LETTER], "next_cursor": None},
    "DeadLetterDone": {"handler": "notify_sentiment", "position": 44, "state": "replaying"},
}
