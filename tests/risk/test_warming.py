"""What a first analysis would import is there before it, and not before somebody serves."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

_ASKED = """
import sys
from datetime import date
import traderbot.cli.serving
assert "scipy" not in sys.modules
from traderbot.risk.warming import warm
warm().join()
before = set(sys.modules)
from risk.samples import at, book, demo
from traderbot.risk.analysis import analyse
from traderbot.risk.factors import exposure_of
from traderbot.risk.figures import Wanted
asked = book(demo(), at("2010-01-04"), {"AAPL": 1, "MSFT": 2})
analyse(asked, Wanted())
analyse(asked, Wanted("monte_carlo"))
exposure_of(asked)
late = {name.split(".")[1] for name in set(sys.modules) - before if name.startswith("scipy.")}
print(sorted(late))
"""


def test_an_analysis_imports_no_part_of_scipy_that_was_not_there() -> None:
    tests = Path(__file__).parents[1]  # where samples are found
    done = subprocess.run(
        [sys.executable, "-c", _ASKED], capture_output=True, text=True, check=False, cwd=tests
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
