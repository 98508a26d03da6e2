"""Every shipped strategy has its page, and its tables are those of the code."""

from pathlib import Path

import pytest

from docs.strategies import PAGES, SHIPPED, pages, with_tables

pytestmark = pytest.mark.domain


def test_every_signal_strategy_has_a_page() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} >= set(SHIPPED)


@pytest.mark.parametrize("page", pages(), ids=lambda path: path.stem)
def test_the_tables_of_a_page_are_those_of_the_code(page: Path) -> None:
    assert with_tables(page) == page.read_text(encoding="utf-8"), "run: python tests/docs/strategies.py"
