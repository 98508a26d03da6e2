"""The validation as a page of HTML that stands alone: the verdict, its table, and the figures behind it."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from traderbot.backtests.validation.figures import figures
from traderbot.backtests.validation.monte_carlo import Spread
from traderbot.backtests.validation.record import Record
from traderbot.backtests.validation.verdict import Outcome

_STYLE = """
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;max-width:1080px;margin:0 auto;padding:1.5em 1em 3em;color:#1c2733}
h1{font-size:1.6em;line-height:1.2;margin:.2em 0}h2{font-size:1.2em;margin:2em 0 .3em}p{margin:.6em 0}
.verdict{font-size:1.15em;font-weight:600;padding:.7em 1em;border-left:5px solid;background:#f6f8fa}
.promote,.passed{color:#146c43}.watch{color:#8a5a00}.rejected,.reject{color:#b02a37}.not-measured{color:#667}
.about,.note{color:#566;font-size:.9em}code{overflow-wrap:anywhere}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;margin:.5em 0}
td,th{text-align:left;padding:.35em .7em .35em 0;border-bottom:1px solid #dfe4ea;vertical-align:top}
th{font-size:.85em;color:#566;font-weight:600}
.number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}.day{white-space:nowrap}
@media(max-width:640px){.many{font-size:.8em}.many th{font-size:1em}.many td,.many th{padding-right:.4em}
.many tr>:last-child{padding-right:0}
.checks thead{display:none}.checks tr{display:block;padding:.6em 0;
border-bottom:1px solid #dfe4ea}.checks td{display:block;border:0;padding:0}
.checks td:first-child{font-weight:600}.checks td:nth-child(3)::before{content:"asked for: "}
.checks td:last-child{color:#566;font-size:.9em}}
"""
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def page(record: Record) -> str:
    """The page. Everything it needs is in it, no network is asked."""
    about, verdict = record.about, record.verdict
    title = f"Validation of {about.strategy}"
    parameters = ", ".join(f"{name} {value}" for name, value in about.parameters.items()) or "none"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="verdict {verdict.standing}">{escape(verdict.words)}</p>',
        f'<p class="about">Parameters: {escape(parameters)}. Data: {escape(about.data)}'
        f" <code>{escape(about.data_sha256)}</code>. Strategy file: <code>{escape(about.source)}</code>."
        f" Seed {record.seed}.</p>",
        _table(
            ("check", "measured", "asked for", "outcome", "why it matters"),
            ((c.name, c.value, c.threshold, c.outcome, c.why) for c in verdict.checks),
            "checks",
        ),
        *(figures(record) + _tables(record) if record.times else []),
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style>{_script()}</head><body>{''.join(parts)}</body></html>\n"
    )


def _table(headings: Sequence[str], rows: Iterable[Sequence[object]], kind: str = "") -> str:
    made = [list(row) for row in rows]
    numeric = [bool(made) and all(_numeric(row[place]) for row in made) for place in range(len(headings))]
    head = "".join(
        f'<th class="number">{escape(heading)}</th>' if right else f"<th>{escape(heading)}</th>"
        for heading, right in zip(headings, numeric, strict=True)
    )
    body = "".join("<tr>" + "".join(map(_cell, row, numeric)) + "</tr>" for row in made)
    kind = kind or ("many" if len(headings) > 4 else "few")
    inside = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="wide"><table class="{kind}">{inside}</table></div>'


def _cell(cell: object, right: bool) -> str:
    text = f"{cell:,.2f}" if isinstance(cell, float) else "-" if cell is None else str(cell)
    if isinstance(cell, Outcome):
        kind = f' class="{cell.replace(" ", "-")}"'
    elif right:
        kind = ' class="number"'
    else:
        kind = ' class="day"' if _DAY.fullmatch(text) else ""
    return f"<td{kind}>{escape(text)}</td>"


def _numeric(cell: object) -> bool:
    return cell is None or isinstance(cell, int | float) or (isinstance(cell, str) and cell.endswith("%"))


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
        '<p class="note">Parameters chosen on the training alone; the test after it with fresh cash.</p>',
        _table(("windows", "test from", "to", "chosen", "Sharpe in training", "Sharpe in test"), forwards),
        "<h2>Baselines, without costs</h2>",
        _table(
            ("baseline", "Sharpe", "difference", "p-value"),
            ((one.name, one.sharpe, one.difference, one.p_value) for one in record.comparisons),
        ),
        "<h2>Stress</h2>",
        _table(("what was changed", "Sharpe", "growth", "filled", "round trips"), stresses),
        "<h2>Other histories</h2>",
        _table(("", "5%", "median", "95%"), _histories(record)),
        "<h2>Neighbouring parameters</h2>",
        '<p class="note">One parameter a step away, the others as chosen.</p>',
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


def _day(time: int) -> str:
    return datetime.fromtimestamp(time / 1_000_000, UTC).strftime("%Y-%m-%d")
