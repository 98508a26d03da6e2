"""/health, /health/ready and /metrics: for load balancers and Prometheus."""

import sqlalchemy as sa
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

import traderbot
from traderbot.api.access import ThePlatform
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import Answer
from traderbot.infra.clock import rfc3339
from traderbot.model.errors import Unavailable
from traderbot.trading.work import Work

router = APIRouter(tags=["system"])


class Health(Answer):
    """The process answers."""

    status: str = "ok"
    version: str


class Ready(Answer):
    """The database answers and the writer commits."""

    status: str = "ready"
    market_time: str


@router.get("/health", summary="Is the process alive")
async def health() -> Health:
    return Health(version=traderbot.__version__)


@router.get("/health/ready", summary="Can it trade", responses=problem_responses(503))
def ready(platform: ThePlatform) -> Ready:
    with platform.database.read() as connection:
        connection.execute(sa.select(sa.literal(1)))
    platform.path.submit(Work())
    if platform.session.trouble is not None:
        raise Unavailable(f"the session cannot go on: {platform.session.trouble}")
    return Ready(market_time=rfc3339(platform.session.market.time))


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
def metrics(platform: ThePlatform) -> Response:
    return Response(generate_latest(platform.metrics), media_type=CONTENT_TYPE_LATEST)
