"""The report of a backtest: one page of HTML that stands alone, and a short one for notebooks.

Nothing is fetched: plotly is in the page once. Whatever came from outside is escaped.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from traderbot.backtests.reporting import plots
from traderbot.backtests.reporting.documents import Document
from traderbot.infra.events.texts import canonical

FILE = "report.html"
TRADES_MAX = 1_000
OPEN_MAX = 50  # more trades than these are folded away
NOTHING = "–"
_MICROS = 1_000_000
Row = tuple[str, str, str]

PERCENT, NUMBER, COUNT, MONEY, DAYS = "percent", "number", "count", "money", "days"
FIGURES: tuple[tuple[str, str, str], ...] = (
    ("total_return", "Return", PERCENT),
    ("cagr", "Return a year (CAGR)", PERCENT),
    ("volatility", "Volatility a year", PERCENT),
    ("sharpe", "Sharpe ratio", NUMBER),
    ("sortino", "Sortino ratio", NUMBER),
    ("calmar", "Calmar ratio", NUMBER),
    ("max_drawdown", "Deepest drawdown", PERCENT),
    ("drawdown_days", "Longest below a peak", DAYS),
    ("tail_ratio", "Tail ratio", NUMBER),
    ("skewness", "Skewness", NUMBER),
    ("kurtosis", "Kurtosis (3 is normal)", NUMBER),
    ("best_day", "Best day", PERCENT),
    ("worst_day", "Worst day", PERCENT),
    ("positive_days", "Days with a gain", PERCENT),
    ("alpha", "Alpha a year", PERCENT),
    ("beta", "Beta", NUMBER),
    ("correlation", "Correlation", NUMBER),
    ("tracking_error", "Tracking error a year", PERCENT),
    ("information_ratio", "Information ratio", NUMBER),
)
TRADING: tuple[tuple[str, str, str], ...] = (
    ("trades", "Round trips, ended", COUNT),
    ("hit_rate", "Hit rate", PERCENT),
    ("profit_factor", "Profit factor", NUMBER),
    ("expectancy", "Expectancy, a round trip", MONEY),
    ("payoff", "Mean gain over mean loss", NUMBER),
    ("trade_best", "Best round trip", MONEY),
    ("trade_worst", "Worst round trip", MONEY),
    ("exposure", "Exposure, gross", PERCENT),
    ("net_exposure", "Exposure, net", PERCENT),
    ("in_market", "Time in the market", PERCENT),
    ("turnover", "Turnover a year", PERCENT),
)
_AMOUNTS = {
    "deposits": "Deposited",
    "realised": "Gained in closed positions",
    "dividends": "Dividends",
    "unrealised": "Gained in open positions",
    "fees": "Fees",
    "interest": "Interest",
    "borrow": "Borrowing shares",
    "equity": "Equity at the end",
}


def shown(value: float | None, kind: str) -> str:
    """A figure as people read it; a dash where it is not defined."""
    if value is None:
        return NOTHING
    match kind:
        case "percent":
            return f"{value:,.2%}"
        case "count":
            return f"{value:,.0f}"
        case "money":
            return f"{value:,.2f}"
        case "days":
            return f"{value:,.0f} days"
    return f"{value:,.2f}"


def page(document: Document) -> str:
    """The report as HTML."""
    title = f"{document.strategy} on {document.data.name}"
    drawn = plots.figures(document)
    own = [_figure(drawn[one.symbol](), f"plot-price-{number}") for number, one in enumerate(document.prices)]
    parts = [
        _head(document),
        _cards(document),
        _figure(drawn["equity"](), "plot-equity"),
        _figure(drawn["drawdown"](), "plot-drawdown"),
        '<div class="two">',
        _section(
            "Performance", _table(("", document.strategy, f"held: {document.benchmark}"), beside(document))
        ),
        "<div>",
        _section("Trading", _table(("", ""), trading(document))),
        _section("Where the money went", _table(("", "USD"), _money(document))),
        "</div></div>",
        _figure(drawn["sharpe"](), "plot-sharpe"),
        _section("Return of each month", _months(document)),
        _section("Deepest drawdowns", _drawdowns(document)),
        _figure(drawn["trades"](), "plot-trades"),
        *own,
        _section("Round trips", _trades(document)),
        _section("Assumptions", _assumptions(document)),
    ]
    style = _asset("report.css")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{style}</style>{_plotly()}</head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def write_page(document: Document, path: Path) -> Path:
    """Write the page; the folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(document), encoding="utf-8")
    return path


def summary(document: Document) -> str:
    """A few figures and the curve as a drawing of its own, for a notebook."""
    rows = [(label, own, held) for label, own, held in beside(document)][:8]
    title = escape(f"{document.strategy} on {document.data.name}, {window(document)}")
    return (
        f"<div><strong>{title}</strong>{_drawing(document.curve.equity, document.curve.benchmark)}"
        f"{_table(_contenders(document), rows)}</div>"
    )


def _head(document: Document) -> str:
    values = ", ".join(f"{name} {value}" for name, value in document.parameters.items())
    about = f"<p>{escape(document.about)}</p>" if document.about else ""
    return (
        f"<header><h1>{escape(document.strategy)}</h1>{about}"
        f"<p class='muted'>{escape(values or 'no parameters')}. {escape(document.data.name)}:"
        f" {escape(_symbols(document))}. {window(document)}.</p></header>"
    )


def _symbols(document: Document) -> str:
    names = document.data.symbols
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def window(document: Document) -> str:
    """First and last day."""
    return f"{day(document.first)} to {day(document.last)}"


def _cards(document: Document) -> str:
    chosen = ("cagr", "sharpe", "max_drawdown", "volatility", "trades", "hit_rate")
    kinds = {name: (label, kind) for name, label, kind in (*FIGURES, *TRADING)}
    cells = [("Equity", f"{document.amounts['equity']:,.2f}", "")]
    for name in chosen:
        label, kind = kinds[name]
        held = document.benchmark_metrics.get(name)
        beside = "" if held is None else f"held: {shown(held, kind)}"
        cells.append((label, shown(document.metrics.get(name), kind), beside))
    boxes = "".join(
        f"<div class='card'><span>{escape(label)}</span><b>{escape(value)}</b><i>{escape(beside)}</i></div>"
        for label, value, beside in cells
    )
    return f"<section class='cards'>{boxes}</section>"


def _contenders(document: Document) -> Row:
    return "", document.strategy, f"held: {document.benchmark}"


def beside(document: Document) -> list[Row]:
    """The figures of its curve, as read, beside those of the benchmark."""
    own, held = document.metrics, document.benchmark_metrics
    return [(label, shown(own.get(name), kind), shown(held.get(name), kind)) for name, label, kind in FIGURES]


def trading(document: Document) -> list[tuple[str, str]]:
    """The figures of its trades, as read."""
    return [(label, shown(document.metrics.get(name), kind)) for name, label, kind in TRADING]


def _money(document: Document) -> list[tuple[str, str]]:
    rows = [(label, f"{document.amounts[name]:,.2f}") for name, label in _AMOUNTS.items()]
    refused = ", ".join(f"{count} {reason}" for reason, count in document.refused.items())
    return [*rows, ("Orders refused", refused or "none")]


def _months(document: Document) -> str:
    """A row for each year, the newest on top; the stronger the colour, the larger the return."""
    found = {(one.year, one.month): one.change for one in document.months}
    most = max((abs(change) for change in found.values()), default=0.0) or 1.0
    rows = []
    for year in sorted({year for year, _ in found}, reverse=True):
        changes = [found.get((year, month)) for month in range(1, 13)]
        whole = math.prod(1.0 + change for change in changes if change is not None) - 1.0
        cells = "".join(_heat(change, most) for change in changes)
        rows.append(f"<tr><td>{year}</td>{cells}<td><b>{whole:+.1%}</b></td></tr>")
    names = "".join(f"<th>{name}</th>" for name in ("", *plots.MONTHS, "Year"))
    return (
        f"<div class='wide'><table class='heat'><thead><tr>{names}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _heat(change: float | None, most: float) -> str:
    if change is None:
        return "<td></td>"
    colour = plots.GAIN if change >= 0 else plots.LOSS
    strength = round(abs(change) / most * 200)
    return f"<td style='background:{colour}{strength:02x}'>{change:+.1%}</td>"


def _drawdowns(document: Document) -> str:
    rows = [
        (
            shown(one.depth, PERCENT),
            day(one.peak_at),
            day(one.trough_at),
            "not yet" if one.recovered_at is None else day(one.recovered_at),
            f"{one.days:,.0f}",
        )
        for one in document.drawdowns
    ]
    return _table(("Depth", "Peak", "Trough", "Recovered", "Days"), rows)


def _trades(document: Document) -> str:
    kept = document.trades[-TRADES_MAX:]
    rows = [
        (
            trade.symbol,
            "long" if trade.side.value == "buy" else "short",
            canonical(trade.qty),
            NOTHING if trade.largest is None else canonical(trade.largest),
            day(trade.entry_at),
            f"{trade.entry_price:,.4f}",
            "open" if trade.exit_at is None else day(trade.exit_at),
            NOTHING if trade.exit_price is None else f"{trade.exit_price:,.4f}",
            f"{trade.gross:,.2f}",
            f"{trade.fees:,.2f}",
            f"{trade.net:,.2f}",
        )
        for trade in kept
    ]
    note = ""
    if len(kept) < len(document.trades):
        note = f"<p>The last {len(kept):,} of {len(document.trades):,}; trades.csv has all of them.</p>"
    names = ("Symbol", "Side", "Shares", "Largest", "Entry", "Price", "Exit", "Price", "Gross", "Fees", "Net")
    unfolded = " open" if len(kept) <= OPEN_MAX else ""
    summary = f"<summary>{len(kept):,} round trips</summary>"
    return f"{note}<details{unfolded}>{summary}{_table(names, rows)}</details>"


def _assumptions(document: Document) -> str:
    data = document.data
    rows = [
        ("data", f"{data.name}, {data.timeframe}, {data.bars:,} bars, calendar {data.calendar}"),
        ("hash", data.sha256),
        ("source", data.source),
        ("licence", data.licence),
        *(("note", note) for note in dict.fromkeys((*data.notes, *data.said))),
        ("account", f"{document.account.value}, {document.amounts['deposits']:,.2f} USD to begin with"),
        *document.costs.items(),
        ("benchmark", _benchmark(document)),
        ("year", f"{document.metrics['year']:.0f} days"),
        ("versions", ", ".join(f"{name} {version}" for name, version in document.versions.items())),
    ]
    return f"<div class='words'>{_table(('', ''), rows)}</div>"


def _benchmark(document: Document) -> str:
    what = "all instruments in equal parts" if document.benchmark == "equal parts" else document.benchmark
    return f"{what}, bought at the first close and held, dividends reinvested, without costs"


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Every cell is escaped."""
    head = "".join(f"<th>{escape(name)}</th>" for name in names) if any(names) else ""
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _figure(figure: Any, name: str) -> str:
    config = {"displaylogo": False, "responsive": True, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}
    drawn = figure.to_html(full_html=False, include_plotlyjs=False, div_id=name, config=config)
    return f"<figure>{drawn}</figure>"


def _plotly() -> str:
    from plotly.offline import get_plotlyjs  # slow to import, and only a page needs it

    return f"<script>{get_plotlyjs()}</script>"


def _asset(name: str) -> str:
    return files("traderbot.backtests.reporting").joinpath(name).read_text(encoding="utf-8")


def _drawing(*lines: Sequence[float], width: int = 560, height: int = 120) -> str:
    """Curves as an SVG, the first on top."""
    every = [value for line in lines for value in line]
    low, high = min(every), max(every)
    spread = (high - low) or 1.0
    drawn = []
    for line, colour in reversed(list(zip(lines, (plots.OWN, plots.OTHER), strict=False))):
        last = max(len(line) - 1, 1)
        points = " ".join(
            f"{width * place / last:.1f},{height - height * (value - low) / spread:.1f}"
            for place, value in enumerate(line)
        )
        drawn.append(f"<polyline points='{points}' fill='none' stroke='{colour}' stroke-width='1.5'/>")
    return f"<svg viewBox='0 -4 {width} {height + 8}' width='{width}' role='img'>{''.join(drawn)}</svg>"


def day(at: int) -> str:
    """The day of a moment, UTC."""
    return datetime.fromtimestamp(at / _MICROS, UTC).strftime("%Y-%m-%d")
