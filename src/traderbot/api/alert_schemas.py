"""What requests about alerts say, and what they are answered with."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from traderbot.alerts.outgoing import URL_MAX
from traderbot.alerts.routing import Route, Routing
from traderbot.alerts.rows import State
from traderbot.alerts.rules import BARS_MAX, COOL_DOWN_MAX, Direction, Metric, Severity
from traderbot.api.schemas_common import (
    Answer,
    Body,
    DecimalOut,
    IdIn,
    LevelIn,
    PlainText,
    RatioIn,
    SymbolIn,
    TimeOut,
)

HOOKS_MAX = 20
Name = Annotated[PlainText, Field(min_length=1, max_length=80, pattern=r"\S")]


class AlertRuleIn(Body):
    """A rule, whole. rearm: the threshold where it is left out; account_id: your first account."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "MSFT breaks out",
                    "metric": "price",
                    "symbol": "MSFT",
                    "direction": "above",
                    "threshold": "27",
                    "rearm": "26.5",
                    "severity": "warning",
                },
                {
                    "name": "Drawdown of a tenth",
                    "metric": "drawdown",
                    "direction": "above",
                    "threshold": "0.1",
                    "rearm": "0.08",
                    "cool_down_s": 86400,
                    "severity": "critical",
                },
            ]
        }
    )

    name: Name
    metric: Metric
    direction: Direction = "above"
    threshold: LevelIn
    rearm: LevelIn | None = Field(default=None, description="The alert is over once the value is beyond it.")
    symbol: SymbolIn | None = Field(
        default=None, description="For price, change, volume and sentiment; for weight, if one is meant."
    )
    account_id: IdIn | None = Field(
        default=None, description="For equity, drawdown, day_pnl, weight, var and limit."
    )
    bars: Annotated[int, Field(ge=1, le=BARS_MAX)] | None = Field(
        default=None, description="Over how many bars: of change 1 and of volume 20 without it."
    )
    level: RatioIn | None = Field(default=None, description="Confidence of var, 0.95 without it.")
    part: Name | None = Field(
        default=None, description="A limit, or a part of the platform; the worst one without it."
    )
    cool_down_s: Annotated[int, Field(ge=0, le=COOL_DOWN_MAX)] = Field(
        default=0, description="Seconds from one alert to the next, in market time; of the wall for system."
    )
    severity: Severity = "warning"
    enabled: bool = True


class AlertRuleOut(Answer):
    """A rule and what it has come to. open_alert: whose condition still holds; raised_at: of its last alert;
    since: when it was made or last changed; trouble: why it cannot be measured now.
    """

    id: UUID
    name: str
    metric: str
    direction: str
    threshold: DecimalOut
    rearm: DecimalOut
    symbol: str | None
    account_id: UUID | None
    bars: int | None
    level: DecimalOut | None
    part: str | None
    cool_down_s: int
    severity: str
    enabled: bool
    since: TimeOut
    open_alert: UUID | None
    raised_at: TimeOut | None
    trouble: str | None


class AlertRulesOut(Answer):
    """Your rules, the oldest first."""

    items: list[AlertRuleOut]


class AlertOut(Answer):
    """An alert. state: open until its condition is over, acknowledged once you have said so, resolved when it
    is over. time: in the time the rule is measured by. resolved_value: null where the rule was changed.
    """

    id: UUID
    rule_id: UUID
    account_id: UUID | None
    metric: str
    symbol: str | None
    severity: str
    title: str
    body: str
    value: DecimalOut
    threshold: DecimalOut
    state: State
    time: TimeOut
    acknowledged_at: TimeOut | None
    acknowledged_by: UUID | None
    resolved_at: TimeOut | None
    resolved_value: DecimalOut | None


class RouteIn(Body):
    """How you are told of alerts of one severity. resolved: also when the condition is over."""

    inbox: bool = True
    email: bool = Field(default=False, description="To the address you sign in with.")
    webhooks: list[IdIn] = Field(default_factory=list, max_length=HOOKS_MAX)
    resolved: bool = False

    def route(self) -> Route:
        return Route(self.inbox, self.email, tuple(dict.fromkeys(self.webhooks)), self.resolved)


class RoutingIn(Body):
    """How you are told of alerts, whole."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"info": {}, "warning": {}, "critical": {"email": True, "resolved": True}}]
        }
    )

    info: RouteIn = RouteIn()
    warning: RouteIn = RouteIn()
    critical: RouteIn = RouteIn()

    def routing(self) -> Routing:
        return Routing(self.info.route(), self.warning.route(), self.critical.route())


class RouteOut(Answer):
    """How you are told of alerts of one severity."""

    inbox: bool
    email: bool
    webhooks: list[UUID]
    resolved: bool


class RoutingOut(Answer):
    """How you are told of alerts. email_set_up: whether this platform can send e-mail at all."""

    info: RouteOut
    warning: RouteOut
    critical: RouteOut
    email_set_up: bool


class DeletedOut(Answer):
    """What was deleted."""

    id: UUID


class WebhookIn(Body):
    """A webhook to make."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "desk", "url": "https://desk.example.com/alerts"}]}
    )

    name: Name
    url: Annotated[str, Field(min_length=1, max_length=URL_MAX)]


class WebhookOut(Answer):
    """A webhook. failures: attempts that failed, one after another; next_try_at: nothing is sent before it,
    null where the last one did not fail; last_error: of the last one.
    """

    id: UUID
    name: str
    url: str
    enabled: bool
    failures: int
    next_try_at: TimeOut | None
    last_error: str | None
    created_at: TimeOut


class WebhookMadeOut(WebhookOut):
    """A webhook with what its messages are signed with."""

    secret: str = Field(description="Shown this once.")


class WebhooksOut(Answer):
    """Your webhooks, the oldest first."""

    items: list[WebhookOut]


class DeliveryOut(Answer):
    """Something that was sent to the outside, is under way, or was given up. id: the webhook-id."""

    id: UUID
    alert_id: UUID | None
    channel: str = Field(description="email or webhook.")
    webhook_id: UUID | None
    state: str = Field(description="pending, sent or dead.")
    attempts: int
    next_try_at: TimeOut | None = Field(description="null where it is done with.")
    error: str | None
    created_at: TimeOut
    done_at: TimeOut | None
