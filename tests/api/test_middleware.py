"""Size limit, security headers, request ids, access log, metrics and CORS, over a real port."""

import asyncio
import io
import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx2
import pytest
import structlog
from fastapi import APIRouter
from prometheus_client import generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from structlog.testing import capture_logs

from traderbot.api.middleware import BodyLimit
from traderbot.api.strict_json import StrictRoute
from traderbot.infra.logs import configure_logs
from users.desk import make_app, serve

pytestmark = pytest.mark.integration

LIMIT = 10_000
router = APIRouter(prefix="/api/v1/things", route_class=StrictRoute)


@router.get("/{thing_id}")
def thing(thing_id: str) -> str:
    return thing_id


@router.post("")
def make_thing(body: dict[str, str]) -> int:
    return len(body)


async def plain(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture(scope="module", params=["httptools", "h11"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    app = make_app(None, router, body_limit=LIMIT, cors_origins=["https://desk.example.com", "null", "*"])
    app.router.routes.append(Route("/plain/{name}", plain, methods=["POST"]))
    app.add_api_route("/metrics", lambda: PlainTextResponse(generate_latest(app.state.registry)))
    with serve(app, http=request.param) as base:
        yield base


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=url, headers={"content-type": "application/json"}) as session:
        yield session


@pytest.mark.parametrize("path", ["/api/v1/things", "/plain/x"])
def test_a_body_over_the_limit_is_a_413(client: httpx2.Client, path: str) -> None:
    answer = client.post(path, content=b"x" * (LIMIT + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/api/v1/things", "/plain/x"])
def test_a_chunked_body_over_the_limit_is_a_413(client: httpx2.Client, path: str) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(20):
            yield b"x" * 1_000

    answer = client.post(path, content=chunks())
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_body_at_the_limit_is_taken(client: httpx2.Client) -> None:
    assert client.post("/plain/x", content=b"x" * LIMIT).text == str(LIMIT)
    assert client.post("/plain/x", content=iter([b"x" * (LIMIT - 1), b"x"])).text == str(LIMIT)


def test_a_large_body_is_refused_before_it_is_sent(url: str) -> None:
    """The answer comes on the declared length alone: nothing of 100 MB has to arrive, or be kept."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=5) as wire:
        wire.sendall(b"POST /plain/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
        assert wire.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_length_that_is_no_number_is_refused() -> None:
    sent: list[dict[str, object]] = []

    async def app(scope: object, receive: object, send: object) -> None:
        raise AssertionError("the application must not be asked")

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    for length in (b"-1", b"1e3", b"9" * 5_000, "\u0663".encode()):
        sent.clear()
        scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-length", length)]}
        asyncio.run(BodyLimit(app, LIMIT)(scope, None, send))  # type: ignore[arg-type]
        assert sent[0]["status"] == 413


def test_security_headers(client: httpx2.Client) -> None:
    for path in ("/api/v1/things/1", "/nowhere"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        for part in (
            "default-src 'self'",
            "style-src 'self' 'unsafe-inline'",
            "frame-ancestors 'none'",
            "object-src 'none'",
        ):
            assert part in policy
        assert "script-src" not in policy  # falls back to 'self': no inline scripts
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    assert client.get("/api/v1/things/1").headers["cache-control"] == "no-store"
    assert "cache-control" not in client.get("/nowhere").headers


def test_request_ids(client: httpx2.Client) -> None:
    sane = "a1b2c3d4-e5f6"
    assert client.get("/api/v1/things/1", headers={"X-Request-ID": sane}).headers["x-request-id"] == sane
    for bad in ("short", "x" * 65, "with space in it", "<script>alert(1)"):
        made = client.get("/api/v1/things/1", headers={"X-Request-ID": bad}).headers["x-request-id"]
        assert made != bad
        assert len(made) == 36


def test_the_access_log_has_the_path_and_never_the_query_or_a_token(client: httpx2.Client) -> None:
    with capture_logs() as lines:
        client.get("/api/v1/things/1?token=tb_secret", headers={"Authorization": "Bearer tb_secret"})
        _wait_for(lambda: bool(lines))  # written once the answer is out
    (line,) = [line for line in lines if line["event"] == "request"]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/v1/things/1", 200)
    assert "tb_secret" not in str(lines)


def test_a_path_cannot_forge_a_log_line(client: httpx2.Client) -> None:
    with logs_to("console") as stream:
        client.get("/api/v1/none/x%0d%0a2026-01-01%20fake%1b%5b31m%e2%80%ae")
        _wait_for(lambda: "status=" in stream.getvalue())
    lines = [line for line in stream.getvalue().splitlines() if "none" in line or "fake" in line]
    ours = [line for line in lines if "status=" in line]
    assert len(ours) == 1
    assert r"x\r\n2026-01-01 fake\x1b[31m\u202e" in ours[0].replace("\\\\", "\\")
    assert "\x1b[31m" not in stream.getvalue()


def test_metrics_are_labelled_by_template_and_bounded(client: httpx2.Client) -> None:
    for number in range(20):
        client.get(f"/api/v1/things/{number}")
        client.get(f"/scan/{number}.php")
        client.request(f"BREW{number}", "/api/v1/things/1")
        client.post(f"/plain/{number}", content=b"x")
    text = client.get("/metrics").text
    routes = {line.split('route="')[1].split('"')[0] for line in text.splitlines() if 'route="' in line}
    assert {"/api/v1/things/{thing_id}", "/plain/{name}", "unmatched"} <= routes
    assert not any(route.endswith(".php") for route in routes)
    methods = {line.split('method="')[1].split('"')[0] for line in text.splitlines() if 'method="' in line}
    assert methods <= {"GET", "POST", "other"}
    assert "traderbot_http_requests_active 1.0" in text


HOSTILE_ORIGINS = [
    "https://evil.example",
    "null",
    "*",
    "https://desk.example.com.evil.example",
    "http://desk.example.com",
]


@pytest.mark.parametrize("origin", HOSTILE_ORIGINS)
def test_a_hostile_origin_gets_no_permission(client: httpx2.Client, origin: str) -> None:
    simple = client.get("/api/v1/things/1", headers={"Origin": origin})
    asked = client.options(
        "/api/v1/things", headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
    )
    for answer in (simple, asked):
        assert "access-control-allow-origin" not in answer.headers
        assert "access-control-allow-credentials" not in answer.headers


def test_a_listed_origin_is_permitted_without_credentials(client: httpx2.Client) -> None:
    origin = "https://desk.example.com"
    asked = client.options(
        "/api/v1/things",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, content-type, idempotency-key",
        },
    )
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, origin)
    refused = client.post("/api/v1/things", content=b"[", headers={"Origin": origin})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (400, origin)
    assert "access-control-allow-credentials" not in refused.headers


def test_without_listed_origins_there_is_no_cors_at_all() -> None:
    with serve(make_app(None, router)) as base, httpx2.Client(base_url=base) as session:
        answer = session.get("/api/v1/things/1", headers={"Origin": "https://desk.example.com"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_logs_hide_credentials() -> None:
    with logs_to("json") as stream:
        structlog.get_logger("x").info(
            "sent tb_abcdefghijklmnopqrstuvwxyz",
            password="hunter22",
            api_key="k",
            nested={"sent": "tb_abcdefghijklmnopqrstuvwxyz"},
            url="?t=tbr_abcdefghijklmnopqrstuvwxyz",
            header="Bearer eyJabcdefghijkl.eyJabcdefghijkl.abcdef",
        )
    line = json.loads(stream.getvalue())
    assert (line["password"], line["api_key"]) == ("[hidden]", "[hidden]")
    assert "abcdef" not in stream.getvalue()


def test_the_standard_librarys_loggers_are_escaped_too() -> None:
    with logs_to("console") as stream:
        logging.getLogger("uvicorn.error").warning("sent %s", "x\r\nfake \x1b[31m")
    assert len(stream.getvalue().splitlines()) == 1


@contextmanager
def logs_to(style: str) -> Iterator[io.StringIO]:
    """Logs as the platform writes them, in memory; everything as it was afterwards."""
    stream, root = io.StringIO(), logging.getLogger()
    handlers, level = root.handlers, root.level
    configure_logs("info", style, stream)
    try:
        yield stream
    finally:
        structlog.reset_defaults()
        root.handlers = handlers
        root.setLevel(level)


def _wait_for(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not ready() and time.monotonic() < deadline:
        time.sleep(0.005)
