"""The intake of a broker's reports: what came in, as texts, becomes commands, with the evidence they need.

It runs inside the writer's transaction, alone in it, so that nothing can come between looking an order up and
deciding on it. A report that cannot be is put aside and halts its symbol; one that came before is ignored.
"""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.events.journal import Meta, read
from traderbot.model.account import Account
from traderbot.model.amounts import money, price, quantity
from traderbot.model.commands import (
    AcceptOrder,
    BustExecution,
    CancelOrder,
    Command,
    ExpireOrder,
    PauseTrading,
    QuarantineReport,
    RecordExecution,
    RecordLateExecution,
    RejectOrder,
)
from traderbot.model.errors import InvalidValue
from traderbot.model.events import Execution
from traderbot.model.orders import Order, OrderStatus
from traderbot.model.reasons import Reason
from traderbot.model.symbols import Symbol, symbol
from traderbot.trading import tables as t
from traderbot.trading.accounts import load_order
from traderbot.trading.streams import account_stream
from traderbot.trading.work import SYSTEM, Work

Raw = Mapping[str, Any]
NO_SYMBOL = Symbol("UNKNOWN")
"""Stands for the symbol of a report that names none; the whole account is halted then."""
FIELDS_MAX, TEXT_MAX = 32, 200
_TIME_MAX = 2**53


def report_work(account_id: UUID, raw: Raw, meta: Meta = SYSTEM) -> Work:
    """Work for one report on an account's orders, or on what it never ordered.

    raw: kind (fill, accepted, rejected, canceled, expired or bust), order_id, execution_id, qty, price, fee,
    time (microseconds, of the execution), symbol, detail, all as texts; completes where nothing more comes.
    """
    work = Work(meta=meta, alone=True)

    def prepare(connection: Connection) -> None:
        work.plans[:] = [(account_id, lambda account: intake(connection, account, raw))]

    work.job = prepare
    return work


def intake(connection: Connection, account: Account, raw: Raw) -> list[Command]:
    """The commands that a report comes to; none for one that is no news.

    connection: sees everything of this account that was decided before.
    """
    desk = _Desk(connection, account, raw)
    taker = _KINDS.get(str(raw.get("kind")))
    if taker is None:
        return desk.quarantine("It is of no kind that this platform knows.")
    try:
        return taker(desk)
    except InvalidValue as error:
        return desk.quarantine(f"It cannot be read: {error.field}, expected {error.expected}.")


def execution_uuid(account_id: UUID, text: str) -> UUID:
    """The id under which a broker's own id of an execution is kept: itself where it is a UUID.

    Source: RFC 9562 section 5.5 (version 5) for any other text.
    """
    try:
        return UUID(text)
    except ValueError:
        return uuid5(NAMESPACE_URL, f"execution:{account_id}:{text}")


class _Desk:
    """One report at the account it is for."""

    def __init__(self, connection: Connection, account: Account, raw: Raw) -> None:
        self._connection = connection
        self._account = account
        self._raw = raw

    def quarantine(self, detail: str, name: Symbol | None = None) -> list[Command]:
        """Put the report aside, as it came, and halt its symbol; the account, where no symbol is known."""
        name = name or self._symbol()
        aside = QuarantineReport(name or NO_SYMBOL, detail, _bounded(self._raw))
        if name is not None:
            return [aside]
        paused = PauseTrading("A broker's report names neither an order nor a symbol that is known.")
        return [aside] if self._account.halted is not None else [aside, paused]

    def _symbol(self) -> Symbol | None:
        order = self._order()
        if order is not None:
            return order.symbol
        try:
            return symbol(self._raw.get("symbol"))
        except InvalidValue:
            return None

    def _order(self) -> Order | None:
        """The order that is meant: the open one, else as it was closed."""
        try:
            order_id = UUID(str(self._raw.get("order_id")))
        except ValueError:
            return None
        return self._account.orders.get(order_id) or load_order(self._connection, self._account.id, order_id)

    def _is_open(self, order: Order) -> bool:
        return order.id in self._account.orders

    def fill(self) -> list[Command]:
        execution_id = self._execution_id()
        if self._recorded(execution_id) is not None:
            return []
        order = self._order()
        if order is None:
            return self.quarantine("It is about an order that this account never placed.")
        at = self._time()
        execution = RecordExecution(
            order_id=order.id,
            execution_id=execution_id,
            qty=quantity(self._raw.get("qty")),
            price=price(self._raw.get("price")),
            fee=money(self._raw.get("fee", "0"), "fee"),
            priced_at=at,
            completes=self._raw.get("completes") in (True, "true"),
        )
        if self._is_open(order):
            return [execution]
        if self._split_since(order.symbol, at):
            return self.quarantine("The shares were split since; it has to be entered by hand.")
        order.symbol = self._symbols_since(order.symbol, at)[-1]
        return [RecordLateExecution(execution, order, at)]

    def bust(self) -> list[Command]:
        execution_id = self._execution_id()
        order_id = self._recorded(execution_id)
        if order_id is None:
            return self.quarantine("It takes back an execution that is not on record.")
        fills = t.fills.c
        query = sa.select(fills.version, fills.busted, fills.at, fills.symbol).where(
            fills.account_id == self._account.id,
            fills.order_id == order_id,
            fills.execution_id == execution_id,
        )
        row = self._connection.execute(query).one()
        if row.busted is not None:
            return []
        symbol_now = self._symbols_since(row.symbol, row.at)[-1]
        if self._split_since(row.symbol, row.at):
            return self.quarantine(
                "The shares were split since; it has to be taken back by hand.", symbol_now
            )
        stream = account_stream(self._account.id)
        (entry,) = read(self._connection, limit=1, stream=stream, from_version=row.version)
        assert isinstance(entry.event, Execution)  # what a row of fills is made from
        execution = msgspec.structs.replace(entry.event, symbol=symbol_now)
        closed = None
        if order_id not in self._account.orders:
            closed = load_order(self._connection, self._account.id, order_id)
        return [BustExecution(execution, closed, self._opened(execution))]

    def _opened(self, execution: Execution) -> dict[int, int]:
        """When the lots that an execution used up were opened."""
        lots, numbers = t.lots.c, [part.lot for part in execution.relief]
        query = sa.select(lots.number, lots.opened_at).where(
            lots.account_id == self._account.id, lots.number.in_(numbers)
        )
        return {row.number: row.opened_at for row in self._connection.execute(query)} if numbers else {}

    def accepted(self) -> list[Command]:
        return self._about_order(lambda order: [AcceptOrder(order.id)])

    def rejected(self) -> list[Command]:
        detail = str(self._raw.get("detail", ""))[:TEXT_MAX]
        return self._about_order(lambda order: [RejectOrder(order.id, detail)])

    def canceled(self) -> list[Command]:
        """The broker had the order, or it could not have cancelled it."""
        return self._about_order(
            lambda order: (
                [AcceptOrder(order.id), CancelOrder(order.id, Reason.CANCELED_BY_BROKER)]
                if order.status is OrderStatus.UNKNOWN
                else [CancelOrder(order.id, Reason.CANCELED_BY_BROKER)]
            )
        )

    def expired(self) -> list[Command]:
        return self._about_order(lambda order: [ExpireOrder(order.id)])

    def _about_order(self, commands: Callable[[Order], list[Command]]) -> list[Command]:
        """Of an open order; of a closed one this is no news, of an unknown one it cannot be."""
        order = self._order()
        if order is None:
            return self.quarantine("It is about an order that this account never placed.")
        return commands(order) if self._is_open(order) else []

    def _execution_id(self) -> UUID:
        text = self._raw.get("execution_id")
        if isinstance(text, UUID):
            return text
        if not isinstance(text, str) or not 0 < len(text) <= TEXT_MAX:
            raise InvalidValue("execution_id", f"a text of at most {TEXT_MAX} characters")
        return execution_uuid(self._account.id, text)

    def _time(self) -> int:
        text = str(self._raw.get("time"))
        if not (text.isascii() and text.isdecimal() and len(text) <= 16 and int(text) < _TIME_MAX):
            raise InvalidValue("time", "microseconds since 1970")
        return int(text)

    def _recorded(self, execution_id: UUID) -> UUID | None:
        """The order of an execution on record, None for one that is not."""
        ids = t.execution_ids.c
        query = sa.select(ids.order_id).where(
            ids.account_id == self._account.id, ids.execution_id == execution_id
        )
        found: UUID | None = self._connection.execute(query).scalar()
        return found

    def _split_since(self, name: str, at: int) -> bool:
        """Whether shares of now are not those of then, under any symbol they have had since."""
        done = t.activities.c
        names = self._symbols_since(name, at)
        query = sa.select(done.version).where(
            done.account_id == self._account.id,
            done.kind == "split",
            done.symbol.in_(names),
            done.at > at,
        )
        return self._connection.execute(query.limit(1)).first() is not None

    def _symbols_since(self, name: str, at: int) -> list[Symbol]:
        """What a symbol of a market time has become for this account since, itself first."""
        stream = account_stream(self._account.id)
        done = t.activities.c
        query = sa.select(done.version, done.symbol).where(
            done.account_id == self._account.id, done.kind == "symbol_change", done.at > at
        )
        names = [Symbol(name)]
        for row in self._connection.execute(query.order_by(done.version)):
            if row.symbol == names[-1]:
                (entry,) = read(self._connection, limit=1, stream=stream, from_version=row.version)
                names.append(getattr(entry.event, "new_symbol", names[-1]))
        return names


_KINDS: dict[str, Callable[[_Desk], list[Command]]] = {
    "fill": _Desk.fill,
    "bust": _Desk.bust,
    "accepted": _Desk.accepted,
    "rejected": _Desk.rejected,
    "canceled": _Desk.canceled,
    "expired": _Desk.expired,
}


def _bounded(raw: Raw) -> dict[str, Any]:
    """What is kept of a report: its fields as texts, of no more than a fixed size."""
    items = list(raw.items())[:FIELDS_MAX]
    return {str(key)[:TEXT_MAX]: str(value)[:TEXT_MAX] for key, value in items}
