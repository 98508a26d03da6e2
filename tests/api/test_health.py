"""Which part of a process is degraded, over its real port; 503 only where orders cannot be taken."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.live import Live, opened
from infra.collector import collecting
from traderbot.alerts.watch import waited
from traderbot.api.health import ready_answer, status_of
from traderbot.infra.delivery import handler_records
from traderbot.infra.delivery.handler_records import DEAD, Aside
from traderbot.infra.limits.shared_rates import SharedRates

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One with every part set up: NATS and Valkey are not there."""
    with collecting() as collector:
        asked = {
            "nats_url": "nats://ada:hunter2@127.0.0.1:1",
            "valkey_url": "redis://:hunter2@127.0.0.1:1/0",
            "otlp_endpoint": collector.url,
            "database_readers": 1,
        }
        with opened(tmp_path_factory.mktemp("home"), **asked) as live:
            live.platform.session.playing = True
            assert isinstance(live.platform.rates, SharedRates)
            live.platform.rates.breaker.failed(
                OSError()
            )  # or its first look at nobody falls between two answers
            yield live
            live.platform.deliveries.stop()


def asked(live: Live) -> tuple[str, dict[str, str]]:
    answer = httpx2.get(f"{live.url}/health/ready")
    assert answer.status_code == 200, answer.text
    assert "hunter2" not in answer.text
    body: dict[str, Any] = answer.json()
    assert ready_answer(live.platform) == (200, {name: body[name] for name in ("status", "parts")})
    return body["status"], body["parts"]


def test_every_part_that_is_set_up_is_told(whole: Live) -> None:
    _, parts = asked(whole)
    assert set(parts) == {
        "database", "writer", "session", "tail", "handlers", "alerts", "relay", "valkey", "rate limits",
        "traces",
    }  # fmt: skip
    assert parts["relay"] == "published by nobody"
    assert parts["handlers"] == parts["traces"] == "ok"


def test_a_session_in_trouble_is_told_without_its_passwords(
    whole: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole.platform.session, "trouble", "no route to postgresql://ada:hunter2@db/x")
    status, parts = asked(whole)
    assert status == "degraded"
    assert parts["session"] == "cannot go on: no route to postgresql://ada:[hidden]@db/x"


def test_a_relay_in_trouble_is_told(whole: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    relay = whole.platform.relay
    assert relay is not None
    lease = whole.platform.leases.acquire("relay")
    assert lease is not None
    monkeypatch.setattr(relay, "trouble", "nats://ada:hunter2@127.0.0.1:1: nobody there")
    assert asked(whole)[1]["relay"] == "nats://ada:[hidden]@127.0.0.1:1: nobody there"
    monkeypatch.setattr(relay, "trouble", None)
    assert asked(whole)[1]["relay"] == "publishes here"
    whole.platform.leases.release(lease)


def test_limits_that_are_not_shared_now_are_told(whole: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = whole.platform.rates
    assert isinstance(rates, SharedRates)
    status, parts = asked(whole)
    assert (status, parts["valkey"]) == ("degraded", "does not answer")
    assert parts["rate limits"] == "a local share, until Valkey answers"
    with monkeypatch.context() as answering:
        answering.setattr(rates.breaker, "failed", lambda error: None)
        rates.breaker.answered()
        assert asked(whole)[1]["valkey"] == "ok"
    rates.breaker.failed(OSError())


def test_a_tail_that_is_far_behind_is_told(whole: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole.platform.tail, "_seen", whole.platform.tail.position + 10_000)
    assert asked(whole)[1]["tail"] == "10000 events behind"


def test_dead_letters_are_told(whole: Live) -> None:
    name = whole.platform.bus.handlers[0].name
    letter = Aside(name, 1, "user:x", "UserRegistered", DEAD, 5, 0, "it does not fit")
    whole.platform.path.write(lambda connection: handler_records.put_aside(connection, [letter]))
    status, parts = asked(whole)
    assert (status, parts["handlers"]) == ("degraded", "1 dead letters")
    text = httpx2.get(f"{whole.url}/metrics").text
    assert f'traderbot_handler_aside{{handler="{name}",state="dead"}} 1.0' in text
    whole.platform.path.write(lambda connection: handler_records.take(connection, letter))
    assert asked(whole)[1]["handlers"] == "ok"


def test_rules_that_nobody_measures_are_told(whole: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(whole)[1]["alerts"] == "ok"
    with whole.person() as ada:
        rule = {"name": "r", "metric": "price", "symbol": "MSFT", "threshold": "1"}
        rule_id = ada.post("/alerts/rules", rule)["id"]
        whole.step()
        later = whole.platform.clock.now() + 70_000_000
        monkeypatch.setattr(whole.platform.clock, "now", lambda: later)
        with whole.platform.database.read() as connection:
            assert 69 <= waited(connection, later) < 90
        assert asked(whole)[1]["alerts"].endswith(" seconds behind")
        monkeypatch.undo()
        while whole.platform.alerts.measure():
            pass
        ada.delete(f"/alerts/rules/{rule_id}")
    assert asked(whole)[1]["alerts"] == "ok"


def test_a_collector_that_takes_no_spans_is_told(whole: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole.platform.traces._watched, "failing", True)  # type: ignore[attr-defined]
    assert asked(whole)[1]["traces"] == "the collector does not take them"


def test_readers_that_are_all_in_use_degrade_and_orders_go_on(whole: Live) -> None:
    pool: Any = whole.platform.database.readers.pool
    with ExitStack() as held:
        for _ in range(pool.most):
            held.enter_context(whole.platform.database.readers.connect())
        status, said = ready_answer(whole.platform)
    assert (status, said["status"]) == (200, "degraded")
    assert said["parts"]["database"] == "all connections in use: readers"
    assert asked(whole)[1]["database"] == "ok"


def test_a_process_of_its_own_says_when_it_cannot_take_orders(tmp_path: Path) -> None:
    with opened(tmp_path) as live:
        assert status_of({}) == "ready"
        live.platform.path.close()
        assert ready_answer(live.platform)[0] == 503
        assert httpx2.get(f"{live.url}/health/ready").status_code == 503
