"""The validation as a page of HTML that stands alone: the verdict, its table, and the figures behind it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from traderbot.backtests.validation.monte_carlo import Spread
from traderbot.backtests.validation.record import Record
from traderbot.backtests.validation.verdict import Outcome

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#1c2733}
table{border-collapse:collapse;width:100%;margin:1em 0}
td,th{text-align:left;padding:.35em .6em;border-bottom:1px solid #dfe4ea;vertical-align:top}
.promote,.passed{color:#146c43}.watch{color:#8a5a00}.rejected,.reject{color:#b02a37}
.verdict{font-size:1.3em;font-weight:600}code{overflow-wrap:anywhere}
"""


def page(record: Record) -> str:
    """The page. Everything it needs is in it, no network is asked."""
    about, verdict = record.about, record.verdict
    title = f"Validation of {about.strategy}"
    parameters = ", ".join(f"{name} {value}" for name, value in about.parameters.items()) or "none"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="verdict {verdict.standing}">{escape(verdict.words)}</p>',
        f"<p>Parameters: {escape(parameters)}. Data: {escape(about.data)}"
        f" <code>{escape(about.data_sha256)}</code>. Strategy file: <code>{escape(about.source)}</code>."
        f" Seed {record.seed}.</p>",
        _table(
            ("check", "measured", "asked for", "outcome", "why it matters"),
            ((c.name, c.value, c.threshold, c.outcome, c.why) for c in verdict.checks),
        ),
        *(_figures(record) + _tables(record) if record.times else []),
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style>{_script()}</head><body>{''.join(parts)}</body></html>\n"
    )


def _table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(_cell(cell) for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(cell: object) -> str:
    text = f"{cell:,.2f}" if isinstance(cell, float) else "-" if cell is None else str(cell)
    kind = f' class="{cell.replace(" ", "-")}"' if isinstance(cell, Outcome) else ""
    return f"<td{kind}>{escape(text)}</td>"


def _tables(record: Record) -> list[str]:
    forwards = [
        (
            "anchored" if forward.anchored else "rolling",
            _day(record.times[step.fold.test_first]),
            _day(record.times[step.fold.test_end - 1]),
            ", ".join(f"{name} {value}" for name, value in step.parameters.items()) or "-",
            step.train,
            step.test,
        )
        for forward in record.forwards
        for step in forward.steps
    ]
    stresses = [
        (one.name, one.sharpe, f"{one.growth:.1%}", f"{one.filled:.1%}", one.trades)
        for kind in record.stresses.values()
        for one in kind
    ]
    return [
        "<h2>Walk-forward</h2>",
        _table(("windows", "test from", "to", "chosen", "Sharpe in training", "Sharpe in test"), forwards),
        "<h2>Baselines, without costs</h2>",
        _table(
            ("baseline", "Sharpe", "difference", "p-value"),
            ((one.name, one.sharpe, one.difference, one.p_value) for one in record.comparisons),
        ),
        "<h2>Stress</h2>",
        _table(("what was changed", "Sharpe", "growth", "filled", "executions"), stresses),
        "<h2>Other histories</h2>",
        _table(("", "5%", "median", "95%"), _histories(record)),
        "<h2>Neighbouring parameters</h2>",
        _table(
            ("parameter", "value", "Sharpe"),
            ((one.parameter, one.value, one.sharpe) for one in record.neighbours),
        ),
    ]


def _histories(record: Record) -> list[tuple[object, ...]]:
    again, trades = record.resampled, record.reshuffled
    if again is None or trades is None:
        return []
    return [
        ("growth, blocks of returns drawn again", *_parts(again.growth)),
        ("Sharpe ratio of those", again.sharpe.low, again.sharpe.middle, again.sharpe.high),
        ("worst drawdown of those", *_parts(again.drawdown)),
        ("worst drawdown, trades in another order", *_parts(trades)),
    ]


def _parts(spread: Spread) -> tuple[str, str, str]:
    return f"{spread.low:.1%}", f"{spread.middle:.1%}", f"{spread.high:.1%}"


def _script() -> str:
    from plotly.offline import get_plotlyjs  # slow to import, and only a page needs it

    return f"<script>{get_plotlyjs()}</script>"


def _figures(record: Record) -> list[str]:
    """Equity beside the baseline; the trials' Sharpe ratios and where the chosen one stands; the paths."""
    from plotly import graph_objects as go

    days = [_day(time) for time in record.times]
    equity = go.Figure(
        [
            go.Scatter(x=days, y=record.equity, name=record.about.strategy),
            go.Scatter(x=days, y=record.baseline, name=record.evidence.baseline),
        ],
        {"title": "What 1 became"},
    )
    trials = go.Figure(
        [go.Histogram(x=[point.sharpe for point in record.points], name="trials")],
        {"title": "Sharpe ratios a year of all trials; the line is the chosen one, the dots what luck gives"},
    )
    trials.add_vline(record.evidence.sharpe or 0.0)
    trials.add_vline(record.evidence.luck or 0.0, line_dash="dot")
    paths = go.Figure(
        [go.Bar(x=[f"path {number + 1}" for number in range(len(record.paths))], y=record.paths)],
        {"title": "Sharpe ratio a year of each path of combinatorial purged cross-validation"},
    )
    return [_drawn(figure, number) for number, figure in enumerate((equity, trials, paths))]


def _drawn(figure: Any, number: int) -> str:
    return str(figure.to_html(full_html=False, include_plotlyjs=False, div_id=f"figure-{number}"))


def _day(time: int) -> str:
    return datetime.fromtimestamp(time / 1_000_000, UTC).strftime("%Y-%m-%d")
