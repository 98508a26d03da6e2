"""/api/v1/accounts/{id}: lots, what happened besides orders, and realised gains, as JSON and as CSV."""

from collections.abc import Iterator
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from traderbot.api.access import Limit, NamedAccount, TheCursors, ThePlatform, decoded, following
from traderbot.api.account_schemas import ActivityOut, LotOut, RealisedOut
from traderbot.api.order_entry import NO_ACCOUNT
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import Page, SymbolIn, TimeIn
from traderbot.api.strict_json import StrictRoute
from traderbot.trading import repository
from traderbot.trading.exports import realised_csv, realised_rows
from traderbot.trading.history import list_activities

router = APIRouter(prefix="/api/v1/accounts/{account_id}", tags=["accounts"], route_class=StrictRoute)

_KINDS_MAX = 20
_KEPT_IN_MEMORY = 4_000_000
_PART = 65_536
After = Annotated[TimeIn | None, Query(description="Later than this, market time.")]
Until = Annotated[TimeIn | None, Query(description="Before this, market time.")]
_MISSING = problem_responses(401, 404, 422, s404=NO_ACCOUNT)


@router.get("/lots", summary="Lots, newest first", responses=_MISSING)
def lots(
    platform: ThePlatform,
    account_id: NamedAccount,
    cursors: TheCursors,
    symbol: SymbolIn | None = None,
    closed: Annotated[bool, Query(description="Those used up instead of those held.")] = False,
    limit: Limit = 100,
    cursor: str | None = None,
) -> Page[LotOut]:
    scope = f"lots {account_id} {symbol} {closed}"
    before = decoded(cursors, scope, cursor)
    with platform.database.read() as connection:
        found = repository.lots_of_account(
            connection, account_id, symbol=symbol, closed=closed, before=before, limit=limit + 1
        )
    more = len(found) > limit
    return Page(
        items=[LotOut.model_validate(one) for one in found[:limit]],
        next_cursor=cursors.encode(scope, [found[limit - 1].number]) if more else None,
    )


@router.get(
    "/activities",
    summary="What happened besides orders, newest first",
    description="Deposits, withdrawals, interest, dividends, other corporate actions, margin calls, halts.",
    responses=_MISSING,
)
def activities(
    platform: ThePlatform,
    account_id: NamedAccount,
    cursors: TheCursors,
    kind: Annotated[list[str] | None, Query(max_length=_KINDS_MAX, description="Only these kinds.")] = None,
    symbol: SymbolIn | None = None,
    after: After = None,
    until: Until = None,
    limit: Limit = 100,
    cursor: str | None = None,
) -> Page[ActivityOut]:
    scope = f"activities {account_id} {kind} {symbol} {after} {until}"
    before = decoded(cursors, scope, cursor)
    with platform.database.read() as connection:
        found = list_activities(
            connection,
            account_id,
            kinds=kind or (),
            symbol=symbol,
            after=after,
            until=until,
            before=before,
            limit=limit + 1,
        )
    return Page(
        items=[ActivityOut.model_validate(one) for one in found[:limit]],
        next_cursor=following(cursors, scope, found, limit),
    )


@router.get(
    "/realised",
    summary="Realised gains, oldest first",
    description="One item for each lot that a closing execution used, gross of fees.",
    responses=_MISSING,
)
def realised(
    platform: ThePlatform,
    account_id: NamedAccount,
    cursors: TheCursors,
    after: After = None,
    until: Until = None,
    limit: Limit = 100,
    cursor: str | None = None,
) -> Page[RealisedOut]:
    scope = f"realised {account_id} {after} {until}"
    begin = decoded(cursors, scope, cursor) or 0
    with platform.database.read() as connection:
        rows = realised_rows(connection, account_id, after=after, until=until)
        found = list(islice(rows, begin, begin + limit + 1))
    more = len(found) > limit
    return Page(
        items=[RealisedOut.model_validate(one) for one in found[:limit]],
        next_cursor=cursors.encode(scope, [begin + limit]) if more else None,
    )


@router.get(
    "/realised.csv",
    summary="Realised gains as CSV",
    description="The same as a file for spreadsheets; a text that would be taken for a formula is defused.",
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **_MISSING},
    response_class=StreamingResponse,
)
def realised_file(
    platform: ThePlatform, account_id: NamedAccount, after: After = None, until: Until = None
) -> StreamingResponse:
    file = SpooledTemporaryFile(max_size=_KEPT_IN_MEMORY)  # noqa: SIM115 - closed when it is sent
    with platform.database.read() as connection:  # not held open for as long as somebody cares to read
        for text in realised_csv(connection, account_id, after=after, until=until):
            file.write(text.encode())
    headers = {"Content-Disposition": 'attachment; filename="realised.csv"'}
    return StreamingResponse(_parts(file), media_type="text/csv; charset=utf-8", headers=headers)


def _parts(file: IO[bytes]) -> Iterator[bytes]:
    """The file from its beginning, then closed."""
    with file:
        file.seek(0)
        while part := file.read(_PART):
            yield part
