"""Alerts over a real port: rules, what they raise as the session steps, and how it is told."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from api.live import Live, Person
from api.test_inbox_endpoints import until

pytestmark = pytest.mark.integration

D = Decimal
MSFT = {"name": "MSFT", "metric": "price", "symbol": "MSFT"}


@pytest.fixture
def watch(live: Live) -> Iterator[Any]:
    """Measures, by hand; what came before is behind it."""
    alerts = live.platform.alerts

    def measure() -> None:
        while alerts.measure():
            pass

    measure()
    yield measure
    with live.platform.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM alert_rules")


def price(live: Live, symbol: str = "MSFT") -> Decimal:
    mark = live.platform.session.market.mark(symbol)  # type: ignore[arg-type]
    assert mark is not None
    return mark.price


def test_a_price_raises_an_alert_once_and_its_end_resolves_it(
    live: Live, ada: Person, bob: Person, watch: Any
) -> None:
    live.step()
    rule = ada.post("/alerts/rules", {**MSFT, "threshold": "0.01", "severity": "critical"})
    assert (rule["direction"], rule["rearm"], rule["open_alert"]) == ("above", "0.01", None)
    live.step()
    watch()
    live.step()
    watch()
    (alert,) = ada.get("/alerts")["items"]
    assert (alert["state"], alert["severity"], alert["rule_id"]) == ("open", "critical", rule["id"])
    assert ada.get(f"/alerts/rules/{rule['id']}")["open_alert"] == alert["id"]
    told = until(ada, "alert_raised")[0]
    assert (told["title"], told["severity"], told["data"]["id"]) == ("MSFT", "critical", alert["id"])
    assert bob.get("/alerts")["items"] == []
    assert bob.get(f"/alerts/{alert['id']}", 404)["code"] == "not_found"
    assert bob.get(f"/alerts/rules/{rule['id']}", 404)["code"] == "not_found"

    changed = {**MSFT, "threshold": "1000000"}
    assert ada.put(f"/alerts/rules/{rule['id']}", changed)["open_alert"] is None
    (alert,) = ada.get("/alerts")["items"]
    assert (alert["state"], alert["resolved_value"]) == ("resolved", None)


def test_an_alert_is_over_beyond_the_rearm_level(live: Live, ada: Person, watch: Any) -> None:
    live.step()
    now = price(live)
    ada.put("/alerts/routing", {"warning": {"resolved": True}})
    wide = {**MSFT, "threshold": f"{float(now) / 2:.2f}", "rearm": f"{float(now) / 3:.2f}"}
    rule = ada.post("/alerts/rules", wide)
    live.step()
    watch()
    (alert,) = ada.get("/alerts", state="open")["items"]
    assert (D(alert["value"]), alert["threshold"]) == (price(live), rule["threshold"])
    below = {**MSFT, "direction": "below", "threshold": str(now * 2), "rearm": str(now * 2)}
    ada.post("/alerts/rules", below)
    live.step()
    watch()
    assert len(ada.get("/alerts", state="open")["items"]) == 2


def test_what_an_account_comes_to_raises_alerts(live: Live, ada: Person, watch: Any) -> None:
    ada.order(qty="500")
    live.step(2)
    watch()
    wanted = {
        "equity": {"threshold": "1000"},
        "weight": {"threshold": "0.05"},
        "day_pnl": {"threshold": "-100000"},
        "drawdown": {"threshold": "0"},
        "limit": {"threshold": "0", "part": "max_order_value"},
        "var": {"threshold": "0.0001"},
    }
    for metric, fields in wanted.items():
        ada.post("/alerts/rules", {"name": metric, "metric": metric, **fields})
    live.step(2)
    watch()
    portfolio = ada.get("/portfolio")
    found = {one["metric"]: one for one in ada.get("/alerts")["items"]}
    assert found.keys() >= {"equity", "weight", "day_pnl", "drawdown", "limit"}
    assert found["equity"]["value"] == portfolio["equity"]
    weight = float(portfolio["holdings"][0]["market_value"]) / float(portfolio["equity"])
    assert float(found["weight"]["value"]) == pytest.approx(weight, abs=1e-6)
    assert found["weight"]["body"].startswith("MSFT weight of equity: ")
    assert found["weight"]["account_id"] == str(ada.user.account_id)
    ada.order(qty="1")
    live.step()
    watch()
    assert D({one["metric"]: one for one in ada.get("/alerts")["items"]}["var"]["value"]) > D("0.0001")


def test_change_and_volume_are_measured_over_their_bars(live: Live, ada: Person, watch: Any) -> None:
    live.step(5)
    ada.post("/alerts/rules", {**MSFT, "metric": "change", "bars": 3, "threshold": "-1"})
    ada.post("/alerts/rules", {**MSFT, "metric": "volume", "bars": 4, "threshold": "0"})
    live.step()
    watch()
    bars = live.platform.dataset.bars["MSFT"].until(live.platform.session.market.time)  # type: ignore[index]
    found = {one["metric"]: D(one["value"]) for one in ada.get("/alerts")["items"]}
    assert float(found["change"]) == pytest.approx(bars.close[-1] / bars.close[-4] - 1, abs=1e-9)
    assert float(found["volume"]) == pytest.approx(bars.volume[-1] / bars.volume[-5:-1].mean(), abs=1e-9)


def test_a_scored_text_raises_the_alert_of_its_symbol(
    live: Live, ada: Person, admin: Person, watch: Any
) -> None:
    ada.post("/alerts/rules", {**MSFT, "metric": "sentiment", "direction": "below", "threshold": "-0.5"})
    for number, score in enumerate([-0.4, -0.6, -0.7, 0.1]):
        text = {
            "type": "SentimentScored", "symbol": "MSFT", "source": "test", "score": score,
            "source_id": f"{ada.user.id}{number}", "confidence": 0.9,
            "published_at": f"2005-01-0{number + 3}T12:00:00Z",
        }  # fmt: skip
        admin.post("/events", {"event": text})
    watch()
    (alert,) = ada.get("/alerts")["items"]
    assert (alert["value"], alert["resolved_value"], alert["state"]) == ("-0.6", "0.1", "resolved")
    assert alert["time"] == "2005-01-04T12:00:00Z"


def test_only_administrators_watch_the_system(live: Live, ada: Person, admin: Person, watch: Any) -> None:
    rule = {"name": "parts", "metric": "system", "threshold": "1"}
    assert ada.post("/alerts/rules", rule, 403)["code"] == "forbidden"
    admin.post("/alerts/rules", rule)
    alerts = live.platform.alerts
    alerts._asked_at = 0
    watch()
    (alert,) = admin.get("/alerts")["items"]
    assert alert["body"] == "session degraded parts: 1, at or above 1."


def test_an_alert_is_acknowledged_once(live: Live, ada: Person, bob: Person, watch: Any) -> None:
    ada.post("/alerts/rules", {**MSFT, "threshold": "0.01"})
    live.step()
    watch()
    (alert,) = ada.get("/alerts", state="open")["items"]
    path = f"/alerts/{alert['id']}/acknowledge"
    assert bob.post(path, {}, 404)["code"] == "not_found"
    first = ada.post(path, {}, 200)
    assert (first["state"], first["acknowledged_by"]) == ("acknowledged", str(ada.user.id))
    assert ada.post(path, {}, 200) == first
    assert ada.get("/alerts", state="open")["items"] == []
    assert ada.get("/alerts", state="acknowledged")["items"] == [first]


def test_pages_and_filters(live: Live, ada: Person, watch: Any) -> None:
    for severity in ("info", "warning", "critical"):
        ada.post("/alerts/rules", {**MSFT, "threshold": "0.01", "severity": severity})
    live.step()
    watch()
    everything = ada.get("/alerts")["items"]
    assert len(everything) == 3
    first = ada.get("/alerts", limit=2)
    rest = ada.get("/alerts", limit=2, cursor=first["next_cursor"])
    assert first["items"] + rest["items"] == everything
    assert rest["next_cursor"] is None
    assert ada.get("/alerts", 422, cursor=first["next_cursor"], severity="info")["code"] == "invalid_value"
    assert [one["severity"] for one in ada.get("/alerts", severity="critical")["items"]] == ["critical"]
    assert ada.get("/alerts", symbol="AAPL")["items"] == []
    (only,) = ada.get("/alerts", rule_id=everything[0]["rule_id"])["items"]
    assert only == everything[0]


def test_what_cannot_be_measured_says_why(live: Live, ada: Person, watch: Any) -> None:
    rule = ada.post("/alerts/rules", {"name": "l", "metric": "limit", "part": "gross", "threshold": "1"})
    live.step()
    watch()
    assert ada.get(f"/alerts/rules/{rule['id']}")["trouble"] == "no limit gross is set"


@pytest.mark.parametrize(
    ("changed", "status", "field"),
    [
        ({"symbol": None}, 422, "symbol"),
        ({"metric": "nothing"}, 422, "metric"),
        ({"threshold": "NaN"}, 422, "threshold"),
        ({"rearm": "30"}, 422, "rearm"),
        ({"bars": 2}, 422, "bars"),
        ({"cool_down_s": -1}, 422, "cool_down_s"),
        ({"name": "two\nlines"}, 422, "name"),
        ({"symbol": "NONE"}, 404, None),
    ],
)
def test_what_is_no_rule_is_refused(ada: Person, changed: Any, status: int, field: str | None) -> None:
    answer = ada.post("/alerts/rules", {**MSFT, "threshold": "27", **changed}, status)
    if field is not None:
        assert field in answer["detail"]


def test_rules_end_somewhere_and_deleted_ones_are_gone(live: Live, ada: Person, watch: Any) -> None:
    first = ada.post("/alerts/rules", {**MSFT, "threshold": "0.01"})
    for _ in range(99):
        ada.post("/alerts/rules", {**MSFT, "threshold": "27"})
    assert ada.post("/alerts/rules", {**MSFT, "threshold": "27"}, 409)["code"] == "conflict"
    live.step()
    watch()
    assert ada.delete(f"/alerts/rules/{first['id']}") == {"id": first["id"]}
    assert ada.get(f"/alerts/rules/{first['id']}", 404)["code"] == "not_found"
    (alert,) = [one for one in ada.get("/alerts")["items"] if one["rule_id"] == first["id"]]
    assert alert["state"] == "resolved"


def test_routing_decides_where_an_alert_goes(live: Live, ada: Person, watch: Any) -> None:
    usual = ada.get("/alerts/routing")
    assert usual["email_set_up"] is False
    assert usual["info"] == {"inbox": True, "email": False, "webhooks": [], "resolved": False}
    ada.put("/alerts/routing", {"info": {"inbox": False}})
    assert ada.get("/alerts/routing")["info"]["inbox"] is False
    stranger = "0198c7a2-5e1f-7d3a-9b1c-2f6f5f0e8a11"
    assert ada.put("/alerts/routing", {"info": {"webhooks": [stranger]}}, 422)["code"] == "invalid_value"
    for severity in ("info", "warning"):
        ada.post("/alerts/rules", {**MSFT, "name": severity, "threshold": "0.01", "severity": severity})
    live.step()
    watch()
    until(ada, "alert_raised")
    assert [one["title"] for one in ada.get("/inbox")["items"] if one["kind"] == "alert_raised"] == [
        "warning"
    ]


def test_changes_are_on_record_with_who_made_them(live: Live, ada: Person, watch: Any) -> None:
    rule = ada.post("/alerts/rules", {**MSFT, "threshold": "27"})
    ada.put(f"/alerts/rules/{rule['id']}", {**MSFT, "threshold": "28"})
    ada.delete(f"/alerts/rules/{rule['id']}")
    ada.put("/alerts/routing", {})
    hook = ada.post("/alerts/webhooks", {"name": "desk", "url": "https://desk.example.com/"})
    ada.post(f"/alerts/webhooks/{hook['id']}/secret", {}, 200)
    ada.delete(f"/alerts/webhooks/{hook['id']}")
    found = ada.get("/events/search", type="AlertSettingsChanged")["items"]
    assert {one["metadata"]["actor"] for one in found} == {f"user:{ada.user.id}"}
    assert [(one["data"]["what"], one["data"].get("of")) for one in found[::-1]] == [
        ("rule_added", rule["id"]),
        ("rule_changed", rule["id"]),
        ("rule_deleted", rule["id"]),
        ("routing_changed", None),
        ("webhook_added", hook["id"]),
        ("webhook_secret_renewed", hook["id"]),
        ("webhook_deleted", hook["id"]),
    ]


def test_another_account_of_ones_own_and_nobody_elses(live: Live, ada: Person, bob: Person) -> None:
    other = {"name": "e", "metric": "equity", "threshold": "1", "account_id": str(bob.user.account_id)}
    assert ada.post("/alerts/rules", other, 404)["code"] == "not_found"
