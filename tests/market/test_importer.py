import os
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from traderbot.market.bars import TimeFrame
from traderbot.market.calendars import session_close
from traderbot.market.datasets import load
from traderbot.market.importer import ImportResult, import_file, store_import
from traderbot.market.quality import Check, Severity
from traderbot.model.errors import InvalidValue, NotFound

pytestmark = pytest.mark.integration
HEADER = "date,open,high,low,close,volume"
SHARED = Path(os.environ.get("TRADERBOT_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
SP500 = SHARED / "sp500_daily" / "sp500_2013-02-08_2018-02-07.parquet"


def write(folder: Path, lines: Iterable[str], header: str = HEADER) -> Path:
    path = folder / "AAA.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


GOOD = [
    "2012-07-02,10,11,9,10,100",
    "2012-07-03,10,11,9,10.5,100",
    "2012-07-05,10.5,11,10,10.75,100",
    "2012-07-06,10.5,11,10,10.25,100",
]


def test_daily_bars_are_known_at_their_sessions_close(tmp_path: Path) -> None:
    result = import_file(write(tmp_path, GOOD), name="mine")
    assert result.dataset is not None
    bars = result.dataset.bars_of("AAA")
    days = [date(2012, 7, 2), date(2012, 7, 3), date(2012, 7, 5), date(2012, 7, 6)]  # the 3rd is a half day
    assert bars.times.tolist() == [session_close("XNYS", day) for day in days]
    assert bars.close.tolist() == [10, 10.5, 10.75, 10.25]
    assert (result.report.rows, result.report.used, result.report.quarantined) == (4, 4, 0)
    assert result.report.table.is_empty()
    assert result.report.refusal is None
    assert result.dataset.timeframe is TimeFrame.DAY


def test_bad_rows_are_stored_apart_with_their_reasons(tmp_path: Path) -> None:
    lines = [*GOOD]
    lines[1] = "2012-07-03,10,11,9,12.5,100"
    lines.insert(2, "2012-07-04,10,11,9,10,100")
    result = import_file(write(tmp_path, lines), name="mine")
    assert [
        (f.row, f.symbol, f.time, f.check) for f in result.report.findings(severity=Severity.QUARANTINE)
    ] == [
        (3, "AAA", "2012-07-03", Check.CLOSE_OUTSIDE),
        (4, "AAA", "2012-07-04", Check.NOT_A_SESSION),
    ]
    folder = tmp_path / "data" / "mine"
    store_import(result, folder)
    stored = load(folder)
    assert stored.bars_of("AAA").close.tolist() == [10, 10.75, 10.25]
    text = (folder / "quarantine.csv").read_text().splitlines()
    assert text[0] == f"row,{HEADER},reason"
    assert text[1] == "3,2012-07-03,10,11,9,12.5,100,close 12.5 is outside low 9.0 to high 11.0"
    assert text[2].startswith("4,2012-07-04,")
    assert len(text) == 3


def test_a_file_without_fault_has_no_quarantine(tmp_path: Path) -> None:
    store_import(import_file(write(tmp_path, GOOD), name="mine"), tmp_path / "mine")
    assert not (tmp_path / "mine" / "quarantine.csv").exists()


def test_rows_out_of_order_refuse_the_file_unless_sorting_is_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, reversed(GOOD))
    result = import_file(path, name="mine")
    assert result.dataset is None
    assert result.report.refusal is not None
    assert result.report.refusal.startswith(
        "row 3: AAA 2012-07-05 is older than row 2 of the same symbol (2012-07-06)"
    )
    with pytest.raises(InvalidValue, match="row 3"):
        store_import(result, tmp_path / "mine")
    ordered, direct = (
        import_file(path, name="mine", sort=True),
        import_file(write(tmp_path, GOOD), name="mine"),
    )
    assert ordered.dataset is not None
    assert direct.dataset is not None
    assert ordered.dataset.sha256 == direct.dataset.sha256


@pytest.mark.parametrize(
    ("lines", "header", "expected"),
    [
        (["1,2"], "date,open", "no column for high, low, close, volume"),
        (["2012-07-04,10,11,9,10,100"], HEADER, "none of the 1 rows can be used"),
        (["2012-07-02,10,11,9,,100"], HEADER, "no value for close"),
        (["1,10,11,9,10,100"], HEADER, "row 2: column 'date': expected a time such as"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_its_reason(
    tmp_path: Path, lines: list[str], header: str, expected: str
) -> None:
    result = import_file(write(tmp_path, lines, header), name="mine")
    assert result.dataset is None
    assert result.report.refusal is not None
    assert expected in result.report.refusal
    assert result.report.used == 0
    assert result.report.findings()[0].severity is Severity.REFUSE
    assert any("refused" in line for line in result.report.lines())


def minutes(folder: Path, stamps: list[str]) -> Path:
    return write(folder, [f"{stamp},10,11,9,10,100" for stamp in stamps])


def known_times(result: ImportResult) -> list[str]:
    assert result.dataset is not None
    times = result.dataset.bars_of("AAA").times
    return [datetime.fromtimestamp(int(time) / 1e6, UTC).strftime("%H:%M") for time in times]


def test_intraday_bars_are_known_when_they_close(tmp_path: Path) -> None:
    stamps = [f"2005-01-03T{clock}:00" for clock in ("09:30", "09:31", "09:32", "15:59")]
    opened = import_file(minutes(tmp_path, stamps), name="mine")
    assert known_times(opened) == ["14:31", "14:32", "14:33", "21:00"]
    assert opened.dataset is not None
    assert opened.dataset.timeframe is TimeFrame.MINUTE
    stamps = [f"2005-01-03T{clock}:00" for clock in ("09:31", "09:32", "09:33", "16:00")]
    closed = import_file(minutes(tmp_path, stamps), name="mine", stamped="close")
    assert known_times(closed) == ["14:31", "14:32", "14:33", "21:00"]


def test_a_last_bar_cut_short_is_known_at_the_close(tmp_path: Path) -> None:
    stamps = [f"2005-01-03T{hour}:30" for hour in ("09", "10", "11", "12", "13", "14", "15")]
    assert known_times(import_file(minutes(tmp_path, stamps), name="mine"))[-2:] == ["20:30", "21:00"]


def test_bars_before_the_open_and_after_the_close_are_left_out(tmp_path: Path) -> None:
    stamps = [f"2005-01-03T{clock}" for clock in ("09:29", "09:30", "09:31", "15:59", "16:00")]
    result = import_file(minutes(tmp_path, stamps), name="mine")
    assert [(f.row, f.check) for f in result.report.findings()] == [
        (2, Check.OUTSIDE_HOURS),
        (6, Check.OUTSIDE_HOURS),
    ]
    assert result.report.findings()[0].time == "2005-01-03T14:29:00Z"
    assert result.report.used == 3


def test_intraday_duplicates_are_of_the_same_minute(tmp_path: Path) -> None:
    stamps = [f"2005-01-03T{clock}" for clock in ("09:30", "09:31", "09:31", "09:32")]
    result = import_file(minutes(tmp_path, stamps), name="mine")
    assert [(f.row, f.check) for f in result.report.findings()] == [(4, Check.DUPLICATE)]


def test_bars_that_become_known_at_the_same_moment_contradict_each_other(tmp_path: Path) -> None:
    clocks = ("15:55:00", "15:56:00", "15:57:00", "15:58:00", "15:59:00", "15:59:30")
    path = minutes(tmp_path, [f"2005-01-03T{clock}" for clock in clocks])
    path.write_text(path.read_text().replace("15:59:30,10,11", "15:59:30,10,12"))
    result = import_file(path, name="mine")
    assert [(f.row, f.check) for f in result.report.findings()] == [(6, Check.CONFLICT), (7, Check.CONFLICT)]
    assert result.report.used == 4


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    import_file(write(tmp_path, GOOD), name="mine", progress=lambda what, part: told.append((what, part)))
    assert [part for _, part in told] == sorted(part for _, part in told)
    assert told[-1] == ("done", 1.0)


def test_mistakes_of_the_caller_are_errors(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    with pytest.raises(NotFound):
        import_file(tmp_path / "none.csv", name="mine")
    with pytest.raises(InvalidValue, match="name"):
        import_file(path, name="../mine")
    with pytest.raises(InvalidValue, match="calendar"):
        import_file(path, name="mine", calendar="NOPE")
    with pytest.raises(InvalidValue, match="stamped"):
        import_file(path, name="mine", stamped="middle")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def sp500() -> ImportResult:
    if not SP500.is_file():
        pytest.skip(f"the shared data folder is absent: {SHARED}")
    return import_file(SP500, name="sp500")


BAD_BARS = {
    "AOS": ["2014-05-19"],
    "BBY": ["2016-03-14"],
    "BHF": ["2017-07-26"],
    "CHD": ["2014-05-19"],
    "CHK": ["2014-06-30"],
    "DHR": ["2014-11-06", "2015-07-17", "2016-01-12"],
    "ES": ["2015-07-17"],
    "FTV": ["2016-07-01"],
    "IP": ["2014-07-01"],
    "LNT": ["2016-05-19"],
    "O": ["2014-08-27", "2014-11-06", "2015-07-17", "2016-01-12"],
    "REGN": ["2015-06-09"],
    "SPG": ["2014-05-28"],
    "UA": ["2016-04-07", "2016-06-10"],
    "VRTX": ["2015-05-12"],
    "WRK": ["2015-06-26", "2016-05-13"],
}


@pytest.mark.shared_data
def test_every_bad_bar_of_the_sp500_file_is_found_and_no_other(sp500: ImportResult) -> None:
    bad = sp500.report.findings(severity=Severity.QUARANTINE)
    assert {(f.symbol, f.time) for f in bad} == {
        (name, day) for name, days in BAD_BARS.items() for day in days
    }
    assert len(sp500.quarantined) == sp500.report.quarantined == 23
    assert (sp500.report.rows, sp500.report.used, sp500.report.symbols) == (619_040, 619_017, 505)
    by_row = {f.row: f.check for f in bad}
    assert by_row[53_003] is Check.HIGH_BELOW_LOW  # AOS
    assert by_row[113_363] is Check.OPEN_OUTSIDE  # CHD
    assert by_row[349_477] is Check.CLOSE_OUTSIDE  # LNT


@pytest.mark.shared_data
def test_the_sp500_file_is_stored_and_read_back(sp500: ImportResult, tmp_path: Path) -> None:
    assert sp500.dataset is not None
    store_import(sp500, tmp_path / "sp500")
    again = load(tmp_path / "sp500")
    assert again.sha256 == sp500.dataset.sha256
    assert len(again.bars) == 505
    assert np.array_equal(again.bars_of("AOS").close, sp500.dataset.bars_of("AOS").close)


_MEASURED = """
import resource, sys
from pathlib import Path
from traderbot.backtests.runner import run
from traderbot.market.datasets import load
from traderbot.strategies.cross_sectional_momentum import CrossSectionalMomentum
dataset = load(Path(sys.argv[1]))
result = run(CrossSectionalMomentum(), [bars.cursor() for bars in dataset.bars.values()])
print(len(dataset.bars), len(result.fills), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.shared_data
def test_five_hundred_stocks_over_five_years_are_played_in_little_memory(
    sp500: ImportResult, tmp_path: Path
) -> None:
    store_import(sp500, tmp_path / "sp500")
    told = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(tmp_path / "sp500")], capture_output=True, text=True, check=True
    )
    stocks, fills, kilobytes = map(int, told.stdout.split())
    assert (stocks, fills > 1000) == (505, True)
    assert kilobytes < 2 << 20, "2 GiB"
