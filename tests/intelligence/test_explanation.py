import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intelligence.synthetic import swinging_panel
from traderbot.intelligence.explanation import explain, listed, percent, within
from traderbot.intelligence.features import FEATURES, latest_features
from traderbot.intelligence.forecast import Contribution, Prediction, train

pytestmark = pytest.mark.unit


def part(phrase: str, contribution: float) -> Contribution:
    effect = "raises" if contribution > 0.0 else "lowers"
    return Contribution("feature", "label", 0.0, "words", phrase, contribution, effect)


def prediction(*parts: Contribution, probability: float = 0.58, horizon: int = 5) -> Prediction:
    return Prediction(probability, 0.54, horizon, parts, 0.0, "0123456789ab")


MOMENTUM = part("20-day momentum (+8.1%)", 0.2)
CALM = part("low volatility (1.2% a day)", 0.1)
HOT = part("RSI 74", -0.05)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (
            (MOMENTUM, CALM, HOT),
            "raised by 20-day momentum (+8.1%) and low volatility (1.2% a day), lowered by RSI 74.",
        ),
        ((MOMENTUM,), "raised by 20-day momentum (+8.1%)."),
        ((HOT,), "lowered by RSI 74."),
        ((HOT, MOMENTUM), "raised by 20-day momentum (+8.1%), lowered by RSI 74."),
        ((), "this is the usual rate, no feature speaks for or against it."),
    ],
)
def test_the_sentence_fits_any_set_of_contributions(parts: tuple[Contribution, ...], said: str) -> None:
    assert explain(prediction(*parts), "AAPL") == f"AAPL: 58% chance to be higher in 5 sessions; {said}"


def test_only_the_strongest_are_named() -> None:
    sentence = explain(prediction(MOMENTUM, CALM, HOT), "AAPL", top=2)
    assert "RSI" not in sentence


def test_one_session_is_said_in_the_singular() -> None:
    assert "higher after the next session;" in explain(prediction(HOT, horizon=1), "IBM")
    assert within(20) == "in 20 sessions"
    assert percent(0.5849) == "58%"


@pytest.mark.parametrize(
    ("phrases", "said"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_lists(phrases: list[str], said: str) -> None:
    assert listed(phrases) == said


@given(st.lists(st.sampled_from([MOMENTUM, CALM, HOT]), max_size=6), st.integers(0, 6))
def test_every_sentence_is_one_sentence(parts: list[Contribution], top: int) -> None:
    sentence = explain(prediction(*parts), "BRK.B", top)
    assert re.fullmatch(r"BRK\.B: 58% chance to be higher in 5 sessions; [a-z].*[^.]\.", sentence)
    assert not re.search(r"  | ,|,,|, \.|and and|by \.|by ,", sentence)


def test_a_real_model_s_sentence_names_real_features() -> None:
    panels = [swinging_panel(900, seed) for seed in range(2)]
    sentence = explain(train(panels).predict(latest_features(panels[0])), "AAA")
    assert sentence.startswith("AAA: ")
    assert any(feature.label in sentence for feature in FEATURES)
