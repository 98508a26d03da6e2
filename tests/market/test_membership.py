import os
from datetime import date, timedelta
from pathlib import Path

import pytest

from traderbot.market.membership import read_membership
from traderbot.model.errors import InvalidValue, NotFound
from traderbot.model.membership import Spell, membership_of

pytestmark = pytest.mark.integration
SHARED = Path(os.environ.get("TRADERBOT_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
TABLE = SHARED / "reference" / "sp500_ticker_start_end.csv"
CHANGED = SHARED / "reference" / "sp500_changes_since_2019.csv"


def file(folder: Path, text: str) -> Path:
    path = folder / "members.csv"
    path.write_text(text)
    return path


def test_changes_go_on_from_a_table(tmp_path: Path) -> None:
    table = read_membership(
        file(tmp_path, "ticker,start_date,end_date\nA,2000-01-03,\nB,2001-01-03,2010-01-04\n")
    )
    changes = file(tmp_path, 'date,add,remove\n2012-01-03,"B,C",A\n2013-01-03,C,\n2014-01-03,,"C,X"\n')
    found = read_membership(changes, table)
    assert found.members(date(2005, 1, 3)) == {"A", "B"}
    assert found.members(date(2012, 1, 2)) == {"A"}
    assert found.members(date(2012, 1, 3)) == {"B", "C"}
    assert found.members(date(2014, 1, 3)) == {"B"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "columns ticker"),
        ("symbol,from\nA,2000-01-03\n", "columns ticker"),
        ("ticker,start_date,end_date\nA,2000-01-03,\nB,soon,\n", "row 3.*a day such as"),
        ("ticker,start_date,end_date\na b,2000-01-03,\n", "row 2.*a ticker"),
        ("ticker,start_date,end_date\nA,2000-01-03,2000-01-03\n", "end_date"),
        ("date,add,remove\n2012-01-03,B,\n", "before one of changes"),
    ],
)
def test_a_table_that_cannot_be_used_is_told_with_its_row(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InvalidValue, match=told):
        read_membership(file(tmp_path, text))
    with pytest.raises(NotFound):
        read_membership(tmp_path / "none.csv")


@pytest.mark.shared_data
def test_the_index_has_its_five_hundred_on_any_day() -> None:
    if not TABLE.exists():
        pytest.skip(f"the shared data folder is absent: {SHARED}")
    found = read_membership(TABLE)
    days = [date(1996, 1, 2) + timedelta(days=30 * number) for number in range(350)]
    assert {470 < len(found.members(day)) < 510 for day in days} == {True}
    assert "YHOO" in found.members(date(2016, 1, 4)) or "AABA" in found.members(date(2016, 1, 4))
    assert "AAL" not in found.members(date(2015, 3, 22))
    assert "AAL" in found.members(date(2015, 3, 23))


@pytest.mark.shared_data
def test_the_table_as_it_was_and_the_changes_since_agree_with_the_table_of_today() -> None:
    if not TABLE.exists():
        pytest.skip(f"the shared data folder is absent: {SHARED}")
    today, cut = read_membership(TABLE), date(2019, 1, 1)
    kept = [spell for spell in today.spells if spell.start < cut]
    old = membership_of(
        [Spell(one.symbol, one.start, None if one.end is None or one.end >= cut else one.end) for one in kept]
    )
    found = read_membership(CHANGED, old)
    for day in (date(2019, 7, 1), date(2020, 12, 31), date(2022, 6, 30), date(2024, 6, 28)):
        assert len(found.members(day) ^ today.members(day)) <= 12, "symbols renamed in one of them"
