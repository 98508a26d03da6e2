"""An alert rule: what it measures, when it raises an alert, when that is over, and what it may be.

An alert is raised when the value reaches the threshold, and resolved when the value is back beyond the re-arm
level (hysteresis). Until then, and until the cool-down is over, the rule raises no other.
"""

from decimal import Decimal
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec

from traderbot.model import rounding
from traderbot.model.errors import InvalidValue
from traderbot.model.rules import Limits
from traderbot.model.symbols import Symbol

Metric = Literal[
    "price",
    "change",
    "volume",
    "equity",
    "drawdown",
    "day_pnl",
    "weight",
    "var",
    "limit",
    "sentiment",
    "system",
]
Direction = Literal["above", "below"]
Severity = Literal["info", "warning", "critical"]

RULES_MAX = 100
BARS_MAX = 260
COOL_DOWN_MAX = 366 * 86_400
_ONE = Decimal(1)
_MICROS = 1_000_000
_USUAL_BARS = {"change": 1, "volume": 20}
_USUAL_LEVEL = Decimal("0.95")
_LEVELS = (Decimal("0.5"), Decimal("0.9999"))
OF_MARKET = frozenset({"price", "change", "volume"})
OF_ACCOUNT = frozenset({"equity", "drawdown", "day_pnl", "weight", "var", "limit"})
_OF_SYMBOL = OF_MARKET | {"sentiment"}
_NEVER_BELOW_ZERO = frozenset({"price", "volume", "drawdown", "weight", "var", "limit"})
_LIMIT_NAMES = {*Limits.__struct_fields__, "max_order_value", "maintenance_margin"} - {
    "restricted", "no_shorting", "halt_on_breach",
}  # fmt: skip
WORDS: dict[str, str] = {
    "price": "price",
    "change": "change of price",
    "volume": "volume against its average",
    "equity": "equity",
    "drawdown": "drawdown",
    "day_pnl": "profit of the day",
    "weight": "weight of equity",
    "var": "value at risk as a share of equity",
    "limit": "used of the limit",
    "sentiment": "sentiment",
    "system": "degraded parts",
}


class AlertRule(msgspec.Struct, frozen=True):
    """One rule of a user. account_id: of the account that is measured, None for what belongs to none.

    threshold, rearm: in the metric's unit: USD for price, equity and day_pnl; fractions for change, drawdown,
    weight, var and limit; multiples for volume; -1 to 1 for sentiment; parts for system. bars: over how many
    a price changes, or of how many the average volume is. level: confidence of the VaR. part: the limit or
    the part of the system that is meant, None for whichever is worst. cool_down_s: market time, and for
    system rules time of the wall. since: when it was made or last changed, microseconds; events from before
    are not its concern.
    """

    id: UUID
    user_id: UUID
    account_id: UUID | None
    name: str
    metric: Metric
    symbol: Symbol | None
    direction: Direction
    threshold: Decimal
    rearm: Decimal
    cool_down_s: int
    bars: int | None
    level: Decimal | None
    part: str | None
    severity: Severity
    enabled: bool
    revision: int
    since: int


class Standing(NamedTuple):
    """What a rule has come to. open_alert: whose condition still holds; raised_at: microseconds, of its last
    alert; trouble: why it cannot be measured.
    """

    open_alert: UUID | None = None
    raised_at: int | None = None
    trouble: str | None = None


class Measured(NamedTuple):
    """A value, or why there is none. of: what it was found at, where the rule does not say."""

    value: Decimal | None
    reason: str | None = None
    of: str | None = None


class Move(NamedTuple):
    """What a measurement does to a rule."""

    kind: Literal["raise", "resolve"]
    value: Decimal


def judge(rule: AlertRule, standing: Standing, value: Decimal, at: int) -> Move | None:
    """Whether a value raises the rule's alert, or ends it. at: microseconds."""
    sign = 1 if rule.direction == "above" else -1
    if standing.open_alert is not None:
        return Move("resolve", value) if sign * (value - rule.rearm) < 0 else None
    if sign * (value - rule.threshold) < 0:
        return None
    if standing.raised_at is not None and 0 <= at - standing.raised_at < rule.cool_down_s * _MICROS:
        return None  # a session that begins anew lies before it, and is not held back
    return Move("raise", value)


def checked(rule: AlertRule) -> AlertRule:
    """The rule with what its metric takes filled in. Errors: InvalidValue for what the metric cannot be asked
    with.
    """
    metric = rule.metric
    _needs(metric in _OF_SYMBOL, rule.symbol, "symbol", metric, also=metric == "weight")
    _needs(metric in OF_ACCOUNT, rule.account_id, "account_id", metric)
    if rule.bars is not None and (metric not in _USUAL_BARS or not 1 <= rule.bars <= BARS_MAX):
        expected = f"1 to {BARS_MAX}" if metric in _USUAL_BARS else f"nothing for the metric {metric}"
        raise InvalidValue("bars", expected, rule.bars)
    if rule.level is not None and (metric != "var" or not _LEVELS[0] <= rule.level <= _LEVELS[1]):
        expected = (
            "a confidence from 0.5 to 0.9999" if metric == "var" else f"nothing for the metric {metric}"
        )
        raise InvalidValue("level", expected, rule.level)
    if rule.part is not None and metric not in ("limit", "system"):
        raise InvalidValue("part", f"nothing for the metric {metric}", rule.part)
    if metric == "limit" and rule.part is not None and rule.part not in _LIMIT_NAMES:
        raise InvalidValue("part", f"a limit: {', '.join(sorted(_LIMIT_NAMES))}", rule.part)
    _check_levels(rule)
    filled: dict[str, Any] = {}
    if rule.bars is None and metric in _USUAL_BARS:
        filled["bars"] = _USUAL_BARS[metric]
    if rule.level is None and metric == "var":
        filled["level"] = _USUAL_LEVEL
    return msgspec.structs.replace(rule, **filled)


def _check_levels(rule: AlertRule) -> None:
    above = rule.direction == "above"
    if rule.rearm > rule.threshold if above else rule.rearm < rule.threshold:
        side = "at or below" if above else "at or above"
        raise InvalidValue("rearm", f"a level {side} the threshold {rule.threshold:f}", f"{rule.rearm:f}")
    if rule.metric in _NEVER_BELOW_ZERO and rule.threshold < 0:
        raise InvalidValue("threshold", f"0 or more for the metric {rule.metric}", f"{rule.threshold:f}")
    if rule.metric == "sentiment" and abs(rule.threshold) > 1:
        raise InvalidValue("threshold", "a score from -1 to 1", f"{rule.threshold:f}")


def _needs(wanted: bool, value: object, field: str, metric: str, *, also: bool = False) -> None:
    if wanted and value is None:
        raise InvalidValue(field, f"one for the metric {metric}")
    if value is not None and not (wanted or also):
        raise InvalidValue(field, f"none for the metric {metric}", value)


def said(value: Decimal) -> str:
    """A value for people: at most six places."""
    text = f"{rounding.ratio(value, _ONE):f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def body_of(rule: AlertRule, measured: Measured) -> str:
    """What an alert says: what was measured, against what."""
    assert measured.value is not None
    about = f"{rule.symbol or measured.of} " if rule.symbol or measured.of else ""
    over = f" over {rule.bars} bars" if rule.metric == "change" else ""
    side = "or above" if rule.direction == "above" else "or below"
    return f"{about}{WORDS[rule.metric]}{over}: {said(measured.value)}, at {side} {said(rule.threshold)}."
