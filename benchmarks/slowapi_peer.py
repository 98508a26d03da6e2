"""Microseconds of processor time that slowapi adds to a request, in this process's memory, two limits with
headers. Run by rates.py with the interpreter of an environment that holds slowapi and fastapi.
"""

import asyncio
import json
import time
from typing import Any

from fastapi import FastAPI
from slowapi import Limiter
from slowapi.middleware import SlowAPIASGIMiddleware
from slowapi.util import get_remote_address

LIMITS = ["9999999/minute", "999999/minute"]
TIMES, ROUNDS = 3_000, 5


def application(strategy: str | None) -> FastAPI:
    app = FastAPI(openapi_url=None)
    if strategy is not None:
        app.state.limiter = Limiter(
            key_func=get_remote_address, default_limits=LIMITS, strategy=strategy, headers_enabled=True
        )
        app.add_middleware(SlowAPIASGIMiddleware)

    @app.get("/")
    async def answer() -> dict[str, int]:
        return {"a": 1}

    return app


async def cost(app: FastAPI) -> float:
    async def send(_message: Any) -> None:
        pass

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(TIMES):
            scope = {"type": "http", "http_version": "1.1", "method": "GET", "path": "/", "raw_path": b"/"}
            scope |= {"query_string": b"", "headers": [(b"host", b"desk")], "client": ("127.0.0.1", 1)}
            scope |= {"server": ("desk", 80), "scheme": "http", "root_path": ""}
            await app(scope, receive, send)
        rounds.append((time.process_time() - began) / TIMES)
    return min(rounds) * 1e6


async def main() -> None:
    bare = await cost(application(None))
    added = {name: await cost(application(name)) - bare for name in ("fixed-window", "moving-window")}
    print(json.dumps(added))


asyncio.run(main())
