"""Orders a second through HTTP: POST /api/v1/orders of 16 keep-alive clients against `traderbot serve`.

Beside it, of the same round: bare sqlite3 that writes the rows the server left behind, one transaction an
order; the command path alone with 16 callers in its own process; and a bare ASGI application that only reads
the body and answers as many bytes. The load comes from a process of its own, which speaks HTTP/1.1 over plain
asyncio protocols: an HTTP library there would be the bottleneck.
Run: python benchmarks/http_orders.py [--orders N] [--rounds N]
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import uvloop

from command_path import Case, run_bare, run_command_path

CLIENTS = 16
PATH = "/api/v1/orders"
PASSWORD = "correct horse battery"
ORDER = b'{"symbol":"MSFT","side":"buy","type":"limit","qty":"1","limit_price":"20.5","time_in_force":"gtc"}'
ANSWER = b'{"filler":"' + b"x" * 560 + b'"}'  # as long as an order


class Client(asyncio.Protocol):
    """One keep-alive connection that sends a request as soon as the last is answered."""

    def __init__(self, head: bytes, count: int) -> None:
        self.request = head + b"content-length: %d\r\n\r\n" % len(ORDER) + ORDER
        self.left = count
        self.latencies: list[float] = []
        self.done = asyncio.get_running_loop().create_future()
        self.buffer = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        self.began = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        at = self.buffer.find(b"content-length: ") + 16
        if len(self.buffer) < end + 4 + int(self.buffer[at : self.buffer.find(b"\r", at)]):
            return
        self.latencies.append(time.perf_counter() - self.began)
        if not self.buffer.startswith(b"HTTP/1.1 201"):
            self.done.set_exception(RuntimeError(self.buffer.decode()))
            return
        self.buffer = b""
        self.left -= 1
        if self.left:
            self.send()
        else:
            self.transport.close()
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or RuntimeError("the server closed the connection"))


async def load(url: str, tokens: list[str], orders: int) -> dict[str, Any]:
    """Place `orders` orders, shared out among the tokens, one connection each."""
    place = urlsplit(url)
    loop = asyncio.get_running_loop()
    clients = []
    began = time.perf_counter()
    for token in tokens:
        head = (
            f"POST /api/v1/orders HTTP/1.1\r\nhost: {place.netloc}\r\nauthorization: Bearer {token}\r\n"
            "content-type: application/json\r\naccept: */*\r\n"
        )
        count = orders // len(tokens)
        _, client = await loop.create_connection(
            lambda head=head, count=count: Client(head.encode(), count), place.hostname, place.port
        )
        clients.append(client)
    await asyncio.gather(*(client.done for client in clients))
    seconds = time.perf_counter() - began
    latencies = sorted(latency for client in clients for latency in client.latencies)
    at = [latencies[int(len(latencies) * part)] * 1000 for part in (0.5, 0.99)]
    return {"rate": len(latencies) / seconds, "p50_ms": at[0], "p99_ms": at[1]}


def load_by_process(url: str, tokens: list[str], orders: int) -> dict[str, Any]:
    given = json.dumps([url, tokens, orders])
    done = subprocess.run(
        [sys.executable, __file__, "--load"], input=given, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def process(
    arguments: list[str], url: str, log: Path, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A server as a process, once it answers; ended by SIGTERM."""
    with log.open("wb") as file:
        server = subprocess.Popen(arguments, stdout=file, stderr=file, env={**os.environ, **environment})
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx2.get(f"{url}/health")
                break
            except httpx2.TransportError:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(log.read_text()[-2000:]) from None
                time.sleep(0.05)
        yield server
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)


def run_http(home: Path, orders: int) -> dict[str, Any]:
    """The server of a new home under load; leaves its database as home/run.db. The replay stands still."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        str(Path(sys.executable).with_name("traderbot")),
        "serve",
        "--home",
        str(home),
        "--port",
        str(port),
        "--speed",
        "0.000001",
    ]
    with process(command, url, home / "log", TRADERBOT_STARTING_CASH="1000000000"):
        tokens = []
        for number in range(CLIENTS):
            person = {"email": f"load{number}@example.com", "password": PASSWORD}
            tokens.append(httpx2.post(f"{url}/api/v1/auth/register", json=person).json()["access_token"])
        load_by_process(url, tokens, CLIENTS * 20)
        found = load_by_process(url, tokens, orders)
    for suffix in ("", "-wal"):
        if (home / f"traderbot.db{suffix}").exists():
            (home / f"traderbot.db{suffix}").rename(home / f"run.db{suffix}")
    return found


async def bare_application(scope: Any, receive: Any, send: Any) -> None:
    """What any ASGI application costs: read the body, answer."""
    if scope["type"] == "http":
        while (await receive()).get("more_body"):
            pass
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ANSWER))]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": ANSWER})


def run_asgi(home: Path, orders: int) -> float:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "http_orders:bare_application",
        "--app-dir",
        str(Path(__file__).parent),
        "--port",
        str(port),
    ]
    command += ["--lifespan", "off", "--no-access-log", "--log-level", "error"]
    with process(command, url, home / "asgi-log"):
        rate: float = load_by_process(url, ["x"] * CLIENTS, orders)["rate"]
        return rate


def measure(orders: int) -> dict[str, Any]:
    """One round: the server, then its peers, on the disk that this folder is on."""
    home = Path(tempfile.mkdtemp(prefix=".benchmark-", dir=Path(__file__).parent))
    alone = home / "alone"
    alone.mkdir()
    try:
        found = run_http(home, orders)
        found["bare"] = 1 / run_bare(home, orders)
        seconds, latencies = run_command_path(alone, Case(CLIENTS, CLIENTS, fills=False), orders)
        found["path"] = len(latencies) / seconds
        found["asgi"] = run_asgi(home, orders)
    finally:
        shutil.rmtree(home)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=16_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--load", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        print(json.dumps(uvloop.run(load(*json.load(sys.stdin)))))
        return
    rounds = [measure(options.orders) for _ in range(options.rounds)]
    got = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
    print(f"POST {PATH}, {CLIENTS} keep-alive clients, durable; medians of {options.rounds} rounds, a second")
    latency = f"p50 {got['p50_ms']:.2f} ms, p99 {got['p99_ms']:.2f} ms"
    print(f"{'HTTP server':34}{got['rate']:8,.0f}   {latency}")
    for name, words in (
        ("bare", "bare sqlite3, one commit an order"),
        ("path", "command path alone, 16 callers"),
        ("asgi", "bare ASGI, writes nothing"),
    ):
        ratio = statistics.median(each["rate"] / each[name] for each in rounds)
        print(f"{words:34}{got[name]:8,.0f}   HTTP is {ratio:.2f} of it")


if __name__ == "__main__":
    main()
