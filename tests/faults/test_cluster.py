"""Everything as several processes on real servers goes on, and loses nothing, whichever of them dies. `make
faults` does more of it.
"""

import io

import pytest
from rich.console import Console

from cluster.faults import run
from servers import CannotRun

pytestmark = pytest.mark.integration
FAULTS = (
    "kill -9 of an API replica",
    "kill -9 of the worker that plays",
    "PostgreSQL stopped at once",
    "NATS' store wiped",
    "Valkey slow, then cut off",
)


def test_nothing_is_lost_when_parts_die() -> None:
    told = io.StringIO()
    try:
        wrong, done = run(len(FAULTS), Console(file=told), names=FAULTS, durable=False, lease_s=3)
    except CannotRun as reason:
        pytest.skip(f"a server cannot be started here: {reason}")
    assert wrong == [], told.getvalue()
    assert [one.fault for one in done] == list(FAULTS)
