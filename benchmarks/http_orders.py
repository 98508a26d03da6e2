"""Orders a second through HTTP: POST /api/v1/orders of 16 keep-alive clients against `traderbot serve`.

Beside it, of the same round: the same route in FastAPI with one durable transaction of four plain statements
each, by sqlite3 and by SQLAlchemy's asynchronous ORM (http_peers.py); bare sqlite3 that writes the rows the
server left behind, one transaction an order; the command path alone with 16 callers in its own process; and a
bare ASGI application that only reads the body and answers as many bytes. The load comes from a process of its
own, which speaks HTTP/1.1 over plain asyncio protocols: an HTTP library there would be the bottleneck. Then
the server again: at 500 a second, each order sent at its time, and in batches of 500. Credentials are checked
on every request, and the server logs warnings only.
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
from http_peers import token as peer_token

CLIENTS = 16
PATH = "/api/v1/orders"
PASSWORD = "correct horse battery"
ORDER = b'{"symbol":"MSFT","side":"buy","type":"limit","qty":"1","limit_price":"20.5","time_in_force":"gtc"}'
ANSWER = b'{"filler":"' + b"x" * 560 + b'"}'  # as long as an order


class Client(asyncio.Protocol):
    """One keep-alive connection that sends a request as soon as the last is answered."""

    def __init__(
        self, head: bytes, count: int, body: bytes = ORDER, pause: float = 0, first: float = 0
    ) -> None:
        self.request = head + b"content-length: %d\r\n\r\n" % len(body) + body
        self.left = count
        self.pause = pause
        self.first = first  # so many seconds in, so that a pace is no burst of all clients at once
        self.due = 0.0
        self.latencies: list[float] = []
        self.done = asyncio.get_running_loop().create_future()
        self.buffer = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.due = time.perf_counter() + self.first
        self.send()

    def send(self) -> None:
        """Send now, or when the next is due; a late one is measured from when it was due."""
        now = time.perf_counter()
        if self.pause:
            self.began = self.due
            self.due += self.pause
            asyncio.get_running_loop().call_later(max(0.0, self.began - now), self.write)
        else:
            self.began = now
            self.write()

    def write(self) -> None:
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
        if not self.buffer.startswith((b"HTTP/1.1 201", b"HTTP/1.1 200")):
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


async def load(
    url: str, tokens: list[str], orders: int, path: str = PATH, batch: int = 0, rate: float = 0
) -> dict[str, Any]:
    """Place `orders` orders, shared out among the tokens, one connection each. batch: so many a request;
    rate: requests a second in all, 0 for as fast as they are answered.
    """
    place = urlsplit(url)
    loop = asyncio.get_running_loop()
    clients = []
    body = b'{"orders":[%s]}' % b",".join([ORDER] * batch) if batch else ORDER
    pause = len(tokens) / rate if rate else 0
    began = time.perf_counter()
    for number, token in enumerate(tokens):
        first = number / rate if rate else 0.0
        head = (
            f"POST {path} HTTP/1.1\r\nhost: {place.netloc}\r\nauthorization: Bearer {token}\r\n"
            "content-type: application/json\r\naccept: */*\r\n"
        )
        count = orders // len(tokens) // (batch or 1)
        _, client = await loop.create_connection(
            lambda head=head, count=count, first=first: Client(head.encode(), count, body, pause, first),
            place.hostname,
            place.port,
        )
        clients.append(client)
    await asyncio.gather(*(client.done for client in clients))
    seconds = time.perf_counter() - began
    latencies = sorted(latency for client in clients for latency in client.latencies)
    at = [latencies[int(len(latencies) * part)] * 1000 for part in (0.5, 0.99)]
    return {"rate": len(latencies) * (batch or 1) / seconds, "p50_ms": at[0], "p99_ms": at[1]}


def load_by_process(url: str, tokens: list[str], orders: int, *how: Any) -> dict[str, Any]:
    given = json.dumps([url, tokens, orders, *how])
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
        "0.001",
    ]
    quiet = {"TRADERBOT_STARTING_CASH": "1000000000", "TRADERBOT_LOG_LEVEL": "warning"}
    quiet |= {f"TRADERBOT_RATE_{name}": "9999999/minute" for name in ("GENERAL", "TRADING", "ADDRESS")}
    with process(command, url, home / "log", **quiet):
        tokens = []
        for number in range(CLIENTS):
            person = {"email": f"load{number}@example.com", "password": PASSWORD}
            tokens.append(httpx2.post(f"{url}/api/v1/auth/register", json=person).json()["access_token"])
        load_by_process(url, tokens, CLIENTS * 20)
        found = load_by_process(url, tokens, orders)
        paced = load_by_process(url, tokens, 4_000, PATH, 0, 500)
        found |= {f"paced_{name}": paced[name] for name in ("p50_ms", "p99_ms")}
        found["batches"] = load_by_process(url, tokens[:2], 20_000, f"{PATH}/batch", 500)["rate"]
    for suffix in ("", "-wal"):
        if (home / f"traderbot.db{suffix}").exists():
            (home / f"traderbot.db{suffix}").rename(home / f"run.db{suffix}")
    return found


async def bare_application(scope: Any, receive: Any, send: Any) -> None:
    """What any ASGI application costs: read the body, answer."""
    if scope["type"] == "lifespan":
        while True:
            await send({"type": f"{(await receive())['type']}.complete"})
    if scope["type"] == "http":
        while (await receive()).get("more_body"):
            pass
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ANSWER))]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": ANSWER})


def run_peer(home: Path, application: str, orders: int) -> float:
    """Orders a second of another application, in a process of its own."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    here = str(Path(__file__).parent)
    command = [sys.executable, "-m", "uvicorn", application, "--app-dir", here, "--port", str(port)]
    command += ["--no-access-log", "--log-level", "error"]
    with process(command, url, home / "peer-log", TRADERBOT_PEER_FOLDER=str(home)):
        rate: float = load_by_process(url, [peer_token(number) for number in range(CLIENTS)], orders)["rate"]
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
        found["asgi"] = run_peer(home, "http_orders:bare_application", orders)
        found["plain"] = run_peer(home, "http_peers:plain", orders // 2)
        found["orm"] = run_peer(home, "http_peers:orm", orders // 16)
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
        ("plain", "FastAPI, one FULL transaction each"),
        ("orm", "FastAPI, asynchronous ORM"),
        ("bare", "bare sqlite3, one commit an order"),
        ("path", "command path alone, 16 callers"),
        ("asgi", "bare ASGI, writes nothing"),
    ):
        ratio = statistics.median(each["rate"] / each[name] for each in rounds)
        print(f"{words:34}{got[name]:8,.0f}   HTTP is {ratio:.2f} of it")
    paced = f"p50 {got['paced_p50_ms']:.2f} ms, p99 {got['paced_p99_ms']:.2f} ms"
    print(f"{'HTTP server at a pace of':34}{500:8,}   {paced}")
    print(f"{'HTTP server, batches of 500':34}{got['batches']:8,.0f}")


if __name__ == "__main__":
    main()
