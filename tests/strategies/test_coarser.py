"""Coarser frames of signals: whole spans only, the same from a window and when later rows are cut off."""

import numpy as np
import pytest

from strategies.test_catalogue import ROWS, frame_like_real, frame_with_an_index, same
from strategies.test_signals import bars_of
from traderbot.analytics.arrays import Floats
from traderbot.backtests.runner import run
from traderbot.model.errors import InvalidValue
from traderbot.model.membership import EVERYBODY
from traderbot.strategies.causality import check_causal
from traderbot.strategies.coarser import SPANS, coarser
from traderbot.strategies.signals import Frame, SignalStrategy

pytestmark = pytest.mark.unit

DAY = 86_400_000_000


def days_of(frame: Frame) -> np.ndarray:
    return ((frame.times - 1) // DAY).astype("datetime64[D]")


class Weekly(SignalStrategy):
    """Holds what rose over the last three whole weeks."""

    name = "weekly"

    @property
    def warm_up(self) -> int:
        return 7 * (3 + 2)  # the bars of some tests have no weekends

    def signal(self, frame: Frame) -> Floats:
        weeks = coarser(frame, "1w")
        growth = np.where(np.isnan(weeks.frame.growth), 1.0, weeks.frame.growth)
        rise = np.full(growth.shape, np.nan)
        for row in range(2, len(growth)):
            rise[row] = growth[row - 2 : row + 1].prod(axis=0)
        found = weeks.back(rise)
        return np.where(np.isnan(found), np.nan, (found > 1) / len(frame.symbols))


def test_a_week_sums_up_its_days() -> None:
    frame = frame_like_real(2, gaps=False)
    weeks = coarser(frame, "1w").frame
    days = days_of(frame)
    mondays = np.flatnonzero((days.astype(int) - 4) % 7 == 0)
    start = int(mondays[mondays > 0][0])
    week = frame.rows(start, start + 5)
    assert weeks.times[0] == week.times[-1]
    assert np.array_equal(weeks.open[0], week.open[0])
    assert np.array_equal(weeks.high[0], week.high.max(axis=0))
    assert np.array_equal(weeks.low[0], week.low.min(axis=0))
    assert np.array_equal(weeks.close[0], week.close[-1])
    assert np.array_equal(weeks.volume[0], week.volume.sum(axis=0))
    assert weeks.growth[0] == pytest.approx(week.close[-1] / frame.close[start - 1])
    assert not weeks.close.flags.writeable


@pytest.mark.parametrize("span", SPANS)
def test_a_row_goes_by_spans_that_are_over_and_by_the_newest_of_them(span: str) -> None:
    frame = frame_like_real()
    made = coarser(frame, span)
    unit = {"1d": "D", "1w": "W", "1mo": "M"}[span]
    days = days_of(frame)
    shift = 3 if span == "1w" else 0  # numpy's weeks begin on a Thursday
    spans = (days + shift).astype(f"datetime64[{unit}]")
    ends = (days_of(made.frame) + shift).astype(f"datetime64[{unit}]")
    for row in range(ROWS):
        known = made.known[row]
        assert known < 0 or ends[known] < spans[row]
        over = np.unique(spans[spans < spans[row]])
        if len(over) > 1:
            assert ends[known] == over[-1]


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize("frame", [frame_like_real(), frame_with_an_index()], ids=["all", "index"])
def test_what_is_cut_off_changes_nothing_before(frame: Frame, span: str) -> None:
    whole = coarser(frame, span)
    seen = whole.back(whole.frame.close)
    for cut in range(1, ROWS, 7):
        part = coarser(frame.rows(0, cut), span)
        assert same(part.back(part.frame.close), seen[:cut])
        for mine, full in zip(part.frame[1:8], whole.frame[1:8], strict=True):
            assert same(mine, full[: len(mine)])
    assert (whole.frame.member is EVERYBODY) == (frame.member is EVERYBODY)


def test_a_window_of_the_warm_up_gives_what_the_whole_gives() -> None:
    frame, strategy = frame_like_real(), Weekly()
    check_causal(strategy, frame, strategy.targets(frame), looks=40)
    assert np.nanmax(strategy.targets(frame)) > 0


def test_a_strategy_of_weeks_trades() -> None:
    rng = np.random.default_rng(3)
    bars = [bars_of(name, (50 * np.exp(np.cumsum(rng.normal(0, 0.02, 200)))).tolist()) for name in "AB"]
    assert len(run(Weekly(), bars).fills) > 10


@pytest.mark.parametrize("rows", [0, 1, 4])
def test_too_few_rows_have_nothing_to_go_by(rows: int) -> None:
    made = coarser(frame_like_real().rows(0, rows), "1mo")
    assert len(made.frame.times) == 0
    assert np.isnan(made.back(made.frame.close)).all()
    assert made.back(made.frame.close).shape == (rows, 5)


@pytest.mark.parametrize("span", ["1h", "1W", "week", ""])
def test_a_span_that_is_none_is_refused(span: str) -> None:
    with pytest.raises(InvalidValue, match="1d, 1w, 1mo"):
        coarser(frame_like_real(), span)
