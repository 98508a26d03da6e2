from dataclasses import replace

import numpy as np
import pytest

from intelligence.synthetic import DAY, FIRST, random_panel

pytestmark = pytest.mark.unit


def test_until_includes_the_moment_and_nothing_later() -> None:
    panel = random_panel(50)
    assert len(panel.until(FIRST + 9 * DAY)) == 10
    assert len(panel.until(FIRST + 9 * DAY - 1)) == 9
    assert len(panel.until(FIRST - 1)) == 0


def test_last_gives_the_newest_bars_or_all() -> None:
    panel = random_panel(50)
    assert np.array_equal(panel.last(7).close, panel.close[-7:])
    assert len(panel.last(80)) == 50


def test_lengths_and_order_of_time_are_checked() -> None:
    panel = random_panel(50)
    with pytest.raises(ValueError, match="'volume': 49"):
        replace(panel, volume=panel.volume[:-1])
    with pytest.raises(ValueError, match="AAA: times must increase"):
        replace(panel, times=panel.times[::-1])
