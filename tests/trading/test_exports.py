"""Realised gains: a row for every closed part of a lot, which sum to what the account realised."""

import csv
import io
from datetime import UTC, datetime

import pytest

from traderbot.model import commands as c
from traderbot.model.account import AccountKind
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.orders import Side
from traderbot.trading.exports import COLUMNS, csv_line, realised_csv, realised_rows, term_of
from trading.rig import AAA, NOW, D, Rig
from trading.test_accounts import EX_DATE
from trading.test_reports import fill, report

pytestmark = pytest.mark.integration

YEAR = 365 * 86_400_000_000


def test_one_row_for_each_lot_that_a_sale_used(rig: Rig) -> None:
    account_id = rig.open()
    rig.own(account_id, "10", "9")
    rig.own(account_id, "10", "11")
    rig.market.time = NOW + 2 * YEAR
    rig.fill(account_id, rig.place(account_id, "15", Side.SELL), "15", "12")
    rows = rig.read(lambda connection: list(realised_rows(connection, account_id)))
    assert [(row.lot, row.qty, row.proceeds, row.cost, row.realised) for row in rows] == [
        (1, 10, 120, 90, 30),
        (2, 5, 60, 55, 5),
    ]
    assert sum(row.fee for row in rows) == D("0.01")
    assert {row.term for row in rows} == {"long"}
    assert sum(row.realised for row in rows) == rig.load(account_id).positions[AAA].realised


def test_shorts_flips_delistings_and_busts_sum_to_what_was_realised(rig: Rig) -> None:
    account_id = rig.open(kind=AccountKind.MARGIN)
    rig.fill(account_id, rig.place(account_id, "10", Side.SELL), "10", "10.01")
    fill(rig, account_id, rig.place(account_id, "4"), execution_id="x", qty=4, price="9.99")
    rig.market.time += 5
    rig.fill(account_id, rig.place(account_id, "9"), "9", "9.03")
    report(rig, account_id, kind="bust", execution_id="x")
    delisted = CorporateAction(AAA, EX_DATE, ActionKind.DELISTING, D("1.37"))
    rig.do(account_id, c.ApplyCorporateAction(delisted))
    rows = rig.read(lambda connection: list(realised_rows(connection, account_id)))
    assert {row.kind for row in rows} >= {"cover", "bust", "delisting"}
    assert sum(row.realised for row in rows) == -rig.load(account_id).balances["realised"]
    for row in rows:
        assert row.realised == row.proceeds - row.cost, row


def test_the_file_has_a_header_and_plain_numbers(rig: Rig) -> None:
    account_id = rig.open()
    rig.own(account_id, "10", "9")
    rig.fill(account_id, rig.place(account_id, "4", Side.SELL), "4", "8.5")
    with rig.database.read() as connection:
        text = "".join(realised_csv(connection, account_id))
        nothing = "".join(realised_csv(connection, account_id, until=NOW))
    header, row = csv.reader(io.StringIO(text))
    assert tuple(header) == COLUMNS
    assert row[:3] == ["AAA", "sale", "1"]
    assert row[5:11] == ["4", "34", "36", "-2", "0.01", "short"]
    assert nothing == csv_line(COLUMNS)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_no_cell_is_a_formula(text: str) -> None:
    (cell, number), *_ = csv.reader(io.StringIO(csv_line([text, D("-1.50")]), newline=""))
    assert cell == "'" + text
    assert number == "-1.5", "a number stays one"


def test_more_than_a_year_is_long() -> None:
    def at(*day: int) -> int:
        return int(datetime(*day, 15, tzinfo=UTC).timestamp()) * 1_000_000  # type: ignore[arg-type,misc]

    assert term_of(at(2023, 3, 1), at(2024, 3, 1)) == "short"
    assert term_of(at(2023, 3, 1), at(2024, 3, 2)) == "long"
    assert term_of(at(2024, 2, 29), at(2025, 2, 28)) == "short"
    assert term_of(at(2024, 2, 29), at(2025, 3, 1)) == "long"
