import numpy as np
import pytest

from traderbot.analytics import remembering as module
from traderbot.analytics.remembering import recalled, remembering

pytestmark = pytest.mark.unit


class Counted:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> int:
        self.count += 1
        return self.count


def test_nothing_is_kept_outside() -> None:
    compute = Counted()
    assert [recalled("a", [], [np.arange(3)], compute) for _ in range(2)] == [1, 2]


def test_a_result_is_found_by_all_it_follows_from() -> None:
    compute, base = Counted(), np.arange(3.0)
    with remembering():
        assert recalled("a", ["x"], [base], compute) == 1
        assert recalled("a", ["x"], [base.copy()], compute) == 1
        other = [
            ("b", ["x"], [base]),
            ("a", ["y"], [base]),
            ("a", ["x"], [base * 2]),
            ("a", ["x"], [base.astype(np.float32)]),
            ("a", ["x"], [base[:2], base[2:]]),
        ]
        assert [recalled(*one, compute) for one in other] == [2, 3, 4, 5, 6]
        with remembering():
            assert recalled("a", ["x"], [base], compute) == 1
    with remembering():
        assert recalled("a", ["x"], [base], compute) == compute.count


def test_the_one_not_used_for_longest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST", 2)
    compute = Counted()
    with remembering():
        for number in (1, 2, 1, 3):
            recalled("a", [number], [], compute)
        assert compute.count == 3
        assert recalled("a", [1], [], compute) == 1
        assert recalled("a", [2], [], compute) == 4
