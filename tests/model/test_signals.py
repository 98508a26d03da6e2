import pytest

from traderbot.model.signals import Signal
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.unit


def test_a_signal_needs_its_reasons_and_nothing_else() -> None:
    signal = Signal(Symbol("AAA"), "hold", {"summary": "nothing new"})
    assert (signal.probability, signal.confidence, signal.target_weight) == (None, None, None)
    with pytest.raises(TypeError, match="rationale"):
        Signal(Symbol("AAA"), "hold")
