"""A small HTTP server for /metrics, /health and /health/ready, for processes that have no API or share its
port with others.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

RETRY_S = 1.0
ASKED_WITHIN_S = 5.0
Ready = Callable[[], tuple[int, dict[str, Any]]]
_log = structlog.get_logger()


class MetricsServer:
    """Serves a registry, and readiness as `ready` tells it: a status and a JSON object.

    A port that is taken is asked for again until it is free: a process that replaces another gets it once
    that one has left. port: 0 takes a free one; `address` tells which.
    """

    def __init__(self, host: str, port: int, registry: CollectorRegistry, ready: Ready) -> None:
        self._wanted = host, port
        self._registry = registry
        self._ready = ready
        self._server: ThreadingHTTPServer | None = None
        self._listening = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def start(self) -> None:
        """Serve in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Give the port back."""
        self._stopping.set()
        if self._server is not None:
            self._server.shutdown()
        self._thread.join()

    def address(self, within_s: float = 10.0) -> tuple[str, int]:
        """Where it listens, once it does. Errors: TimeoutError."""
        if not self._listening.wait(within_s) or self._server is None:
            raise TimeoutError(f"metrics_port: {self._wanted[1]} could not be taken")
        host, port = self._server.server_address[:2]
        return str(host), int(port)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                server = _Server(self._wanted, self._registry, self._ready)
            except OSError as error:
                _log.warning("metrics_port_taken", port=self._wanted[1], error=error.strerror or str(error))
                self._stopping.wait(RETRY_S)
                continue
            with server:
                self._server = server
                self._listening.set()
                if not self._stopping.is_set():
                    server.serve_forever(poll_interval=0.1)
            return


@contextmanager
def showing(host: str, port: int, registry: CollectorRegistry, ready: Ready) -> Iterator[None]:
    """Show how this process does for the length of the block; port 0: do not."""
    if port == 0:
        yield
        return
    server = MetricsServer(host, port, registry, ready)
    server.start()
    try:
        yield
    finally:
        server.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], registry: CollectorRegistry, ready: Ready) -> None:
        self.registry = registry
        self.ready = ready
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    timeout = ASKED_WITHIN_S
    server: _Server

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(200, generate_latest(self.server.registry), CONTENT_TYPE_LATEST)
        elif path == "/health":
            self._answer_json(200, {"status": "ok"})
        elif path == "/health/ready":
            try:
                self._answer_json(*self.server.ready())
            except Exception as error:  # noqa: BLE001 - the edge of the server: told, never a broken line
                _log.warning("readiness_unknown", error=repr(error))
                self._answer_json(503, {"status": "unavailable", "detail": type(error).__name__})
        else:
            self._answer_json(404, {"status": "not_found"})

    def _answer_json(self, status: int, body: dict[str, Any]) -> None:
        self._answer(status, json.dumps(body).encode(), "application/json")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """The scrapes of every few seconds are no news."""
