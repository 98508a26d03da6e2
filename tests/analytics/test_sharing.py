import numpy as np
import pytest

from traderbot.analytics import sharing
from traderbot.analytics.arrays import Floats
from traderbot.analytics.rolling import rolling_mean
from traderbot.analytics.sharing import shared

pytestmark = pytest.mark.unit

CALLS: list[int] = []


@shared
def doubled(values: Floats, times: int = 2) -> Floats:
    CALLS.append(times)
    return values * times


def test_the_same_work_on_fixed_data_is_done_once() -> None:
    data = np.arange(20.0).reshape(10, 2)
    CALLS.clear()
    with sharing.sharing([data]):
        first, again, other = doubled(data[:, 0]), doubled(data[:, 0]), doubled(data[:, 1])
        third = doubled(data[:, 0], times=3)
    assert first is again
    assert CALLS == [2, 2, 3]
    assert other.tolist() == (data[:, 1] * 2).tolist()
    assert third.tolist() == (data[:, 0] * 3).tolist()
    doubled(data[:, 0])
    assert CALLS == [2, 2, 3, 2]  # nothing is kept beyond the block


def test_other_parts_of_the_data_are_not_taken_for_each_other() -> None:
    data = np.arange(12.0)
    with sharing.sharing([data]):
        assert doubled(data[:6]).tolist() == (data[:6] * 2).tolist()
        assert doubled(data[:5]).tolist() == (data[:5] * 2).tolist()
        assert doubled(data[:10:2]).tolist() == (data[:10:2] * 2).tolist()


def test_what_is_not_fixed_is_worked_out_every_time() -> None:
    data, own = np.arange(5.0), np.arange(5.0)
    with sharing.sharing([data]):
        before = doubled(own)
        own[:] = 7
        assert doubled(own).tolist() == [14.0] * 5
        assert before.tolist() == [0.0, 2.0, 4.0, 6.0, 8.0]


def test_a_shared_result_cannot_be_changed() -> None:
    data = np.arange(30.0)
    with sharing.sharing([data]):
        result = rolling_mean(data, 5)
        with pytest.raises(ValueError, match="read-only"):
            result[7] = 1.0


def test_what_was_not_used_for_longest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "_BYTES", 200)
    data = np.arange(10.0)  # a result is 80 bytes
    CALLS.clear()
    with sharing.sharing([data]):
        doubled(data, 1), doubled(data, 2), doubled(data, 1), doubled(data, 3)
        doubled(data, 1), doubled(data, 2)
    assert CALLS == [1, 2, 3, 2]
