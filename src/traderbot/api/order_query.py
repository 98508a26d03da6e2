"""Which orders a list has: the query's words, checked."""

from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import Query
from pydantic import Field, WithJsonSchema
from sqlalchemy.engine import Connection

from traderbot.api.schemas_common import SymbolIn, TimeIn
from traderbot.model.errors import InvalidValue
from traderbot.model.orders import OrderStatus, Side
from traderbot.model.symbols import symbol as symbol_from
from traderbot.trading import repository
from traderbot.trading.repository import OrderFilter

NAMES_MAX = 50
_STATUSES = ("open", "closed", "all", *OrderStatus)


class OrderQuery:
    """The filters of one list of orders; as text, what tells its cursors from those of another."""

    def __init__(self, wanted: OrderFilter, names: tuple[str, ...]) -> None:
        self._wanted = wanted
        self._names = names

    def __str__(self) -> str:
        return f"{self._wanted} {self._names}"

    def filter_of(self, connection: Connection, account_id: UUID) -> OrderFilter | None:
        """The filter, with the ids of the orders that were named; None where none has such a name."""
        if not self._names:
            return self._wanted
        found = (repository.find_order_by_client_id(connection, account_id, name) for name in self._names)
        ids = tuple(order.id for order in found if order is not None)
        return msgspec.structs.replace(self._wanted, ids=ids) if ids else None


def order_query(
    status: Annotated[
        str,
        Query(description="open, closed, all, or one status."),
        WithJsonSchema({"type": "string", "enum": list(_STATUSES), "default": "all"}),
    ] = "all",
    symbol: SymbolIn | None = None,
    symbols: Annotated[
        str | None, Query(max_length=1_000, description="Several, with commas between: AAPL,IBM.")
    ] = None,
    side: Side | None = None,
    client_order_id: Annotated[
        list[Annotated[str, Field(max_length=128)]] | None,
        Query(max_length=NAMES_MAX, description=f"Your own ids, up to {NAMES_MAX}: give it again for each."),
    ] = None,
    after: Annotated[TimeIn | None, Query(description="Placed later than this, market time.")] = None,
    until: Annotated[TimeIn | None, Query(description="Placed before this, market time.")] = None,
    nested: Annotated[bool, Query(description="Legs in their orders instead of beside them.")] = False,
) -> OrderQuery:
    """The filters of a request. Errors: InvalidValue."""
    if status not in _STATUSES:
        raise InvalidValue("status", f"one of {', '.join(_STATUSES)}")
    chosen = [] if symbol is None else [symbol]
    if symbols is not None:
        chosen += [symbol_from(name, "symbols") for name in symbols.split(",")]
    wanted = OrderFilter(
        status=status,
        symbols=tuple(sorted(set(chosen))),
        side=None if side is None else side.value,
        after=after,
        until=until,
        nested=nested,
    )
    return OrderQuery(wanted, tuple(client_order_id or ()))
