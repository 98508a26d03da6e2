"""Servers on this machine that speak the formats of market data vendors, faults included."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit


class Asked(NamedTuple):
    path: str
    query: dict[str, str]
    headers: dict[str, str]


class Said(NamedTuple):
    """cut: bytes of the body that never arrive."""

    body: object
    status: int = 200
    headers: Mapping[str, str] = {}
    cut: int = 0


class Vendor:
    """asked: every request so far. faults: answers to be given, first to last, before any real one."""

    def __init__(self, answer: Callable[[Asked], Said]) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.faults: list[Said] = []
        self.url = ""

    def reply(self, asked: Asked) -> Said:
        self.asked.append(asked)
        return self.faults.pop(0) if self.faults else self.answer(asked)


@contextmanager
def serving(answer: Callable[[Asked], Said]) -> Iterator[Vendor]:
    vendor = Vendor(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            said = vendor.reply(Asked(parts.path, dict(parse_qsl(parts.query)), headers))
            body = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) - said.cut])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's word
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    vendor.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield vendor
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
