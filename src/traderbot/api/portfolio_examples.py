"""An example of every answer about performance and allocation, for the OpenAPI description."""

from typing import Any

_ACCOUNT_ID = "0198c7a2-5d02-7aa1-8f0e-6b1f4f3d2c90"
_TIME, _END = "2005-01-03T21:00:00Z", "2005-01-04T21:00:00Z"
_MONEY: dict[str, Any] = {
    "realised": "0",
    "unrealised": "0.646461",
    "dividends": "0",
    "fees": "0.026776",
    "borrow": "0",
    "interest": "0",
}
_SPAN = {"start_equity": "0", "flows": "100000", "gain": "0.619685", "end_equity": "100000.619685"}
_PERIOD = _SPAN | {
    "label": "2005-01",
    "starts": _TIME,
    "ends": _END,
    "time_weighted": 0.0000061968,
    "benchmark": 0.003739,
    "reason": None,
}
_SHORT = "the span is of 1 days, and less than a year is not annualised"
_PART = _MONEY | {
    "name": "MSFT",
    "gain": "0.619685",
    "contribution": "0.000006",
    "symbol": None,
    "strategy": None,
    "order_id": None,
    "opened_at": None,
    "closed_at": None,
}
_HELD = _MONEY | {
    "name": "MSFT",
    "positions": 1,
    "market_value": "268.4",
    "long_value": "268.4",
    "short_value": "0",
    "weight": "0.002684",
    "cost": "267.753539",
}
_CASH = dict.fromkeys(_MONEY, "0") | {
    "name": "cash",
    "positions": 0,
    "market_value": "99732.219685",
    "long_value": "99732.219685",
    "short_value": "0",
    "weight": "0.997316",
    "cost": "0",
}
PORTFOLIO_EXAMPLES: dict[str, dict[str, Any]] = {
    "PerformanceOut": _SPAN
    | _MONEY
    | {
        "account_id": _ACCOUNT_ID,
        "currency": "USD",
        "starts": _TIME,
        "ends": _END,
        "closes": 1,
        "costs": "0.026776",
        "costs_of_capital": "0",
        "costs_of_gain": "0.041419",
        "time_weighted": 0.0000061968,
        "time_weighted_annual": None,
        "money_weighted": 0.0000061968,
        "money_weighted_annual": None,
        "benchmark_symbol": "MSFT",
        "benchmark": 0.003739,
        "excess": -0.003733,
        "statistics": None,
        "periods": [_PERIOD],
        "reasons": {
            "statistics": "there is one close only, and risk needs several",
            "time_weighted_annual": _SHORT,
            "money_weighted_annual": _SHORT,
        },
    },
    "ContributionOut": {
        "account_id": _ACCOUNT_ID,
        "by": "position",
        "starts": _TIME,
        "ends": _END,
        "gain": "0.619685",
        "time_weighted": "0.000006",
        "reason": None,
        "parts": [_PART],
    },
    "AttributionOut": {
        "account_id": _ACCOUNT_ID,
        "starts": _TIME,
        "ends": _END,
        "time_weighted": 0.083,
        "benchmark": 0.064,
        "excess": "0.019",
        "instruments": 4,
        "left_out": ["FB"],
        "sectors": [
            {
                "name": "Information Technology",
                "weight": 0.3,
                "benchmark_weight": 0.2,
                "allocation": "0.022",
                "selection": "-0.003",
            }
        ],
        "reason": None,
    },
    "FactorsOut": {
        "account_id": _ACCOUNT_ID,
        "months": 60,
        "first": "2005-02",
        "last": "2010-01",
        "lags": 3,
        "r_squared": 0.71,
        "coefficients": [
            {
                "name": "market",
                "value": 0.93,
                "error": 0.08,
                "t": 11.625,
                "p": 0.0000001,
                "low": 0.77,
                "high": 1.09,
            }
        ],
        "reason": None,
    },
    "AllocationOut": {
        "accounts": [_ACCOUNT_ID],
        "currency": "USD",
        "by": "position",
        "at": _END,
        "cash": "99732.219685",
        "market_value": "268.4",
        "equity": "100000.619685",
        "reason": None,
        "shares": [_CASH, _HELD],
    },
}
