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


NOT_FIGURES = {
    "account_id", "name", "kind", "currency", "as_of", "halted", "halted_symbols", "holdings", "margin",
    "broker", "lot_method",
}  # fmt: skip


def test_a_halt_an_order_and_a_key_survive_a_restart(tmp_path: Path) -> None:
    body, key = b'{"symbol":"MSFT","side":"buy","qty":"10"}', {"Idempotency-Key": "k"}
    with opened(tmp_path) as live, live.person() as ada:
        first = ada.send("/orders", body, **key)
        ada.post("/risk/halt", {"detail": "for the night"}, 200)
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
