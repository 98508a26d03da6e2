"""A few of the planted faults at a time, others whenever the engine changes; `make mutants` looks at all."""

from zlib import crc32

import pytest

from mutants.faults import FAULTS
from mutants.run import SOURCE, examine, planted

pytestmark = pytest.mark.integration
AT_A_TIME = 5


def rotation() -> int:
    """Where to begin: another place whenever a line of the engine is another."""
    texts = [path.read_bytes() for path in sorted((SOURCE / "engine").glob("*.py"))]
    return crc32(b"".join(texts)) % len(FAULTS)


def test_every_fault_can_still_be_planted() -> None:
    assert len(FAULTS) >= 30
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    for fault in FAULTS:
        assert planted(fault, SOURCE) != (SOURCE / fault.file).read_text(encoding="utf-8")


def test_some_faults_are_found() -> None:
    first, stride = rotation(), len(FAULTS) // AT_A_TIME
    chosen = [FAULTS[(first + number * stride) % len(FAULTS)] for number in range(AT_A_TIME)]
    missed = [finding.fault.name for finding in examine(chosen, control=False) if finding.by is None]
    assert missed == []
