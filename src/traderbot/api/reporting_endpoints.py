"""POST /api/v1/events: scored sentiment and market alerts, from whoever computes them outside."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from traderbot.api.access import RequestMeta, ThePlatform
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import Answer, Body, NumberIn, PlainText, SymbolIn, TimeIn
from traderbot.api.security import AdminUser
from traderbot.api.strict_json import StrictRoute
from traderbot.model.events import MarketAlertRaised, SentimentScored
from traderbot.model.sentiment import Sentiment
from traderbot.trading.reports_taken import take_report
from traderbot.trading.streams import market_stream

router = APIRouter(prefix="/api/v1", tags=["events"], route_class=StrictRoute)

Name = Annotated[PlainText, Field(min_length=1, max_length=120, pattern=r"^\S(.*\S)?$")]
Word = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9_]*$")]


EXAMPLE: JsonDict = {
    "type": "SentimentScored",
    "symbol": "MSFT",
    "source": "newsdesk",
    "source_id": "2005-01-03/17",
    "score": 0.7,
    "confidence": 0.9,
    "published_at": "2005-01-03T12:00:00Z",
    "headline": "Good quarter",
}


class SentimentIn(Body):
    """A scored text. score: from -1 (bad) to 1 (good); confidence: from 0 to 1."""

    type: Literal["SentimentScored"]
    symbol: SymbolIn
    source: Name = Field(description="Who says so: the model or feed.")
    source_id: Name = Field(description="The text's name at its source; the same again is taken once.")
    score: NumberIn
    confidence: NumberIn
    published_at: TimeIn
    headline: Annotated[PlainText, Field(max_length=300)] = ""

    def event(self) -> SentimentScored:
        """Errors: InvalidValue."""
        sentiment = Sentiment(float(self.score), float(self.confidence), self.source)
        return SentimentScored(self.symbol, sentiment, self.source_id, self.published_at, self.headline)


class MarketAlertIn(Body):
    """Something about an instrument that its traders should know."""

    type: Literal["MarketAlertRaised"]
    symbol: SymbolIn
    source: Name = Field(description="Who raises it.")
    source_id: Name = Field(description="The alert's name at its source; the same again is taken once.")
    kind: Word
    severity: Literal["info", "warning", "critical"]
    detail: Annotated[PlainText, Field(min_length=1, max_length=500)]

    def event(self) -> MarketAlertRaised:
        return MarketAlertRaised(self.symbol, self.kind, self.severity, self.detail)


class ReportedIn(Body):
    """What is reported."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"event": EXAMPLE}]})

    event: SentimentIn | MarketAlertIn = Field(discriminator="type")


class ReportedOut(Answer):
    """new: false where it was taken before, and nothing was done."""

    type: str
    stream: str
    source: str
    source_id: str
    new: bool


@router.post(
    "/events",
    status_code=201,
    summary="Report a scored text or a market alert",
    description="Journals it once in the instrument's stream under the name it has at its source; those who"
    " hold the instrument or have open orders in it find it in their inbox.",
    responses=problem_responses(
        400,
        401,
        403,
        409,
        413,
        415,
        422,
        503,
        s409=("source_id_reused", "Something else was reported under that name."),
    ),
)
async def report(
    body: ReportedIn,
    platform: ThePlatform,
    _admin: AdminUser,
    meta: RequestMeta,
) -> ReportedOut:
    given = body.event
    outcome = await platform.path.asubmit(take_report(given.event(), given.source, given.source_id, meta))
    return ReportedOut(
        type=given.type,
        stream=market_stream(given.symbol),
        source=given.source,
        source_id=given.source_id,
        new=outcome.result,
    )
