from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traderbot.market.bars import TimeFrame, make_bars
from traderbot.market.calendars import Sessions, sessions_between
from traderbot.market.importer import bars_by_symbol, place
from traderbot.market.quality import (
    Check,
    Examined,
    QualityReport,
    Severity,
    examine,
    file_finding,
    out_of_order,
    together,
)
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.unit
SESSIONS = sessions_between("XNYS", date(2005, 1, 1), date(2005, 3, 31))
DAYS = SESSIONS.dates.tolist()
COUNT = 30  # bars of each of two symbols


def clean_rows() -> pl.DataFrame:
    """AAA and BBB, 30 sessions each, without a fault; rows 2 to 61 as in a CSV."""
    rows = []
    for symbol in ("AAA", "BBB"):
        for number in range(COUNT):
            close = 100.0 + number
            rows.append((symbol, DAYS[number], close - 0.5, close + 1, close - 1, close, 1000.0))
    frame = pl.DataFrame(
        rows, schema=["symbol", "date", "open", "high", "low", "close", "volume"], orient="row"
    )
    return frame.with_row_index("row", 2).with_columns(
        pl.col("row").cast(pl.Int64),
        pl.col("date").cast(pl.Datetime("us")).to_physical().alias("moment"),
        pl.lit(True).alias("understood"),
    )


def check(frame: pl.DataFrame, sessions: Sessions = SESSIONS) -> Examined:
    return examine(place(frame, sessions, TimeFrame.DAY, "open"), sessions, TimeFrame.DAY)


def change(frame: pl.DataFrame, row: int, **values: object) -> pl.DataFrame:
    """The frame with other values in one row."""
    return frame.with_columns(
        pl.when(pl.col("row") == row).then(pl.lit(value)).otherwise(pl.col(name)).alias(name)
        for name, value in values.items()
    ).with_columns(pl.col("date").cast(pl.Datetime("us")).to_physical().alias("moment"))


def found(examined: Examined) -> list[tuple[int, str]]:
    return list(examined.findings.select("row", "check").iter_rows())


def test_a_clean_file_has_no_findings_and_is_used_whole() -> None:
    examined = check(clean_rows())
    assert found(examined) == []
    assert len(examined.clean) == 2 * COUNT
    bars = bars_by_symbol(examined.clean)
    assert bars[Symbol("AAA")].times.tolist() == SESSIONS.closes[:COUNT].tolist()


FAULTS: dict[str, tuple[dict[str, object], Check]] = {
    "no open": ({"open": None}, Check.MISSING_VALUE),
    "no volume": ({"volume": None}, Check.MISSING_VALUE),
    "zero price": ({"low": 0.0}, Check.OUT_OF_RANGE),
    "negative price": ({"low": -5.0}, Check.OUT_OF_RANGE),
    "huge price": ({"high": 1e10}, Check.OUT_OF_RANGE),
    "negative volume": ({"volume": -1.0}, Check.OUT_OF_RANGE),
    "crossed": ({"high": 90.0, "low": 95.0}, Check.HIGH_BELOW_LOW),
    "open above": ({"open": 400.0}, Check.OPEN_OUTSIDE),
    "open below": ({"open": 3.0}, Check.OPEN_OUTSIDE),
    "close above": ({"close": 400.0}, Check.CLOSE_OUTSIDE),
    "close below": ({"close": 3.0}, Check.CLOSE_OUTSIDE),
    "on a Saturday": ({"date": date(2005, 3, 5)}, Check.NOT_A_SESSION),
    "on a holiday": ({"date": date(2005, 3, 25)}, Check.NOT_A_SESSION),
}


@settings(deadline=None)
@given(st.sampled_from(sorted(FAULTS)), st.integers(2, 2 * COUNT + 1))
def test_a_planted_fault_is_found_at_its_row_and_only_there(fault: str, row: int) -> None:
    values, expected = FAULTS[fault]
    before = clean_rows()
    examined = check(change(before, row, **values))
    bad = examined.findings.filter(pl.col("severity") == "quarantine")
    assert set(bad["row"]) == {row}
    assert expected in {Check(name) for name in bad["check"]}
    assert bad["symbol"][0] == before["symbol"][row - 2]
    assert set(examined.clean["row"]) == set(before["row"]) - {row}


@settings(deadline=None)
@given(st.integers(2, 2 * COUNT + 1), st.integers(0, 2 * COUNT))
def test_an_equal_row_twice_is_kept_once(row: int, place_in_file: int) -> None:
    frame = clean_rows()
    copy = frame.filter(pl.col("row") == row)
    mixed = pl.concat([frame.head(place_in_file), copy, frame.slice(place_in_file)])
    mixed = mixed.drop("row").with_row_index("row", 2).with_columns(pl.col("row").cast(pl.Int64))
    examined = check(mixed)
    twins = mixed.filter((pl.col("symbol") == copy["symbol"][0]) & (pl.col("date") == copy["date"][0]))["row"]
    assert found(examined) == [(max(twins), "duplicate")]
    assert f"repeats row {min(twins)}" in examined.findings["what"][0]
    assert len(examined.clean) == 2 * COUNT


@settings(deadline=None)
@given(st.integers(2, 2 * COUNT + 1), st.sampled_from(["open", "close", "volume"]))
def test_rows_that_contradict_each_other_are_all_left_out(row: int, column: str) -> None:
    frame = clean_rows()
    other = frame.filter(pl.col("row") == row).with_columns(
        pl.col(column) + 0.1, pl.lit(62, pl.Int64).alias("row")
    )
    examined = check(pl.concat([frame, other]))
    assert found(examined) == [(row, "conflicting_duplicate"), (62, "conflicting_duplicate")]
    assert f"rows {row}, 62" in examined.findings["what"][0]
    assert len(examined.clean) == 2 * COUNT - 1


@settings(deadline=None)
@given(st.integers(1, COUNT - 2), st.integers(1, 5))
def test_missing_sessions_are_named_at_the_row_after_them(start: int, length: int) -> None:
    length = min(length, COUNT - 1 - start)
    frame = clean_rows()
    gap = frame.filter((pl.col("row") < 2 + start) | (pl.col("row") >= 2 + start + length))
    examined = check(gap)
    assert found(examined) == [(2 + start + length, "missing_sessions")]
    what = examined.findings["what"][0]
    assert (
        what
        == f"{length} sessions without a bar before this one, {DAYS[start]} to {DAYS[start + length - 1]}"
    )
    assert examined.findings["severity"][0] == "warn"
    assert len(examined.clean) == len(gap)


@settings(deadline=None)
@given(st.integers(3, COUNT + 1), st.sampled_from([0.5, 2.0, 10.0]))
def test_a_wild_jump_warns_and_is_kept(row: int, factor: float) -> None:
    prices = ("open", "high", "low", "close")
    later = (pl.col("row") >= row) & (pl.col("symbol") == "AAA")
    frame = clean_rows().with_columns(
        pl.when(later).then(pl.col(p) * factor).otherwise(pl.col(p)) for p in prices
    )
    examined = check(frame)
    assert found(examined) == [(row, "wild_jump")]
    assert len(examined.clean) == len(frame)


def test_no_volume_warns_and_is_kept() -> None:
    examined = check(change(clean_rows(), 7, volume=0.0))
    assert found(examined) == [(7, "zero_volume")]
    assert len(examined.clean) == 2 * COUNT


def test_rounding_of_adjusted_prices_is_no_fault_but_high_and_low_hold_open_and_close() -> None:
    examined = check(change(clean_rows(), 7, close=106.00001, high=106.0, low=104.0, open=103.99999))
    assert found(examined) == []
    row = examined.clean.row(by_predicate=pl.col("row") == 7, named=True)
    assert (row["high"], row["low"]) == (106.00001, 103.99999)
    assert len(bars_by_symbol(examined.clean)[Symbol("AAA")]) == COUNT


def test_rows_already_reported_are_not_looked_at_again() -> None:
    frame = clean_rows().with_columns((pl.col("row") != 7).alias("understood"))
    examined = check(change(frame, 7, close=None))
    assert [row for row, _ in found(examined)] == [8]  # the session of row 7 is missing
    assert 7 not in examined.clean["row"]


def test_the_first_row_out_of_order_is_named() -> None:
    frame = place(clean_rows(), SESSIONS, TimeFrame.DAY, "open")
    assert out_of_order(frame, TimeFrame.DAY).is_empty()
    swapped = pl.concat([frame.head(10), frame.slice(11, 1), frame.slice(10, 1), frame.slice(12)])
    swapped = swapped.drop("row").with_row_index("row", 2)
    (finding,) = out_of_order(swapped, TimeFrame.DAY).iter_rows(named=True)
    assert (finding["row"], finding["symbol"], finding["time"]) == (13, "AAA", str(DAYS[10]))
    assert "older than row 12" in finding["what"]


def test_files_by_time_with_symbols_in_turn_are_in_order() -> None:
    frame = place(clean_rows().sort("date", maintain_order=True), SESSIONS, TimeFrame.DAY, "open")
    assert out_of_order(frame, TimeFrame.DAY).is_empty()


def test_every_check_has_a_severity() -> None:
    assert {check.severity for check in Check} == set(Severity)


def test_a_report_reads_as_text() -> None:
    examined = check(change(change(clean_rows(), 7, close=3.0), 9, volume=0.0))
    table = together([file_finding(Check.COLUMNS, "no close"), examined.findings])
    report = QualityReport("x.csv", 60, 59, 1, 2, TimeFrame.DAY, ("a note",), None, table)
    assert report.counts() == {Check.COLUMNS: 1, Check.CLOSE_OUTSIDE: 1, Check.ZERO_VOLUME: 1}
    assert [finding.row for finding in report.findings()] == [None, 7, 9]
    assert [finding.row for finding in report.findings(1, Severity.WARN)] == [9]
    assert report.lines(1) == [
        "x.csv: 60 rows of 2 symbols, 59 used, 1 quarantined",
        "note: a note",
        "refuse: 1 x columns",
        "quarantine: 1 x close_outside_high_low",
        "warn: 1 x zero_volume",
        "refuse: file: no close",
        "quarantine: row 7 AAA 2005-01-10: close 3.0 is outside low 104.0 to high 106.0",
        "warn: row 9 AAA 2005-01-12: no volume: it marks positions, no order can fill on it",
    ]


def test_what_passes_is_what_bars_promise() -> None:
    examined = check(clean_rows())
    for symbol, bars in bars_by_symbol(examined.clean).items():
        again = make_bars(symbol, bars.times, bars.open, bars.high, bars.low, bars.close, bars.volume)
        assert len(again) == COUNT
