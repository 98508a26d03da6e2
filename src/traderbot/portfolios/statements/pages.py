"""Statements and tax years as pages of HTML that stand alone and print well; nothing in them is fetched."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from html import escape
from importlib.resources import files

from traderbot.infra.clock import rfc3339
from traderbot.infra.events.texts import canonical
from traderbot.model import rounding
from traderbot.model.border import to_float
from traderbot.portfolios.performance import Performance
from traderbot.portfolios.spans import day_of
from traderbot.portfolios.statements.statement import Statement
from traderbot.portfolios.statements.tax import Sums, TaxYear

_NOTHING = "\N{EN DASH}"
_WIDTH, _HEIGHT = 720, 150
_PARTS_MAX = 12
_SUMS = (
    ("Equity at the start", "start_equity"),
    ("Paid in, less paid out", "flows"),
    ("Realised gains", "realised"),
    ("Change of unrealised gains", "unrealised"),
    ("Dividends", "dividends"),
    ("Fees", "fees"),
    ("Interest", "interest"),
    ("Borrowing shares", "borrow"),
    ("Equity at the end", "end_equity"),
)
_TAKEN_OFF = ("fees", "interest", "borrow")


def statement_page(found: Statement, owner: str) -> str:
    """owner: whose account it is, as the page shall say."""
    performance = found.performance
    parts = [
        _head(f"Statement {found.period}", owner, found.account_id, found.currency, _window(performance)),
        _cards(performance),
        _curve(found),
        _section("From start to end", _table(("", found.currency), _sums(performance))),
        _section("What gained and lost", _bars(found)),
        _section("Held at the end", _holdings(found)),
        _section("What moved", _movements(found)),
        _section("By period", _periods(performance)),
        _notes(performance.reasons),
    ]
    return _page(f"Statement {found.period}", parts)


def tax_page(found: TaxYear, owner: str) -> str:
    """owner: whose account it is, as the page shall say."""
    matched = "Wash sales are matched." if found.wash_sales else "Wash sales are not matched."
    settled = "The year is settled." if found.open_reason is None else f"Not settled: {found.open_reason}."
    terms = (("Short term", "short", found.short_term), ("Long term", "long", found.long_term))
    sums = [(name, *_of_term(one)) for name, _, one in terms]
    heads = ("", "Disposals", "Proceeds", "Cost", "Losses disallowed", "Gain")
    besides = [
        ("Dividends", _usd(found.dividends)),
        ("Interest paid", _usd(found.interest)),
        ("Paid for borrowed shares", _usd(found.borrow)),
    ]
    title = f"Gains and losses {found.year}"
    parts = [
        _head(title, owner, found.account_id, found.currency, f"{matched} {settled}"),
        _section("Sums", _table(heads, [*sums, ("Together", "", "", "", "", _usd(found.gain))])),
        _section("Besides", _table(("", found.currency), besides)),
        *(_section(f"{name}, by disposal", _disposals(found, term)) for name, term, _ in terms),
        "<p class='muted'>Cost is with fees, and with losses of wash sales that the shares took over;"
        " proceeds are less fees. W: some of the loss is disallowed. S: sold short. This is no advice on"
        " taxes.</p>",
    ]
    return _page(title, parts)


def _page(title: str, parts: Iterable[str]) -> str:
    style = (files("traderbot.portfolios.statements") / "page.css").read_text("utf-8")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title><style>{style}</style></head>'
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _head(title: str, owner: str, account_id: object, currency: str, about: str) -> str:
    return (
        f"<header><h1>{escape(title)}</h1><p>{escape(owner)}</p>"
        f"<p class='muted'>Account {account_id}, {escape(currency)}. {escape(about)}</p></header>"
    )


def _window(performance: Performance) -> str:
    if performance.starts is None or performance.ends is None:
        return "The account has no close in this period."
    return f"From {rfc3339(performance.starts)} to {rfc3339(performance.ends)}, {performance.closes} closes."


def _cards(one: Performance) -> str:
    deepest = None if one.statistics is None else one.statistics.max_drawdown
    cells = [
        ("Equity", _usd(one.end_equity)),
        ("Gain", _usd(one.gain)),
        ("Time-weighted return", _percent(one.time_weighted)),
        ("Money-weighted return", _percent(one.money_weighted)),
        ("Costs", _usd(one.costs)),
        ("Deepest drawdown", _percent(deepest)),
    ]
    if one.benchmark_symbol is not None:
        cells.append((f"{one.benchmark_symbol} held", _percent(one.benchmark)))
    return "<div class='cards'>" + "".join(
        f"<div class='card'><span>{escape(name)}</span><b>{value}</b></div>" for name, value in cells
    ) + "</div>"  # fmt: skip


def _curve(found: Statement) -> str:
    """Equity at each close as a drawing with its lowest and highest value."""
    if len(found.curve) < 2:
        return ""
    first, last = found.curve[0][0], found.curve[-1][0]
    values = [to_float(worth) for _, worth in found.curve]
    low, high = min(values), max(values)
    spread = high - low or 1.0
    points = " ".join(
        f"{_WIDTH * (at - first) / (last - first):.1f},{_HEIGHT - _HEIGHT * (value - low) / spread:.1f}"
        for (at, _), value in zip(found.curve, values, strict=True)
    )
    least, most = (_usd(pick(worth for _, worth in found.curve)) for pick in (min, max))
    return (
        f"<figure><svg viewBox='0 -6 {_WIDTH} {_HEIGHT + 12}' preserveAspectRatio='none' role='img'"
        f" aria-label='Equity from {day_of(first)} to {day_of(last)}, {least} to {most}'>"
        f"<polyline points='{points}' fill='none' vector-effect='non-scaling-stroke'/></svg>"
        f"<figcaption><span>{day_of(first)}</span><span>Equity, {least} to {most}</span>"
        f"<span>{day_of(last)}</span></figcaption></figure>"
    )


def _sums(one: Performance) -> list[tuple[str, str]]:
    rows = []
    for label, name in _SUMS:
        amount: Decimal = getattr(one, name)
        rows.append((label, _usd(-amount if name in _TAKEN_OFF else amount)))
    return rows


def _bars(found: Statement) -> str:
    """The parts that gained and lost most, the longest bar the largest amount."""
    parts = sorted(found.parts, key=lambda part: -abs(part.gain))
    shown = sorted(parts[:_PARTS_MAX], key=lambda part: -part.gain)
    if not any(part.gain for part in shown):
        return "<p class='muted'>Nothing gained or lost.</p>"
    most = max(abs(part.gain) for part in shown)
    rows = [
        f"<tr><td>{escape(part.name)}</td><td class='bar'><i class='{'up' if part.gain >= 0 else 'down'}'"
        f" style='width:{to_float(rounding.ratio(abs(part.gain), most)):.1%}'></i></td>"
        f"<td>{_usd(part.gain)}</td><td>{_percent(part.contribution)}</td></tr>"
        for part in shown
    ]
    rest = sum((part.gain for part in parts[_PARTS_MAX:]), Decimal(0))
    if len(parts) > _PARTS_MAX:
        rows.append(
            f"<tr><td>{len(parts) - _PARTS_MAX} more</td><td></td><td>{_usd(rest)}</td><td></td></tr>"
        )
    head = "<tr><th></th><th></th><th>Gain</th><th>Of the return</th></tr>"
    return f"<div class='wide'><table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table></div>"


def _holdings(found: Statement) -> str:
    rows = [
        (one.symbol, canonical(one.qty), _usd(one.price), _usd(one.market_value), _usd(one.cost),
         _usd(one.unrealised), _percent(one.weight))
        for one in found.holdings
    ]  # fmt: skip
    cash = ("Cash", "", "", _usd(found.cash_end), "", "", "")
    heads = ("", "Shares", "Price", "Value", "Cost", "Unrealised", "Of equity")
    return _table(heads, [*rows, cash])


def _movements(found: Statement) -> str:
    rows: list[Sequence[str]] = [("", "Cash at the start", "", "", "", "", _usd(found.cash_start))]
    for one in found.movements:
        qty = "" if one.qty is None else canonical(one.qty)
        fee = _usd(one.fee) if one.fee else ""
        cells = (one.kind.value, one.symbol or "", qty, _usd(one.price) if one.price else "", fee)
        rows.append((str(day_of(one.at)), *cells, _usd(one.amount)))
    rows.append(("", "Cash at the end", "", "", "", "", _usd(found.cash_end)))
    return _table(("Day", "", "", "Shares", "Price", "Fee", found.currency), rows, words=3)


def _periods(performance: Performance) -> str:
    rows = [
        (one.label, _usd(one.flows), _usd(one.gain), _usd(one.end_equity), _percent(one.time_weighted))
        for one in performance.periods
    ]
    return _table(("", "Paid in", "Gain", "Equity", "Return"), rows) if rows else ""


def _notes(reasons: dict[str, str]) -> str:
    told = "".join(
        f"<li>{escape(name.replace('_', ' '))}: {escape(reason)}</li>" for name, reason in reasons.items()
    )
    return f"<ul class='muted'>{told}</ul>" if told else ""


def _of_term(one: Sums) -> tuple[str, ...]:
    return str(one.disposals), *(
        _usd(amount) for amount in (one.proceeds, one.cost, one.disallowed, one.gain)
    )


def _disposals(found: TaxYear, term: str) -> str:
    rows = [
        (one.symbol, canonical(one.qty), _day(one.acquired), _day(one.disposed), _usd(one.proceeds),
         _usd(one.cost), "W" * bool(one.disallowed) + "S" * one.sold_short, _usd(one.disallowed),
         _usd(one.gain))
        for one in found.sold
        if one.term == term
    ]  # fmt: skip
    heads = ("", "Shares", "Acquired", "Disposed", "Proceeds", "Cost", "Code", "Disallowed", "Gain")
    return _table(heads, rows) if rows else "<p class='muted'>None.</p>"


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>" if body else ""


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> str:
    """words: how many columns are text, and stand to the left."""

    def cells(tag: str, texts: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=word' if place < words else ''}>{escape(text)}</{tag}>"
            for place, text in enumerate(texts)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    head = cells("th", heads)
    return f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _usd(amount: Decimal | None) -> str:
    """To the cent, as people read it; the exact amount is in the CSV."""
    return _NOTHING if amount is None else f"{rounding.cents(amount):,.2f}"


def _percent(fraction: Decimal | float | None) -> str:
    if fraction is None:
        return _NOTHING
    return f"{fraction:.2%}".replace("-0.00%", "0.00%")


def _day(one: date) -> str:
    return one.isoformat()
