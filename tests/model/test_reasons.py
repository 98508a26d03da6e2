import re
from pathlib import Path

import pytest

import traderbot
from traderbot.model.reasons import SENTENCES, Reason, refuse

pytestmark = pytest.mark.unit

SOURCES = [
    path.read_text() for path in Path(traderbot.__file__).parent.rglob("*.py") if path.name != "reasons.py"
]


def test_every_reason_has_a_sentence() -> None:
    assert set(SENTENCES) == set(Reason)
    assert all(re.fullmatch(r"[A-Z].*\.", sentence) for sentence in SENTENCES.values())


@pytest.mark.parametrize("reason", Reason)
def test_something_gives_every_reason(reason: Reason) -> None:
    assert any(re.search(rf"Reason\.{reason.name}\b", source) for source in SOURCES)


def test_a_refusal_is_its_sentence_with_its_figures() -> None:
    assert refuse(Reason.NOT_HALTED).detail == "Trading is not paused."
    refusal = refuse(Reason.STALE_QUOTE, "(8 days)")
    assert refusal.detail == "The last price of the symbol is too old to trade on. (8 days)"
