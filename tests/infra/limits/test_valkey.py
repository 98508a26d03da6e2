"""Connections to Valkey."""

import asyncio
import builtins
from typing import Any

import pytest
import uvloop
from pydantic import SecretStr

from servers import valkey
from traderbot.infra.limits.valkey import Breaker, connect, failures, healthy
from traderbot.model.errors import ConfigurationError

pytestmark = pytest.mark.integration


def test_a_server_that_answers_is_healthy_and_one_that_is_gone_is_not() -> None:
    async def check(port: int, *, expected: bool) -> None:
        client = connect(SecretStr(f"redis://127.0.0.1:{port}/0"), timeout_s=1)
        assert await healthy(client) is expected
        await client.aclose()

    with valkey() as server:
        asyncio.run(check(server.port, expected=True))
        server.kill()
        asyncio.run(check(server.port, expected=False))


def test_a_connection_that_went_away_unseen_is_a_failure_like_others() -> None:
    async def check(port: int) -> None:
        client = connect(f"redis://127.0.0.1:{port}/0", timeout_s=1)
        await client.ping()
        connection = await client.connection_pool.get_connection()
        connection._writer.transport.abort()
        try:
            await connection.send_command("PING")
        except failures():
            pass
        else:
            pytest.fail("the connection was closed")
        await client.aclose()

    with valkey() as server:
        uvloop.run(check(server.port))


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **more: Any) -> Any:
        if name.startswith("redis"):
            raise ImportError(name)
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigurationError, match=r"install traderbot\[valkey\]"):
        connect("redis://127.0.0.1:1/0")


def test_an_address_that_is_none_is_refused_without_being_told() -> None:
    with pytest.raises(ConfigurationError) as refused:
        connect("http://ann:secret@127.0.0.1")
    assert "secret" not in refused.value.detail


def test_an_open_breaker_asks_for_a_probe_each_half_second() -> None:
    now = [0]
    breaker = Breaker("test", lambda: now[0])
    assert not breaker.probe_due()
    breaker.failed(TimeoutError())
    probes = []
    for _ in range(20):
        now[0] += 100_000
        probes.append(breaker.probe_due())
    assert sum(probes) == 4
    breaker.answered()
    assert not breaker.open
