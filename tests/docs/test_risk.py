"""The coverage table of the page on risk is what the code gives."""

import pytest

from docs.risk import FIRST, LAST, PAGE, coverage, row
from traderbot.analytics.risk.rolling import Method
from traderbot.risk.figures import STANDARD

pytestmark = pytest.mark.domain


@pytest.mark.parametrize("method", ["filtered", "normal"])
def test_the_rows_of_the_table_are_those_of_the_code(method: Method) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for place in (0, 1):
        assert row(method, place, FIRST, LAST) in text, "run: python tests/docs/risk.py"


def test_the_standard_method_is_the_one_that_the_table_favours() -> None:
    for place in (0, 1):
        found = coverage(STANDARD, place, FIRST, LAST)
        for test in (found.kupiec, found.christoffersen):
            assert test.p_value is not None
            assert test.p_value > 0.05
