"""/api/v1/backtests/{id}/report: what came out of a backtest as a file to keep."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response

from traderbot.api.access import ThePlatform
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import IdIn, time_text
from traderbot.api.security import WholeUser
from traderbot.api.strict_json import StrictRoute
from traderbot.backtests.reporting.documents import Document

router = APIRouter(prefix="/api/v1/backtests", tags=["backtests"], route_class=StrictRoute)

_TYPES = {"json": "application/json", "html": "text/html; charset=utf-8", "csv": "text/csv; charset=utf-8"}
_BOUND = ("forbidden", "this API key is good for its account alone")
_NO_SUCH = ("not_found", "No such backtest.")
_NOT_DONE = ("conflict", "it is running; this is there once it is done")
FILE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {"format": {"description": "Of the file."}},
                    "examples": [{"format": "traderbot-backtest/1"}],
                }
            },
            "text/html": {"schema": {"type": "string", "examples": ["<!doctype html><html></html>"]}},
            "text/csv": {"schema": {"type": "string", "examples": ["symbol,side,qty\nMSFT,long,100\n"]}},
        },
    }
}


def as_file(content: bytes, name: str) -> Response:
    """An answer that browsers save and do not show, so that no page of ours runs what is in it."""
    return Response(
        content,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
        media_type=_TYPES[name.rpartition(".")[2]],
    )


@router.get(
    "/{backtest_id}/report",
    summary="Its report as a file",
    description="html: a page that stands alone, with plots; json: all that is on it, as `traderbot backtest"
    " report` reads it; csv: the round trips.",
    responses=problem_responses(401, 403, 404, 409, 422, s403=_BOUND, s404=_NO_SUCH, s409=_NOT_DONE)
    | FILE_RESPONSES,
    response_class=Response,
)
def backtest_report(
    backtest_id: IdIn,
    platform: ThePlatform,
    principal: WholeUser,
    format: Annotated[Literal["html", "json", "csv"], Query(description="Which file.")] = "html",  # noqa: A002
) -> Response:
    user_id, backtests = principal.user_id, platform.backtests
    if format == "csv":
        return as_file(_csv(backtests.trades(user_id, backtest_id)), "trades.csv")
    content = backtests.report(user_id, backtest_id)
    if format == "json":
        return as_file(content, "result.json")
    from traderbot.backtests.reporting.reports import page  # slow to import, and only this needs it

    return as_file(page(msgspec.json.decode(content, type=Document)).encode(), "report.html")


def _csv(trades: Iterable[Mapping[str, Any]]) -> bytes:
    """Round trips as lines; times as RFC 3339."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    rows = list(trades)
    names = list(rows[0]) if rows else ["symbol", "side", "qty", "largest", "entry_at", "entry_price"]
    writer.writerow(names)
    for row in rows:
        told = {
            name: time_text(value) if name.endswith("_at") and value is not None else value
            for name, value in row.items()
        }
        writer.writerow(told[name] for name in names)
    return text.getvalue().encode()
