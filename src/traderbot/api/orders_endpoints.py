"""/api/v1/orders: look up, list, replace, cancel; fills; why one exists. `order_entry` places them."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
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
from traderbot.api.order_entry import NOT_OPEN, REFUSED, IdempotencyKey, answer, submit
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import IdIn, Page, SymbolIn
from traderbot.api.strict_json import StrictRoute
from traderbot.api.trading_schemas import (
    FillOut,
    OrderOut,
    OrderState,
    OrderStates,
    ReplaceIn,
    WhyOut,
)
from traderbot.infra.ids import new_id
from traderbot.model.commands import CancelOrder, Command, ReplaceOrder
from traderbot.model.errors import InvalidValue, NotFound
from traderbot.model.orders import Side
from traderbot.trading import repository
from traderbot.trading.repository import OrderView
from traderbot.trading.why import explain_order
from traderbot.trading.work import Work

router = APIRouter(prefix="/api/v1", tags=["orders"], route_class=StrictRoute)

_NO_ORDER = ("not_found", "No such order.")


@router.patch(
    "/orders/{order_id}",
    summary="Replace an open order",
    description="Cancels what is left of the order and places a new one, in one decision; both are linked.",
    responses=problem_responses(
        400, 401, 404, 409, 413, 415, 422, s404=_NO_ORDER, s409=NOT_OPEN, s422=REFUSED
    ),
    response_model=OrderOut,
)
async def replace_order(
    request: Request,
    order_id: IdIn,
    body: ReplaceIn,
    platform: ThePlatform,
    account_id: AccountId,
    meta: RequestMeta,
    key: IdempotencyKey = None,
) -> Response:
    if body.qty is None and body.limit_price is None:
        raise InvalidValue("qty", "qty or limit_price to be given")
    await _read(platform, _existing, account_id, order_id)
    command = ReplaceOrder(order_id, new_id(), body.qty, body.limit_price, body.client_order_id or "")
    return answer(await submit(request, (account_id, command), meta, key))


@router.get("/orders", summary="List orders, newest first", responses=problem_responses(401, 422))
def list_orders(
    platform: ThePlatform,
    account_id: AccountId,
    cursors: TheCursors,
    status: Annotated[Literal["open", "closed", "all"], Query(description="Which orders.")] = "all",
    symbol: SymbolIn | None = None,
    side: Side | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Page[OrderOut]:
    scope = f"orders {account_id} {status} {symbol} {side}"
    before = decoded(cursors, scope, cursor)
    with platform.database.read() as connection:
        found = repository.list_orders(
            connection, account_id, status=status, symbol=symbol, side=side, before=before, limit=limit + 1
        )
    return Page(
        items=[OrderOut.model_validate(one) for one in found[:limit]],
        next_cursor=following(cursors, scope, found, limit),
    )


@router.get(
    "/orders/{order_id}",
    summary="Look up an order",
    responses=problem_responses(401, 404, 422, s404=_NO_ORDER),
)
def get_order(platform: ThePlatform, account_id: AccountId, order_id: IdIn) -> OrderOut:
    with platform.database.read() as connection:
        return OrderOut.model_validate(_existing(connection, account_id, order_id))


@router.get(
    "/orders:by_client_order_id",
    summary="Look up an order by your own id",
    responses=problem_responses(401, 404, 422, s404=_NO_ORDER),
)
def get_order_by_client_id(
    platform: ThePlatform,
    account_id: AccountId,
    client_order_id: Annotated[str, Query(min_length=1, max_length=128)],
) -> OrderOut:
    with platform.database.read() as connection:
        order = repository.find_order_by_client_id(connection, account_id, client_order_id)
    if order is None:
        raise NotFound("No such order.")
    return OrderOut.model_validate(order)


@router.delete(
    "/orders/{order_id}",
    summary="Cancel an open order",
    responses=problem_responses(401, 404, 409, 422, s404=_NO_ORDER, s409=NOT_OPEN),
)
async def cancel_order(
    platform: ThePlatform, account_id: AccountId, meta: RequestMeta, order_id: IdIn
) -> OrderOut:
    await _read(platform, _existing, account_id, order_id)
    outcome = await platform.path.asubmit(Work(commands=[(account_id, CancelOrder(order_id))], meta=meta))
    if outcome.refusal is not None:
        raise Refused(outcome.refusal)
    return OrderOut.model_validate(await _read(platform, _existing, account_id, order_id))


@router.delete(
    "/orders",
    summary="Cancel all open orders",
    description="Works on a paused account too. Lists the orders that were cancelled.",
    responses=problem_responses(401),
)
async def cancel_all_orders(platform: ThePlatform, account_id: AccountId, meta: RequestMeta) -> OrderStates:
    def cancels(account: Any) -> list[Command]:
        return [CancelOrder(order_id) for order_id in account.orders]

    outcome = await platform.path.asubmit(Work(plans=[(account_id, cancels)], meta=meta))
    ids = [event.order_id for event in outcome.events if hasattr(event, "order_id")]
    return OrderStates(items=[OrderState(id=order_id, status="canceled") for order_id in ids])


@router.get("/fills", summary="List executions, newest first", responses=problem_responses(401, 422))
def list_fills(
    platform: ThePlatform,
    account_id: AccountId,
    cursors: TheCursors,
    order_id: IdIn | None = None,
    limit: Limit = 100,
    cursor: str | None = None,
) -> Page[FillOut]:
    scope = f"fills {account_id} {order_id}"
    before = decoded(cursors, scope, cursor)
    with platform.database.read() as connection:
        found = repository.fills_of(connection, account_id, order_id=order_id, before=before, limit=limit + 1)
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


def _existing(connection: Connection, account_id: UUID, order_id: UUID) -> OrderView:
    order = repository.find_order(connection, account_id, order_id)
    if order is None:
        raise NotFound("No such order.")
    return order


async def _read(platform: Any, query: Any, *arguments: Any) -> Any:
    """Run a query in a worker thread."""

    def run() -> Any:
        with platform.database.read() as connection:
            return query(connection, *arguments)

    return await run_in_threadpool(run)
