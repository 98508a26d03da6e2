"""Put a window of a session beside its backtest: the same strategy, account, bars, rules and costs."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.engine import Connection

from traderbot.backtests.material import source_of, strategy_of
from traderbot.backtests.parity.attributing import CAUSES, Attribution, Piece, Worth, cents
from traderbot.backtests.parity.incidents import halts_of, incidents_of
from traderbot.backtests.parity.report import ROUNDING, Difference, Half, Parity
from traderbot.backtests.parity.rerun import rerun, start_of, terms_of
from traderbot.backtests.parity.tape import (
    Tape,
    entries_of,
    names_of,
    opening_of,
    session_of,
    span_of,
)
from traderbot.backtests.parity.traces import Trace, Traces
from traderbot.backtests.reporting.documents import costs_in_words
from traderbot.engine.apply import apply
from traderbot.market.datasets import Dataset
from traderbot.market.sessions import Timeline
from traderbot.model import rounding
from traderbot.model.account import Account
from traderbot.model.amounts import Money
from traderbot.model.errors import Conflict, InvalidValue, NotFound
from traderbot.model.events import Event, MarketEvent, OrderPlaced, OrderRefused
from traderbot.simulation.costs import Costs
from traderbot.strategies.base import Strategy
from traderbot.trading.as_of import rules_at
from traderbot.trading.assignments import Assigned, assigned
from traderbot.trading.session_market import SessionMarket

Make = Callable[[Assigned], Strategy]


class Wanted(NamedTuple):
    """Which account, which of its strategies, and which part of its time, market time in microseconds.

    strategy: its name; needed where several have traded the account. source, parameters: of a strategy that
    is not, or no longer, on record; its name, class or file, or an instance. first, last: None for all of it.
    """

    account_id: UUID
    strategy: str | None = None
    source: object = None
    parameters: Mapping[str, object] | None = None
    first: int | None = None
    last: int | None = None


def parity(
    connection: Connection,
    wanted: Wanted,
    *,
    home: Path | None = None,
    dataset: Dataset | None = None,
    costs: Costs | None = None,
    make: Make | None = None,
) -> Parity:
    """Run a window of a session again as a backtest and attribute each difference.

    home: where the session's data set is, unless it is given. costs: of a simulated fill, as the session had
    them. make: makes a strategy from its record, where a file is not all that it takes.
    Errors: NotFound, InvalidValue, Conflict for data that is another now, StrategyFailed.
    """
    entries = entries_of(connection, wanted.account_id)
    session = session_of(connection, opening_of(entries).session_id)
    record = _record(connection, session.id, wanted, names_of(entries))
    if dataset is None:
        dataset = source_of(session.dataset, home or Path()).dataset
    if dataset.sha256 != session.dataset_hash:
        raise Conflict(
            f"the session plays data {session.dataset_hash[:12]}, but {session.dataset} is now"
            f" {dataset.sha256[:12]}"
        )
    strategy = _strategy(record, wanted, make)
    span = span_of(connection, entries, record.strategy)
    tape = Tape(entries, record.strategy, span, dataset, Timeline(dataset))
    first, last = _window(tape, session.step, wanted)
    rules = rules_at(connection, span.place if first == span.first else _place(tape, tape.behind(first)))
    terms = terms_of(rules, costs or Costs())
    parameters = {name: str(value) for name, value in strategy.values().items()}
    case = _Case(tape, record, parameters, first, last, terms.costs)
    changed = rules_at(connection, _place(tape, tape.behind(last))).version != rules.version
    return _compared(case, rerun(tape, strategy, first, last, terms), [_RULES] if changed else [])


_RULES = "the platform's rules changed in the window; the re-run goes by those at its beginning"


class _Case(NamedTuple):
    tape: Tape
    record: Assigned
    parameters: dict[str, str]
    first: int
    last: int
    costs: Costs


def _compared(case: _Case, happened: list[Event], notes: list[str]) -> Parity:
    """happened: in the re-run, perhaps beyond the window."""
    tape, first, last = case.tape, case.first, case.last
    begin, end = tape.begin(first), tape.behind(last)
    until = tape.timeline.time_of(last)
    start, entries = start_of(tape, first), tape.entries[begin:end]
    counted = [event for event in happened if isinstance(event, MarketEvent) and event.at <= until]
    session = Traces(start, ((entry.event, entry.meta.actor) for entry in entries))
    # what is asked at the last step fills later
    asked = (event for event in counted if not (isinstance(event, _ASKED) and event.at == until))
    again = Traces(start, ((event, "") for event in asked))
    worth = Worth(tape.dataset, tape.timeline, last)
    attribution = Attribution(session, again, tape.actor, worth, tape.timeline.times.tolist())
    pieces = attribution.pieces(halts_of(tape.entries[:end]))
    market = SessionMarket(tape.dataset, tape.timeline, last)
    before = _equity(start, market.at(first))
    for event in counted:
        apply(start, event)
    ours, theirs = _equity(tape.account(end), market), _equity(start, market)
    causes, differences = _summed(pieces, Fraction(ours) - Fraction(theirs))
    return Parity(
        account=tape.account_id,
        strategy=tape.strategy,
        source=case.record.source,
        parameters=case.parameters,
        data=tape.dataset.name,
        data_sha256=tape.dataset.sha256,
        costs=costs_in_words(case.costs),
        first=tape.timeline.time_of(first),
        last=until,
        steps=last - first + 1,
        start_equity=before,
        session_equity=ours,
        rerun_equity=theirs,
        difference=_money(round((Fraction(ours) - Fraction(theirs)) * 100)),
        causes=causes,
        differences=differences,
        incidents=incidents_of(tape, first, last, entries),
        orders=(len(session.orders), len(again.orders)),
        fills=(_fills(session), _fills(again)),
        paired=attribution.pairs,
        notes=notes,
    )


_ASKED = OrderPlaced | OrderRefused


def _summed(pieces: list[Piece], difference: Fraction) -> tuple[dict[str, Decimal], list[Difference]]:
    """Causes and differences in cents that add up to the whole."""
    rest = difference - sum((piece.amount for piece in pieces), Fraction(0))
    amounts = [_money(one) for one in cents([*(piece.amount for piece in pieces), rest])]
    causes = dict.fromkeys((*CAUSES, ROUNDING), _money(0))
    found = []
    for piece, amount in zip(pieces, amounts, strict=False):
        causes[piece.cause] += amount
        side = piece.session or piece.rerun
        found.append(
            Difference(
                cause=piece.cause,
                amount=amount,
                words=piece.words,
                symbol=piece.symbol,
                side=None if side is None else side.side,
                at=piece.at,
                session=_half(piece.session),
                rerun=_half(piece.rerun),
            )
        )
    causes[ROUNDING] = amounts[-1]
    return causes, found


def _half(trace: Trace | None) -> Half | None:
    if trace is None:
        return None
    fills = trace.fills
    return Half(
        order_id=trace.id,
        qty=trace.qty,
        placed_at=trace.placed_at,
        filled=trace.filled,
        filled_at=fills[-1].at if fills else None,
        price=_mean(trace),
        fee=sum((fill.fee for fill in fills), Decimal(0)),
        end=trace.end,
    )


def _mean(trace: Trace) -> Decimal | None:
    """Mean price of the executions, to 6 places."""
    if not trace.fills:
        return None
    if len({fill.price for fill in trace.fills}) == 1:
        return trace.fills[0].price
    value = sum((Fraction(fill.notional) for fill in trace.fills), Fraction(0))
    return Decimal(round(value / Fraction(trace.filled) * 1_000_000)).scaleb(-6)


def _equity(account: Account, market: SessionMarket) -> Money:
    """Cash and positions at their last prices, exact."""
    value: Decimal = account.cash
    for symbol, position in account.positions.items():
        mark = market.mark(symbol)
        if position.qty and mark is not None:
            value += rounding.market_value(position.qty, mark.price)
    return Money(value)


def _money(amount: int) -> Decimal:
    """Of cents."""
    return Decimal(amount).scaleb(-2)


def _fills(traces: Traces) -> int:
    return sum(len(trace.fills) for trace in traces.orders.values())


def _place(tape: Tape, index: int) -> int:
    """Journal position of the last of the first so many entries."""
    return tape.entries[index - 1].position


def _record(connection: Connection, session_id: UUID, wanted: Wanted, acted: list[str]) -> Assigned:
    """The strategy that is meant, as it is on record or as it was given. Errors: InvalidValue, NotFound."""
    known = {
        one.strategy: one for one in assigned(connection, session_id) if one.account_id == wanted.account_id
    }
    name = wanted.strategy
    if name is None and wanted.source is not None:
        name = strategy_of(wanted.source, wanted.parameters).name
    names = sorted({*known, *acted})
    if name is None:
        if len(names) != 1:
            what = f"one of {', '.join(names)}" if names else "an account that a strategy has traded"
            raise InvalidValue("strategy" if names else "account", what)
        name = names[0]
    if wanted.source is None and name not in known:
        if name not in names:
            raise NotFound(f"no strategy {name} has traded the account {wanted.account_id}")
        raise InvalidValue("source", f"the file of {name}, as its parameters are no longer on record")
    if wanted.source is None:
        return known[name]
    given = {key: str(value) for key, value in (wanted.parameters or {}).items()}
    return Assigned(wanted.account_id, name, str(wanted.source), given)


def _strategy(record: Assigned, wanted: Wanted, make: Make | None) -> Strategy:
    """A fresh one. Errors: InvalidValue."""
    if wanted.source is not None:
        made = strategy_of(wanted.source, wanted.parameters)
        if made.name != record.strategy:
            raise InvalidValue("source", f"the strategy {record.strategy}", made.name)
        return made
    return strategy_of(record.source, record.parameters) if make is None else make(record)


def _window(tape: Tape, played: int, wanted: Wanted) -> tuple[int, int]:
    """First and last step. Errors: InvalidValue for a window without two steps in which it traded."""
    times, span = tape.timeline.times, tape.span
    first = 0 if wanted.first is None else int(times.searchsorted(wanted.first, "left"))
    last = len(times) - 1 if wanted.last is None else int(times.searchsorted(wanted.last, "right")) - 1
    first = max(first, span.first)
    last = min(last, played if span.last is None else span.last)
    if last <= first:
        begun, ends = tape.timeline.date_of(span.first), tape.timeline.date_of(max(played, 0))
        raise InvalidValue(
            "from, to",
            f"two steps or more in which {tape.strategy} traded; it began on {begun}, and the session"
            f" stands at {ends}",
        )
    return first, last
