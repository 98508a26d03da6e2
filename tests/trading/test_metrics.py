"""Counts for /metrics follow the commits."""

import pytest
from prometheus_client import CollectorRegistry

from traderbot.trading.metrics import watch_path
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
