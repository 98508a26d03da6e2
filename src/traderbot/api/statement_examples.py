"""Examples of statements and tax years, for the OpenAPI description."""

from typing import Any

from traderbot.api.portfolio_examples import PORTFOLIO_EXAMPLES

_PERFORMANCE = PORTFOLIO_EXAMPLES["PerformanceOut"]
_SUMS = {"disposals": 0, "proceeds": "0", "cost": "0", "disallowed": "0", "gain": "0"}
_NOTHING: dict[str, Any] = {"symbol": None, "qty": None, "price": None, "fee": "0", "realised": "0"}

STATEMENT_EXAMPLES: dict[str, dict[str, Any]] = {
    "StatementOut": {
        "account_id": _PERFORMANCE["account_id"],
        "currency": "USD",
        "period": "2005-01",
        "cash_start": "0",
        "cash_end": "99732.219685",
        "performance": _PERFORMANCE,
        "holdings": [
            {
                "symbol": "MSFT",
                "qty": "10",
                "price": "26.84",
                "market_value": "268.4",
                "cost": "267.753539",
                "unrealised": "0.646461",
                "weight": "0.002684",
            }
        ],
        "movements": [
            _NOTHING | {"at": "2005-01-03T21:00:00Z", "kind": "deposit", "amount": "100000"},
            {
                "at": "2005-01-04T21:00:00Z",
                "kind": "buy",
                "symbol": "MSFT",
                "qty": "10",
                "price": "26.7753539",
                "fee": "0.026776",
                "realised": "0",
                "amount": "-267.780315",
            },
        ],
        "parts": PORTFOLIO_EXAMPLES["ContributionOut"]["parts"],
    },
    "TaxYearOut": {
        "account_id": _PERFORMANCE["account_id"],
        "currency": "USD",
        "year": 2010,
        "wash_sales": True,
        "open_reason": None,
        "short_term": _SUMS
        | {"disposals": 1, "proceeds": "750", "cost": "1000", "disallowed": "250", "gain": "0"},
        "long_term": _SUMS,
        "gain": "0",
        "dividends": "2.5",
        "interest": "0",
        "borrow": "0",
        "sold": [
            {
                "symbol": "MSFT",
                "qty": "100",
                "acquired": "2010-03-01",
                "disposed": "2010-06-01",
                "term": "short",
                "sold_short": False,
                "proceeds": "750",
                "cost": "1000",
                "wash_added": "0",
                "disallowed": "250",
                "gain": "0",
            }
        ],
    },
}
