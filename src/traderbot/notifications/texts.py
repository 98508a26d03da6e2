"""What a user is told of an event: severity, title, body, and the figures as data. Amounts are the event's
own, in their one exact notation.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from traderbot.engine.round_trips import RoundTrip
from traderbot.infra.clock import rfc3339
from traderbot.infra.events.texts import canonical
from traderbot.model import events as e
from traderbot.model import rounding

INFO, WARNING, CRITICAL = "info", "warning", "critical"
_PERCENT = Decimal(100)
_LIMITS = {
    "daily_loss": "Daily loss",
    "weekly_loss": "Weekly loss",
    "monthly_loss": "Monthly loss",
    "drawdown": "Drawdown",
}


class Text(NamedTuple):
    """What is said. kind: stands for it in the API."""

    kind: str
    severity: str
    title: str
    body: str
    data: Mapping[str, Any]


def order_placed(event: e.OrderPlaced) -> Text:
    """An order that the gate approved."""
    what = f"{event.side.value} {canonical(event.qty)} {event.symbol}"
    prices = f", limit {canonical(event.limit_price)}" if event.limit_price is not None else ""
    if event.stop is not None:
        prices += f", stop {canonical(event.stop.price)}"
    body = f"{event.type.value} order, {event.time_in_force.value}{prices}."
    data = {
        "order_id": event.order_id,
        "client_order_id": event.client_order_id or str(event.order_id),
        "symbol": event.symbol,
        "side": event.side.value,
        "type": event.type.value,
        "qty": canonical(event.qty),
        "limit_price": None if event.limit_price is None else canonical(event.limit_price),
        "time": rfc3339(event.at),
    }
    return Text("order_placed", INFO, f"Order placed: {what}", body[:1].upper() + body[1:], data)


def order_filled(event: e.Execution, remaining: Decimal) -> Text:
    """remaining: what of the order may still trade."""
    average = rounding.average_price(event.filled_value, event.filled_qty)
    what = f"{event.side.value} {canonical(event.qty)} {event.symbol} at {canonical(event.price)}"
    late = isinstance(event, e.OrderFilledLate)
    how = "filled late" if late else "partially filled" if remaining else "filled"
    so_far = f"{canonical(event.filled_qty)} filled at {canonical(average)} on average"
    body = f"{so_far}, fee {canonical(event.fee)}."
    if remaining:
        body += f" {canonical(remaining)} still to trade."
    data = {
        "order_id": event.order_id,
        "execution_id": event.execution_id,
        "symbol": event.symbol,
        "side": event.side.value,
        "qty": canonical(event.qty),
        "price": canonical(event.price),
        "notional": canonical(event.notional),
        "fee": canonical(event.fee),
        "realised": canonical(event.realised),
        "filled_qty": canonical(event.filled_qty),
        "average_price": canonical(average),
        "status": event.status.value,
        "remaining": canonical(remaining),
        "time": rfc3339(event.at),
    }
    return Text("order_filled", INFO, f"Order {how}: {what}", body, data)


def position_closed(symbol: str, at: int, trip: RoundTrip) -> Text:
    """The end of a round trip, with what it gained."""
    net = trip.realised - trip.fees
    result = "Gain" if net > 0 else "Loss" if net < 0 else "Result"
    body = (
        f"{result} {canonical(abs(net))} after fees of {canonical(trip.fees)},"
        f" in {trip.executions} executions since {rfc3339(trip.opened_at)}."
    )
    data = {
        "symbol": symbol,
        "realised": canonical(trip.realised),
        "fees": canonical(trip.fees),
        "net": canonical(net),
        "executions": trip.executions,
        "opened_at": rfc3339(trip.opened_at),
        "time": rfc3339(at),
    }
    return Text("position_closed", INFO, f"Position closed: {symbol}", body, data)


def _risk_limit_breached(event: e.RiskLimitBreached) -> Text:
    name = _LIMITS.get(event.limit, event.limit)
    allowed, observed = (canonical(share * _PERCENT) for share in (event.allowed, event.observed))
    then = "Trading is paused." if event.halt else "Orders that open positions are refused while it lasts."
    body = f"Lost {observed}% at the close; the limit is {allowed}%. {then}"
    data = {
        "limit": event.limit,
        "allowed": canonical(event.allowed),
        "observed": canonical(event.observed),
        "halt": event.halt,
        "time": rfc3339(event.at),
    }
    severity = CRITICAL if event.halt else WARNING
    return Text("risk_limit_breached", severity, f"{name} limit reached", body, data)


def _paused(event: e.TradingPaused) -> Text:
    what = f"in {event.symbol}" if event.symbol else "on the account"
    data = {"symbol": event.symbol, "detail": event.detail, "time": rfc3339(event.at)}
    return Text("trading_paused", WARNING, f"Trading paused {what}", event.detail, data)


def _quarantined(event: e.ReportQuarantined) -> Text:
    data = {"symbol": event.symbol, "detail": event.detail, "time": rfc3339(event.at)}
    title = f"Trading paused in {event.symbol}: a broker's report cannot be"
    return Text("trading_paused", CRITICAL, title, event.detail, data)


def _resumed(event: e.TradingResumed) -> Text:
    what = f"in {event.symbol}" if event.symbol else "on the account"
    data = {"symbol": event.symbol, "time": rfc3339(event.at)}
    return Text("trading_resumed", INFO, f"Trading resumed {what}", "Orders are taken again.", data)


def _margin_called(event: e.MarginCalled) -> Text:
    body = (
        f"The account is worth {canonical(event.equity)} and has to keep {canonical(event.required)}:"
        f" {canonical(event.deficit)} are missing."
    )
    data = {name: canonical(getattr(event, name)) for name in ("equity", "required", "deficit")}
    return Text("margin_called", CRITICAL, "Margin call", body, data | {"time": rfc3339(event.at)})


def _margin_met(event: e.MarginCallMet) -> Text:
    data = {name: canonical(getattr(event, name)) for name in ("equity", "required")}
    body = f"The account is worth {canonical(event.equity)} and has to keep {canonical(event.required)}."
    return Text("margin_call_met", INFO, "Margin call met", body, data | {"time": rfc3339(event.at)})


def _registered(event: e.UserRegistered) -> Text:
    body = "Your paper account is open. What happens to your orders and accounts is told here."
    return Text("user_registered", INFO, "Welcome", body, {})


def _preferences_changed(event: e.PreferencesChanged) -> Text:
    body = "If that was not you, change your password."
    return Text("preferences_changed", INFO, "Preferences changed", body, {})


_GUARD = {
    "needed": "Looser limits need a second person",
    "asked": "Looser limits wait for a second person",
    "withdrawn": "Looser limits were withdrawn",
    "approved": "A second person approved",
    "rejected": "A second person rejected",
}


def _limits_guard(event: e.LimitsGuardChanged) -> Text:
    data = {"account_id": str(event.account_id), "what": event.what}
    body = "Tighter limits count at once; what is looser waits until somebody else has approved it."
    return Text("limits_guard", INFO, _GUARD[event.what], body, data)


_REBALANCING = {
    "proposed": "A rebalancing is proposed",
    "approved": "A rebalancing is approved",
    "rejected": "A rebalancing is rejected",
    "done": "A rebalancing is done",
    "stopped": "A rebalancing was stopped",
    "planned": "The account is rebalanced by a plan",
    "unplanned": "The plan of rebalancing is gone",
}


def _rebalancing(event: e.RebalancingChanged) -> Text:
    proposal = None if event.proposal_id is None else str(event.proposal_id)
    data = {"account_id": str(event.account_id), "what": event.what, "proposal_id": proposal}
    return Text("rebalancing", INFO, _REBALANCING[event.what], event.detail, data)


def _sentiment(event: e.SentimentScored) -> Text:
    scored = event.sentiment
    tone = "Good" if scored.score > 0 else "Bad" if scored.score < 0 else "Neutral"
    data = {
        "symbol": event.symbol,
        "score": scored.score,
        "confidence": scored.confidence,
        "source": scored.source,
        "source_id": event.source_id,
        "headline": event.headline,
        "published_at": rfc3339(event.published_at),
    }
    body = event.headline or f"Reported by {scored.source}."
    return Text("sentiment_scored", INFO, f"{tone} news of {event.symbol}", body, data)


def _alert(event: e.MarketAlertRaised) -> Text:
    data = {"symbol": event.symbol, "kind": event.kind, "detail": event.detail}
    title = f"{event.symbol}: {event.kind.replace('_', ' ')}"
    return Text("market_alert", event.severity, title, event.detail, data)


def platform_halt(detail: str | None) -> Text:
    """detail: why, None for a halt that was lifted."""
    if detail is None:
        return Text("trading_resumed", INFO, "Trading resumed on the platform", "Orders are taken again.", {})
    return Text("trading_paused", WARNING, "Trading paused on the platform", detail, {"detail": detail})


TEXTS: dict[type[e.Event], Callable[[Any], Text]] = {
    e.OrderPlaced: order_placed,
    e.RiskLimitBreached: _risk_limit_breached,
    e.TradingPaused: _paused,
    e.ReportQuarantined: _quarantined,
    e.TradingResumed: _resumed,
    e.MarginCalled: _margin_called,
    e.MarginCallMet: _margin_met,
    e.UserRegistered: _registered,
    e.PreferencesChanged: _preferences_changed,
    e.LimitsGuardChanged: _limits_guard,
    e.RebalancingChanged: _rebalancing,
    e.SentimentScored: _sentiment,
    e.MarketAlertRaised: _alert,
}
"""What is said of an event by itself alone."""
