"""/api/v1/orders: look up, list, replace, cancel; fills; why one exists. `order_entry` places them."""

from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.engine import Connection
from starlette.concurrency import run_in_threadpool

from traderbot.api.access import (
    AccountId,
    Limit,
    Refused,
    RequestMeta,
    TheCursors,
    ThePlatform,
    decoded,
    following,
)
from traderbot.api.order_answers import answer, as_json, order_content
from traderbot.api.order_entry import NO_ACCOUNT, NOT_OPEN, REFUSED, IdempotencyKey, submit
from traderbot.api.order_query import OrderQuery, order_query
from traderbot.api.order_schemas import FillOut, OrderOut, OrderState, OrderStates, ReplaceIn
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import IdIn, Page, SymbolIn
from traderbot.api.security import CurrentUser
from traderbot.api.strict_json import StrictRoute
from traderbot.api.trading_schemas import WhyOut
from traderbot.infra.ids import new_id
from traderbot.model.account import Account
from traderbot.model.commands import CancelOrder, Command, ReplaceOrder
from traderbot.model.errors import InvalidValue, NotFound
from traderbot.model.events import OrderCancelled
from traderbot.trading import repository
from traderbot.trading.views import OrderView
from traderbot.trading.why import explain_order
from traderbot.trading.work import Work

router = APIRouter(prefix="/api/v1", tags=["orders"], route_class=StrictRoute)

_NO_ORDER = ("not_found", "No such order.")
_CHANGES = ("qty", "limit_price", "stop_price", "trail", "time_in_force")


@router.patch(
    "/orders/{order_id}",
    summary="Replace an open order",
    description="Cancels what is left of the order and places a new one, in one decision; both are linked."
    " An order for a notional cannot be replaced.",
    responses=problem_responses(
        400, 401, 404, 409, 413, 415, 422, 503, s404=_NO_ORDER, s409=NOT_OPEN, s422=REFUSED
    ),
    response_model=OrderOut,
)
async def replace_order(
    request: Request,
    order_id: IdIn,
    body: ReplaceIn,
    platform: ThePlatform,
    account_id: AccountId,
    principal: CurrentUser,
    meta: RequestMeta,
    key: IdempotencyKey = None,
) -> Response:
    wanted = {name: getattr(body, name) for name in _CHANGES}
    if all(value is None for value in wanted.values()):
        raise InvalidValue("qty", f"one of {', '.join(_CHANGES)} to be given")
    await _read(platform, _existing, account_id, order_id)
    command = ReplaceOrder(order_id, new_id(), client_order_id=body.client_order_id or "", **wanted)
    return answer(await submit(request, (account_id, command), meta, key, principal.grant))


@router.get(
    "/orders",
    summary="List orders, newest first",
    description="With `nested`, an order has its legs in it, and is open while any of them is.",
    responses=problem_responses(401, 404, 422, s404=NO_ACCOUNT),
    response_model=Page[OrderOut],
)
def list_orders(
    platform: ThePlatform,
    account_id: AccountId,
    cursors: TheCursors,
    wanted: Annotated[OrderQuery, Depends(order_query)],
    limit: Limit = 50,
    cursor: str | None = None,
) -> Response:
    scope = f"orders {account_id} {wanted}"
    place = None if cursor is None else str(cursors.decode(scope, cursor)[0])
    with platform.database.read() as connection:
        chosen = wanted.filter_of(connection, account_id)
        if chosen is None:
            return as_json({"items": [], "next_cursor": None})
        found = repository.orders_page(connection, [account_id], chosen, place, limit)
    following = None if found.cursor is None else cursors.encode(scope, [found.cursor])
    return as_json({"items": [order_content(one) for one in found.orders], "next_cursor": following})


@router.get(
    "/orders/{order_id}",
    summary="Look up an order",
    responses=problem_responses(401, 404, 422, s404=_NO_ORDER),
    response_model=OrderOut,
)
def get_order(platform: ThePlatform, account_id: AccountId, order_id: IdIn) -> Response:
    with platform.database.read() as connection:
        return as_json(order_content(_existing(connection, account_id, order_id)))


@router.get(
    "/orders:by_client_order_id",
    summary="Look up an order by your own id",
    responses=problem_responses(401, 404, 422, s404=_NO_ORDER),
    response_model=OrderOut,
)
def get_order_by_client_id(
    platform: ThePlatform,
    account_id: AccountId,
    client_order_id: Annotated[str, Query(min_length=1, max_length=128)],
) -> Response:
    with platform.database.read() as connection:
        order = repository.find_order_by_client_id(connection, account_id, client_order_id, nested=True)
    if order is None:
        raise NotFound("No such order.")
    return as_json(order_content(order))


@router.delete(
    "/orders/{order_id}",
    summary="Cancel an open order",
    description="With it ends every other order of its group.",
    responses=problem_responses(401, 404, 409, 422, 503, s404=_NO_ORDER, s409=NOT_OPEN),
    response_model=OrderOut,
)
async def cancel_order(
    platform: ThePlatform, account_id: AccountId, meta: RequestMeta, order_id: IdIn
) -> Response:
    await _read(platform, _existing, account_id, order_id)
    outcome = await platform.path.asubmit(Work(commands=[(account_id, CancelOrder(order_id))], meta=meta))
    if outcome.refusal is not None:
        raise Refused(outcome.refusal)
    return as_json(order_content(await _read(platform, _existing, account_id, order_id)))


@router.delete(
    "/orders",
    summary="Cancel all open orders",
    description="Works on a paused account too. Lists the orders that were cancelled.",
    responses=problem_responses(401, 404, 503, s404=NO_ACCOUNT),
)
async def cancel_all_orders(platform: ThePlatform, account_id: AccountId, meta: RequestMeta) -> OrderStates:
    def cancels(account: Account) -> list[Command]:
        return [CancelOrder(order_id) for order_id in _heads_of(account)]

    outcome = await platform.path.asubmit(Work(plans=[(account_id, cancels)], meta=meta))
    ids = [event.order_id for event in outcome.events if isinstance(event, OrderCancelled)]
    return OrderStates(items=[OrderState(id=order_id, status="canceled") for order_id in ids])


@router.get("/fills", summary="List executions, newest first", responses=problem_responses(401, 422))
def list_fills(
    platform: ThePlatform,
    account_id: AccountId,
    cursors: TheCursors,
    order_id: IdIn | None = None,
    symbol: SymbolIn | None = None,
    limit: Limit = 100,
    cursor: str | None = None,
) -> Page[FillOut]:
    scope = f"fills {account_id} {order_id} {symbol}"
    before = decoded(cursors, scope, cursor)
    with platform.database.read() as connection:
        found = repository.fills_of(
            connection, account_id, order_id=order_id, symbol=symbol, before=before, limit=limit + 1
        )
    return Page(
        items=[FillOut.model_validate(one) for one in found[:limit]],
        next_cursor=following(cursors, scope, found, limit),
    )


@router.get(
    "/why/{order_id}",
    tags=["signals"],
    summary="Why an order exists",
    description="The signal it follows from with its evidence, what the gate saw, and what became of it.",
    responses=problem_responses(401, 404, 422, s404=_NO_ORDER),
)
def why(platform: ThePlatform, account_id: AccountId, order_id: IdIn) -> WhyOut:
    with platform.database.read() as connection:
        return WhyOut.model_validate(explain_order(connection, account_id, order_id))


def _heads_of(account: Account) -> Iterator[UUID]:
    """One open order of each group, as the others end with it, and every order that stands alone."""
    groups: set[UUID] = set()
    for order in account.orders.values():
        if order.member is None:
            yield order.id
        elif order.member.group not in groups:
            groups.add(order.member.group)
            yield order.id


def _existing(connection: Connection, account_id: UUID, order_id: UUID) -> OrderView:
    order = repository.find_order(connection, account_id, order_id, nested=True)
    if order is None:
        raise NotFound("No such order.")
    return order


async def _read(platform: Any, query: Any, *arguments: Any) -> Any:
    """Run a query in a worker thread."""

    def run() -> Any:
        with platform.database.read() as connection:
            return query(connection, *arguments)

    return await run_in_threadpool(run)
