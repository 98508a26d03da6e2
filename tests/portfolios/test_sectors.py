"""Sector attribution of an account: the effects sum to what it did better, and the reasons make sense."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from portfolios.accounts import book_of, order, wandered
from portfolios.made import book
from traderbot.portfolios.performance import performance_of
from traderbot.portfolios.sectors import attribution_of
from trading.session_rig import AAA, BBB, SessionRig, small_dataset

pytestmark = pytest.mark.integration

D = Decimal
SECTORS = {AAA: "Energy", BBB: "Utilities"}


@pytest.mark.parametrize("seed", range(4))
def test_the_effects_sum_to_the_excess(tmp_path: Path, seed: int) -> None:
    with wandered(tmp_path, seed) as (rig, account_id):
        made, dataset = book_of(rig, account_id), rig.dataset
    for table in ({}, SECTORS):
        for begin in (None, int(made.times[4])):
            found = attribution_of(made, table, dataset, begin=begin)
            whole = performance_of(made, begin=begin)
            assert found.time_weighted == pytest.approx(whole.time_weighted)
            assert found.excess is not None
            assert float(found.excess) == pytest.approx(whole.time_weighted - found.benchmark, abs=1e-6)  # type: ignore[operator]
            assert sum((one.allocation + one.selection for one in found.sectors), D(0)) == found.excess
            assert sum(one.weight for one in found.sectors) == pytest.approx(1.0)
            assert sum(one.benchmark_weight for one in found.sectors) == pytest.approx(1.0)
            assert {one.name for one in found.sectors} == {"cash"} | (set(table.values()) or {"unknown"})


def test_all_in_the_sector_that_rose_is_allocation(tmp_path: Path) -> None:
    """AAA rises, BBB stands still: who holds AAA alone gains by allocation, but for the cash and the first
    day, bought at its open.
    """
    rig = SessionRig(tmp_path)
    account_id = rig.join("100000")
    order(rig, account_id, AAA, "900")
    rig.play(6)
    made = book_of(rig, account_id)
    rig.close()
    found = attribution_of(made, SECTORS, rig.dataset, begin=int(made.times[1]))
    effects = {one.name: one for one in found.sectors}
    assert effects["Energy"].allocation > D("0.01")
    assert abs(effects["Energy"].selection) < D("0.000002")
    assert effects["Utilities"].allocation > 0  # held none of what stood still
    assert effects["cash"].allocation < 0
    assert effects["Energy"].weight > 0.9
    assert effects["Energy"].benchmark_weight == 0.5
    rises = np.array([101 + step for step in range(6)])
    assert found.benchmark == pytest.approx(np.prod(1 + 0.5 * (rises[1:] / rises[:-1] - 1)) - 1)


def test_bad_spans_are_answers() -> None:
    nothing = attribution_of(book([], {}), SECTORS, small_dataset())
    assert nothing.reason == "no close of the account lies in this span"
    empty = attribution_of(book([100.0, 0.0, 0.0], {0: 100.0, 1: -100.0}), SECTORS, small_dataset())
    assert empty.reason == "there was no capital at some time in the span"
    late = book([100.0] * 60, {0: 100.0})
    found = attribution_of(late, SECTORS, small_dataset())
    assert found.reason == "no instrument has prices over the whole span"
    assert found.left_out == [AAA, BBB]
    assert (found.excess, found.sectors) == (None, [])
