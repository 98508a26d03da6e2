import contextlib
import gzip
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from traderbot.market import tabular
from traderbot.market.bars import TimeFrame
from traderbot.market.tabular import Parsed, Refused, parse, read_table
from traderbot.model.errors import InvalidValue, NotFound

pytestmark = pytest.mark.unit
HEADER = "date,open,high,low,close,volume"
VALUES = "10,11,9,10.5,100"


def parsed(folder: Path, text: str, name: str = "AAA.csv", symbol: str | None = None) -> Parsed:
    path = folder / name
    path.write_text(text)
    return parse(read_table(path), symbol=symbol, stem=name.split(".")[0], calendar="XNYS")


def times(folder: Path, *cells: str) -> Parsed:
    return parsed(folder, "\n".join([HEADER, *(f"{cell},{VALUES}" for cell in cells)]))


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


@pytest.mark.parametrize(
    "header",
    [
        "date,open,high,low,close,volume",
        "Date,Open,High,Low,Close,Volume",
        "TIMESTAMP, O, H, L, C, V",
        "Datetime,Open Price,High Price,Low Price,Close Price,Vol",
        "time;open;high;low;close;volume",
        "ts\topen\thigh\tlow\tlast\tvol.",
    ],
)
def test_columns_are_known_by_many_names(tmp_path: Path, header: str) -> None:
    separator = next(mark for mark in ";\t," if mark in header)
    rows = [separator.join(("2005-01-03", "10", "11", "9", "10.5", "100"))]
    one = parsed(tmp_path, "\n".join([header, *rows]))
    assert one.frame.select("open", "high", "low", "close", "volume").row(0) == (10, 11, 9, 10.5, 100)
    assert one.frame["symbol"].to_list() == ["AAA"]


@pytest.mark.parametrize("column", ["Symbol", "ticker", "Name", "instrument"])
def test_symbols_come_from_their_column(tmp_path: Path, column: str) -> None:
    one = parsed(tmp_path, f"{HEADER},{column}\n2005-01-03,{VALUES},brk.b\n2005-01-03,{VALUES},?!\n")
    assert one.frame["symbol"].to_list() == ["BRK.B", "?!"]
    assert one.findings.select("row", "check").rows() == [(3, "not_a_symbol")]


def test_a_plain_symbol_column_goes_before_a_name(tmp_path: Path) -> None:
    one = parsed(tmp_path, f"Name,{HEADER},Symbol\nApple,2005-01-03,{VALUES},AAPL\n")
    assert one.frame["symbol"][0] == "AAPL"
    assert one.notes == ["columns not used: Name"]


def test_symbols_come_from_the_option_or_the_files_name(tmp_path: Path) -> None:
    text = f"{HEADER}\n2005-01-03,{VALUES}\n"
    assert parsed(tmp_path, text, "msft.csv").frame["symbol"][0] == "MSFT"
    assert parsed(tmp_path, text, "prices_1.csv", symbol="IBM").frame["symbol"][0] == "IBM"
    with pytest.raises(Refused, match="symbol"):
        parsed(tmp_path, text, "prices_1.csv")
    with pytest.raises(InvalidValue, match="symbol"):
        parsed(tmp_path, text, "x.csv", symbol="../x")
    with pytest.raises(InvalidValue, match="symbol"):
        parsed(tmp_path, f"{HEADER},ticker\n2005-01-03,{VALUES},A\n", symbol="IBM")


def test_adjusted_closes_are_not_used_and_that_is_said(tmp_path: Path) -> None:
    one = parsed(tmp_path, f"{HEADER},Adj Close\n2005-01-03,{VALUES},5\n")
    assert one.frame["close"][0] == 10.5
    assert "'Adj Close' is not used" in one.notes[0]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("date,open,high,low,volume", "no column for close"),
        ("date,open,high,low,close,volume,timestamp", "'date' and 'timestamp'"),
        ("when,open,high,low,close,volume", "no column for time"),
        ("just one", "no column for time, open"),
    ],
)
def test_missing_and_doubtful_columns_are_named(tmp_path: Path, header: str, expected: str) -> None:
    with pytest.raises(Refused, match=expected):
        parsed(tmp_path, header + "\n" + ",".join("1" * (header.count(",") + 1)) + "\n")


@pytest.mark.parametrize("cell", ["2005-01-03", "2005/01/03", "2005-1-3", "20050103", "2005-01-03 00:00:00"])
def test_days(tmp_path: Path, cell: str) -> None:
    one = times(tmp_path, cell)
    assert one.frame["date"].to_list() == [date(2005, 1, 3)]
    assert one.timeframe is TimeFrame.DAY


NOON = utc("2005-01-03T17:00:00")  # 12:00 in New York


@pytest.mark.parametrize(
    "cell",
    [
        "2005-01-03T12:00:00",
        "2005-01-03 12:00",
        "2005-01-03T17:00:00Z",
        "2005-01-03T17:00:00.000000000Z",
        "2005-01-03 12:00:00-05:00",
        "2005-01-03T18:00:00+0100",
        "2005-01-03T18:00+01",
        str(NOON // 1_000_000),
        str(NOON // 1_000),
        str(NOON),
        str(NOON * 1_000),
        f"{NOON // 1_000_000}.0",
    ],
)
def test_moments(tmp_path: Path, cell: str) -> None:
    one = times(tmp_path, cell)
    assert one.frame["moment"].to_list() == [NOON]
    assert one.frame["date"].to_list() == [date(2005, 1, 3)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(utc("1974-01-01"), utc("2090-01-01")), st.sampled_from([1, 1000, 10**6]))
def test_epochs_are_told_apart_by_their_size(tmp_path: Path, moment: int, unit: int) -> None:
    moment -= moment % 10**6
    moment += 10**6 if moment % (86_400 * 10**6) == 0 else 0  # not a day's midnight
    cell = str(moment // unit)
    assert times(tmp_path, cell).frame["moment"].to_list() == [moment]


def test_midnights_in_utc_are_days(tmp_path: Path) -> None:
    one = times(
        tmp_path, "1104710400", "1104796800"
    )  # 2005-01-03 and 04, 00:00 UTC: the evening before in New York
    assert one.frame["date"].to_list() == [date(2005, 1, 3), date(2005, 1, 4)]


def test_date_and_time_in_two_columns(tmp_path: Path) -> None:
    text = (
        "Date,Time,Open,High,Low,Close,Volume\n2005-01-03,09:30,10,11,9,10,1\n2005-01-03,09:31,10,11,9,10,1\n"
    )
    one = parsed(tmp_path, text)
    assert one.frame["moment"][0] == utc("2005-01-03T14:30:00")
    assert one.timeframe is TimeFrame.MINUTE


def test_days_written_both_ways_are_not_guessed(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="column 'date': expected a time such as 2013-02-08") as refused:
        times(tmp_path, "02/03/2005", "03/03/2005")
    assert refused.value.findings["row"][0] == 2


def test_single_cells_that_cannot_be_read_are_found_by_row(tmp_path: Path) -> None:
    rows = [f"2005-01-0{day},{VALUES}" for day in (3, 4, 5, 6, 7)]
    rows[1] = "yesterday,10,11,9,10.5,100"
    rows[2] = "2005-01-05,10,11,9,12;5,100"
    rows[3] = "2005-02-30,10,11,9,10.5,100"
    one = parsed(tmp_path, "\n".join([HEADER, *rows]))
    assert one.findings.sort("row").select("row", "check").rows() == [
        (3, "not_a_time"),
        (4, "not_a_number"),
        (5, "not_a_time"),
    ]
    assert one.frame["understood"].to_list() == [True, False, False, False, True]
    assert "close: expected a number, got '12;5'" in one.findings["what"].to_list()


@pytest.mark.parametrize("cell", ["", "NaN", "null", "N/A", "nan", " "])
def test_missing_cells_are_missing_and_not_unreadable(tmp_path: Path, cell: str) -> None:
    one = parsed(tmp_path, f"{HEADER}\n2005-01-03,10,11,9,{cell},100\n2005-01-04,{VALUES}\n")
    assert one.frame["close"].to_list() == [None, 10.5]
    assert one.findings.is_empty()


@pytest.mark.parametrize("cell", ["inf", "-inf", "1e999", "0x10"])
def test_numbers_without_a_value_are_unreadable(tmp_path: Path, cell: str) -> None:
    one = parsed(
        tmp_path, f"{HEADER}\n2005-01-03,10,11,9,{cell},100\n2005-01-04,{VALUES}\n2005-01-05,{VALUES}\n"
    )
    assert one.findings.select("row", "check").rows() == [(2, "not_a_number")]


def test_a_column_of_words_refuses_the_file(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="column 'close': expected a number, got 'x'"):
        parsed(tmp_path, f"{HEADER}\n2005-01-03,10,11,9,x,100\n")


@pytest.mark.parametrize("cell", ["10,5", "1.234,56", "1,234.5", "-3,25"])
def test_numbers_with_commas_are_refused_in_words(tmp_path: Path, cell: str) -> None:
    text = f"date;open;high;low;close;volume\n2005-01-03;{cell};11;9;10;100\n"
    expected = "column 'open': expected a number with a decimal point and without commas, got"
    with pytest.raises(Refused, match=expected):
        parsed(tmp_path, text)


def test_columns_can_be_named_where_their_names_say_too_little(tmp_path: Path) -> None:
    path = tmp_path / "AAA.csv"
    path.write_text("Tag,px1,px2,px3,close,settle,qty\n2005-01-03,10,11,9,7,10.5,100\n")
    named = {"time": "Tag", "open": "px1", "high": "px2", "low": "px3", "close": "settle", "volume": "qty"}
    one = parse(read_table(path), symbol=None, stem="AAA", calendar="XNYS", named=named)
    assert one.frame.select("open", "high", "low", "close", "volume").row(0) == (10, 11, 9, 10.5, 100)
    assert one.notes == ["columns not used: close"]
    with pytest.raises(Refused, match="no column 'px9', which was to be the open; got Tag, px1"):
        parse(read_table(path), symbol=None, stem="AAA", calendar="XNYS", named=named | {"open": "px9"})
    with pytest.raises(InvalidValue, match="columns: expected names for time, symbol, open"):
        parse(read_table(path), symbol=None, stem="AAA", calendar="XNYS", named=named | {"price": "px1"})


def test_blank_lines_do_not_shift_the_rows(tmp_path: Path) -> None:
    one = parsed(tmp_path, f"{HEADER}\n\n2005-01-03,{VALUES}\n\n\n2005-01-04,{VALUES}\n\n")
    assert one.frame["row"].to_list() == [3, 6]
    assert "blank lines skipped" in one.notes[0]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "CSV"),
        (HEADER.encode(), "no rows"),
        (HEADER.encode() + b"\n2005-01-03,1,2,3,4,5,6,7\n", "row 2: 8 cells, the header has 6"),
        (b"\xff\xfe\x00d\x00a", "CSV"),
        (b"\x00" * 100, "no rows"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "AAA.csv").write_bytes(content)
    with pytest.raises(Refused, match=expected):
        read_table(tmp_path / "AAA.csv")


def test_packed_files(tmp_path: Path) -> None:
    content = gzip.compress(f"{HEADER}\n2005-01-03,{VALUES}\n".encode())
    path = tmp_path / "AAA.csv.gz"
    path.write_bytes(content)
    assert len(read_table(path).raw) == 1
    path.write_bytes(content[:-9])
    with pytest.raises(Refused):
        read_table(path)
    path.write_bytes(content[:12] + b"\xff" * 9 + content[21:])
    with pytest.raises(Refused):
        read_table(path)


def test_what_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabular, "FILE_MAX", 1 << 20)
    packed, table = tmp_path / "AAA.csv.gz", tmp_path / "AAA.parquet"
    packed.write_bytes(gzip.compress(f"{HEADER}\n".encode() + b"0" * (2 << 20)))
    bar = {"date": [date(2005, 1, 3)], "open": [10.0], "close": [10.0]}
    texts = pl.DataFrame(bar | {"note": ["x" * 1_000]})
    wide = pl.DataFrame(bar | {f"c{number}": [1.0] for number in range(300)})
    for frame in (texts, texts.with_columns(pl.col("note").cast(pl.Binary)), wide):
        pl.concat([frame] * 2_000).write_parquet(table, compression="zstd")
        for path in (packed, table):
            assert path.stat().st_size < 1 << 20
            with pytest.raises(Refused, match="when unpacked: expected a smaller file"):
                read_table(path)


def test_too_many_rows_are_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tabular, "ROWS_MAX", 10)
    pl.DataFrame({"date": ["2005-01-03"] * 11}).write_parquet(tmp_path / "AAA.parquet")
    with pytest.raises(Refused, match="11 rows, expected at most 10"):
        read_table(tmp_path / "AAA.parquet")


def test_lists_in_a_parquet_file_are_not_read(tmp_path: Path) -> None:
    frame = pl.DataFrame({"date": ["2005-01-03"], "close": [10.0], "ticks": [[1.0, 2.0]]})
    frame.write_parquet(tmp_path / "AAA.parquet")
    found = read_table(tmp_path / "AAA.parquet")
    assert found.raw.columns == ["row", "date", "close"]
    assert found.notes == ["column 'ticks' is not read: its cells are lists"]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_refuse(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "AAA.csv"
    path.write_bytes(HEADER.encode() + b"\n" + content)
    with contextlib.suppress(Refused):
        parse(read_table(path), symbol=None, stem="AAA", calendar="XNYS")


def test_parquet_counts_rows_from_one_and_keeps_types(tmp_path: Path) -> None:
    path = tmp_path / "AAA.parquet"
    stamps = [datetime(2005, 1, 3, 17, tzinfo=UTC), datetime(2005, 1, 3, 17, 1, tzinfo=UTC)]
    columns = {name: [1, 2] for name in ("open", "high", "low", "close", "volume")}
    pl.DataFrame({"time": stamps, **columns}).write_parquet(path)
    one = parse(read_table(path), symbol=None, stem="AAA", calendar="XNYS")
    assert one.frame["row"].to_list() == [1, 2]
    assert one.frame["moment"][0] == NOON
    assert one.frame["close"].to_list() == [1.0, 2.0]
    pl.DataFrame({"time": [moment.date() for moment in stamps], **columns}).write_parquet(path)
    one = parse(read_table(path), symbol=None, stem="AAA", calendar="XNYS")
    assert one.frame["date"].to_list() == [date(2005, 1, 3)] * 2
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Refused, match="Parquet"):
        read_table(path)


def test_spacings_that_are_no_time_frame_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="10080 minutes apart"):
        times(tmp_path, "2005-01-03", "2005-01-10", "2005-01-17")
    with pytest.raises(Refused, match="7 minutes apart"):
        times(tmp_path, "2005-01-03T10:00", "2005-01-03T10:07", "2005-01-03T10:14")


def test_other_kinds_of_file(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"")
    with pytest.raises(InvalidValue, match="file"):
        read_table(tmp_path / "a.xlsx")
    with pytest.raises(NotFound):
        read_table(tmp_path / "none.csv")
