"""/api/v1/admin/cache: what is cached, how well it serves, and dropping it."""

from fastapi import APIRouter, Request
from pydantic import ConfigDict
from starlette.concurrency import run_in_threadpool

from traderbot.api.access import RequestMeta, ThePlatform
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import Answer
from traderbot.api.security import AdminUser
from traderbot.api.strict_json import StrictRoute
from traderbot.infra.caching.cache import FunctionCache
from traderbot.model.platform_events import AdministrationDone
from traderbot.trading.work import Work

router = APIRouter(prefix="/api/v1/admin/cache", tags=["admin"], route_class=StrictRoute)

_NO_NAME = ("not_found", "no cached function quotes")


class CachedFunctionOut(Answer):
    """One cached function since the start. saved_seconds, saved_queries: what its hits would have taken, and
    asked of the database, as misses.
    """

    name: str
    ttl_seconds: float
    hits: int
    misses: int
    saved_seconds: float
    saved_queries: int
    ends_with: list[str]


class CacheOut(Answer):
    """Every cached function, by name."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "name": "instruments",
                            "ttl_seconds": 60.0,
                            "hits": 120,
                            "misses": 3,
                            "saved_seconds": 0.4,
                            "saved_queries": 0,
                            "ends_with": [],
                        }
                    ]
                }
            ]
        }
    )
    items: list[CachedFunctionOut]


class ClearedOut(Answer):
    """The names whose values were dropped."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"cleared": ["instruments"]}]})
    cleared: list[str]


@router.get("", summary="What is cached", responses=problem_responses(401, 403))
async def cache(request: Request, _admin: AdminUser) -> CacheOut:
    found = sorted(_functions(request).entries.values(), key=lambda entry: entry.name)
    items = [
        CachedFunctionOut(
            name=entry.name,
            ttl_seconds=entry.ttl_s,
            hits=entry.hits,
            misses=entry.misses,
            saved_seconds=entry.saved_s,
            saved_queries=entry.saved_queries,
            ends_with=list(entry.tags),
        )
        for entry in found
    ]
    return CacheOut(items=items)


@router.delete("", summary="Drop all that is cached", responses=problem_responses(401, 403, 503))
async def clear_cache(
    request: Request, platform: ThePlatform, meta: RequestMeta, _admin: AdminUser
) -> ClearedOut:
    request.app.state.fast_reads.clear()
    return await _clear(request, platform, meta, None)


@router.delete(
    "/{name}",
    summary="Drop what one function has cached",
    responses=problem_responses(401, 403, 404, 422, 503, s404=_NO_NAME),
)
async def clear_cached_function(
    name: str, request: Request, platform: ThePlatform, meta: RequestMeta, _admin: AdminUser
) -> ClearedOut:
    return await _clear(request, platform, meta, name)


async def _clear(request: Request, platform: ThePlatform, meta: RequestMeta, name: str | None) -> ClearedOut:
    cleared = await _functions(request).clear(name)
    done = AdministrationDone("cache_cleared", {"names": cleared})
    await run_in_threadpool(platform.path.submit, Work(facts=[("platform", done)], meta=meta))
    return ClearedOut(cleared=cleared)


def _functions(request: Request) -> FunctionCache:
    functions: FunctionCache = request.app.state.functions
    return functions
