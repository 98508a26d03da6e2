"""/health, /health/ready and /metrics: for load balancers and Prometheus."""

from typing import Literal

import sqlalchemy as sa
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import Field

import traderbot
from traderbot.api.access import ThePlatform
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import Answer
from traderbot.bootstrap import Platform
from traderbot.infra.clock import rfc3339
from traderbot.model.errors import Unavailable
from traderbot.trading.streams import session_stream
from traderbot.trading.work import Work

router = APIRouter(tags=["system"])
NOBODY = "played by nobody"
LAG_MAX = 10_000  # events; more is a replica whose market is old


class Health(Answer):
    """The process answers."""

    status: str = "ok"
    version: str


class Ready(Answer):
    """The database answers and the writer commits. parts: how each part does; status: degraded where one that
    this process can do without does not do well.
    """

    status: Literal["ready", "degraded"] = "ready"
    market_time: str
    parts: dict[str, str] = Field(examples=[{"database": "ok", "writer": "ok", "session": "played here"}])


@router.get("/health", summary="Is the process alive")
async def health() -> Health:
    return Health(version=traderbot.__version__)


@router.get("/health/ready", summary="Can it trade", responses=problem_responses(503))
def ready(platform: ThePlatform) -> Ready:
    if platform.draining:
        raise Unavailable("this process is stopping")
    with platform.database.read() as connection:
        connection.execute(sa.select(sa.literal(1)))
    platform.path.submit(Work())
    if platform.session.trouble is not None:
        raise Unavailable(f"the session cannot go on: {platform.session.trouble}")
    parts = {"database": "ok", "writer": "ok", "session": _player(platform), "tail": _tail(platform)}
    well = parts["session"] != NOBODY and parts["tail"] == "ok"
    return Ready(
        status="ready" if well else "degraded",
        market_time=rfc3339(platform.session.market.time),
        parts=parts,
    )


def _player(platform: Platform) -> str:
    """Who plays the session."""
    if platform.session.playing:
        return "played here"
    held = platform.leases.find(session_stream(platform.session.session_id))
    return f"played elsewhere, by {held.holder}" if held is not None and held.live else NOBODY


def _tail(platform: Platform) -> str:
    """How far this process is behind what all processes commit."""
    lag = platform.tail.lag
    return "ok" if lag < LAG_MAX else f"{lag} events behind"


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
def metrics(platform: ThePlatform) -> Response:
    return Response(generate_latest(platform.metrics), media_type=CONTENT_TYPE_LATEST)
