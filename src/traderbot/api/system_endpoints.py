"""/health, /health/ready and /metrics: for load balancers and Prometheus."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import Field

import traderbot
from traderbot.api.access import ThePlatform
from traderbot.api.health import Status, parts_of, status_of
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import Answer
from traderbot.infra.clock import rfc3339

router = APIRouter(tags=["system"])


class Health(Answer):
    """The process answers."""

    status: str = "ok"
    version: str


class Ready(Answer):
    """Orders can be taken: the database answers and the writer commits. parts: how each part does; status:
    degraded where one that orders can do without does not do well.
    """

    status: Status = "ready"
    market_time: str
    parts: dict[str, str] = Field(examples=[{"database": "ok", "writer": "ok", "session": "played here"}])


@router.get("/health", summary="Is the process alive")
async def health() -> Health:
    return Health(version=traderbot.__version__)


@router.get("/health/ready", summary="Can it trade", responses=problem_responses(503))
def ready(platform: ThePlatform) -> Ready:
    parts = parts_of(platform)
    return Ready(
        status=status_of(parts),
        market_time=rfc3339(platform.session.market.time),
        parts={name: part.says for name, part in parts.items()},
    )


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
def metrics(platform: ThePlatform) -> Response:
    return Response(generate_latest(platform.metrics), media_type=CONTENT_TYPE_LATEST)
