"""Examples of the answers about backtests, for the OpenAPI description."""

from typing import Any

_BACKTEST: dict[str, Any] = {
    "id": "0198c7a2-7b20-7c11-8a52-3f9d6e4b1a70",
    "status": "done",
    "progress": 1.0,
    "strategy": "moving-average",
    "parameters": {"fast": 20, "slow": 50},
    "data": "demo",
    "symbols": ["MSFT", "IBM"],
    "start": "2003-01-01T00:00:00Z",
    "end": None,
    "cash": "100000",
    "account": "cash",
    "fee_bps": "1",
    "slippage_bps": "2",
    "participation": "0.1",
    "created_at": "2026-01-05T09:30:00Z",
    "started_at": "2026-01-05T09:30:00Z",
    "finished_at": "2026-01-05T09:30:02Z",
    "error": None,
    "metrics": {"equity": "104321.5", "total_return": 0.043215, "max_drawdown": -0.081, "trades": 61},
    "verdict": None,
}
_TRADE = {
    "symbol": "MSFT",
    "side": "long",
    "qty": "100",
    "entry_at": "2003-03-18T21:00:00Z",
    "entry_price": "24.812",
    "exit_at": "2003-05-20T20:00:00Z",
    "exit_price": "24.905",
    "gross": "9.3",
    "fees": "0.497",
    "net": "8.803",
}
_TIMES = ["2003-01-02T21:00:00Z", "2003-01-03T21:00:00Z"]
_STRATEGY = {
    "name": "moving-average",
    "about": "Long while the fast average is above the slow one, flat otherwise.",
    "parameters": [{"name": "fast", "kind": "whole", "preset": 20, "least": 2, "most": 200, "choices": []}],
}

BACKTEST_EXAMPLES: dict[str, dict[str, Any]] = {
    "StrategiesOut": {"items": [_STRATEGY]},
    "BacktestOut": _BACKTEST,
    "Page_BacktestOut_": {"items": [_BACKTEST], "next_cursor": None},
    "CurveOut": {"times": _TIMES, "equity": [100000.0, 99650.0], "drawdown": [0.0, -0.0035]},
    "Page_TradeOut_": {"items": [_TRADE], "next_cursor": None},
    "ComparisonOut": {
        "items": [
            {
                "backtest": _BACKTEST,
                "differs": {"parameters": {"fast": 20, "slow": 50}},
                "curve": {"times": _TIMES, "growth": [1.0, 0.9965]},
            },
            {
                "backtest": _BACKTEST | {"id": "0198c7a2-7b20-7c11-8a52-3f9d6e4b1a71"},
                "differs": {"parameters": {"fast": 10, "slow": 50}},
                "curve": {"times": _TIMES, "growth": [1.0, 1.002]},
            },
        ]
    },
}
