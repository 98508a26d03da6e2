"""Reads a second through HTTP: GET /api/v1/portfolio and /api/v1/orders of `traderbot serve`, one process.

Beside it, of the same round: FastAPI's constant answer behind a check of the token, and a bare ASGI
application that checks nothing and answers as many bytes. The server has one core, the load the other where
there are two: wrk where it is installed, else a client of our own. Credentials and rate limits are checked on
every request. Then at a fixed 1,000 requests a second, each sent at its time; the bare application at that
pace says what of the latency is the machine's.
Run: python benchmarks/reads.py [--seconds N] [--rounds N]
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import uvloop

from http_orders import PASSWORD, Client, free_port, process
from http_peers import token as peer_token

CLIENTS = 32
READS = ("/api/v1/portfolio", "/api/v1/orders")
PACE = 1_000
PACED_REQUESTS = 6_000
_UNLIMITED = {
    f"TRADERBOT_RATE_{name}": "9999999/second" for name in ("GENERAL", "TRADING", "RISK", "ADDRESS")
}


class Reader(Client):
    """As the client of orders, with a request that has no body."""

    def __init__(self, request: bytes, count: int, pause: float, first: float) -> None:
        super().__init__(b"", count, b"", pause, first)
        self.request = request


async def read(url: str, token: str, requests: int, rate: float = 0) -> dict[str, Any]:
    """Ask so many times over keep-alive connections. rate: a second, in all; 0 for as fast as can be."""
    place = urlsplit(url)
    loop, pause = asyncio.get_running_loop(), CLIENTS / rate if rate else 0.0
    request = (
        f"GET {place.path} HTTP/1.1\r\nhost: {place.netloc}\r\nauthorization: Bearer {token}\r\n\r\n".encode()
    )
    clients, began = [], time.perf_counter()
    for number in range(CLIENTS):
        first = number / rate if rate else 0.0
        _, client = await loop.create_connection(
            lambda first=first: Reader(request, requests // CLIENTS, pause, first), place.hostname, place.port
        )
        clients.append(client)
    await asyncio.gather(*(client.done for client in clients))
    seconds = time.perf_counter() - began
    latencies = sorted(latency for client in clients for latency in client.latencies)
    at = [latencies[int(len(latencies) * part)] * 1000 for part in (0.5, 0.99)]
    return {"rate": len(latencies) / seconds, "p50_ms": at[0], "p99_ms": at[1]}


def pinned(core: int, command: list[str]) -> list[str]:
    """The command on one core, where the machine has several and says how."""
    alone = (os.cpu_count() or 1) < 2 or shutil.which("taskset") is None
    return command if alone else ["taskset", "-c", str(core), *command]


def read_by_process(url: str, token: str, requests: int, rate: float = 0) -> dict[str, Any]:
    command = pinned(1, [sys.executable, __file__, "--read"])
    given = json.dumps([url, token, requests, rate])
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def full_load(url: str, token: str, seconds: int) -> float:
    """Requests a second, as many as the server answers."""
    if shutil.which("wrk") is None:
        return float(read_by_process(url, token, seconds * 10_000)["rate"])
    header = f"Authorization: Bearer {token}"
    command = pinned(1, ["wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "-H", header, url])
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        raise RuntimeError(said)
    found = re.search(r"Requests/sec:\s+([0-9.]+)", said)
    assert found is not None
    return float(found[1])


async def bare_application(scope: Any, receive: Any, send: Any) -> None:
    """What any ASGI application costs: an answer as long as a portfolio of nothing."""
    if scope["type"] == "lifespan":
        while True:
            await send({"type": f"{(await receive())['type']}.complete"})
    if scope["type"] == "http":
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ANSWER))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": ANSWER})


ANSWER = b'{"filler":"' + b"x" * 900 + b'"}'


def run_server(home: Path, seconds: int) -> dict[str, float]:
    """The server of a new home; the replay stands still, the account has 30 orders."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(Path(sys.executable).with_name("traderbot")), "serve", "--home", str(home)]
    command += ["--port", str(port), "--speed", "0.001"]
    found = {}
    with process(pinned(0, command), url, home / "log", TRADERBOT_LOG_LEVEL="warning", **_UNLIMITED):
        person = {"email": "load@example.com", "password": PASSWORD}
        token = httpx2.post(f"{url}/api/v1/auth/register", json=person).json()["access_token"]
        order = {"symbol": "MSFT", "side": "buy", "type": "limit", "qty": "1", "limit_price": "20.5"}
        for _ in range(30):
            httpx2.post(f"{url}/api/v1/orders", json=order, headers={"Authorization": f"Bearer {token}"})
        for path in READS:
            name = path.rpartition("/")[2]
            full_load(url + path, token, 1)
            found[name] = full_load(url + path, token, seconds)
            paced = read_by_process(url + path, token, PACED_REQUESTS, PACE)
            found |= {f"{name}_{key}": paced[key] for key in ("p50_ms", "p99_ms")}
    return found


def run_peer(home: Path, application: str, seconds: int) -> dict[str, float]:
    """Another application in a process of its own: as fast as it can, and at the pace."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "uvicorn", application, "--app-dir", str(Path(__file__).parent)]
    command += ["--port", str(port), "--no-access-log", "--log-level", "error"]
    with process(pinned(0, command), url, home / "peer-log", TRADERBOT_PEER_FOLDER=str(home)):
        asked = url + READS[0], peer_token(1)
        fastest = full_load(*asked, seconds)
        return read_by_process(*asked, PACED_REQUESTS, PACE) | {"rate": fastest}


def measure(seconds: int) -> dict[str, float]:
    """One round: the server, then its peers."""
    home = Path(tempfile.mkdtemp(prefix=".benchmark-", dir=Path(__file__).parent))
    try:
        found = run_server(home, seconds)
        for name, application in (("fastapi", "http_peers:constant"), ("asgi", "reads:bare_application")):
            peer = run_peer(home, application, seconds)
            found |= {name if key == "rate" else f"{name}_{key}": value for key, value in peer.items()}
    finally:
        shutil.rmtree(home)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--read", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        print(json.dumps(uvloop.run(read(*json.load(sys.stdin)))))
        return
    rounds = [measure(options.seconds) for _ in range(options.rounds)]
    got = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
    client = "wrk" if shutil.which("wrk") else "a client of our own"
    print(f"reads a second by {client}, {CLIENTS} connections; medians of {options.rounds} rounds")
    rows = {
        "fastapi": "FastAPI, constant answer, token checked",
        "asgi": "bare ASGI",
        "portfolio": "traderbot, portfolio",
        "orders": "traderbot, orders",
    }
    for name, words in rows.items():
        ratio = statistics.median(each[name] / each["fastapi"] for each in rounds)
        paced = f"at {PACE:,}/s p50 {got[f'{name}_p50_ms']:.2f} ms, p99 {got[f'{name}_p99_ms']:.2f} ms"
        print(f"{words:42}{got[name]:8,.0f}   {ratio:.2f} of FastAPI's; {paced}")


if __name__ == "__main__":
    main()
