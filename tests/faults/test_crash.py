"""What was acknowledged survives kill -9. `make crash` runs many more rounds."""

from pathlib import Path

import pytest

from faults.crash import crash

pytestmark = pytest.mark.integration


def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    results = list(crash(tmp_path, rounds=20))
    assert len(results) == 20
    assert sum(result.acknowledged for result in results) > 200
