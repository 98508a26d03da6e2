from datetime import date

import pytest

from traderbot.market.bars import TimeFrame
from traderbot.market.calendars import session_close
from traderbot.market.fetching import import_fetched
from traderbot.market.quality import VALUES, Check
from traderbot.market.readers.wanted import Fetched, Row, Wanted, frame_of_rows
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.integration
AAA, BBB = Symbol("AAA"), Symbol("BBB")
MINUTE = 60_000_000
ZONE = "America/New_York"
DAILY = Wanted((AAA, BBB), date(2012, 7, 2), date(2012, 7, 6), TimeFrame.DAY, ZONE)
CLOSES = [session_close("XNYS", date(2012, 7, day)) for day in (2, 3, 5, 6)]
OPEN = CLOSES[0] - 390 * MINUTE
GOOD = (10.0, 11.0, 9.0, 10.5, 100.0)


def daily(*rows: tuple[int, tuple[float | None, ...]], actions: tuple[CorporateAction, ...] = ()) -> Fetched:
    """Rows of AAA, stamped at midnight in New York."""
    made: list[Row] = [("AAA", DAILY.first + (day - 2) * 86_400_000_000, *values) for day, values in rows]  # type: ignore[misc]
    return Fetched(frame_of_rows(made, DAILY), actions, "somebody", ("a remark",))


def test_daily_bars_are_known_at_the_close_and_the_day_that_still_trades_is_left_out() -> None:
    fetched = daily(*((day, GOOD) for day in (2, 3, 5, 6)))
    result = import_fetched(fetched, DAILY, name="mine", calendar="XNYS", now=CLOSES[3] - 1)
    assert result.dataset is not None
    assert result.dataset.bars_of("AAA").times.tolist() == CLOSES[:3]
    assert result.dataset.source == "fetched: somebody"
    assert "1 bars that had not closed yet are left out" in result.report.notes
    assert "a remark" in result.report.notes


def test_a_bad_row_is_quarantined_by_name() -> None:
    fetched = daily((2, GOOD), (3, (10.0, 11.0, 9.0, float("nan"), 1.0)), (4, GOOD), (5, GOOD))
    result = import_fetched(fetched, DAILY, name="mine", calendar="XNYS", now=CLOSES[-1])
    found = {(one.time, one.check) for one in result.report.findings()}
    assert found >= {("2012-07-03", Check.MISSING_VALUE), ("2012-07-04", Check.NOT_A_SESSION)}
    assert result.quarantined["time"].to_list() == ["2012-07-03T04:00:00Z", "2012-07-04T04:00:00Z"]
    assert result.dataset is not None
    assert len(result.dataset.bars_of("AAA")) == 2


def test_actions_come_along_for_what_has_bars() -> None:
    paid = tuple(CorporateAction(name, date(2012, 7, 3), ActionKind.SPLIT, new=2) for name in (AAA, BBB))
    result = import_fetched(
        daily((2, GOOD), (3, GOOD), actions=paid), DAILY, name="mine", calendar="XNYS", now=CLOSES[-1]
    )
    assert result.dataset is not None
    assert result.dataset.actions == paid[:1]


def test_bars_before_the_open_and_after_the_close_are_left_out() -> None:
    wanted = Wanted((AAA,), date(2012, 7, 2), date(2012, 7, 3), TimeFrame.HALF_HOUR, ZONE)
    starts = [OPEN - 30 * MINUTE, OPEN, OPEN + 30 * MINUTE, CLOSES[0]]
    fetched = Fetched(frame_of_rows([("AAA", start, *GOOD) for start in starts], wanted), (), "somebody")
    result = import_fetched(fetched, wanted, name="mine", calendar="XNYS", now=CLOSES[-1])
    assert result.dataset is not None
    assert result.dataset.timeframe is TimeFrame.HALF_HOUR
    assert result.dataset.bars_of("AAA").times.tolist() == [OPEN + 30 * MINUTE, OPEN + 60 * MINUTE]
    assert "2 bars outside the sessions' hours are left out" in result.report.notes
    assert result.report.quarantined == 0


def test_a_market_that_never_closes_keeps_every_bar() -> None:
    wanted = Wanted((AAA,), date(2024, 3, 9), date(2024, 3, 11), TimeFrame.HOUR, "UTC")
    rows: list[Row] = [("AAA", wanted.first + hour * 60 * MINUTE, *GOOD) for hour in range(72)]
    result = import_fetched(
        Fetched(frame_of_rows(rows, wanted), (), "somebody"),
        wanted,
        name="mine",
        calendar="24/7",
        now=wanted.last,
    )
    assert result.dataset is not None
    assert len(result.dataset.bars_of("AAA")) == 72
    assert result.dataset.bars_of("AAA").times[-1] == wanted.last


@pytest.mark.parametrize("now", [0, CLOSES[-1]])
def test_nothing_to_use_is_told_and_not_stored(now: int) -> None:
    rows = () if now else ((2, GOOD),)
    result = import_fetched(daily(*rows), DAILY, name="mine", calendar="XNYS", now=now)
    assert result.dataset is None
    told = "no bars of these symbols" if now else "had not closed yet"
    assert told in str(result.report.refusal)


def test_what_is_left_out_is_kept_as_it_came() -> None:
    fetched = daily((2, GOOD), (3, (10.0, 9.0, 9.5, 10.0, 1.0)))
    result = import_fetched(fetched, DAILY, name="mine", calendar="XNYS", now=CLOSES[-1])
    assert result.quarantined.select(VALUES).rows() == [(10.0, 9.0, 9.5, 10.0, 1.0)]
