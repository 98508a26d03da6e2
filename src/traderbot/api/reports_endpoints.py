"""/api/v1/admin/accounts/ID/reports: a broker's word on an account, entered by the operator.

Corrections reach a platform by mail and telephone too: an execution taken back, a fill that was never
reported. They go the way of every report: what cannot be is put aside, and its symbol halted.
"""

from typing import Annotated

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from traderbot.api.access import RequestMeta, ThePlatform
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import Answer, Body, IdIn, PlainText, TimeIn
from traderbot.api.security import AdminUser
from traderbot.api.strict_json import StrictRoute
from traderbot.model.errors import InvalidValue
from traderbot.model.events import ReportQuarantined
from traderbot.trading.reports import TEXT_MAX, report_work

router = APIRouter(prefix="/api/v1/admin", tags=["admin"], route_class=StrictRoute)

Text = Annotated[PlainText, Field(max_length=TEXT_MAX)] | None


class ReportIn(Body):
    """A report as it came: its texts are read by what takes it, and kept as they are where they cannot be."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "bust",
                    "order_id": "018f4e9a-5c1e-7b1a-9a53-2f0d5c3b7a10",
                    "execution_id": "018f4e9a-5c1e-7b1a-9a53-2f0d5c3b7a11",
                    "detail": "taken back by the exchange",
                }
            ]
        }
    )

    kind: PlainText = Field(
        max_length=TEXT_MAX, description="fill, accepted, rejected, canceled, expired or bust."
    )
    order_id: Text = None
    execution_id: Text = None
    symbol: Text = None
    qty: Text = None
    price: Text = None
    fee: Text = None
    detail: Text = None
    time: TimeIn | None = Field(default=None, description="Market time of the execution; now without it.")
    completes: bool = Field(default=False, description="Nothing more will come of the order.")


class ReportOut(Answer):
    """What came of a report. events: none for one that is no news; quarantined: why it was put aside."""

    events: list[str]
    quarantined: str | None


@router.post(
    "/accounts/{account_id}/reports",
    summary="Enter a broker's report",
    description="For corrections that reach you by other ways than the broker's connection: a late fill, an"
    " execution taken back. A report that cannot be is put aside, and its symbol halted for the account.",
    responses=problem_responses(400, 401, 403, 404, 413, 415, 422, 503),
)
async def enter_report(
    account_id: IdIn, body: ReportIn, platform: ThePlatform, _admin: AdminUser, meta: RequestMeta
) -> ReportOut:
    if body.kind in ("fill", "bust") and body.execution_id is None:
        raise InvalidValue("execution_id", f"the id of the execution, for a {body.kind}")
    raw = {name: text for name, text in body.model_dump().items() if text not in (None, False)}
    raw["time"] = str(platform.session.market.time if body.time is None else body.time)
    outcome = await platform.path.asubmit(report_work(account_id, raw, meta))
    aside = next((event for event in outcome.events if isinstance(event, ReportQuarantined)), None)
    return ReportOut(
        events=[type(event).__name__ for event in outcome.events],
        quarantined=None if aside is None else aside.detail,
    )
