"""Why an order exists and what became of it: the causal chain, from the signal through the gate to fills
and P&L.
"""

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.events.archives import Wanted, archived
from traderbot.infra.events.journal import Recorded, events, read
from traderbot.model import events as e
from traderbot.model.errors import NotFound
from traderbot.model.orders import OrderStatus
from traderbot.model.reasons import SENTENCES, Reason
from traderbot.model.rounding import cents
from traderbot.trading import tables as t
from traderbot.trading.assignments import strategy_of
from traderbot.trading.placers import Placer, placer_of
from traderbot.trading.repository import find_order, find_signal
from traderbot.trading.streams import account_stream
from traderbot.trading.views import OrderView, SignalView

REFUSED = "refused"
"""Status of an order that the gate did not let through: it never became an order of the account."""


class Link(msgspec.Struct, frozen=True):
    """One event of the chain in words. time: market time, microseconds; actor: who caused it."""

    position: int
    type: str
    time: int
    title: str
    detail: str
    actor: str


class Explanation(msgspec.Struct, frozen=True):
    """An order with the strategy that placed it and the signal it follows from, where there are such, and
    its chain.
    """

    order: OrderView
    strategy: Placer | None
    signal: SignalView | None
    chain: list[Link]


def explain_order(connection: Connection, account_id: UUID, order_id: UUID) -> Explanation:
    """The order, the signal it follows from, and every event that belongs to it, oldest first; a refused
    order as well. Errors: NotFound.
    """
    order = find_order(connection, account_id, order_id)
    if order is None:
        order = _refused_order(connection, account_id, order_id)
    signal = None if order.signal_id is None else find_signal(connection, account_id, order.signal_id)
    entries = [
        entry for entry in _entries(connection, account_id, order, signal) if _concerns(entry.event, order)
    ]
    placer = next(
        (
            placer_of(connection, account_id, entry)
            for entry in entries
            if isinstance(entry.event, e.OrderPlaced | e.OrderRefused)
        ),
        None,
    )
    return Explanation(order, placer, signal, [_link(entry, order) for entry in entries])


def _refused_order(connection: Connection, account_id: UUID, order_id: UUID) -> OrderView:
    """An order that was only ever refused. Errors: NotFound."""
    entries = _mentions(connection, account_id, order_id, events.c.type == e.OrderRefused.__name__)
    refusals = [entry for entry in entries if getattr(entry.event, "order_id", None) == order_id]
    if not refusals:
        raise NotFound("No such order.")
    event: Any = refusals[0].event
    return OrderView(
        strategy=strategy_of(refusals[0].meta.actor),
        id=order_id,
        client_order_id=event.client_order_id or str(order_id),
        symbol=event.symbol,
        side=event.side.value,
        type=event.type.value,
        time_in_force="day",
        qty=event.qty,
        notional=event.notional,
        stop_price=event.stop_price,
        limit_price=event.limit_price,
        status=REFUSED,
        filled_qty=Decimal(0),
        filled_avg_price=None,
        hold=Decimal(0),
        placed_at=event.at,
        updated_at=event.at,
        expires_at=None,
        replaces=None,
        replaced_by=None,
        signal_id=event.signal_id,
        reason=event.reason.value,
        version=refusals[0].version,
    )


def _entries(
    connection: Connection, account_id: UUID, order: OrderView, signal: SignalView | None
) -> list[Recorded]:
    """The events that name the order, up to its last change, and the one that raised its signal."""
    until = sa.and_(events.c.version >= order.version, events.c.effective_at <= order.updated_at)
    found = _mentions(connection, account_id, order.id, until)
    found += _afterwards(connection, account_id, order.id)
    if signal is None:
        return sorted({entry.position: entry for entry in found}.values(), key=lambda entry: entry.position)
    raised = read(connection, limit=1, stream=account_stream(account_id), from_version=signal.version)
    return sorted(
        {entry.position: entry for entry in [*raised, *found]}.values(), key=lambda entry: entry.position
    )


def _afterwards(connection: Connection, account_id: UUID, order_id: UUID) -> list[Recorded]:
    """What a broker reported of the order after it was closed: late executions, and those taken back."""
    fills = t.fills.c
    query = sa.select(fills.version, fills.late, fills.busted)
    found = connection.execute(query.where(fills.account_id == account_id, fills.order_id == order_id))
    versions = [version for row in found for version in (row.late and row.version, row.busted) if version]
    stream = account_stream(account_id)
    return [
        entry
        for version in versions
        for entry in read(connection, limit=1, stream=stream, from_version=version)
    ]


def _mentions(
    connection: Connection, account_id: UUID, name: UUID, where: sa.ColumnElement[bool]
) -> list[Recorded]:
    """Events of the account whose text has the id in it, found by the database without decoding the rest."""
    stream = account_stream(account_id)
    query = sa.select(events.c.position).where(
        events.c.stream == stream, where, events.c.data.contains(str(name), autoescape=True)
    )
    positions = list(connection.execute(query.order_by(events.c.position)).scalars())
    wanted = Wanted(streams=[stream], containing=str(name))
    positions = sorted({*positions, *(row.position for row in archived(connection, wanted))})
    return [entry for at in positions for entry in read(connection, after=at - 1, limit=1, stream=stream)]


def _concerns(event: e.Event, order: OrderView) -> bool:
    if isinstance(event, e.SignalRaised):
        return event.signal_id == order.signal_id
    if isinstance(event, e.CorporateActionApplied):
        return any(change.order_id == order.id for change in event.orders)
    return type(event) in _WORDS and getattr(event, "order_id", None) == order.id


def _link(entry: Recorded, order: OrderView) -> Link:
    event: Any = entry.event
    title, detail = _WORDS[type(event)](event, order)
    return Link(entry.position, type(event).__name__, event.at, title, detail, entry.meta.actor)


def _signal(event: e.SignalRaised, order: OrderView) -> tuple[str, str]:
    return f"Signal: {event.action} {event.symbol}", str(event.rationale.get("summary", ""))


def _asked(event: e.OrderPlaced | e.OrderRefused) -> str:
    size = f"{event.notional:f} of" if event.notional is not None else f"{event.qty:f}"
    stop = event.stop.price if isinstance(event, e.OrderPlaced) and event.stop else None
    if isinstance(event, e.OrderRefused):
        stop = event.stop_price
    price = "at the market" if event.limit_price is None else f"at {event.limit_price:f} or better"
    when = "" if stop is None else f", once the market reaches {stop:f}"
    return f"{event.side} {size} {event.symbol} {price}{when}"


def _placed(event: e.OrderPlaced, order: OrderView) -> tuple[str, str]:
    hold = f"; it holds {_money(event.hold)} of cash" if event.hold else ""
    instead = "" if event.replaces is None else f" In place of order {event.replaces}."
    part = ""
    if event.member is not None and event.member.group != event.order_id:
        name = str(event.member.leg).replace("_", " ")
        part = f" It is the {name} of order {event.member.group}."
    waits = " It waits for its entry to be filled." if event.status is OrderStatus.HELD else ""
    gate = f"The gate saw a market of {event.mark:f} under rules version {event.rules_version}{hold}."
    return f"Approved: {_asked(event)}", gate + instead + part + waits


def _refused(event: e.OrderRefused, order: OrderView) -> tuple[str, str]:
    return f"Refused: {_asked(event)}", f"{event.detail} Under rules version {event.rules_version}."


def _filled(event: e.Execution, order: OrderView) -> tuple[str, str]:
    gain = f" Realised {_money(event.realised)} before fees." if event.relief else ""
    of = "" if event.qty == event.filled_qty == order.qty else f" ({event.filled_qty:f} in all)"
    worth = f"Value {_money(event.notional)}, fee {_money(event.fee)}"
    return (
        f"Filled {event.qty:f} at {event.price:f}{of}",
        f"{worth}; the account holds {event.position_qty:f} {event.symbol} after it.{gain}",
    )


def _filled_late(event: e.OrderFilledLate, order: OrderView) -> tuple[str, str]:
    title, detail = _filled(event, order)
    return title, f"{detail} The broker reported it after the order was closed.{_overdrawn(event.overdraft)}"


def _busted(event: e.ExecutionBusted, order: OrderView) -> tuple[str, str]:
    back = f"Value {_money(event.notional)} and fee {_money(event.fee)} were taken back"
    owned = f"; the account holds {event.position_qty:f} {event.symbol} after it."
    return (
        f"Execution of {event.qty:f} at {event.price:f} taken back by the broker",
        back + owned + _overdrawn(event.overdraft),
    )


def _overdrawn(overdraft: Decimal | None) -> str:
    return "" if overdraft is None else f" It took {_money(overdraft)} more cash than there was."


def _accepted(event: e.OrderAccepted, order: OrderView) -> tuple[str, str]:
    return "Accepted by the broker", "The broker has the order."


def _rejected(event: e.OrderRejected, order: OrderView) -> tuple[str, str]:
    return "Rejected by the broker", event.detail or SENTENCES[Reason.REJECTED_BY_BROKER]


def _unknown(event: e.OrderOutcomeUnknown, order: OrderView) -> tuple[str, str]:
    return "Outcome unknown", SENTENCES[Reason.OUTCOME_UNKNOWN]


def _triggered(event: e.OrderTriggered, order: OrderView) -> tuple[str, str]:
    then = "at the market" if order.limit_price is None else f"at {order.limit_price:f} or better"
    return (
        f"Triggered at {event.price:f}",
        f"Its stop was reached; from now on it trades {then}.",
    )


def _trailed(event: e.TrailingMarkMoved, order: OrderView) -> tuple[str, str]:
    return f"Stop moved to {event.stop_price:f}", f"It follows the market's best price, {event.hwm:f}."


def _activated(event: e.LegActivated, order: OrderView) -> tuple[str, str]:
    return f"Activated for {event.qty:f}", "Its entry was filled."


def _resized(event: e.LegResized, order: OrderView) -> tuple[str, str]:
    return f"Resized to {event.qty:f}", "The other orders of its group left it this much."


def _cancelled(event: e.OrderCancelled, order: OrderView) -> tuple[str, str]:
    return "Cancelled", SENTENCES[event.reason]


def _expired(event: e.OrderExpired, order: OrderView) -> tuple[str, str]:
    return "Expired", "Its time was over before it was filled."


def _replaced(event: e.OrderReplaced, order: OrderView) -> tuple[str, str]:
    return "Replaced", f"By order {event.replaced_by}."


def _adjusted(event: e.CorporateActionApplied, order: OrderView) -> tuple[str, str]:
    return "Adjusted for a split", f"{event.new} new shares for {event.old} of {event.symbol}."


def _money(amount: Decimal) -> str:
    return f"{cents(amount):,f}"


_WORDS: dict[type[e.Event], Any] = {
    e.SignalRaised: _signal,
    e.OrderPlaced: _placed,
    e.OrderRefused: _refused,
    e.OrderFilled: _filled,
    e.OrderFilledLate: _filled_late,
    e.ExecutionBusted: _busted,
    e.OrderAccepted: _accepted,
    e.OrderRejected: _rejected,
    e.OrderOutcomeUnknown: _unknown,
    e.OrderTriggered: _triggered,
    e.TrailingMarkMoved: _trailed,
    e.LegActivated: _activated,
    e.LegResized: _resized,
    e.OrderCancelled: _cancelled,
    e.OrderExpired: _expired,
    e.OrderReplaced: _replaced,
    e.CorporateActionApplied: _adjusted,
}
