"""What the pages show runs, and what they list is what the code has."""

import re
from pathlib import Path

import pytest

from docs.tables import DOCS, TABLES, with_tables

pytestmark = pytest.mark.domain

PAGES = sorted(path for path in DOCS.rglob("*.md") if "```python" in path.read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an example writes goes where it is thrown away."""
    monkeypatch.setenv("TRADERBOT_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_examples_of_a_page_run_one_after_the_other(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    names: dict[str, object] = {"__name__": f"docs.{path.stem}"}
    for found in re.finditer(r"```python\n(.*?)```", text, re.DOTALL):
        line = text.count("\n", 0, found.start(1))
        exec(compile("\n" * line + found[1], str(path), "exec"), names)


@pytest.mark.parametrize("page", sorted({where for where, _ in TABLES.values()}))
def test_the_tables_of_a_page_are_those_of_the_code(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert with_tables(page, text) == text, "run: python tests/docs/tables.py"


@pytest.mark.parametrize(
    "page",
    [
        "orders",
        "simulation",
        "limits",
        "accounts",
        "performance",
        "rate-limits",
        "events",
        "roles",
        "database",
        "observability",
        "how-a-backtest-can-lie",
        "from-backtest-to-live",
        "sweeps",
        "your-first-strategy",
        "backtests-api",
        "risk",
        "rebalancing",
        "alerts",
    ],
)
def test_each_page_has_examples_that_prove_something(page: str) -> None:
    examples = re.findall(
        r"```python\n(.*?)```", (DOCS / f"{page}.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert len(examples) >= 3
    assert all("assert " in example for example in examples)
