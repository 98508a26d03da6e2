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
    "fee_per_share": "0.005",
    "fee_minimum": "1",
    "slippage_bps": "2",
    "participation": "0.1",
    "impact": {
        "model": "volume_share",
        "price_impact": "0.1",
        "limit": "0.025",
        "volatility": None,
        "coefficient": None,
    },
    "latency_ms": 0,
    "assumptions": {"slippage": "2 basis points of the price, of orders that take it"},
    "created_at": "2026-01-05T09:30:00Z",
    "started_at": "2026-01-05T09:30:00Z",
    "finished_at": "2026-01-05T09:30:02Z",
    "error": None,
    "metrics": {"equity": "104321.5", "total_return": 0.043215, "max_drawdown": -0.081, "trades": 61},
    "validation": "done",
    "verdict": "watch",
}
_DATA_SET = {
    "name": "demo",
    "calendar": "XNYS",
    "time_frames": ["1d"],
    "symbols": ["AAPL", "FB", "GOOG", "IBM", "MSFT"],
    "bars": 12154,
    "quarantined": 0,
    "first": "2000-03-01",
    "last": "2013-03-01",
    "source": "Quandl WIKI prices, stocks.csv of bokeh_sampledata",
    "licence": "public domain",
}
_VALIDATION: dict[str, Any] = {
    **{name: _BACKTEST[name] for name in ("status", "progress", "created_at", "started_at", "error")},
    "id": "0198c7a2-7b20-7c11-8a52-3f9d6e4b1a72",
    "backtest_id": _BACKTEST["id"],
    "finished_at": "2026-01-05T09:31:02Z",
    "quick": False,
    "trials": None,
    "tried": 12,
    "seed": 0,
    "verdict": "watch",
    "words": "Watch: deflated Sharpe ratio, 37 trials (81.0%).",
    "checks": [
        {
            "name": "deflated Sharpe ratio, 37 trials",
            "value": "81.0%",
            "threshold": "at least 95.0%",
            "outcome": "watch",
            "why": "The best of that many has a Sharpe ratio of 0.31 by luck, this 0.52.",
        }
    ],
    "figures": {"sharpe": 0.52, "deflated": 0.81, "overfitting": 0.12, "trials": 37},
    "walk_forward": [
        {"anchored": True, "tests": 5, "sharpe": 0.4, "efficiency": 0.7, "winning": 0.6},
    ],
    "baselines": [{"name": "buy and hold", "sharpe": 0.41, "difference": 0.11, "p_value": 0.2}],
    "curve": {
        "times": ["2003-01-02T21:00:00Z", "2003-01-03T21:00:00Z"],
        "equity": [1.0, 0.9965],
        "baseline": [1.0, 1.002],
    },
}
_SWEEP = {
    **{name: value for name, value in _BACKTEST.items() if name not in ("metrics", "validation", "verdict")},
    "id": "0198c7a2-7b20-7c11-8a52-3f9d6e4b1a73",
    "strategy": "time-series-momentum",
    "parameters": {},
    "grid": {"lookback": [60, 120, 250]},
    "random": None,
    "tpe": None,
    "seed": 0,
    "by": "sharpe",
    "sets": 3,
    "skipped": 0,
    "failed": 0,
    "best": 2,
}
_SET = {
    "number": 2,
    "parameters": {"lookback": 250},
    "equity": "121500.25",
    "total_return": 0.2150025,
    "cagr": 0.021,
    "sharpe": 0.41,
    "max_drawdown": -0.12,
    "exposure": 0.7,
    "turnover": 2.1,
    "trades": 23,
    "executions": 46,
    "costs": "52.11",
    "error": None,
}
_TRADE = {
    "symbol": "MSFT",
    "side": "long",
    "qty": "100",
    "largest": "100",
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
    "sweeps": False,
    "parameters": [{"name": "fast", "kind": "whole", "preset": 20, "least": 2, "most": 200, "choices": []}],
}

BACKTEST_EXAMPLES: dict[str, dict[str, Any]] = {
    "StrategiesOut": {"items": [_STRATEGY]},
    "DataSetsOut": {"items": [_DATA_SET]},
    "ValidationOut": _VALIDATION,
    "SweepOut": _SWEEP,
    "Page_SweepOut_": {"items": [_SWEEP], "next_cursor": None},
    "Page_SetOut_": {"items": [_SET], "next_cursor": None},
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
