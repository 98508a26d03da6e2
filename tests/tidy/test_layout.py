"""Where tests live: beside nothing, but under the same path as what they test."""

import ast

import pytest

from tidy.tree import SOURCE, TESTS, parsed, short

pytestmark = pytest.mark.unit
OF_THE_WHOLE = {"tidy", "e2e", "faults", "replay", "docs", "properties", "mutants", "soak", "plans"}
MARKERS = {"unit", "domain", "integration", "browser", "shared_data"}
OF_A_ROOM = {
    "engine/test_random_commands.py",
    "engine/test_planted_faults.py",
    "intelligence/test_walk_forward.py",
    "trading/test_planted_faults.py",
}
"""Tests of a room as a whole."""


def test_every_test_file_mirrors_a_source_file() -> None:
    """A test that is not where it is looked for is written a second time."""
    found = []
    for path in sorted(TESTS.rglob("test_*.py")):
        inside = path.relative_to(TESTS)
        if inside.parts[0] in OF_THE_WHOLE or str(inside) in OF_A_ROOM:
            continue
        source = SOURCE / inside.parent / f"{path.stem.removeprefix('test_')}.py"
        package = SOURCE / inside.parent / path.stem.removeprefix("test_") / "__init__.py"
        if not source.exists() and not package.exists():
            found.append(str(inside))
    assert found == []


def test_every_test_file_has_its_markers() -> None:
    """A file without one runs in neither the quick nor the thorough check, or in the wrong one."""
    found = []
    for path in sorted(TESTS.rglob("test_*.py")):
        marked = [
            {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)} & MARKERS
            for node in parsed(path).body
            if isinstance(node, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets)
        ]
        if not marked or not marked[0]:
            found.append(short(path))
    assert found == []
