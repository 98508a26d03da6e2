"""The application as a whole: its OpenAPI description, the headers of page and API, CORS."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.routing import APIRoute

from api.live import Live, opened
from traderbot.api.app import STATIC
from traderbot.api.examples import EXAMPLES

pytestmark = pytest.mark.integration

METHODS = {"get", "post", "put", "patch", "delete"}
ROUTES = {
    "GET /api/v1/strategies", "GET /api/v1/backtests", "POST /api/v1/backtests",
    "GET /api/v1/backtests/compare", "GET /api/v1/backtests/{backtest_id}",
    "DELETE /api/v1/backtests/{backtest_id}", "POST /api/v1/backtests/{backtest_id}/cancel",
    "GET /api/v1/backtests/datasets", "GET /api/v1/backtests/{backtest_id}/report",
    "GET /api/v1/backtests/{backtest_id}/validation", "POST /api/v1/backtests/{backtest_id}/validation",
    "GET /api/v1/backtests/{backtest_id}/validation/report",
    "GET /api/v1/backtests/sweeps", "POST /api/v1/backtests/sweeps",
    "GET /api/v1/backtests/sweeps/{sweep_id}",
    "DELETE /api/v1/backtests/sweeps/{sweep_id}", "POST /api/v1/backtests/sweeps/{sweep_id}/cancel",
    "GET /api/v1/backtests/sweeps/{sweep_id}/results",
    "POST /api/v1/backtests/{backtest_id}/validation/cancel",
    "GET /api/v1/backtests/{backtest_id}/curve", "GET /api/v1/backtests/{backtest_id}/trades",
    "GET /api/v1/events/search", "GET /api/v1/events/schemas", "GET /api/v1/admin/events",
    "POST /api/v1/auth/register", "POST /api/v1/auth/login", "POST /api/v1/auth/refresh",
    "POST /api/v1/auth/logout", "GET /api/v1/users/me", "GET /api/v1/users/me/preferences",
    "PUT /api/v1/users/me/preferences", "GET /api/v1/users/me/api-keys", "POST /api/v1/users/me/api-keys",
    "DELETE /api/v1/users/me/api-keys/{key_id}", "POST /api/v1/orders", "GET /api/v1/orders",
    "DELETE /api/v1/orders", "GET /api/v1/orders/{order_id}", "PATCH /api/v1/orders/{order_id}",
    "DELETE /api/v1/orders/{order_id}", "GET /api/v1/orders:by_client_order_id", "GET /api/v1/fills",
    "GET /api/v1/positions", "GET /api/v1/positions/{symbol}", "GET /api/v1/portfolio",
    "GET /api/v1/portfolio/history", "GET /api/v1/portfolio/performance",
    "GET /api/v1/portfolio/contribution", "GET /api/v1/portfolio/factors",
    "GET /api/v1/portfolio/statements/{period}", "GET /api/v1/portfolio/tax/{year}",
    "GET /api/v1/portfolio/rebalancing/models", "GET /api/v1/portfolio/rebalancing/plan",
    "PUT /api/v1/portfolio/rebalancing/plan", "DELETE /api/v1/portfolio/rebalancing/plan",
    "GET /api/v1/portfolio/rebalancing/proposals", "POST /api/v1/portfolio/rebalancing/proposals",
    "GET /api/v1/portfolio/rebalancing/proposals/{proposal_id}",
    "POST /api/v1/portfolio/rebalancing/proposals/{proposal_id}/approve",
    "POST /api/v1/portfolio/rebalancing/proposals/{proposal_id}/reject",
    "GET /api/v1/portfolio/attribution", "GET /api/v1/portfolio/allocation",
    "GET /api/v1/market/instruments", "GET /api/v1/market/bars/{symbol}",
    "GET /api/v1/market/clock",
    "GET /api/v1/market/actions/{symbol}", "POST /api/v1/market/clock", "GET /api/v1/signals",
    "GET /api/v1/strategies/assigned",
    "GET /api/v1/why/{order_id}", "GET /api/v1/events", "GET /api/v1/risk/halt", "POST /api/v1/risk/halt",
    "GET /api/v1/risk/kill", "POST /api/v1/risk/kill",
    "POST /api/v1/risk/halt/resume-request", "POST /api/v1/risk/halt/resume", "GET /api/v1/admin/halts",
    "GET /api/v1/risk/analysis", "GET /api/v1/risk/scenarios", "POST /api/v1/risk/scenarios",
    "GET /api/v1/risk/status", "GET /api/v1/risk/status/history", "GET /api/v1/risk/factors",
    "GET /api/v1/risk/scenarios/saved", "PUT /api/v1/risk/scenarios/saved",
    "GET /api/v1/risk/scenarios/saved/{name}", "DELETE /api/v1/risk/scenarios/saved/{name}",
    "POST /api/v1/admin/halts", "POST /api/v1/admin/halts/resume-request", "POST /api/v1/admin/halts/resume",
    "POST /api/v1/admin/accounts/{account_id}/reports", "GET /api/v1/admin/limits",
    "GET /api/v1/admin/cache", "DELETE /api/v1/admin/cache", "DELETE /api/v1/admin/cache/{name}",
    "GET /api/v1/admin/rate-limits",
    "PUT /api/v1/admin/rate-limits",
    "POST /api/v1/admin/rate-limits/reset",
    "PUT /api/v1/admin/limits", "POST /api/v1/events", "GET /api/v1/inbox", "POST /api/v1/inbox/read",
    "GET /api/v1/alerts", "GET /api/v1/alerts/{alert_id}", "POST /api/v1/alerts/{alert_id}/acknowledge",
    "GET /api/v1/alerts/rules", "POST /api/v1/alerts/rules", "GET /api/v1/alerts/rules/{rule_id}",
    "PUT /api/v1/alerts/rules/{rule_id}", "DELETE /api/v1/alerts/rules/{rule_id}",
    "GET /api/v1/alerts/webhooks", "POST /api/v1/alerts/webhooks",
    "DELETE /api/v1/alerts/webhooks/{webhook_id}", "POST /api/v1/alerts/webhooks/{webhook_id}/secret",
    "POST /api/v1/alerts/webhooks/{webhook_id}/enable", "POST /api/v1/alerts/webhooks/{webhook_id}/test",
    "GET /api/v1/alerts/deliveries", "POST /api/v1/alerts/deliveries/{delivery_id}/replay",
    "GET /api/v1/alerts/routing", "PUT /api/v1/alerts/routing",
    "GET /api/v1/admin/handlers", "GET /api/v1/admin/dead-letters",
    "POST /api/v1/admin/dead-letters/{handler}/{position}/replay",
    "DELETE /api/v1/admin/dead-letters/{handler}/{position}",
    "POST /api/v1/orders/batch", "POST /api/v1/orders/preview", "GET /api/v1/accounts",
    "POST /api/v1/accounts",
    "GET /api/v1/accounts/{account_id}", "POST /api/v1/accounts/{account_id}/deposits",
    "POST /api/v1/accounts/{account_id}/withdrawals", "PUT /api/v1/accounts/{account_id}/lot-method",
    "GET /api/v1/accounts/{account_id}/limits", "PUT /api/v1/accounts/{account_id}/limits",
    "GET /api/v1/accounts/{account_id}/lots", "GET /api/v1/accounts/{account_id}/activities",
    "GET /api/v1/accounts/{account_id}/realised", "GET /api/v1/accounts/{account_id}/realised.csv",
    "GET /api/v1/accounts/{account_id}/as-of", "GET /api/v1/accounts/{account_id}/books",
    "PUT /api/v1/accounts/{account_id}/limits/second-person",
    "DELETE /api/v1/accounts/{account_id}/limits/waiting", "GET /api/v1/admin/limit-requests",
    "POST /api/v1/admin/limit-requests/{account_id}/approve",
    "POST /api/v1/admin/limit-requests/{account_id}/reject",
    "GET /api/v1/admin/users", "GET /api/v1/admin/users/{user_id}", "PATCH /api/v1/admin/users/{user_id}",
    "DELETE /api/v1/admin/users/{user_id}", "POST /api/v1/admin/users/{user_id}/sign-out",
    "DELETE /api/v1/admin/users/{user_id}/api-keys/{key_id}",
    "GET /health", "GET /health/ready", "GET /metrics",
}  # fmt: skip


@pytest.fixture(scope="module")
def description(live: Live) -> Any:
    return httpx2.get(f"{live.url}/api/openapi.json", timeout=60).json()


def operations(description: Any) -> Iterator[tuple[str, Any]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            assert method in METHODS
            yield f"{method.upper()} {path}", operation


def resolved(description: Any, schema: Any) -> Any:
    while "$ref" in schema:
        schema = description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def test_every_route_is_described_and_nothing_else(live: Live, description: Any) -> None:
    assert {name for name, _ in operations(description)} == ROUTES
    for router in (route.original_router for route in live.app.routes if hasattr(route, "original_router")):
        for route in router.routes:
            described = isinstance(route, APIRoute) and route.include_in_schema
            assert described or route.path == "/api/v1/ws"
    assert "/api/v1/ws" in description["info"]["description"]
    assert "authenticate" in description["info"]["description"]


def test_every_operation_has_a_summary_an_id_and_examples(description: Any) -> None:
    ids = []
    for name, operation in operations(description):
        ids.append(operation["operationId"])
        assert operation["summary"], name
        assert operation["tags"], name
        good = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        assert len(good) == 1, name
        contents = [part.get("content", {}) for part in (operation.get("requestBody", {}), *good)]
        for body in (content["application/json"] for content in contents if "application/json" in content):
            schema = resolved(description, body["schema"])
            parts = [resolved(description, part) for part in schema["properties"].values()]
            assert "examples" in schema or all("examples" in part for part in parts), name
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z_]+", one) for one in ids)


def test_every_error_is_a_problem_with_an_example(description: Any) -> None:
    for name, operation in operations(description):
        for status, answer in operation["responses"].items():
            if not status.startswith("2"):
                content = answer["content"]["application/problem+json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, name
                assert content["example"]["status"] == int(status)
        secured = "security" in operation
        assert secured == ("401" in operation["responses"] and "/auth/" not in name), name


def test_every_reference_leads_somewhere(description: Any) -> None:
    def walk(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                yield part["$ref"]
            for value in part.values():
                yield from walk(value)
        elif isinstance(part, list):
            for value in part:
                yield from walk(value)

    schemas = description["components"]["schemas"]
    assert {reference.removeprefix("#/components/schemas/") for reference in walk(description)} <= set(
        schemas
    )
    for path, methods in description["paths"].items():
        for operation in methods.values():
            named = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))


def fits(description: Any, schema: Any, value: Any) -> bool:
    """Whether a value is one of a schema's: as much of JSON Schema as the description uses."""
    schema = resolved(description, schema)
    if "anyOf" in schema:
        return any(fits(description, one, value) for one in schema["anyOf"])
    kind = schema.get("type")
    if kind == "object":
        known = schema.get("properties")
        if known is None:
            return isinstance(value, dict)
        return (
            isinstance(value, dict)
            and known.keys() == value.keys()
            and all(fits(description, part, value[name]) for name, part in known.items())
        )
    if kind == "array":
        return isinstance(value, list) and all(fits(description, schema["items"], one) for one in value)
    if kind == "string":
        return isinstance(value, str) and re.search(schema.get("pattern", ""), value) is not None
    kinds: dict[str, type | tuple[type, ...]] = {
        "integer": int, "number": (int, float), "boolean": bool, "null": type(None)
    }  # fmt: skip
    return isinstance(value, kinds[kind])


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_the_examples_are_of_their_schemas(description: Any, name: str) -> None:
    schema = description["components"]["schemas"][name]
    assert all(fits(description, schema, example) for example in schema["examples"])


def test_real_answers_are_of_their_schemas(live: Live, description: Any) -> None:
    with live.person() as ada:
        order_id = ada.order()["id"]
        live.step()
        for path in (
            "/users/me", "/users/me/preferences", "/users/me/api-keys", "/orders", "/fills", "/positions",
            "/portfolio", "/portfolio/history", "/portfolio/performance",
            "/portfolio/contribution", "/portfolio/allocation", "/portfolio/factors",
            "/portfolio/attribution", "/market/instruments", "/market/clock", "/signals", "/events",
            f"/orders/{order_id}", f"/why/{order_id}", "/positions/MSFT", "/market/bars/MSFT",
            "/market/actions/MSFT", "/risk/halt", "/risk/analysis", "/risk/scenarios", "/risk/status",
            "/accounts",
            f"/accounts/{ada.user.account_id}",
            *(
                f"/accounts/{ada.user.account_id}/{name}"
                for name in ("limits", "lots", "activities", "realised", "as-of")
            ),
        ):  # fmt: skip
            template = path.replace(order_id, "{order_id}").replace("/MSFT", "/{symbol}")
            template = template.replace(str(ada.user.account_id), "{account_id}")
            answer = description["paths"][f"/api/v1{template}"]["get"]["responses"]["200"]
            assert fits(description, answer["content"]["application/json"]["schema"], ada.get(path)), path


def test_headers_of_api_and_page(live: Live) -> None:
    paths = ["/api/v1/portfolio", "/health", "/nowhere"] + (["/"] if STATIC.is_dir() else [])
    for path in paths:
        headers = httpx2.get(f"{live.url}{path}").headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe-eval" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers.get_list("content-security-policy") == [headers["content-security-policy"]]
        assert "server" not in headers
    assert httpx2.get(f"{live.url}/api/v1/portfolio").headers["cache-control"] == "no-store"


@pytest.mark.skipif(not STATIC.is_dir(), reason="the page is not built: make web")
def test_the_page_is_served_and_nothing_beside_it(live: Live) -> None:
    page = httpx2.get(live.url)
    assert page.headers["content-type"].startswith("text/html")
    for source in re.findall(r'(?:src|href)="(/[^"]+)"', page.text):
        assert httpx2.get(f"{live.url}{source}").status_code == 200
    assert "<script>" not in page.text  # its policy would not run it
    for path in ("/..%2fapp.py", "/assets/..%2f..%2fapp.py", "/%2e%2e/app.py", "/.git/config"):
        answer = httpx2.get(f"{live.url}{path}")
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_unknown_addresses_and_methods_are_problems(live: Live) -> None:
    for method, path, status in (
        ("GET", "/api/v1/nothing", 404), ("PUT", "/api/v1/orders", 405), ("DELETE", "/api/v1/portfolio", 405),
        ("POST", "/health", 405), ("TRACE", "/api/v1/orders", 405),
    ):  # fmt: skip
        answer = httpx2.request(method, f"{live.url}{path}")
        assert (answer.status_code, answer.json()["status"]) == (status, status)


def test_only_a_listed_origin_may_read(tmp_path: Path, live: Live) -> None:
    origin = "https://desk.example.com"
    with opened(tmp_path, cors_origins=[origin]) as desk, desk.person() as ada:
        ask = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        asked = httpx2.options(
            f"{desk.url}/api/v1/orders",
            headers={
                **ask,
                "Access-Control-Request-Headers": "authorization,content-type,idempotency-key,x-account-id",
            },
        )
        assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, origin)
        answer = ada.client.get("/api/v1/portfolio", headers={"Origin": origin})
        assert answer.headers["access-control-allow-origin"] == origin
        assert "idempotency-replayed" in answer.headers["access-control-expose-headers"].lower()
        for other in ("https://evil.example", "null"):
            answer = ada.client.get("/api/v1/portfolio", headers={"Origin": other})
            assert "access-control-allow-origin" not in answer.headers
    answer = httpx2.get(f"{live.url}/health", headers={"Origin": origin})
    assert not [name for name in answer.headers if name.startswith("access-control")]
