"""The platform's own events: people, sessions, rules, administration, and what other features have seen."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from traderbot.model.event_base import Event, MarketEvent
from traderbot.model.sentiment import Sentiment
from traderbot.model.symbols import Symbol


class UserRegistered(Event, frozen=True, omit_defaults=True):
    user_id: UUID


class PreferencesChanged(Event, frozen=True, omit_defaults=True):
    user_id: UUID


class SessionOpened(MarketEvent, frozen=True, omit_defaults=True):
    """A market session over one data set, from `step` on (the last bar that counts as already known)."""

    session_id: UUID
    dataset: str
    dataset_hash: str
    calendar: str
    step: int


class SessionAdvanced(MarketEvent, frozen=True, omit_defaults=True):
    session_id: UUID
    step: int


class RulesChanged(Event, frozen=True, omit_defaults=True):
    """The platform's limits and halts from here on, whole."""

    rules: dict[str, Any]


class LimitsGuardChanged(Event, frozen=True, omit_defaults=True):
    """Looser limits of an account need a second person. what: needed (from here on), asked, withdrawn,
    approved or rejected.
    """

    user_id: UUID
    account_id: UUID
    what: str


class RebalancingChanged(Event, frozen=True, omit_defaults=True):
    """A proposal of an account, or its plan. what: proposed, approved, rejected, done or stopped of the
    proposal `proposal_id`; planned (as it is from here on) or unplanned.
    """

    user_id: UUID
    account_id: UUID
    what: str
    proposal_id: UUID | None = None
    detail: str = ""


class SessionControlled(Event, frozen=True, omit_defaults=True):
    """How a replay's clock goes on from here. jump_to: a day to be played up to at once, None for no jump."""

    session_id: UUID
    paused: bool
    speed: float
    jump_to: date | None = None


class RiskLimitBreached(MarketEvent, frozen=True, omit_defaults=True):
    """A loss reached its limit at a close. limit: its name; allowed, observed: shares of the equity it is
    measured from. halt: whether the limit stops the account.
    """

    account_id: UUID
    limit: str
    allowed: Decimal
    observed: Decimal
    halt: bool = False


class SentimentScored(Event, frozen=True, omit_defaults=True):
    """Somebody scored a text. source_id: its name at its source. published_at: microseconds UTC."""

    symbol: Symbol
    sentiment: Sentiment
    source_id: str
    published_at: int
    headline: str = ""


class MarketAlertRaised(Event, frozen=True, omit_defaults=True):
    """Something about an instrument that its traders should know. severity: info, warning or critical."""

    symbol: Symbol
    kind: str
    severity: str
    detail: str


class AlertRaised(MarketEvent, frozen=True, omit_defaults=True):
    """A user's rule found what it looks for. at: in the time the rule is measured by. value, threshold: in
    the unit of the metric.
    """

    alert_id: UUID
    rule_id: UUID
    user_id: UUID
    metric: str
    severity: str
    value: Decimal
    threshold: Decimal
    account_id: UUID | None = None
    symbol: Symbol | None = None


class AlertResolved(MarketEvent, frozen=True, omit_defaults=True):
    """The condition of an alert is over. value: None where its rule was changed or deleted."""

    alert_id: UUID
    rule_id: UUID
    user_id: UUID
    severity: str
    value: Decimal | None = None


class AlertSettingsChanged(Event, frozen=True, omit_defaults=True):
    """A user changed how alerts are raised or told. what: such as rule_added; of: the rule or the webhook."""

    user_id: UUID
    what: str
    of: UUID | None = None


class WebhookDisabled(Event, frozen=True, omit_defaults=True):
    """A webhook failed so often, one time after another, that nothing more is sent to it."""

    user_id: UUID
    webhook_id: UUID
    failures: int


class RoleChanged(Event, frozen=True, omit_defaults=True):
    user_id: UUID
    role: str


class UserDeactivated(Event, frozen=True, omit_defaults=True):
    """The user can no longer sign in, and every token and key of theirs has ended."""

    user_id: UUID


class UserActivated(Event, frozen=True, omit_defaults=True):
    user_id: UUID


class ApiKeyCreated(Event, frozen=True, omit_defaults=True):
    """grants: what the key may do, whole, as JSON."""

    user_id: UUID
    key_id: UUID
    grants: dict[str, Any]


class ApiKeyRevoked(Event, frozen=True, omit_defaults=True):
    user_id: UUID
    key_id: UUID


class AdministrationDone(Event, frozen=True, omit_defaults=True):
    """An administrator's act that has no event of its own. what: such as cache_cleared; detail: whole, as
    JSON.
    """

    what: str
    detail: dict[str, Any]
