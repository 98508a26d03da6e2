"""A forecast in one plain sentence."""

from collections.abc import Sequence

from traderbot.intelligence.forecast import Prediction


def explain(prediction: Prediction, symbol: str, top: int = 3) -> str:
    """Say the chance and what moved it, from the strongest `top` contributions.

    Returns: such as "AAPL: 58% chance to be higher in 5 sessions; raised by 20-day momentum (+8.1%) and low
             volatility (1.2% a day), lowered by RSI 74."
    """
    named = prediction.contributions[:top]
    raising = [part.phrase for part in named if part.effect == "raises"]
    lowering = [part.phrase for part in named if part.effect == "lowers"]
    reasons = [
        f"{verb} by {listed(phrases)}"
        for verb, phrases in (("raised", raising), ("lowered", lowering))
        if phrases
    ]
    chance = f"{symbol}: {percent(prediction.probability)} chance to be higher {within(prediction.horizon)}"
    if not reasons:
        return f"{chance}; this is the usual rate, no feature speaks for or against it."
    return f"{chance}; {', '.join(reasons)}."


def listed(phrases: Sequence[str]) -> str:
    """Join noun phrases as a sentence does: "a", "a and b", "a, b and c"."""
    if len(phrases) < 2:
        return "".join(phrases)
    return f"{', '.join(phrases[:-1])} and {phrases[-1]}"


def percent(fraction: float) -> str:
    """A fraction as whole percent."""
    return f"{100 * fraction:.0f}%"


def within(sessions: int) -> str:
    """A horizon in words."""
    return "after the next session" if sessions == 1 else f"in {sessions} sessions"
