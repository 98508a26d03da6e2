"""Names and docstrings: what a reader finds everywhere, and words that say nothing."""

import ast
import re
from collections.abc import Iterator

import pytest

from tidy.tree import Function, modules, parsed, short

pytestmark = pytest.mark.unit
EMPTY_WORDS = re.compile(
    r"(?<![A-Za-z])(Enhanced|Advanced|Manager|Impl|Helper)(?![a-z])|enhanced_|_manager|_helper"
)
PLAIN = {"SessionAdvanced"}  # the session did advance
SPLIT = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def _named(tree: ast.Module) -> Iterator[ast.ClassDef | Function]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_name_is_filled_up_with_words_that_say_nothing() -> None:
    """An EnhancedOrderManager is a sign that two things share one name."""
    found = [short(path) for path in modules().values() if EMPTY_WORDS.search(path.stem)]
    for path in modules().values():
        found += [
            f"{short(path)}:{node.lineno}: {node.name}"
            for node in _named(parsed(path))
            if node.name not in PLAIN and EMPTY_WORDS.search(" ".join(SPLIT.split(node.name)))
        ]
    assert found == []


def test_every_module_says_what_it_is_for() -> None:
    """Without it the next reader has to guess from the code what was meant."""
    found = [short(path) for path in modules().values() if ast.get_docstring(parsed(path)) is None]
    assert found == []


def test_public_functions_say_what_they_do() -> None:
    """Plumbing may stay bare: a method of few lines whose name and types say all of it, and endpoints, whose
    summary is their documentation.
    """
    found = [
        f"{short(path)}:{node.lineno}: {node.name}"
        for path in modules().values()
        for node in parsed(path).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _needs_words(node)
    ]
    assert found == []


def _needs_words(node: Function) -> bool:
    if node.name.startswith("_") or ast.get_docstring(node) is not None or node.decorator_list:
        return False
    lines = (node.end_lineno or node.lineno) - node.body[0].lineno + 1
    return lines > 10
