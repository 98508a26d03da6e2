"""A journal that is rewritten with every hash and head is found out by its checkpoint, at the first event."""

import pytest

from faults.tampering import WAYS, run

pytestmark = pytest.mark.integration


def test_every_rewriting_before_the_checkpoint_is_found_at_its_first_event() -> None:
    found = run(rounds=300, count=200, seed=5)
    assert sum(found.values()) == 300
    assert len(found) == len(WAYS), "each way was tried"


def test_and_in_a_longer_journal() -> None:
    assert sum(run(rounds=6, count=3000, seed=6).values()) == 6
