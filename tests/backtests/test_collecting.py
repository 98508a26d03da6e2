"""The collector is left as it was found, however runs overlap."""

import gc

import pytest

from traderbot.backtests.collecting import seldom

pytestmark = pytest.mark.unit


def test_the_collector_looks_seldom_until_the_last_run_ends() -> None:
    before = gc.get_threshold()
    with seldom():
        during = gc.get_threshold()
        assert during[0] > before[0]
        assert during[1:] == before[1:]
        with pytest.raises(ZeroDivisionError), seldom():
            raise ZeroDivisionError
        assert gc.get_threshold() == during
    assert gc.get_threshold() == before


def test_a_collector_that_is_off_stays_off() -> None:
    before = gc.get_threshold()
    gc.set_threshold(0)
    try:
        with seldom():
            assert gc.get_threshold()[0] == 0
        assert gc.get_threshold()[0] == 0
    finally:
        gc.set_threshold(*before)
