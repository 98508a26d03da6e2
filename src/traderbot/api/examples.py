"""An example of every answer, for the OpenAPI description."""

from typing import Any

from traderbot.api.account_examples import ACCOUNT_EXAMPLES, page_of
from traderbot.api.alert_examples import ALERT_EXAMPLES
from traderbot.api.backtest_examples import BACKTEST_EXAMPLES
from traderbot.api.inbox_examples import INBOX_EXAMPLES
from traderbot.api.portfolio_examples import PORTFOLIO_EXAMPLES
from traderbot.api.rebalancing_examples import REBALANCING_EXAMPLES
from traderbot.api.risk_examples import RISK_EXAMPLES
from traderbot.api.statement_examples import STATEMENT_EXAMPLES

_ORDER_ID = "0198c7a2-5e1f-7d3a-9b1c-2f6f5f0e8a11"
_PROFIT_ID = "0198c7a2-5e1f-7d3a-9b1c-2f6f5f0e8a12"
_LOSS_ID = "0198c7a2-5e1f-7d3a-9b1c-2f6f5f0e8a13"
_SIGNAL_ID = "6a1c9a3e-2f6e-5d84-9a59-0c5c2f3f1b7d"
_ACCOUNT_ID = "0198c7a2-5d02-7aa1-8f0e-6b1f4f3d2c90"
_USER_ID = "0198c7a2-5d01-7f3b-a2d4-93c1d0b7e645"
_SESSION_ID = "0198c7a2-5c00-7b1d-8c3e-5a9f0e1d2b34"
_TIME = "2005-01-04T21:00:00Z"

_USER = {
    "id": _USER_ID,
    "email": "ada@example.com",
    "display_name": "Ada",
    "role": "trader",
    "created_at": "2026-01-05T09:30:00Z",
    "account_id": _ACCOUNT_ID,
}
_TOKENS = {
    "access_token": "eyJhbGciOiJIUzI1NiIs...",
    "refresh_token": "tbr_1hX9cYwq0s...",
    "token_type": "bearer",
    "expires_in": 900,
}
_KEY = {
    "id": "0198c7a2-6a10-7c55-9d21-4e8b7f6a5c43",
    "name": "laptop",
    "prefix": "tb_k3Jx9",
    "created_at": "2026-01-05T09:30:00Z",
    "last_used_at": None,
    "account_id": None,
    "scopes": ["read", "trade"],
    "symbols": ["AAPL", "MSFT"],
    "daily_notional": "10000",
    "expires_at": "2026-07-01T00:00:00Z",
}
_ORDER: dict[str, Any] = {
    "id": _ORDER_ID,
    "client_order_id": "momentum-2005-01-03-MSFT",
    "symbol": "MSFT",
    "side": "buy",
    "type": "market",
    "time_in_force": "day",
    "qty": "10",
    "notional": None,
    "limit_price": None,
    "stop_price": None,
    "trail_price": None,
    "trail_percent": None,
    "hwm": None,
    "triggered_at": None,
    "extended_hours": False,
    "lots": [],
    "order_class": "simple",
    "leg": None,
    "group_id": None,
    "status": "filled",
    "filled_qty": "10",
    "filled_avg_price": "26.775354",
    "hold": "0",
    "fees": "0.026775",
    "placed_at": "2005-01-03T21:00:00Z",
    "updated_at": _TIME,
    "expires_at": _TIME,
    "replaces": None,
    "replaced_by": None,
    "signal_id": _SIGNAL_ID,
    "strategy": "ai-forecast",
    "reason": None,
    "legs": None,
}
_GROUP = {"order_class": "bracket", "group_id": _ORDER_ID}
_NOT_YET = {"filled_qty": "0", "filled_avg_price": None, "fees": "0", "expires_at": None} | {
    "signal_id": None, "strategy": None
}  # fmt: skip
_LEG = _ORDER | _GROUP | _NOT_YET | {"side": "sell", "time_in_force": "gtc", "status": "held"}
_BRACKET = (
    _ORDER
    | _GROUP
    | _NOT_YET
    | {
        "leg": "entry",
        "type": "limit",
        "limit_price": "26.5",
        "time_in_force": "gtc",
        "status": "new",
        "hold": "291.53",
        "updated_at": "2005-01-03T21:00:00Z",
        "legs": [
            _LEG | {"id": _PROFIT_ID, "client_order_id": _PROFIT_ID, "leg": "take_profit", "type": "limit"}
            | {"limit_price": "29"},
            _LEG | {"id": _LOSS_ID, "client_order_id": _LOSS_ID, "leg": "stop_loss", "type": "stop_limit"}
            | {"stop_price": "25", "limit_price": "24.9"},
        ],
    }
)  # fmt: skip
_FILL = {
    "execution_id": "d0b3f3a7-2f5b-5c58-8d67-1f5e6a7b8c9d",
    "order_id": _ORDER_ID,
    "symbol": "MSFT",
    "side": "buy",
    "qty": "10",
    "price": "26.775354",
    "fee": "0.026775",
    "realised": "0",
    "time": _TIME,
    "late": False,
    "busted": False,
}
_HOLDING = {
    "symbol": "MSFT",
    "side": "long",
    "qty": "10",
    "available": "10",
    "avg_entry_price": "26.775354",
    "cost_basis": "267.75354",
    "mark": "26.84",
    "market_value": "268.4",
    "unrealised_pnl": "0.64646",
    "realised_pnl": "0",
    "day_change": "1",
}
_PORTFOLIO: dict[str, Any] = {
    "account_id": _ACCOUNT_ID,
    "name": "",
    "kind": "cash",
    "broker": "paper",
    "lot_method": "fifo",
    "currency": "USD",
    "cash": "99732.219685",
    "held": "0",
    "available": "99732.219685",
    "market_value": "268.4",
    "equity": "100000.619685",
    "starting_cash": "100000",
    "realised_pnl": "0",
    "unrealised_pnl": "0.64646",
    "day_change": "1",
    "fees": "0.026775",
    "dividends": "0",
    "total_return": "0.000006197",
    "long_value": "268.4",
    "short_value": "0",
    "interest": "0",
    "borrow": "0",
    "overdraft": "0",
    "margin": {"requirement": "134.2", "maintenance": "67.1", "excess": "99866.419685", "call": None},
    "buying_power": "99732.219685",
    "withdrawable": "99732.219685",
    "halted": None,
    "halted_symbols": {},
    "as_of": _TIME,
    "holdings": [_HOLDING],
}
_PLACER = {
    "name": "ai-forecast",
    "source": "ai-forecast",
    "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "parameters": {},
    "assigned_at": "2026-01-05T09:30:00Z",
}
_SIGNAL = {
    "id": _SIGNAL_ID,
    "time": "2005-01-03T21:00:00Z",
    "symbol": "MSFT",
    "strategy": "ai_forecast",
    "action": "buy",
    "probability": 0.58,
    "confidence": 0.16,
    "target_weight": 0.12,
    "order_id": _ORDER_ID,
    "rationale": {
        "summary": "58% that MSFT closes higher in 5 sessions, mostly for its fall over the last 5 sessions.",
        "contributions": [
            {
                "feature": "return_5",
                "label": "return over 5 sessions",
                "value": -0.021,
                "contribution": 0.11,
                "effect": "raises",
            }
        ],
        "model": {
            "version": "3f9c2a71",
            "trained_from": "2000-06-01",
            "trained_to": "2004-12-31",
            "samples": 4600,
            "accuracy": 0.53,
        },
    },
}
_CHAIN = [
    {
        "position": 41,
        "type": "SignalRaised",
        "time": "2005-01-03T21:00:00Z",
        "title": "Signal: buy MSFT",
        "detail": "58% that MSFT closes higher in 5 sessions, mostly for its fall over the last 5 sessions.",
        "actor": "strategy:ai_forecast",
    },
    {
        "position": 42,
        "type": "OrderPlaced",
        "time": "2005-01-03T21:00:00Z",
        "title": "Approved: buy 10 MSFT at the market",
        "detail": "The gate saw a market of 26.74 under rules version 1; holds 294.17 of cash.",
        "actor": "strategy:ai_forecast",
    },
]
_EVENT = {
    "position": 43,
    "stream": f"account:{_ACCOUNT_ID}",
    "version": 2,
    "type": "CashMoved",
    "time": "2005-01-03T21:00:00Z",
    "recorded_at": "2026-01-05T09:30:00.000123Z",
    "actor": f"user:{_USER_ID}",
    "data": {"at": 1104786000000000, "amount": "100000", "kind": "deposit"},
}
_REFUSED = {
    "type": "about:blank",
    "title": "Unprocessable Content",
    "status": 422,
    "detail": "qty: expected a positive decimal with at most 9 places",
    "code": "invalid_value",
    "errors": [{"field": "qty", "expected": "a positive decimal with at most 9 places"}],
}
_PREVIEW = {
    "approved": True,
    "checks": [
        {
            "name": "buying_power",
            "passed": True,
            "reason": "insufficient_buying_power",
            "detail": "needs 294.17, available 100,000.00",
        }
    ],
    "qty": "10",
    "mark": "26.74",
    "mark_at": "2005-01-03T21:00:00Z",
    "price_max": "29.414",
    "value": "267.4",
    "cost_max": "294.169414",
    "fees_max": "0.029414",
    "hold": "294.169414",
    "available_before": "100000",
    "available_after": "99705.830586",
    "buying_power_before": "100000",
    "buying_power_after": "99705.830586",
    "position_qty": "10",
    "position_value": "267.4",
    "gross": "267.4",
    "net": "267.4",
    "concentration": "0.002674",
    "leverage": "0.002674",
}
_BAR = {
    "time": _TIME,
    "open": "26.87",
    "high": "27.1",
    "low": "26.66",
    "close": "26.84",
    "volume": "109442100",
}
_INSTRUMENT = {
    "symbol": "MSFT",
    "name": "Microsoft Corporation",
    "exchange": "NASDAQ",
    "first_bar": "2000-03-01T21:00:00Z",
    "last_bar": _TIME,
    "bars": 1219,
}
_CLOCK = {
    "session_id": _SESSION_ID,
    "name": "demo",
    "mode": "replay",
    "time": _TIME,
    "date": "2005-01-04",
    "paused": False,
    "speed": 2.0,
    "step": 1218,
    "first_step": 1215,
    "steps": 3270,
    "ended": False,
    "start": "2005-01-03",
    "end": "2013-03-01",
    "jump_to": None,
}


_STORED = {
    "position": 42,
    "stream": "account:01a2056f-17c1-7060-8e63-cd42e2b6b1c9",
    "version": 2,
    "type": "CashMoved",
    "schema_version": 1,
    "time": _TIME,
    "recorded_at": _TIME,
    "data": {"at": 1104786000000000, "amount": "100000", "kind": "deposit"},
    "metadata": {"actor": "user:01a2056f-17b9-7a30-a7d9-4b6dd9a6b7c2", "correlation": "7f3b2c1a-deposit"},
    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}
EXAMPLES: dict[str, dict[str, Any]] = (
    ACCOUNT_EXAMPLES
    | INBOX_EXAMPLES
    | BACKTEST_EXAMPLES
    | RISK_EXAMPLES
    | REBALANCING_EXAMPLES
    | PORTFOLIO_EXAMPLES
    | STATEMENT_EXAMPLES
    | ALERT_EXAMPLES
    | {
        "RegisteredOut": {**_TOKENS, "user": _USER},
        "TokensOut": _TOKENS,
        "UserOut": _USER,
        "ApiKeysOut": {"items": [_KEY]},
        "Page_PersonOut_": page_of(_USER | {"active": True}),
        "PersonDetailOut": _USER | {"active": True, "api_keys": [_KEY]},
        "OrderOut": _BRACKET,
        "BatchOut": {
            "items": [
                {"status": 201, "order": _ORDER, "problem": None},
                {"status": 422, "order": None, "problem": _REFUSED},
            ]
        },
        "PreviewOut": _PREVIEW,
        "Page_OrderOut_": page_of(_ORDER),
        "OrderStates": {"items": [{"id": _ORDER_ID, "status": "canceled"}]},
        "Page_FillOut_": page_of(_FILL),
        "HoldingOut": _HOLDING,
        "Holdings": {"items": [_HOLDING]},
        "PortfolioOut": _PORTFOLIO,
        "EquityHistory": {
            "items": [{"time": _TIME, "equity": "100000.619685", "cash": "99732.219685"}],
            "next_cursor": None,
        },
        "Page_SignalOut_": page_of(_SIGNAL),
        "AssignmentsOut": {
            "items": [_PLACER | {"warnings": [], "stopped": None, "stopped_at": None}],
        },
        "WhyOut": {"order": _ORDER, "strategy": _PLACER, "signal": _SIGNAL, "chain": _CHAIN},
        "Events": {"items": [_EVENT], "next_after": 43, "next_before": None},
        "Instruments": {"items": [_INSTRUMENT]},
        "BarsOut": {"symbol": "MSFT", "adjustment": "raw", "items": [_BAR]},
        "ActionsOut": {
            "symbol": "AAPL",
            "items": [
                {
                    "ex_date": "2005-02-28",
                    "time": "2005-02-28T21:00:00Z",
                    "kind": "split",
                    "amount": None,
                    "new": 2,
                    "old": 1,
                    "estimated": False,
                }
            ],
        },
        "ClockOut": _CLOCK,
        "Health": {"status": "ok", "version": "0.1.0"},
        "Ready": {
            "status": "ready",
            "market_time": _TIME,
            "parts": {"database": "ok", "writer": "ok", "session": "played here"},
        },
        "Page_StoredEvent_": page_of(_STORED),
    }
)


def with_examples(description: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI description with the examples in its schemas."""
    schemas = description["components"]["schemas"]
    for name, example in EXAMPLES.items():
        schemas[name]["examples"] = [example]
    return description
