"""Counts for /metrics follow the commits."""

from threading import Event

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy.engine import Connection
from structlog.testing import capture_logs

from traderbot.infra.events.journal import Meta
from traderbot.trading.metrics import watch_path
from traderbot.trading.work import Work
from trading.rig import Rig

pytestmark = pytest.mark.integration


def test_events_commits_and_position_are_counted(rig: Rig) -> None:
    registry = CollectorRegistry()
    watch_path(rig.path, registry)
    account_id = rig.open()
    rig.place(account_id)
    assert registry.get_sample_value("traderbot_events_total", {"type": "AccountOpened"}) == 1
    assert registry.get_sample_value("traderbot_events_total", {"type": "OrderPlaced"}) == 1
    assert registry.get_sample_value("traderbot_commits_total") == 3
    assert registry.get_sample_value("traderbot_journal_position") == 3
    rig.path.write(lambda connection: None)
    assert registry.get_sample_value("traderbot_commits_total") == 3


def test_the_queue_and_its_transactions_are_measured_and_failures_name_their_request(rig: Rig) -> None:
    registry = CollectorRegistry()
    watch_path(rig.path, registry)
    value = registry.get_sample_value
    entered, leave = Event(), Event()

    def hold(_connection: Connection) -> None:
        entered.set()
        leave.wait()

    held = rig.path.enqueue(Work(job=hold))
    entered.wait()
    waiting = [rig.path.enqueue(Work(job=lambda _connection: None)) for _ in range(3)]
    assert value("traderbot_command_waiting") == 3
    leave.set()
    for future in (held, *waiting):
        future.result()
    assert value("traderbot_command_waiting") == 0
    assert (value("traderbot_command_works_count"), value("traderbot_command_works_sum")) == (2, 4)
    assert value("traderbot_command_works_bucket", {"le": "2.0"}) == 1
    assert value("traderbot_command_transaction_seconds_count") == 2
    assert (value("traderbot_command_wait_seconds_sum") or 0) > 0

    def fail(_connection: Connection) -> None:
        raise LookupError("nothing there")

    meta = Meta("user:1", "together-1", request="request-1")
    with capture_logs() as logs, pytest.raises(LookupError):
        rig.path.submit(Work(job=fail, meta=meta))
    (line,) = logs
    assert (line["request_id"], line["correlation_id"]) == ("request-1", "together-1")
    assert value("traderbot_command_failures_total") == 1
