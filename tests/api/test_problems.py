"""problem+json for our errors, the framework's and the unexpected ones."""

from collections.abc import Iterator, MutableMapping
from typing import Any

import httpx2
import pytest
import structlog
from fastapi import APIRouter
from structlog.testing import capture_logs

from traderbot.api.problems import problem_responses
from traderbot.api.strict_json import StrictRoute
from traderbot.model.errors import Conflict, InvalidValue, InvariantBroken, NotFound, Unauthorized
from traderbot.users.errors import TooManyAttempts
from users.desk import make_app, serve

pytestmark = pytest.mark.integration

router = APIRouter(route_class=StrictRoute)
RAISED = {
    "not_found": NotFound("no such order"),
    "conflict": Conflict("taken"),
    "unauthorized": Unauthorized("who?"),
    "invalid": InvalidValue("qty", "a positive decimal"),
    "broken": InvariantBroken("cash of account 42 is off by 3"),
    "slow": TooManyAttempts(30),
    "surrogate": NotFound("no \ud800 such"),
    "unexpected": RuntimeError("the password is hunter2"),
}


@router.get("/raise/{name}", responses=problem_responses(404, s404=("not_found", "no such thing")))
def raise_it(name: str, limit: int = 1) -> None:
    raise RAISED[name]


@pytest.fixture(scope="module")
def client() -> Iterator[httpx2.Client]:
    with serve(make_app(None, router)) as url, httpx2.Client(base_url=url) as session:
        yield session


@pytest.mark.parametrize(
    ("name", "status", "title", "code"),
    [
        ("not_found", 404, "Not Found", "not_found"),
        ("conflict", 409, "Conflict", "conflict"),
        ("unauthorized", 401, "Unauthorized", "unauthorized"),
        ("invalid", 422, "Unprocessable Content", "invalid_value"),
        ("broken", 500, "Internal Server Error", "invariant_broken"),
        ("slow", 429, "Too Many Requests", "too_many_attempts"),
        ("surrogate", 404, "Not Found", "not_found"),
    ],
)
def test_our_errors(client: httpx2.Client, name: str, status: int, title: str, code: str) -> None:
    answer = client.get(f"/raise/{name}")
    body = answer.json()
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert (body["type"], body["title"], body["status"], body["code"]) == ("about:blank", title, status, code)
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert answer.headers.get("retry-after") == ("30" if status == 429 else None)


def test_an_invalid_value_names_its_field(client: httpx2.Client) -> None:
    body = client.get("/raise/invalid").json()
    assert body["errors"] == [{"field": "qty", "expected": "a positive decimal"}]


def test_a_broken_invariant_tells_its_detail_to_the_log_only(client: httpx2.Client) -> None:
    with capture_logs() as lines:
        answer = client.get("/raise/broken")
    assert "42" not in answer.text
    assert [line["detail"] for line in lines if line["event"] == "request failed"] == [
        "cash of account 42 is off by 3"
    ]


def test_an_unexpected_exception_is_a_bare_500_logged_with_the_request_id(client: httpx2.Client) -> None:
    with capture_logs(processors=[_merge]) as lines:
        answer = client.get("/raise/unexpected", headers={"X-Request-ID": "test-request-1"})
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["x-request-id"] == "test-request-1"
    assert "content-security-policy" in answer.headers
    failed = next(line for line in lines if line["event"] == "request failed unexpectedly")
    assert (failed["request_id"], failed["kind"]) == ("test-request-1", "RuntimeError")


def test_addresses_and_methods_nobody_serves(client: httpx2.Client) -> None:
    missing = client.get("/api/v1/nothing")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    wrong = client.post("/raise/conflict")
    assert (wrong.status_code, wrong.json()["code"], wrong.headers["allow"]) == (
        405,
        "method_not_allowed",
        "GET",
    )


def test_query_errors_name_the_parameter_and_never_repeat_the_value(client: httpx2.Client) -> None:
    answer = client.get("/raise/conflict", params={"limit": "a-secret"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "limit"
    assert "a-secret" not in answer.text


def test_the_description_has_problems_and_not_the_framework_errors(client: httpx2.Client) -> None:
    described = client.get("/openapi.json").json()
    assert "Problem" in described["components"]["schemas"]
    assert "HTTPValidationError" not in str(described)
    responses = described["paths"]["/raise/{name}"]["get"]["responses"]
    for status in ("404", "422"):
        content = responses[status]["content"]
        assert list(content) == ["application/problem+json"]
        assert content["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert responses["404"]["content"]["application/problem+json"]["example"]["detail"] == "no such thing"


def test_every_operation_is_described_with_summary_description_and_examples(client: httpx2.Client) -> None:
    described = client.get("/openapi.json").json()
    ours = {path: one for path, one in described["paths"].items() if path.startswith("/api/v1")}
    assert len(ours) == 8
    for path, operations in ours.items():
        for method, operation in operations.items():
            assert operation["summary"], (path, method)
            assert operation["description"], (path, method)
            problems = [one for status, one in operation["responses"].items() if status >= "400"]
            assert problems, (path, method)
            assert all("example" in one["content"]["application/problem+json"] for one in problems)


def _merge(_logger: object, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    return {**structlog.contextvars.get_contextvars(), **event}
