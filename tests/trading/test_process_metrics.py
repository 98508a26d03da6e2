"""What a process shows besides its command path follows the session, its leases and what was put aside."""

from pathlib import Path

import pytest

from api.live import opened
from infra.collector import collecting

pytestmark = pytest.mark.integration


def test_steps_leases_and_tail_are_shown_and_a_step_is_a_span(tmp_path: Path) -> None:
    with collecting() as collector:
        with opened(tmp_path, otlp_endpoint=collector.url) as live:
            value = live.platform.metrics.get_sample_value
            before = value("traderbot_session_step")
            assert before is not None
            lease = live.platform.leases.acquire("relay")
            assert lease is not None
            live.step(2)
            assert value("traderbot_session_step") == before + 2
            assert value("traderbot_session_step_seconds_count") == 2
            assert value("traderbot_lease_held", {"lease": "relay"}) == 1
            assert value("traderbot_tail_position") == value("traderbot_journal_position")
            assert value("traderbot_tail_lag_events") == 0
            assert value("traderbot_session_trouble") == value("traderbot_traces_failing") == 0
            assert (value("traderbot_command_transaction_seconds_count") or 0) >= 2
            assert value("traderbot_command_waiting") == 0
            live.platform.leases.release(lease)
            assert value("traderbot_lease_held", {"lease": "relay"}) is None
        assert collector.said["session step"]["step"] == before + 2
