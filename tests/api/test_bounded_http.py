import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from fastapi import FastAPI

from traderbot.api import bounded_http

pytestmark = pytest.mark.integration


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(bounded_http, "HEAD_WITHIN_S", 0.5)
    app = FastAPI()

    @app.get("/")
    async def answer() -> str:
        return "here"

    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http=bounded_http.BoundedHttp, log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def is_closed(client: socket.socket) -> bool:
    """Whether the server ends the connection, after at most one short answer."""
    try:
        while client.recv(65_536):
            pass
    except ConnectionResetError:
        return True
    return True


def test_requests_one_after_the_other_are_answered(port: int) -> None:
    with connect(port) as client:
        for _ in range(3):
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(65_536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("part", [b"a: b\r\n" * 1000, b"x" * 6000], ids=["many headers", "one endless value"])
def test_a_head_without_end_is_cut_off(port: int, part: bytes) -> None:
    with connect(port) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nlong: ")
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            client.sendall(part * 10_000)


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n"], ids=["silence", "half a head"])
def test_a_head_that_does_not_come_ends_the_connection(port: int, begun: bytes) -> None:
    with connect(port) as client:
        client.sendall(begun)
        assert is_closed(client)


def test_half_a_head_after_a_whole_request_ends_the_connection(port: int) -> None:
    with connect(port) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(65_536).startswith(b"HTTP/1.1 200")
        client.sendall(b"GET / HTTP/1.1\r\n")
        assert is_closed(client)
