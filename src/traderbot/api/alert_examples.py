"""Examples of the answers about alerts, for the OpenAPI description."""

from typing import Any

from traderbot.api.account_examples import page_of

_RULE_ID = "0198c7a2-7001-7c55-9d21-4e8b7f6a5c41"
_ALERT_ID = "0198c7a2-7002-7c55-9d21-4e8b7f6a5c42"
_RULE = {
    "id": _RULE_ID,
    "name": "MSFT breaks out",
    "metric": "price",
    "direction": "above",
    "threshold": "27",
    "rearm": "26.5",
    "symbol": "MSFT",
    "account_id": None,
    "bars": None,
    "level": None,
    "part": None,
    "cool_down_s": 0,
    "severity": "warning",
    "enabled": True,
    "since": "2026-01-05T09:30:00Z",
    "open_alert": _ALERT_ID,
    "raised_at": "2005-01-04T21:00:00Z",
    "trouble": None,
}
_ALERT = {
    "id": _ALERT_ID,
    "rule_id": _RULE_ID,
    "account_id": None,
    "metric": "price",
    "symbol": "MSFT",
    "severity": "warning",
    "title": "MSFT breaks out",
    "body": "MSFT price: 27.02, at or above 27.",
    "value": "27.02",
    "threshold": "27",
    "state": "open",
    "time": "2005-01-04T21:00:00Z",
    "acknowledged_at": None,
    "acknowledged_by": None,
    "resolved_at": None,
    "resolved_value": None,
}
_HOOK = {
    "id": "0198c7a2-7003-7c55-9d21-4e8b7f6a5c43",
    "name": "desk",
    "url": "https://desk.example.com/alerts",
    "enabled": True,
    "failures": 0,
    "next_try_at": None,
    "last_error": None,
    "created_at": "2026-01-05T09:30:00Z",
}
_DELIVERY = {
    "id": "0198c7a2-7004-7c55-9d21-4e8b7f6a5c44",
    "alert_id": _ALERT_ID,
    "channel": "webhook",
    "webhook_id": _HOOK["id"],
    "state": "sent",
    "attempts": 1,
    "next_try_at": None,
    "error": None,
    "created_at": "2026-01-05T09:31:00Z",
    "done_at": "2026-01-05T09:31:01Z",
}
_ROUTE: dict[str, Any] = {"inbox": True, "email": False, "webhooks": [], "resolved": False}

ALERT_EXAMPLES: dict[str, dict[str, Any]] = {
    "AlertRuleOut": _RULE,
    "AlertRulesOut": {"items": [_RULE]},
    "AlertOut": _ALERT,
    "Page_AlertOut_": page_of(_ALERT),
    "RoutingOut": {
        "info": _ROUTE,
        "warning": _ROUTE,
        "critical": {**_ROUTE, "email": True, "resolved": True},
        "email_set_up": True,
    },
    "WebhookOut": _HOOK,
    "WebhookMadeOut": {**_HOOK, "secret": "whsec_q0Wm2l9s0xH1b8mYh3l6x2V1m7dK5n4c8p0rT6uZ3aE="},
    "WebhooksOut": {"items": [_HOOK]},
    "DeliveryOut": _DELIVERY,
    "Page_DeliveryOut_": page_of(_DELIVERY),
    "DeletedOut": {"id": _RULE_ID},
}
