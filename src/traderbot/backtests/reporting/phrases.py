"""A result in a few lines of plain text, as `print` shows it."""

from traderbot.backtests.reporting.documents import Document
from traderbot.backtests.reporting.reports import NUMBER, PERCENT, day, shown
from traderbot.model.amounts import Money

_FIGURES = (
    ("return", "total_return", PERCENT),
    ("CAGR", "cagr", PERCENT),
    ("Sharpe ratio", "sharpe", NUMBER),
    ("deepest fall", "max_drawdown", PERCENT),
    ("volatility", "volatility", PERCENT),
)


def in_words(document: Document, equity: Money, fills: int) -> str:
    """Strategy, period, figures beside the benchmark, round trips and fills, and what there is to say."""
    ended = sum(1 for one in document.trades if one.exit_at is not None)
    values = ", ".join(f"{one}={value}" for one, value in document.parameters.items())
    lines = [
        f"{document.strategy}({values}) from {day(document.first)} to {day(document.last)}:"
        f" equity {equity:,.2f}",
        _figures("", document.metrics),
        _figures(f"{document.benchmark}: ", document.benchmark_metrics),
        f"{ended:,} round trips ended, {len(document.trades) - ended:,} open; {fills:,} fills",
        *(f"note: {one}" for one in document.data.said),
    ]
    return "\n".join(lines)


def _figures(name: str, found: dict[str, float | None]) -> str:
    return name + ", ".join(f"{label} {shown(found.get(key), unit)}" for label, key, unit in _FIGURES)
