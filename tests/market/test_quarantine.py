"""Rows left out of an import are kept as they came, and none of them is a formula to a spreadsheet."""

import csv
import io
from pathlib import Path

import polars as pl
import pytest

from traderbot.market.importer import import_file, store_import
from traderbot.market.quarantine import quarantine_csv

pytestmark = pytest.mark.unit

EVIL = ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1")
PLAIN = ("AAPL", "-2.5", "+3", "-1,000.25", "1e-5", "-.5", "", "it's = one")


def test_formulas_get_an_apostrophe_and_the_rest_stays() -> None:
    written = quarantine_csv(pl.DataFrame({"=a": [*EVIL, *PLAIN], "n": range(len(EVIL) + len(PLAIN))}))
    heading, *rows = csv.reader(io.StringIO(written.decode(), newline=""))
    assert heading == ["'=a", "n"]
    assert [text for text, _ in rows] == [*(f"'{text}" for text in EVIL), *PLAIN]


def test_a_hostile_row_of_an_import_is_disarmed(tmp_path: Path) -> None:
    days = [f"2024-01-{day:02},10,11,9,10,100,fine" for day in (2, 3, 4, 5)]
    lines = ["date,open,high,low,close,volume,note", *days, '2024-01-08,-10,11,9,10,100,"=1+1"']
    file = tmp_path / "AAA.csv"
    file.write_text("\n".join(lines) + "\n")
    store_import(import_file(file, name="x"), tmp_path / "x")
    (kept,) = (tmp_path / "x").rglob("quarantine.csv")
    (row,) = csv.DictReader(kept.open(newline=""))
    assert row["open"] == "-10"
    assert not any(value.startswith("=") for value in row.values())
