"""What happened in a window that a backtest has not, in words with the ids of orders."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from traderbot.backtests.parity.report import Incident
from traderbot.backtests.parity.tape import FLOWS, Tape, at
from traderbot.infra.events.journal import Recorded
from traderbot.infra.events.texts import canonical
from traderbot.model.events import (
    CashMoved,
    LimitsChanged,
    LotMethodChosen,
    OrderCancelled,
    OrderPlaced,
    OrderRefused,
    OrderReplaced,
    ReportQuarantined,
    TradingPaused,
    TradingResumed,
)

_FOREVER = 1 << 62


def halts_of(entries: Iterable[Recorded]) -> list[tuple[int, int, str]]:
    """From when to when the whole account was halted, and why with who did it."""
    found: list[tuple[int, int, str]] = []
    for entry in entries:
        event = entry.event
        if isinstance(event, TradingPaused) and event.symbol is None:
            found.append((event.at, _FOREVER, f"{event.detail}, by {entry.meta.actor}"))
        elif isinstance(event, TradingResumed) and event.symbol is None and found:
            found[-1] = (found[-1][0], event.at, found[-1][2])
    return found


def incidents_of(tape: Tape, first: int, last: int, entries: Sequence[Recorded]) -> list[Incident]:
    """Those of the steps of a window, oldest first. entries: of the account in it."""
    found = [incident for entry in entries if (incident := _told(entry, tape.actor)) is not None]
    for step in tape.span.again:
        if first < step <= last:
            words = f"{tape.strategy} was started again; it goes on from the state on record"
            found.append(Incident(tape.timeline.time_of(step), "restarted", words))
    if tape.span.last is not None and tape.span.last <= last:
        words = f"{tape.strategy} was taken off the account"
        found.append(Incident(tape.timeline.time_of(tape.span.last), "unassigned", words))
    return sorted(found, key=lambda incident: incident.at)


def _told(entry: Recorded, own: str) -> Incident | None:
    event, actor = entry.event, entry.meta.actor
    order: UUID | None = None
    if isinstance(event, TradingPaused | TradingResumed):
        where = "the account" if event.symbol is None else event.symbol
        halted = isinstance(event, TradingPaused)
        detail = f": {event.detail}" if isinstance(event, TradingPaused) else ""
        what, words = ("halted" if halted else "resumed"), f"{where}, by {actor}{detail}"
    elif isinstance(event, OrderRefused):
        order, what = event.order_id, "refused"
        words = f"{_asked(event)} of {actor}: {event.reason}, {event.detail}"
    elif isinstance(event, OrderPlaced) and actor != own:
        order, what, words = event.order_id, "ordered by others", f"{_asked(event)} by {actor}"
    elif isinstance(event, OrderCancelled) and actor != own and not actor.startswith("session:"):
        order, what, words = event.order_id, "cancelled by others", f"by {actor}: {event.reason}"
    elif isinstance(event, OrderReplaced) and actor != own:
        order, what, words = event.order_id, "replaced by others", f"with {event.replaced_by} by {actor}"
    elif isinstance(event, CashMoved) and event.kind in FLOWS:
        what, words = event.kind, f"{canonical(event.amount)} by {actor}; the re-run was given it too"
    elif isinstance(event, LimitsChanged | LotMethodChosen):
        what, words = (
            "settings changed",
            f"{type(event).__name__} by {actor}; not in the re-run",
        )
    elif isinstance(event, ReportQuarantined):
        what, words = "report put aside", event.detail
    else:
        return None
    return Incident(at(entry), what, words, order)


def _asked(event: OrderPlaced | OrderRefused) -> str:
    qty = "" if event.qty is None else f"{canonical(event.qty)} "
    return f"{event.side} {qty}{event.symbol}"
