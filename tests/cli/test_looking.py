"""What commands that look are given, and how they print it."""

from decimal import Decimal

import pytest

from traderbot.cli.looking import moment, print_facts, print_table, shown, shown_time
from traderbot.model.errors import InvalidValue

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("1970-01-02", 86_400_000_000),
        ("1970-01-01T00:00:01Z", 1_000_000),
        ("1970-01-01T01:00:00.5+01:00", 500_000),
        (None, None),
    ],
)
def test_a_moment_is_utc_unless_it_says_otherwise(text: str | None, micros: int | None) -> None:
    assert moment(text, "--after") == micros


@pytest.mark.parametrize("text", ["", "soon", "2005-13-01", "1e9"])
def test_no_moment_is_named_by_its_option(text: str) -> None:
    with pytest.raises(InvalidValue, match="--after"):
        moment(text, "--after")


def test_values_are_shown_plainly(capsys: pytest.CaptureFixture[str]) -> None:
    assert [shown(one) for one in (Decimal("1E+2"), None, "", 0, "x")] == ["100", "-", "-", "0", "x"]
    assert (shown_time(None), shown_time(0)) == ("-", "1970-01-01T00:00:00Z")
    print_facts({"cash": Decimal("1.50"), "margin call": None})
    assert capsys.readouterr().out == "cash         1.5\nmargin call  -\n"


def test_a_table_keeps_ids_whole_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    wide = ("0198c7a2-5e1f-7d3a-9b1c-2f6f5f0e8a11",) * 6
    print_table(("a", "b", "c", "d", "e", "f"), [wide])
    assert capsys.readouterr().out.count(wide[0]) == 6


def test_what_people_wrote_neither_styles_nor_steers_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name",), [("[/foo]",), ("[red]loud[/red]",), ("\x1b[2J\x1b[31mOWNED\x07",)])
    out = capsys.readouterr().out
    assert "[/foo]" in out
    assert "[red]loud[/red]" in out
    assert "OWNED" in out
    assert not {"\x1b", "\x07"} & set(out)
