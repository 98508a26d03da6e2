"""An example of every answer about accounts, for the OpenAPI description."""

from typing import Any

_ACCOUNT_ID = "0198c7a2-5d02-7aa1-8f0e-6b1f4f3d2c90"
_ORDER_ID = "0198c7a2-5e1f-7d3a-9b1c-2f6f5f0e8a11"
_TIME = "2005-01-04T21:00:00Z"
_ACCOUNT = {
    "id": _ACCOUNT_ID,
    "name": "long and short",
    "kind": "margin",
    "broker": "paper",
    "currency": "USD",
    "lot_method": "fifo",
    "cash": "2500.5",
    "held": "0",
    "available": "2500.5",
    "overdraft": "0",
    "margin_call": None,
    "halted": None,
    "halted_symbols": {"MSFT": "odd prices"},
}
_UNLIMITED: dict[str, Any] = {
    "order_value": None,
    "order_qty": None,
    "position_value": None,
    "position_qty": None,
    "concentration": None,
    "sector": None,
    "gross": None,
    "net": None,
    "daily_loss": None,
    "weekly_loss": None,
    "monthly_loss": None,
    "drawdown": None,
    "orders_per_second": None,
    "orders_per_day": None,
    "restricted": [],
    "no_shorting": False,
    "halt_on_breach": False,
}
_LIMITS = _UNLIMITED | {"order_value": "25000", "daily_loss": "0.02", "restricted": ["FB"]}
_LOT = {
    "number": 1,
    "symbol": "MSFT",
    "opened_at": _TIME,
    "opened_qty": "10",
    "opened_cost": "267.75354",
    "qty": "10",
    "cost": "267.75354",
    "closed_at": None,
}
_ACTIVITY = {
    "time": _TIME,
    "kind": "dividend",
    "symbol": "MSFT",
    "qty": "10",
    "amount": "0.8",
    "detail": None,
    "version": 17,
}
_REALISED = {
    "time": _TIME,
    "symbol": "MSFT",
    "kind": "sale",
    "lot": 1,
    "opened_at": "2005-01-03T21:00:00Z",
    "qty": "10",
    "proceeds": "270",
    "cost": "267.75354",
    "realised": "2.24646",
    "fee": "0.027",
    "term": "short",
    "version": 12,
    "order_id": _ORDER_ID,
    "execution_id": "d0b3f3a7-2f5b-5c58-8d67-1f5e6a7b8c9d",
}


def page_of(item: dict[str, Any]) -> dict[str, Any]:
    """The last page of a list, with one item."""
    return {"items": [item], "next_cursor": None}


_FLAT = {
    "time": "2005-01-04T21:00:00Z",
    "halted": "out of control",
    "flat": False,
    "open_orders": 1,
    "positions": [{"symbol": "MSFT", "qty": "10", "closing": ["0198c7a2-5e1f-7d3a-9b1c-2f6f5f0e8a14"]}],
}
_WAITING = {
    "account_id": "0198c7a2-5d02-7aa1-8f0e-6b1f4f3d2c90",
    "user_id": "0198c7a2-5d01-7f3b-a2d4-93c1d0b7e645",
    "asked_at": "2026-01-05T09:30:00Z",
    "before": _LIMITS,
    "limits": _UNLIMITED,
    "loosened": ["order_value", "daily_loss", "restricted"],
    "lift": False,
}
ACCOUNT_EXAMPLES: dict[str, dict[str, Any]] = {
    "AccountOut": _ACCOUNT,
    "Accounts": {"items": [_ACCOUNT]},
    "TransferOut": {"kind": "deposit", "amount": "2500.5", "time": _TIME},
    "LotMethodOut": {"method": "lifo"},
    "BothLimits": {"account": _LIMITS, "platform": _UNLIMITED, "second_person": True, "waiting": _WAITING},
    "WaitingLimits": _WAITING,
    "AllWaitingLimits": {"items": [_WAITING]},
    "Page_LotOut_": page_of(_LOT),
    "Page_ActivityOut_": page_of(_ACTIVITY),
    "Page_RealisedOut_": page_of(_REALISED),
    "ResumeCodeOut": {"code": "7KQ2-M4TD", "symbol": None},
    "PlatformLimitsOut": {
        "version": 4,
        "limits": _UNLIMITED | {"order_value": "250000", "gross": "2"},
        "sectors": {"AAPL": "Technology"},
        "margin": {
            "initial": "0.5",
            "maintenance_long": "0.25",
            "maintenance_short": "0.3",
            "loan_rate": "0.08",
            "borrow_rate": "0.03",
        },
    },
    "ReportOut": {"events": ["ExecutionBusted"], "quarantined": None},
    "FlatOut": _FLAT,
    "KilledOut": _FLAT | {"canceled": [], "placed": ["0198c7a2-5e1f-7d3a-9b1c-2f6f5f0e8a14"], "refused": []},
    "HaltsOut": {"scope": "account", "halted": "too much at once", "symbols": {}},
    "AccountThen": {
        "account": _ACCOUNT,
        "position": 43,
        "recorded_at": "2026-01-05T09:30:00.000123Z",
        "positions": [{"symbol": "MSFT", "qty": "10", "cost": "267.75354", "realised": "0"}],
        "orders": [],
        "limits": _LIMITS,
    },
    "Books": {
        "market_time": _TIME,
        "position": 43,
        "cash": "2232.719685",
        "balances": {
            "cash": "2232.719685",
            "external": "-2500.5",
            "fees": "0.026775",
            "securities": "267.75354",
        },
        "positions": [
            {
                "symbol": "MSFT",
                "qty": "10",
                "cost": "267.75354",
                "realised": "0",
                "mark": "26.84",
                "market_value": "268.4",
                "unrealised": "0.64646",
            }
        ],
        "realised": "0",
        "unrealised": "0.64646",
        "market_value": "268.4",
        "equity": "2501.119685",
    },
}
