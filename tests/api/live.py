"""A whole platform behind a real port for tests: demo data, a replay that the test steps by hand, people."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from fastapi import FastAPI

from traderbot.api.app import build_app
from traderbot.bootstrap import Platform
from traderbot.infra.clock import Clock
from traderbot.infra.settings import Settings
from traderbot.model.bars import Bar
from traderbot.model.signals import Signal
from traderbot.model.symbols import Symbol
from traderbot.strategies.base import Context, Strategy
from traderbot.users.people import Role, User
from users.desk import PASSWORD, weak_passwords

JSON = {"content-type": "application/json"}
_numbers = count(1)


@dataclass
class Person:
    """Somebody signed in, with a client of their own."""

    user: User
    token: str
    client: httpx2.Client = field(repr=False)

    def get(self, path: str, status: int = 200, /, **params: Any) -> Any:
        return self._checked(self.client.get(f"/api/v1{path}", params=params), status)

    def post(self, path: str, body: Any, status: int = 201, **headers: str) -> Any:
        return self._checked(self.client.post(f"/api/v1{path}", json=body, headers=headers), status)

    def send(self, path: str, body: bytes, **headers: str) -> httpx2.Response:
        """A body as it is, for what no JSON encoder would write."""
        return self.client.post(f"/api/v1{path}", content=body, headers={**JSON, **headers})

    def patch(self, path: str, body: Any, status: int = 200, **headers: str) -> Any:
        return self._checked(self.client.patch(f"/api/v1{path}", json=body, headers=headers), status)

    def put(self, path: str, body: Any, status: int = 200) -> Any:
        return self._checked(self.client.put(f"/api/v1{path}", json=body), status)

    def delete(self, path: str, status: int = 200) -> Any:
        return self._checked(self.client.delete(f"/api/v1{path}"), status)

    def account(self, path: str = "", status: int = 200, /, **params: Any) -> Any:
        """What the first account has at this path."""
        return self.get(f"/accounts/{self.user.account_id}{path}", status, **params)

    def resume(self, **body: Any) -> Any:
        """Lift the account's halt in its two steps."""
        code = self.post("/risk/halt/resume-request", body, 200)["code"]
        return self.post("/risk/halt/resume", {"code": code, **body}, 200)

    def order(self, status: int = 201, /, **changed: Any) -> Any:
        """Place a market buy of ten MSFT, with changes; None leaves a field out."""
        body = {"symbol": "MSFT", "side": "buy", "type": "market", "qty": "10", **changed}
        return self.post(
            "/orders", {name: value for name, value in body.items() if value is not None}, status
        )

    def events(self) -> list[Any]:
        items: list[Any] = self.get("/events", limit=500)["items"]
        return items

    @staticmethod
    def _checked(answer: httpx2.Response, status: int) -> Any:
        assert answer.status_code == status, answer.text
        kind = "application/json" if status < 400 else "application/problem+json"
        assert answer.headers["content-type"] == kind
        return answer.json()


@dataclass
class Live:
    """The platform and where it listens."""

    platform: Platform
    app: FastAPI = field(repr=False)
    url: str

    @contextmanager
    def person(self, role: Role = "trader", name: str = "person") -> Iterator[Person]:
        """A new user with an account of 100,000."""
        user = self.platform.users.create_user(f"{name}{next(_numbers)}@example.com", PASSWORD, role=role)
        token = self.token(user)
        with httpx2.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {token}"}, timeout=30
        ) as client:
            yield Person(user, token, client)

    def token(self, user: User, clock: Clock | None = None) -> str:
        """An access token as sign-in would issue it, with another clock where given."""
        tokens = self.platform.users.access_tokens
        if clock is None:
            return tokens.issue(user)
        real, tokens._clock = tokens._clock, clock
        try:
            return tokens.issue(user)
        finally:
            tokens._clock = real

    def step(self, times: int = 1) -> None:
        """Play the next bars."""
        session = self.platform.session
        for _ in range(times):
            session.play(session.replay.step + 1)


@contextmanager
def opened(home: Path, **changed: Any) -> Iterator[Live]:
    """A platform on this home whose replay stands at the start of 2005, served on a free loopback port."""
    rates = dict.fromkeys(("rate_general", "rate_trading", "rate_risk", "rate_address"), "1000000/minute")
    set_to = {"replay_start": date(2005, 1, 3), **rates, **changed}
    platform = Platform.open(Settings(home=home, **set_to))
    platform.users.passwords = weak_passwords()
    try:
        app = build_app(platform)
        with served(app) as url:
            yield Live(platform, app, url)
    finally:
        platform.close()


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The application with its lifespan, set up as `traderbot serve` does it."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            ws_max_size=65_536,
            timeout_graceful_shutdown=5,
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert thread.is_alive(), "the server ended"
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


class BuyOnce(Strategy):
    """Raises a signal at its first MSFT bar and buys ten shares on it."""

    name = "buy_once"

    def __init__(self) -> None:
        self.done = False

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        if bar.symbol == "MSFT" and not self.done:
            self.done = True
            rationale = {"summary": "it is Monday", "contributions": [], "model": {"version": "1"}}
            signal = Signal(
                Symbol("MSFT"), "buy", rationale, probability=0.6, confidence=0.2, target_weight=0.1
            )
            ctx.buy(Symbol("MSFT"), 10, signal=signal)
