"""The spelling of e-mail addresses and names, and what preferences may say."""

import pytest

from traderbot.model.errors import InvalidValue
from traderbot.users.people import Preferences, Sector, check_preferences, clean_name, normal_email

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Ada@Example.COM ", "ada@example.com"),
        ("a.b+c@x-y.co.uk", "a.b+c@x-y.co.uk"),
        ("demo@localhost", "demo@localhost"),
    ],
)
def test_addresses_have_one_spelling(typed: str, kept: str) -> None:
    assert normal_email(typed) == kept


@pytest.mark.parametrize(
    "typed",
    ["", "ada", "@x.org", "ada@", "a@b@c.org", "a..b@x.org", ".a@x.org", "a@x..org", "a@-x.org",
    "a@x.org\n", "a\x00@x.org",
     "\u0430da@x.org", "ada@ex\u00e4mple.org", "\u212a@x.org", "a" * 65 + "@x.org", "a@" + "x" * 260,
     "a b@x.org", "a@x.org\x85"],
    ids=ascii,
)  # fmt: skip
def test_other_text_is_no_address(typed: str) -> None:
    with pytest.raises(InvalidValue, match="email"):
        normal_email(typed)


def test_a_long_text_of_one_letter_is_refused_at_once() -> None:
    with pytest.raises(InvalidValue):
        normal_email("a." * 1_000_000)


def test_names_are_composed_and_trimmed() -> None:
    assert clean_name("  Zoe\u0308 ") == "Zo\u00eb"


@pytest.mark.parametrize(
    "typed", ["", "  ", "a\nb", "\x1b[31m", "\u202eevil", "\ud800", "a\u200bb", "x" * 81], ids=ascii
)
def test_names_that_hide_something_are_refused(typed: str) -> None:
    with pytest.raises(InvalidValue):
        clean_name(typed)


def test_a_sector_is_not_both_preferred_and_excluded_nor_named_twice() -> None:
    energy = (Sector.ENERGY,)
    assert check_preferences(Preferences(sector_preferences=energy))
    with pytest.raises(InvalidValue, match="also preferred"):
        check_preferences(Preferences(sector_preferences=energy, sector_exclusions=energy))
    with pytest.raises(InvalidValue, match="once"):
        check_preferences(Preferences(sector_exclusions=energy * 2))
    assert len(Sector) == 11
