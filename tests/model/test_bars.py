import math

import numpy as np
import pytest

from traderbot.model.bars import Bar
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.unit


def three() -> Bar:
    columns = [np.array([value, value + 1, value + 2], dtype=float) for value in (10, 20, 5, 15, 100)]
    return Bar(Symbol("AAA"), np.array([1, 2, 3], dtype=np.int64), *columns)


def test_a_bar_reads_its_place_in_the_columns() -> None:
    bar = three()
    assert (len(bar), bar.index, math.isnan(bar.close)) == (3, -1, True)
    bar.move(1)
    assert (bar.time, bar.open, bar.high, bar.low, bar.close, bar.volume) == (2, 11, 21, 6, 16, 101)
    assert [type(value) for value in (bar.time, bar.open, bar.volume)] == [int, float, float]
    bar.rewind()
    assert (bar.index, math.isnan(bar.close)) == (-1, True)


def test_only_what_is_known_is_given_and_none_of_it_can_be_changed() -> None:
    bar = three()
    assert [len(column) for column in bar.known()] == [0] * 6
    bar.move(1)
    times, opens, *_, closes, _ = bar.known()
    assert (times.tolist(), opens.tolist(), closes.tolist()) == ([1, 2], [10, 11], [15, 16])
    assert bar.known(1)[0].tolist() == [2]
    assert bar.known(99)[0].tolist() == [1, 2]
    assert bar.known(0)[0].tolist() == bar.known(-1)[0].tolist() == []
    with pytest.raises(ValueError, match="read-only"):
        closes[0] = 99


def test_the_columns_given_stay_changeable_by_their_owner_and_may_be_strided() -> None:
    table = np.arange(15, dtype=float).reshape(3, 5)
    bar = Bar(Symbol("AAA"), np.array([1, 2, 3]), *(table[:, column] for column in range(5)))
    table[0, 0] = 7
    bar.move(2)
    assert bar.close == 13


def test_places_lists_every_bar() -> None:
    assert list(three().places()) == [(1, 0, 15.0), (2, 1, 16.0), (3, 2, 17.0)]
