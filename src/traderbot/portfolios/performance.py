"""How an account did: what it gained, from what, and the return that is, by period and beside a benchmark.

Measured from close to close, as the journal has them; what has happened since the last close is not in it. A
figure that cannot be computed is None, and `reasons` says why under its name.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.flows import linked
from traderbot.analytics.money_weighted import NoRate, money_weighted, of_span
from traderbot.analytics.performance import Performance as Statistics
from traderbot.analytics.performance import measure
from traderbot.engine import ledger
from traderbot.model import rounding
from traderbot.portfolios.benchmarks import Benchmark
from traderbot.portfolios.spans import Every, Span, money
from traderbot.portfolios.tracks import Book, Whole

_DAY = 86_400_000_000
_YEAR_DAYS = 365
_START = 100.0  # of the index that statistics are measured on

BenchmarkAt = Callable[[Whole], Benchmark]


class Period(msgspec.Struct, frozen=True):
    """One day, week, month, quarter or year, as much of it as the account has. time_weighted, benchmark:
    fractions; reason: why there is no return.
    """

    label: str
    starts: int
    ends: int
    start_equity: Decimal
    flows: Decimal
    gain: Decimal
    end_equity: Decimal
    time_weighted: float | None
    benchmark: float | None
    reason: str | None


class Performance(msgspec.Struct, frozen=True):
    """An account from `starts` to `ends`. gain: end_equity - start_equity - flows, which is realised +
    unrealised + dividends - fees - borrow - interest, all of the span, unrealised being its change.

    costs: fees, borrow and interest; costs_of_capital: their share of the mean capital at work;
    costs_of_gain: of the gain before them. time_weighted, money_weighted: of the whole span; *_annual: a
    year, where it has one. benchmark: its total return. Returns are fractions.
    """

    account_id: UUID
    currency: str
    starts: int | None
    ends: int | None
    closes: int
    start_equity: Decimal
    flows: Decimal
    gain: Decimal
    end_equity: Decimal
    realised: Decimal
    unrealised: Decimal
    dividends: Decimal
    fees: Decimal
    borrow: Decimal
    interest: Decimal
    costs: Decimal
    costs_of_capital: Decimal | None
    costs_of_gain: Decimal | None
    time_weighted: float | None
    time_weighted_annual: float | None
    money_weighted: float | None
    money_weighted_annual: float | None
    benchmark_symbol: str | None
    benchmark: float | None
    excess: float | None
    statistics: Statistics | None
    periods: list[Period]
    reasons: dict[str, str]


def performance_of(
    book: Book,
    *,
    begin: int | None = None,
    end: int | None = None,
    every: Every | None = None,
    benchmark_at: BenchmarkAt | None = None,
) -> Performance:
    """An account's performance over the closes from begin to end, market times, both included.

    every: the periods to tell it in as well. benchmark_at: what to compare with, at some times.
    """
    span, reasons = Span.between(book, begin, end), dict[str, str]()
    times = np.concatenate(([span.starts], span.times)) if len(span) else span.times
    benchmark = None if benchmark_at is None or not len(span) else benchmark_at(times)
    worth = None if benchmark is None else benchmark.worth
    if benchmark is not None and benchmark.reason is not None:
        reasons["benchmark"] = benchmark.reason
    index = _index(span)
    own = _time_weighted(span, reasons)
    held = None if worth is None else float(worth[-1] - 1.0)
    return Performance(
        account_id=book.account_id,
        currency=book.currency,
        starts=span.starts if len(span) else None,
        ends=int(times[-1]) if len(span) else None,
        closes=len(span),
        **_sums(span),
        **_costs(span, reasons),
        time_weighted=own,
        time_weighted_annual=_annual(span, own, reasons, "time_weighted"),
        **_money_weighted(span, reasons),
        benchmark_symbol=None if benchmark is None else benchmark.symbol,
        benchmark=held,
        excess=None if own is None or held is None else own - held,
        statistics=_statistics(span, index, worth, reasons),
        periods=[] if every is None else _periods(span, every, worth),
        reasons=reasons,
    )


def _sums(span: Span) -> dict[str, Any]:
    last = int(span.equity[-1]) if len(span) else span.start_equity
    flows = int(span.flows.sum())
    unrealised = span.unrealised(span.last) - span.unrealised(span.first - 1) if len(span) else 0
    return {
        "start_equity": money(span.start_equity),
        "flows": money(flows),
        "gain": money(last - span.start_equity - flows),
        "end_equity": money(last),
        "realised": money(span.entered(ledger.REALISED)),
        "unrealised": money(unrealised),
        "dividends": money(span.entered(ledger.DIVIDENDS)),
        "fees": money(-span.entered(ledger.FEES)),
        "borrow": money(-span.entered(ledger.BORROW)),
        "interest": money(-span.entered(ledger.INTEREST)),
        "costs": money(span.costs),
    }


def _costs(span: Span, reasons: dict[str, str]) -> dict[str, Any]:
    """Costs as a share of the mean capital at work, and of what was gained before them."""
    capital = span.equity - span.gains
    mean = int(capital.sum()) // len(span) if len(span) else 0
    before = int(span.gains.sum()) + span.costs
    found = {
        "costs_of_capital": rounding.weight(money(span.costs), money(mean)),
        "costs_of_gain": rounding.weight(money(span.costs), money(before)),
    }
    if found["costs_of_capital"] is None:
        reasons["costs_of_capital"] = "there was no capital at work"
    if found["costs_of_gain"] is None:
        reasons["costs_of_gain"] = "nothing was gained before costs"
    return found


def _time_weighted(span: Span, reasons: dict[str, str]) -> float | None:
    reason = span.undefined()
    if reason is not None:
        reasons["time_weighted"] = reason
        return None
    return linked(span.returns.change)


def _annual(span: Span, whole: float | None, reasons: dict[str, str], name: str) -> float | None:
    """A return as that of a year; of less than a year it would promise what nobody has seen."""
    if whole is None:
        return None
    days = _days(span)
    if days < _YEAR_DAYS:
        reasons[f"{name}_annual"] = f"the span is of {days:.0f} days, and less than a year is not annualised"
        return None
    return float((1.0 + whole) ** (_YEAR_DAYS / days) - 1.0)


def _days(span: Span) -> float:
    return (int(span.times[-1]) - span.starts) / _DAY


def _money_weighted(span: Span, reasons: dict[str, str]) -> dict[str, Any]:
    none: dict[str, float | None] = {"money_weighted": None, "money_weighted_annual": None}
    if not len(span):
        reasons["money_weighted"] = "no close of the account lies in this span"
        return none
    rows, book = span.inside(span.book.flow_close), span.book
    times = np.concatenate(([span.starts], book.flow_time[rows], span.times[-1:]))
    amounts = np.concatenate(([-span.start_equity], -book.flow_amount[rows], span.equity[-1:]))
    try:
        rate = money_weighted((times - span.starts) / _DAY, amounts * 1e-6)
    except NoRate as error:
        reasons["money_weighted"] = str(error)
        return none
    whole = of_span(rate, _days(span))
    if not np.isfinite(whole):
        reasons["money_weighted"] = "the rate is too large to be told"
        return none
    annual = rate if _days(span) >= _YEAR_DAYS else None
    if annual is None:
        _annual(span, whole, reasons, "money_weighted")
    return {"money_weighted": whole, "money_weighted_annual": annual}


def _index(span: Span) -> Floats | None:
    """What `_START` became with every flow taken out, from the start on; None where it is not defined."""
    if span.undefined() is not None:
        return None
    growth = np.cumprod(1.0 + span.returns.change)
    return np.asarray(_START * np.concatenate(([1.0], growth)))


def _statistics(
    span: Span, index: Floats | None, worth: Floats | None, reasons: dict[str, str]
) -> Statistics | None:
    """Risk and its ratios, of the daily time-weighted returns."""
    if index is None:
        reasons["statistics"] = reasons["time_weighted"]
        return None
    if len(span) < 2:
        reasons["statistics"] = "there is one close only, and risk needs several"
        return None
    starts = min(span.starts, int(span.times[0]) - _DAY)  # else a first day would have no value before it
    found = measure(np.concatenate(([starts], span.times)), index, worth)
    if _days(span) < _YEAR_DAYS:  # as above: no return of less than a year is annualised
        return msgspec.structs.replace(found, cagr=None, calmar=None)
    return found


def _periods(span: Span, every: Every, worth: Floats | None) -> list[Period]:
    found, change = [], span.returns.change
    for label, first, last in span.parts(every):
        before = int(span.equity[first - 1]) if first else span.start_equity
        flows, after = int(span.flows[first : last + 1].sum()), int(span.equity[last])
        whole = linked(change[first : last + 1])
        at_work = bool((span.returns.capital[first : last + 1] > 0).any())
        defined = whole is not None and at_work
        found.append(
            Period(
                label=label,
                starts=int(span.times[first - 1]) if first else span.starts,
                ends=int(span.times[last]),
                start_equity=money(before),
                flows=money(flows),
                gain=money(after - before - flows),
                end_equity=money(after),
                time_weighted=whole if defined else None,
                benchmark=None if worth is None else float(worth[last + 1] / worth[first] - 1.0),
                reason=None if defined else span.part(first, last).undefined(),
            )
        )
    return found
