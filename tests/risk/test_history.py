import numpy as np
import pytest

from risk.samples import at, demo, made_up, walk
from traderbot.model.errors import NotFound
from traderbot.model.symbols import Symbol
from traderbot.risk import index
from traderbot.risk.history import daily, history_of, market_of, own_move

pytestmark = pytest.mark.unit

AAPL, MSFT, GOOG = Symbol("AAPL"), Symbol("MSFT"), Symbol("GOOG")


def test_returns_hold_splits_and_dividends_on_their_days() -> None:
    made = daily(demo(), AAPL)
    on_split = made.returns[made.days == np.datetime64("2005-02-28")][0]
    assert abs(on_split) < 0.05
    msft = daily(demo(), MSFT)
    special = msft.days == np.datetime64("2004-11-15")  # 3.08 on a price of about 27
    bars = demo().bars[MSFT]
    place = int(np.flatnonzero(special)[0])
    plain = bars.close[place] / bars.close[place - 1] - 1
    assert msft.returns[place] - plain == pytest.approx(3.08 / bars.close[place - 1], rel=1e-6)


def test_nothing_later_than_the_market_time_is_seen() -> None:
    time = at("2008-06-30")
    found = history_of(demo(), time, [AAPL, MSFT], 500)
    assert found.days[-1] == np.datetime64("2008-06-30")
    assert found.returns.shape == (500, 2)
    at_noon = int(np.datetime64("2008-06-30T16:00", "us").astype(np.int64))
    assert history_of(demo(), at_noon, [AAPL], 500).days[-1] == np.datetime64("2008-06-27")


def test_a_later_crash_changes_nothing_before_it() -> None:
    calm, crash = walk(1), walk(1)
    crash[700:] *= 0.1
    known = int(demo().bars[AAPL].times[0])
    for closes in (calm, crash):
        dataset = made_up({"AAA": closes})
        known = int(dataset.bars[Symbol("AAA")].times[699])
        found = history_of(dataset, known, [Symbol("AAA")], 500)
        assert found.returns[:, 0] == pytest.approx(calm[200:700] / calm[199:699] - 1)


def test_a_symbol_that_is_too_young_is_left_out_and_one_that_is_young_shortens() -> None:
    shortly = at("2004-09-30")
    found = history_of(demo(), shortly, [AAPL, GOOG], 500)
    assert found.symbols == (AAPL,)
    assert [(one.code, one.symbol) for one in found.reasons] == [("too_little_history", GOOG)]
    later = history_of(demo(), at("2005-02-28"), [AAPL, GOOG], 500)
    assert later.symbols == (AAPL, GOOG)
    assert len(later.days) < 140
    assert [(one.code, one.symbol) for one in later.reasons] == [("shortened", GOOG)]


def test_missing_days_count_as_unchanged_and_are_said() -> None:
    closes = walk(2)
    closes[400:403] = np.nan
    dataset = made_up({"AAA": closes, "BBB": walk(3)})
    found = history_of(dataset, dataset.last_time, [Symbol("AAA"), Symbol("BBB")], 700)
    assert [(one.code, one.symbol) for one in found.reasons] == [("missing_days", "AAA")]
    assert np.isfinite(found.returns).all()
    assert np.prod(1 + found.returns[:, 0]) == pytest.approx(closes[-1] / closes[99])


def test_a_symbol_that_stopped_trading_is_said() -> None:
    closes = walk(2)
    closes[790:] = np.nan
    dataset = made_up({"AAA": closes, "BBB": walk(3)})
    found = history_of(dataset, dataset.last_time, [Symbol("AAA")], 700)
    assert [one.code for one in found.reasons] == ["stale_price"]


def test_betas_are_measured_against_the_nearest_there_is() -> None:
    on_index = market_of(demo(), at("2008-06-30"))
    assert on_index is not None
    assert on_index.name == index.NAME
    assert on_index.days[-1] == np.datetime64("2008-06-30")
    asked = market_of(demo(), at("2008-06-30"), MSFT)
    assert asked is not None
    assert asked.name == "MSFT"
    with pytest.raises(NotFound):
        market_of(demo(), at("2008-06-30"), Symbol("SPY"))
    funds = made_up({"SPY": walk(1), "AAA": walk(2)})
    fund = market_of(funds, funds.last_time)
    assert fund is not None
    assert fund.name == "SPY"
    from datetime import date

    after = made_up({"AAA": walk(1), "BBB": walk(2)}, date(2021, 1, 4))
    mean = market_of(after, after.last_time)
    assert mean is not None
    assert mean.name == "mean of all instruments"
    first, second = (
        history_of(after, after.last_time, [Symbol(name)], 700).returns for name in ("AAA", "BBB")
    )
    assert mean.returns[-700:] == pytest.approx((first + second)[:, 0] / 2)


def test_ones_own_move_over_a_crisis_is_known_only_once_it_is_over() -> None:
    credit = index.CRISES[1]
    assert own_move(demo(), at("2009-03-06"), AAPL, credit) is None
    found = own_move(demo(), at("2009-03-09"), AAPL, credit)
    bars = demo().bars[AAPL]
    days = demo().sessions.dates_of(bars.times)
    first, last = (bars.close[days == np.datetime64(day)][0] for day in (credit.first, credit.last))
    assert found == pytest.approx(last / first - 1)
    assert own_move(demo(), at("2010-01-04"), GOOG, index.CRISES[0]) is None
