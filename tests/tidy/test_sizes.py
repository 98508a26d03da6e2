"""Lengths as a ratchet: what is longer today is listed, nothing may join or grow; shorten and lower."""

import ast

import pytest

from tidy.tree import SOURCE, modules, parsed

pytestmark = pytest.mark.unit
FILE_MAX = 400
FUNCTION_MAX = 45
LONG_FILES = {"market/datasets.py": 420}
LONG_FUNCTIONS = {"traderbot.api.app.build_app": 50}


def test_no_file_grows_beyond_what_fits_a_head() -> None:
    """A file of a thousand lines is where everything goes."""
    lengths = {
        str(path.relative_to(SOURCE)): len(path.read_text(encoding="utf-8").splitlines())
        for path in modules().values()
    }
    found = {name: length for name, length in lengths.items() if length > LONG_FILES.get(name, FILE_MAX)}
    assert found == {}


def test_no_function_grows_beyond_a_screen() -> None:
    """What does not fit a screen is not read to its end."""
    found = {}
    for name, path in modules().items():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                where = f"{name}.{node.name}"
                if length > LONG_FUNCTIONS.get(where, FUNCTION_MAX):
                    found[where] = length
    assert found == {}
