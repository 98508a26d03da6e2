"""The comparison as a page of HTML that stands alone."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from html import escape

from traderbot.backtests.parity.report import Half, Parity
from traderbot.infra.clock import rfc3339
from traderbot.infra.events.texts import canonical

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1200px;margin:2em auto;padding:0 1em;color:#1c2733}
table{border-collapse:collapse;width:100%;margin:1em 0}
td,th{text-align:left;padding:.35em .6em;border-bottom:1px solid #dfe4ea;vertical-align:top}
td.amount{text-align:right;font-variant-numeric:tabular-nums}
.words{font-size:1.2em;font-weight:600}.same{color:#146c43}.other{color:#b02a37}
code{overflow-wrap:anywhere;font-size:.85em}div.wide{overflow-x:auto}
"""


def page(parity: Parity) -> str:
    """The page. Everything it needs is in it, no network is asked."""
    title = f"Parity of {parity.strategy}"
    values = ", ".join(f"{name} {value}" for name, value in parity.parameters.items()) or "none"
    costs = "; ".join(f"{name}: {words}" for name, words in parity.costs.items())
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="words {"same" if parity.same else "other"}">{escape(parity.words)}</p>',
        f"<p>Account <code>{parity.account}</code>, {rfc3339(parity.first)} to {rfc3339(parity.last)},"
        f" {parity.steps} steps of {escape(parity.data)} <code>{escape(parity.data_sha256)}</code>."
        f" Strategy: {escape(parity.source)}. Parameters: {escape(values)}. {escape(costs)}.</p>",
        _table(("", "session", "re-run"), _figures(parity)),
        "<h2>Session less re-run</h2>",
        _table(("cause", "amount"), [*parity.causes.items(), ("in all", parity.difference)]),
        "<h2>Differences</h2>" if parity.differences else "",
        _differences(parity) if parity.differences else "",
        "<h2>What a backtest has not</h2>" if parity.incidents else "",
        _incidents(parity) if parity.incidents else "",
        *(f"<p>{escape(note)}.</p>" for note in parity.notes),
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _figures(parity: Parity) -> list[tuple[object, ...]]:
    return [
        ("equity at the start", parity.start_equity, parity.start_equity),
        ("equity at the end", parity.session_equity, parity.rerun_equity),
        ("orders", *parity.orders),
        ("executions", *parity.fills),
    ]


def _differences(parity: Parity) -> str:
    headings = ("time", "cause", "symbol", "side", "amount", "what", "session", "re-run")
    return _table(
        headings,
        (
            (
                rfc3339(one.at) if one.at else None,
                one.cause,
                one.symbol,
                one.side,
                one.amount,
                one.words,
                _half(one.session),
                _half(one.rerun),
            )
            for one in sorted(parity.differences, key=lambda one: one.at)
        ),
    )


def _incidents(parity: Parity) -> str:
    rows = ((rfc3339(one.at), one.what, one.words, one.order_id) for one in parity.incidents)
    return _table(("time", "what", "words", "order"), rows)


def _half(half: Half | None) -> str | None:
    if half is None:
        return None
    price = "" if half.price is None else f" at {canonical(half.price)}, fee {canonical(half.fee)}"
    end = f"; {half.end}" if half.end else ""
    return f"{half.order_id}: filled {canonical(half.filled)} of {canonical(half.qty)}{price}{end}"


def _table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(_cell(cell) for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(cell: object) -> str:
    if isinstance(cell, Decimal | int):
        text = f"{cell:,.2f}" if isinstance(cell, Decimal) else str(cell)
        return f'<td class="amount">{text}</td>'
    return f"<td>{escape('-' if cell is None else str(cell))}</td>"
