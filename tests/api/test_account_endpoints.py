"""Portfolio, positions, equity history, signals, events and halts over a real port."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from api.live import Live, Person, opened

pytestmark = pytest.mark.integration


def all_texts(value: Any) -> bool:
    """Whether no amount went out as a JSON number."""
    if isinstance(value, dict):
        return all(all_texts(part) for part in value.values())
    if isinstance(value, list):
        return all(all_texts(part) for part in value)
    return value is None or isinstance(value, str)


def test_a_new_account_has_its_starting_cash_and_nothing_else(ada: Person) -> None:
    portfolio = ada.get("/portfolio")
    assert portfolio["account_id"] == str(ada.user.account_id)
    assert (portfolio["cash"], portfolio["equity"], portfolio["available"]) == ("100000",) * 3
    assert (portfolio["market_value"], portfolio["held"], portfolio["total_return"]) == ("0",) * 3
    assert (portfolio["holdings"], portfolio["halted"], portfolio["currency"]) == ([], None, "USD")
    assert ada.get("/positions") == {"items": []}
    assert ada.get("/positions/MSFT", 404)["code"] == "not_found"


def test_the_portfolio_adds_up_exactly(live: Live, ada: Person) -> None:
    ada.order(qty="37.123456789")
    ada.order(symbol="IBM", qty="11")
    live.step()
    ada.order(symbol="IBM", side="sell", qty="4.5")
    ada.order(type="limit", limit_price="20", time_in_force="gtc", qty="3")
    live.step(2)
    portfolio = ada.get("/portfolio")
    assert all_texts(portfolio)
    figures = {name: Decimal(text) for name, text in portfolio.items() if name not in NOT_FIGURES}
    held = portfolio["holdings"]
    assert [one["symbol"] for one in held] == ["IBM", "MSFT"]
    assert figures["market_value"] == sum(Decimal(one["market_value"]) for one in held)
    assert figures["equity"] == figures["cash"] + figures["market_value"]
    assert figures["available"] == figures["cash"] - figures["held"]
    assert figures["held"] > 0
    assert figures["fees"] > 0
    gains = figures["realised_pnl"] + figures["unrealised_pnl"] - figures["fees"] + figures["dividends"]
    assert figures["equity"] - figures["starting_cash"] == gains
    for one in held:
        assert Decimal(one["unrealised_pnl"]) == Decimal(one["market_value"]) - Decimal(one["cost_basis"])
        assert ada.get(f"/positions/{one['symbol']}") == one
    assert ada.get("/positions")["items"] == held
    history = ada.get("/portfolio/history")["items"]
    assert history[-1] == {
        "time": portfolio["as_of"],
        "equity": portfolio["equity"],
        "cash": portfolio["cash"],
    }
    assert [point["time"] for point in history] == sorted(point["time"] for point in history)
    assert ada.get("/portfolio/history", limit=1)["items"] == history[-1:]


NOT_FIGURES = {"account_id", "currency", "as_of", "halted", "holdings"}


def test_events_are_paged_in_order_and_filtered(live: Live, ada: Person, bob: Person) -> None:
    bob.order()
    placed = ada.order()
    live.step()
    everything = ada.events()
    kinds = [event["type"] for event in everything]
    assert kinds == ["AccountOpened", "CashMoved", "OrderPlaced", "OrderFilled", "PortfolioRevalued"]
    assert everything[2]["actor"] == f"user:{ada.user.id}"
    assert everything[2]["data"]["order_id"] == placed["id"]
    assert everything[2]["data"]["qty"] == "10"
    seen, after = [], 0
    while True:
        page = ada.get("/events", after=after, limit=2)
        if not page["items"]:
            break
        seen += page["items"]
        after = page["next_after"]
    assert seen == everything
    assert page["next_after"] == after
    (filled,) = ada.get("/events", type="OrderFilled")["items"]
    assert filled == everything[3]
    assert ada.get("/events", 422, type="Nonsense")["errors"][0]["field"] == "type"
    assert not {event["position"] for event in everything} & {event["position"] for event in bob.events()}
    assert not any("@" in str(event["data"]) for event in everything)


def test_a_paused_account_places_nothing_and_still_cancels(live: Live, ada: Person, bob: Person) -> None:
    order_id = ada.order(type="limit", limit_price="20", time_in_force="gtc")["id"]
    assert ada.post("/risk/halt", {"reason": "enough"}, 200) == {"halted": "enough"}
    assert ada.post("/risk/halt", {"reason": "more"}, 409)["code"] == "already_halted"
    refused = ada.order(422)
    assert (refused["code"], "enough" in refused["detail"]) == ("account_halted", True)
    assert ada.patch(f"/orders/{order_id}", {"qty": "5"}, 422)["code"] == "account_halted"
    assert ada.get("/portfolio")["halted"] == "enough"
    assert bob.order()["status"] == "accepted"
    assert ada.delete(f"/orders/{order_id}")["status"] == "canceled"
    assert ada.delete("/orders") == {"items": []}
    assert ada.delete("/risk/halt") == {"halted": None}
    assert ada.delete("/risk/halt", 409)["code"] == "not_halted"
    assert ada.order()["status"] == "accepted"


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": "x" * 201}, {"reason": 1}, {"reason": "x", "at": 1}]
)
def test_a_halt_needs_a_reason(ada: Person, body: Any) -> None:
    assert ada.post("/risk/halt", body, 422)["code"] == "invalid_value"
    assert ada.get("/portfolio")["halted"] is None


def test_a_halt_an_order_and_a_key_survive_a_restart(tmp_path: Path) -> None:
    body, key = b'{"symbol":"MSFT","side":"buy","qty":"10"}', {"Idempotency-Key": "k"}
    with opened(tmp_path) as live, live.person() as ada:
        first = ada.send("/orders", body, **key)
        ada.post("/risk/halt", {"reason": "for the night"}, 200)
        step, user = live.platform.session.replay.step, ada.user
        portfolio = ada.get("/portfolio")
    with opened(tmp_path) as live, live.person() as visitor:
        assert live.platform.session.replay.step == step
        visitor.client.headers["Authorization"] = f"Bearer {live.token(user)}"
        assert visitor.get("/portfolio") == portfolio
        assert visitor.order(422)["code"] == "account_halted"
        again = visitor.send("/orders", body, **key)
        assert (again.status_code, again.content) == (201, first.content)
        live.step()
        assert visitor.get(f"/orders/{first.json()['id']}")["status"] == "filled"


def test_preferences_and_keys_belong_to_their_user(ada: Person, bob: Person) -> None:
    wanted = {
        "risk_tolerance": "aggressive",
        "investment_goal": "income",
        "sector_preferences": ["Energy"],
        "sector_exclusions": ["Utilities"],
    }
    answer = ada.client.put("/api/v1/users/me/preferences", json=wanted)
    assert (answer.status_code, answer.json()) == (200, wanted)
    assert ada.get("/users/me/preferences") == wanted
    assert bob.get("/users/me/preferences") != wanted
    key = ada.post("/users/me/api-keys", {"name": "bot"})
    headers = {"X-API-Key": key["key"], "Authorization": ""}
    del ada.client.headers["Authorization"]
    assert ada.client.get("/api/v1/portfolio", headers={"X-API-Key": headers["X-API-Key"]}).status_code == 200
    assert bob.client.delete(f"/api/v1/users/me/api-keys/{key['id']}").status_code == 404
