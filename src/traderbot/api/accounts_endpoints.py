"""/api/v1/accounts: several of one user, their money, lot method, limits."""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy.engine import Connection
from starlette.concurrency import run_in_threadpool

from traderbot.api.access import NamedAccount, Refused, RequestMeta, ThePlatform, opening_of
from traderbot.api.account_answers import account_out, existing, limits_out, waiting_out
from traderbot.api.account_schemas import (
    AccountIn,
    AccountOut,
    Accounts,
    BothLimits,
    LimitsIn,
    LotMethodIn,
    LotMethodOut,
    SecondPersonIn,
    TransferIn,
    TransferOut,
)
from traderbot.api.order_answers import as_json
from traderbot.api.order_entry import NO_ACCOUNT, IdempotencyKey, submit
from traderbot.api.problems import problem_responses
from traderbot.api.security import BY_KEY, CurrentUser, Person
from traderbot.api.strict_json import StrictRoute
from traderbot.bootstrap import Platform
from traderbot.infra.events.journal import Meta
from traderbot.infra.ids import new_id
from traderbot.model.account import CURRENCY
from traderbot.model.commands import (
    ChooseLotMethod,
    Command,
    DepositCash,
    OpenAccount,
    WithdrawCash,
)
from traderbot.model.errors import Conflict, Forbidden
from traderbot.model.events import CashMoved
from traderbot.trading import limit_guards
from traderbot.trading.halts import rules_in_force
from traderbot.trading.history import accounts_of_user
from traderbot.trading.work import Outcome, Work
from traderbot.users.people import Principal, clean_name

router = APIRouter(prefix="/api/v1/accounts", tags=["accounts"], route_class=StrictRoute)

ACCOUNTS_EACH_MAX = 20
_FUNDS = ("insufficient_funds", "Not enough available cash for this withdrawal.")
_KEY = ("forbidden", "an API key that is bound to one account cannot open others")
_TOO_MANY = ("conflict", f"there are {ACCOUNTS_EACH_MAX} accounts already")


@router.get("", summary="My accounts, oldest first", responses=problem_responses(401))
def list_accounts(platform: ThePlatform, principal: CurrentUser) -> Accounts:
    with platform.database.read() as connection:
        found = [account_out(existing(connection, one)) for one in _ids_of(connection, principal)]
    return Accounts(items=found)


@router.post(
    "",
    status_code=201,
    summary="Open an account",
    description="A paper account without money in the session that is running; deposit some next. A margin"
    " account may borrow and sell short.",
    responses=problem_responses(
        400, 401, 403, 409, 413, 415, 422, 503, s403=_KEY, s409=_TOO_MANY
    ),
)  # fmt: skip
async def open_account(
    request: Request, body: AccountIn, platform: ThePlatform, principal: CurrentUser, meta: RequestMeta
) -> AccountOut:
    if principal.bound:
        raise Forbidden(_KEY[1])
    account_id, user_id = new_id(), principal.user_id
    command = OpenAccount(
        account_id=account_id,
        user_id=user_id,
        session_id=platform.session.session_id,
        currency=CURRENCY,
        kind=body.kind,
        name=clean_name(body.name, "name"),
    )

    async with opening_of(request):
        await run_in_threadpool(_require_room, platform, user_id)
        await _asked(platform, account_id, command, meta)
    return await run_in_threadpool(_account_now, platform, account_id)


@router.get(
    "/{account_id}", summary="One account", responses=problem_responses(401, 404, 422, s404=NO_ACCOUNT)
)
def get_account(platform: ThePlatform, account_id: NamedAccount) -> AccountOut:
    return _account_now(platform, account_id)


@router.post(
    "/{account_id}/deposits",
    status_code=201,
    summary="Put paper money in",
    responses=problem_responses(400, 401, 404, 413, 415, 422, 503, s404=NO_ACCOUNT),
    response_model=TransferOut,
)
async def deposit(
    request: Request,
    body: TransferIn,
    account_id: NamedAccount,
    meta: RequestMeta,
    key: IdempotencyKey = None,
) -> Response:
    return _moved(await submit(request, (account_id, DepositCash(body.amount)), meta, key))


@router.post(
    "/{account_id}/withdrawals",
    status_code=201,
    summary="Take paper money out",
    description="Only what no order holds; of a margin account no more than its excess either.",
    responses=problem_responses(400, 401, 404, 413, 415, 422, 503, s404=NO_ACCOUNT, s422=_FUNDS),
    response_model=TransferOut,
)
async def withdraw(
    request: Request,
    body: TransferIn,
    account_id: NamedAccount,
    meta: RequestMeta,
    key: IdempotencyKey = None,
) -> Response:
    return _moved(await submit(request, (account_id, WithdrawCash(body.amount)), meta, key))


@router.put(
    "/{account_id}/lot-method",
    summary="Choose which lots a sale uses first",
    description="Counts from the next execution on; an order's own `lots` go before it.",
    responses=problem_responses(400, 401, 404, 413, 415, 422, 503, s404=NO_ACCOUNT),
)
async def choose_lot_method(
    body: LotMethodIn, platform: ThePlatform, account_id: NamedAccount, meta: RequestMeta
) -> LotMethodOut:
    await _asked(platform, account_id, ChooseLotMethod(body.method), meta)
    return LotMethodOut(method=body.method.value)


@router.get(
    "/{account_id}/limits",
    summary="What limits the account",
    responses=problem_responses(401, 404, 422, s404=NO_ACCOUNT),
)
def read_limits(platform: ThePlatform, account_id: NamedAccount) -> BothLimits:
    return _limits_now(platform, account_id)


@router.put(
    "/{account_id}/limits",
    summary="Replace the account's own limits",
    description="Replaces all of them at once, on record with who did it; the platform's count as well."
    " Signed in, or by an admin's key: what trades by a key cannot take its own limits away. Looser ones"
    " wait where the account needs a second person for them, and the answer is 202.",
    responses=problem_responses(400, 401, 403, 404, 413, 415, 422, 503, s403=BY_KEY, s404=NO_ACCOUNT),
)
async def replace_limits(
    body: LimitsIn,
    platform: ThePlatform,
    account_id: NamedAccount,
    principal: Person,
    meta: RequestMeta,
    response: Response,
) -> BothLimits:
    user_id, now = principal.user_id, platform.clock.now()
    work = limit_guards.replace_limits(account_id, user_id, body.limits(), now, meta)
    return await _limits_after(platform, account_id, work, response)


@router.put(
    "/{account_id}/limits/second-person",
    summary="Say whether looser limits need a second person",
    description="That they do counts at once. That they no longer do needs a second person: it waits, and"
    " the answer is 202.",
    responses=problem_responses(400, 401, 403, 404, 413, 415, 422, 503, s403=BY_KEY, s404=NO_ACCOUNT),
)
async def need_second_person(
    body: SecondPersonIn,
    platform: ThePlatform,
    account_id: NamedAccount,
    principal: Person,
    meta: RequestMeta,
    response: Response,
) -> BothLimits:
    now = platform.clock.now()
    work = limit_guards.need_second_person(account_id, principal.user_id, now, meta, needed=body.needed)
    return await _limits_after(platform, account_id, work, response)


@router.delete(
    "/{account_id}/limits/waiting",
    summary="Withdraw limits that wait for a second person",
    responses=problem_responses(401, 403, 404, 422, 503, s403=BY_KEY, s404=NO_ACCOUNT),
)
async def withdraw_limits(
    platform: ThePlatform,
    account_id: NamedAccount,
    principal: Person,
    meta: RequestMeta,
    response: Response,
) -> BothLimits:
    work = limit_guards.withdraw(account_id, principal.user_id, meta)
    return await _limits_after(platform, account_id, work, response)


def _require_room(platform: Platform, user_id: UUID) -> None:
    with platform.database.read() as connection:
        if len(accounts_of_user(connection, user_id)) >= ACCOUNTS_EACH_MAX:
            raise Conflict(_TOO_MANY[1])


def _ids_of(connection: Connection, principal: Principal) -> list[UUID]:
    if principal.bound:
        return [] if principal.account_id is None else [principal.account_id]
    return [one.id for one in accounts_of_user(connection, principal.user_id)]


def _moved(outcome: Outcome) -> Response:
    """The money that moved, however late it is asked again. Errors: Refused."""
    if outcome.refusal is not None:
        raise Refused(outcome.refusal, replayed=outcome.replayed)
    event = next(event for event in outcome.events if isinstance(event, CashMoved))
    moved = TransferOut(kind=event.kind, amount=event.amount, time=event.at)
    return as_json(moved.model_dump(mode="json"), 201, outcome.replayed)


async def _asked(platform: Platform, account_id: UUID, command: Command, meta: Meta) -> Outcome:
    outcome = await platform.path.asubmit(Work(commands=[(account_id, command)], meta=meta))
    if outcome.refusal is not None:
        raise Refused(outcome.refusal)
    return outcome


def _account_now(platform: Platform, account_id: UUID) -> AccountOut:
    with platform.database.read() as connection:
        return account_out(existing(connection, account_id))


def _limits_now(platform: Platform, account_id: UUID) -> BothLimits:
    with platform.database.read() as connection:
        own, rules = existing(connection, account_id).limits, rules_in_force(connection)
        guard = limit_guards.guard_of(connection, account_id)
    waiting = None if guard is None or guard.waiting is None else waiting_out(guard.waiting)
    return BothLimits(
        account=limits_out(own),
        platform=limits_out(rules.limits),
        second_person=guard is not None,
        waiting=waiting,
    )


async def _limits_after(platform: Platform, account_id: UUID, work: Work, response: Response) -> BothLimits:
    outcome = await platform.path.asubmit(work)
    if outcome.refusal is not None:
        raise Refused(outcome.refusal)
    response.status_code = 202 if outcome.result else 200
    return await run_in_threadpool(_limits_now, platform, account_id)
