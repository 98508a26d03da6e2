"""/api/v1/admin/rate-limits: how often anybody may ask, changed while the platform runs."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field, model_validator
from sqlalchemy.engine import Connection

from traderbot.api.access import RequestMeta, ThePlatform
from traderbot.api.client_address import ClientAddresses
from traderbot.api.problems import problem_responses
from traderbot.api.rate_limits import RateLimits
from traderbot.api.schemas_common import Answer, Body, IdIn
from traderbot.api.security import AdminUser
from traderbot.api.strict_json import StrictRoute
from traderbot.bootstrap import Platform
from traderbot.infra.events.journal import Meta
from traderbot.model.errors import InvalidValue
from traderbot.model.platform_events import AdministrationDone
from traderbot.trading.work import Work
from traderbot.users.rates import SCOPES_MAX, RateBook, check_rates, read_rates, replace_rates

router = APIRouter(prefix="/api/v1/admin/rate-limits", tags=["admin"], route_class=StrictRoute)
_STREAM = "platform"
_Rate = Annotated[str, Field(max_length=20, examples=["200/minute"])]
_Scope = Annotated[str, Field(max_length=80)]


class RatesIn(Body):
    """Rates by scope, whole: what is left out is as the settings say.

    Scopes: general, trading, risk, address; role:ROLE:CLASS, user:ID:CLASS, key:ID:CLASS.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"rates": {"general": "200/minute", "role:viewer:risk": "2/minute"}}]}
    )

    rates: dict[_Scope, _Rate] = Field(max_length=SCOPES_MAX)


class RatesOut(Answer):
    """Rates by scope. settings: of this process; rates: set by administrators, for all processes."""

    settings: dict[str, str] = Field(examples=[{"general": "100/minute"}])
    rates: dict[str, str] = Field(examples=[{"general": "200/minute", "role:viewer:risk": "2/minute"}])
    shared: bool = Field(description="Whether all processes count together, in Valkey.", examples=[True])
    degraded: bool = Field(
        description="Whether Valkey is gone, and each process admits its share alone.", examples=[False]
    )
    processes: int = Field(description="How many processes share the limits, as last known.", examples=[2])


class ResetIn(Body):
    """Whose count begins anew: a user's or an API key's."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"user_id": "0198c7a2-5d01-7f3b-a2d4-93c1d0b7e645"}]}
    )

    user_id: IdIn | None = None
    key_id: IdIn | None = None

    @model_validator(mode="after")
    def _one(self) -> "ResetIn":
        if (self.user_id is None) == (self.key_id is None):
            raise ValueError("expected either user_id or key_id")
        return self


@router.get(
    "",
    summary="Rates in force",
    description="Limited by address alone.",
    responses=problem_responses(401, 403),
)
def read_rate_limits(request: Request, _admin: AdminUser) -> RatesOut:
    return _answer(request)


@router.put(
    "",
    summary="Replace the rates",
    description="In force here at once, in other processes within seconds. A bucket whose rate changes begins"
    " full; a window keeps what it has counted.",
    responses=problem_responses(400, 401, 403, 413, 415, 422, 503),
)
async def replace_rate_limits(
    request: Request, body: RatesIn, platform: ThePlatform, _admin: AdminUser, meta: RequestMeta
) -> RatesOut:
    wanted = check_rates(body.rates)
    now = platform.clock.now()

    def job(connection: Connection) -> None:
        replace_rates(connection, wanted, now)

    await platform.path.asubmit(_done("rate_limits_changed", {"rates": wanted}, meta, job))
    limits_of(request).renew(RateBook(platform.settings, wanted))
    return _answer(request)


@router.post(
    "/reset",
    status_code=204,
    summary="Let a user or a key begin anew",
    responses=problem_responses(400, 401, 403, 413, 415, 422, 503),
)
async def reset_rate_limits(
    request: Request, body: ResetIn, platform: ThePlatform, _admin: AdminUser, meta: RequestMeta
) -> Response:
    kind, whose = ("user", body.user_id) if body.user_id else ("key", body.key_id)
    if whose is None:
        raise InvalidValue("user_id", "an id, or key_id")
    limits = limits_of(request)
    await platform.path.asubmit(_done("rate_limits_reset", {kind: str(whose)}, meta))
    await limits.reset(kind, whose, list(limits.book.all_of(kind, whose)))
    return Response(status_code=204)


def limits_of(request: Request) -> RateLimits:
    """The limits of the application."""
    limits: RateLimits = request.app.state.limits
    return limits


def rate_limits_of(platform: Platform) -> RateLimits:
    """The limits of a platform's API, with what administrators have set."""

    def load() -> RateBook:
        with platform.database.read() as connection:
            return RateBook(platform.settings, read_rates(connection))

    return RateLimits(
        platform.users,
        load(),
        platform.rates,
        addresses=ClientAddresses(platform.settings.trusted_proxies),
        load=load,
    )


def _done(
    what: str, detail: dict[str, object], meta: Meta, job: Callable[[Connection], None] | None = None
) -> Work:
    return Work(facts=[(_STREAM, AdministrationDone(what, detail))], job=job, meta=meta)


def _answer(request: Request) -> RatesOut:
    limits = limits_of(request)
    return RatesOut(
        settings=limits.book.built_in,
        rates=limits.book.changed,
        shared=not limits.local,
        degraded=limits.degraded,
        processes=limits.processes,
    )
