"""/api/v1/risk/halt: the account's halts; /api/v1/admin/halts: the platform's. Lifting one takes two steps.

A halt stops every new order, of one symbol where named; cancels still work. It latches, restarts included.
"""

import secrets
from uuid import UUID

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool

from traderbot.api.access import AccountId, Refused, RequestMeta, ThePlatform
from traderbot.api.account_answers import existing
from traderbot.api.account_schemas import HaltIn, HaltsOut, ResumeCodeOut, ResumeIn, ResumeRequestIn
from traderbot.api.order_entry import NO_ACCOUNT
from traderbot.api.problems import problem_responses
from traderbot.api.security import BY_KEY, AdminUser, Person
from traderbot.api.strict_json import StrictRoute
from traderbot.bootstrap import Platform
from traderbot.infra.events.journal import Meta
from traderbot.model.commands import Command, PauseTrading, RequestResume, ResumeTrading
from traderbot.trading import halts
from traderbot.trading.work import Work

router = APIRouter(prefix="/api/v1", tags=["risk"], route_class=StrictRoute)

_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that is read as another
_ALREADY = ("already_halted", "Trading is already paused.")
_NOT = ("not_halted", "Trading is not paused.")
_UNASKED = ("resume_not_requested", "A halt is lifted in two steps: ask, then confirm with the code given.")
_FIRST = (
    "The first of two steps: gives the code that the second has to send. Halting again takes the code back."
)
_ON_PLATFORM = "of the whole platform"


@router.get("/risk/halt", summary="What is paused on the account", responses=problem_responses(401, 404, 422))
def read_halts(platform: ThePlatform, account_id: AccountId) -> HaltsOut:
    return _halts_of(platform, account_id)


@router.post(
    "/risk/halt",
    summary="Pause trading on the account",
    description="No order is approved until trading is resumed, restarts included; cancels still work. With a"
    " symbol, only its orders.",
    responses=problem_responses(400, 401, 404, 409, 413, 415, 422, 503, s404=NO_ACCOUNT, s409=_ALREADY),
)
async def halt(body: HaltIn, platform: ThePlatform, account_id: AccountId, meta: RequestMeta) -> HaltsOut:
    return await _decide(platform, account_id, PauseTrading(body.detail, body.symbol), meta)


@router.post(
    "/risk/halt/resume-request",
    summary="Ask to resume trading on the account",
    description=_FIRST,
    responses=problem_responses(
        400, 401, 403, 404, 409, 413, 415, 422, 503, s403=BY_KEY, s404=NO_ACCOUNT, s409=_NOT
    ),
)
async def request_resume(
    body: ResumeRequestIn, platform: ThePlatform, account_id: AccountId, _person: Person, meta: RequestMeta
) -> ResumeCodeOut:
    code = _new_code()
    await _decide(platform, account_id, RequestResume(code, body.symbol), meta)
    return ResumeCodeOut(code=code, symbol=body.symbol)


@router.post(
    "/risk/halt/resume",
    summary="Resume trading on the account",
    description="The second of two steps, with the code that the first gave.",
    responses=problem_responses(
        400, 401, 403, 404, 409, 413, 415, 422, 503, s403=BY_KEY, s404=NO_ACCOUNT, s409=_UNASKED
    ),
)
async def resume(
    body: ResumeIn, platform: ThePlatform, account_id: AccountId, _person: Person, meta: RequestMeta
) -> HaltsOut:
    return await _decide(platform, account_id, ResumeTrading(body.code, body.symbol), meta)


@router.get(
    "/admin/halts",
    tags=["admin"],
    summary="What is paused on the platform",
    responses=problem_responses(401, 403),
)
def read_platform_halts(platform: ThePlatform, _admin: AdminUser) -> HaltsOut:
    return _platform_halts_of(platform)


@router.post(
    "/admin/halts",
    tags=["admin"],
    summary="Pause trading on the platform",
    description=f"Stops the new orders {_ON_PLATFORM}, or those of one symbol; cancels still work.",
    responses=problem_responses(400, 401, 403, 409, 413, 415, 422, 503, s409=_ALREADY),
)
async def halt_platform(
    body: HaltIn, platform: ThePlatform, _admin: AdminUser, meta: RequestMeta
) -> HaltsOut:
    return await _change(platform, halts.halt_platform(body.detail, body.symbol, meta=meta))


@router.post(
    "/admin/halts/resume-request",
    tags=["admin"],
    summary="Ask to resume trading on the platform",
    description=_FIRST,
    responses=problem_responses(400, 401, 403, 409, 413, 415, 422, 503, s409=_NOT),
)
async def request_platform_resume(
    body: ResumeRequestIn, platform: ThePlatform, _admin: AdminUser, meta: RequestMeta
) -> ResumeCodeOut:
    code = _new_code()
    await _change(platform, halts.request_resume_platform(code, body.symbol, meta=meta))
    return ResumeCodeOut(code=code, symbol=body.symbol)


@router.post(
    "/admin/halts/resume",
    tags=["admin"],
    summary="Resume trading on the platform",
    description="The second of two steps, with the code that the first gave.",
    responses=problem_responses(400, 401, 403, 409, 413, 415, 422, 503, s409=_UNASKED),
)
async def resume_platform(
    body: ResumeIn, platform: ThePlatform, _admin: AdminUser, meta: RequestMeta
) -> HaltsOut:
    return await _change(platform, halts.resume_platform(body.code, body.symbol, meta=meta))


def _new_code() -> str:
    """A code that a person can read aloud."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


async def _decide(platform: Platform, account_id: UUID, command: Command, meta: Meta) -> HaltsOut:
    outcome = await platform.path.asubmit(Work(commands=[(account_id, command)], meta=meta))
    if outcome.refusal is not None:
        raise Refused(outcome.refusal)
    return await run_in_threadpool(_halts_of, platform, account_id)


async def _change(platform: Platform, work: Work) -> HaltsOut:
    outcome = await platform.path.asubmit(work)
    if outcome.refusal is not None:
        raise Refused(outcome.refusal)
    return await run_in_threadpool(_platform_halts_of, platform)


def _halts_of(platform: Platform, account_id: UUID) -> HaltsOut:
    with platform.database.read() as connection:
        account = existing(connection, account_id)
    symbols = {str(name): why for name, why in sorted(account.halted_symbols.items())}
    return HaltsOut(scope="account", halted=account.halted, symbols=symbols)


def _platform_halts_of(platform: Platform) -> HaltsOut:
    with platform.database.read() as connection:
        rules = halts.rules_in_force(connection)
    symbols: dict[str, str] = dict.fromkeys(sorted(rules.halted_symbols), "halted by the platform's operator")
    return HaltsOut(scope="platform", halted=rules.halted, symbols=symbols)
