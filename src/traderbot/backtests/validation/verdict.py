"""The verdict: what was measured beside what is asked for, and promote, watch or reject with the reasons.

A pure function of the evidence and the thresholds, so that a verdict can be worked out again from its file.
"""

from collections.abc import Iterator
from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    PASSED = "passed"
    WATCH = "watch"
    REJECTED = "rejected"
    UNMEASURED = "not measured"


class Standing(StrEnum):
    PROMOTE = "promote"
    WATCH = "watch"
    REJECT = "reject"


class Thresholds(msgspec.Struct, frozen=True):
    """Everything a verdict goes by. `_reject`: beyond it no watching helps. Fractions unless said otherwise.

    warm_up: steps at which a later start agrees. trades: round trips that ended; too few reject only what
    has as few fills. probable: probability that the Sharpe ratio is above 0; deflated: above what the
    best of so many trials has by luck. overfitting: probability by CSCV; loss: splits whose best then
    lost, which an overfitting probability has to come with. forward, path: Sharpe ratios a year out of
    sample; efficiency: of the walk-forward's to its trainings'. neighbours: median Sharpe ratio of
    neighbouring parameters to the chosen one's; kept: what is left of it under noise or missed fills.
    bootstrap_loss: resampled histories that end below their start. p_value: of being no better than the
    baseline. filled: shares executed of those asked for; multiple: at how many times the money they still
    have to be.
    """

    warm_up: float = 0.98
    warm_up_reject: float = 0.8
    trades: int = 30
    trades_reject: int = 1
    probable: float = 0.95
    probable_reject: float = 0.5
    deflated: float = 0.95
    deflated_reject: float = 0.7
    overfitting: float = 0.2
    overfitting_reject: float = 0.35
    loss: float = 0.1
    loss_reject: float = 0.3
    forward: float = 0.3
    forward_reject: float = 0.0
    efficiency: float = 0.4
    path: float = 0.0
    neighbours: float = 0.5
    neighbours_reject: float = 0.0
    kept: float = 0.5
    kept_reject: float = 0.0
    costs: float = 0.0
    bootstrap_loss: float = 0.1
    bootstrap_loss_reject: float = 0.5
    p_value: float = 0.05
    filled: float = 0.95
    filled_reject: float = 0.5
    multiple: int = 10


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured; None: it could not be, or was not, as the strategy looks ahead.

    Sharpe ratios a year; names as in Thresholds. looks: cuts tried; ahead: in words, where the future changed
    the past. record, record_needed: rows of the record, and those needed for a Sharpe ratio surely above 0.
    luck: the Sharpe ratio that the best of `trials` (worth `independent` of them) has without skill. better:
    Sharpe ratio less that of `baseline`, the best one. capacity: the largest multiple of the money that is
    filled as asked; 0: not even this.
    """

    looks: int
    ahead: list[str]
    warm_up: float | None = None
    trades: int | None = None
    fills: int | None = None
    sharpe: float | None = None
    probable: float | None = None
    record: int | None = None
    record_needed: float | None = None
    trials: int | None = None
    independent: float | None = None
    luck: float | None = None
    deflated: float | None = None
    overfitting: float | None = None
    loss: float | None = None
    forward: float | None = None
    efficiency: float | None = None
    path: float | None = None
    neighbours: float | None = None
    noise: float | None = None
    missed: float | None = None
    costs: float | None = None
    bootstrap_loss: float | None = None
    baseline: str = ""
    better: float | None = None
    p_value: float | None = None
    filled: float | None = None
    capacity: int | None = None


class Check(msgspec.Struct, frozen=True):
    """One line of the table. value, threshold: in words; why: what it guards against."""

    name: str
    value: str
    threshold: str
    outcome: Outcome
    why: str


class Verdict(msgspec.Struct, frozen=True):
    """standing: what to do; words: why, for people; checks: the whole table."""

    standing: Standing
    words: str
    checks: list[Check]


def verdict(evidence: Evidence, thresholds: Thresholds | None = None) -> Verdict:
    """Promote where every check passed, reject where one says that nothing is there, else watch."""
    asked = thresholds or Thresholds()
    checks = [
        *_honesty(evidence, asked),
        *_luck(evidence, asked),
        *_out_of_sample(evidence, asked),
        *_robustness(evidence, asked),
    ]
    rejected = [check for check in checks if check.outcome is Outcome.REJECTED]
    open_ = [check for check in checks if check.outcome is Outcome.WATCH]
    if rejected:
        return Verdict(Standing.REJECT, _sentence("Reject", rejected), checks)
    if open_:
        return Verdict(Standing.WATCH, _sentence("Watch", open_), checks)
    unmeasured = [check for check in checks if check.outcome is Outcome.UNMEASURED]
    if unmeasured:
        passed = "Promote: every check that could be made passed; not measured"
        return Verdict(Standing.PROMOTE, _sentence(passed, unmeasured), checks)
    return Verdict(Standing.PROMOTE, "Promote: every check passed.", checks)


def _sentence(first: str, checks: list[Check]) -> str:
    return f"{first}: " + "; ".join(f"{check.name} ({check.value})" for check in checks) + "."


def _honesty(e: Evidence, t: Thresholds) -> Iterator[Check]:
    yield Check(
        "looks ahead",
        f"{len(e.ahead)} of {e.looks} cuts" + (f"; {e.ahead[0]}" if e.ahead else ""),
        "none",
        Outcome.REJECTED if e.ahead else Outcome.PASSED,
        "What uses prices it could not know cannot be traded.",
    )
    yield _least(
        "warm-up", e.warm_up, t.warm_up, t.warm_up_reject, "A live start has to agree with the backtest.", "%"
    )
    # what is always invested and only shifts its parts has hardly a round trip, and yet a record
    shifts = e.fills is not None and e.fills > t.trades_reject
    yield _least(
        "round trips",
        e.trades,
        t.trades,
        -1 if shifts else t.trades_reject,
        "A few lucky trades say nothing about the next one.",
    )


def _luck(e: Evidence, t: Thresholds) -> Iterator[Check]:
    yield _least(
        "Sharpe ratio above 0",
        e.probable,
        t.probable,
        t.probable_reject,
        "Probability that the record is more than chance, its skewness and fat tails counted.",
        "%",
    )
    yield _long_enough(e)
    yield _least(
        f"deflated Sharpe ratio, {e.trials or 0:,} trials",
        e.deflated,
        t.deflated,
        t.deflated_reject,
        f"The best of that many has a Sharpe ratio of {e.luck or 0:.2f} by luck, this {e.sharpe or 0:.2f}.",
        "%",
    )
    yield _overfitted(e, t)


def _long_enough(e: Evidence) -> Check:
    if e.record is None:
        outcome, value = Outcome.UNMEASURED, "-"
    else:
        enough = e.record_needed is not None and e.record >= e.record_needed
        outcome, value = Outcome.PASSED if enough else Outcome.WATCH, f"{e.record:,} rows"
    needed = "no length is enough" if e.record_needed is None else f"at least {e.record_needed:,.0f} rows"
    return Check("track record", value, needed, outcome, "A short record cannot tell skill from chance.")


def _overfitted(e: Evidence, t: Thresholds) -> Check:
    """Where all parameters are about as good, the best of a half is of any rank: then none may lose."""
    if e.overfitting is None or e.loss is None:
        outcome, value = Outcome.UNMEASURED, "no other parameters"
    else:
        below, lost = _of_a_hundred(e.overfitting), _of_a_hundred(e.loss)
        value = f"in {below} of 100 splits the chosen set fell below the median, in {lost} it lost"
        if e.overfitting <= t.overfitting or e.loss <= t.loss:
            outcome = Outcome.PASSED
        elif e.overfitting > t.overfitting_reject and e.loss > t.loss_reject:
            outcome = Outcome.REJECTED
        else:
            outcome = Outcome.WATCH
    return Check(
        "overfitted",
        value,
        f"below in at most {_of_a_hundred(t.overfitting)}, or lost in at most {_of_a_hundred(t.loss)}",
        outcome,
        "What is best in one half of the time should not be below the median in the other, or lose there.",
    )


def _of_a_hundred(part: float) -> str:
    """A fraction as a count; what is there is never told as nothing."""
    return "under 1" if 0 < part < 0.005 else f"{part * 100:.0f}"


def _out_of_sample(e: Evidence, t: Thresholds) -> Iterator[Check]:
    yield _least(
        "walk-forward Sharpe ratio",
        e.forward,
        t.forward,
        t.forward_reject,
        "Parameters chosen on the past only have to earn on what follows.",
    )
    yield _least(
        "walk-forward efficiency",
        e.efficiency,
        t.efficiency,
        None,
        "How much of what was seen in training is left in the tests.",
        "%",
    )
    yield _least(
        "worst path of cross-validation",
        e.path,
        t.path,
        None,
        "No order of training and test should turn the strategy into a loss (Sharpe ratio, 5% quantile).",
    )


def _robustness(e: Evidence, t: Thresholds) -> Iterator[Check]:
    yield _least(
        "neighbouring parameters",
        e.neighbours,
        t.neighbours,
        t.neighbours_reject,
        "A peak that a small step leaves is a peak of the noise.",
        "%",
    )
    reference = e.sharpe if e.sharpe is not None and e.sharpe > 0 else None
    for name, value, why in (
        ("noise on prices", e.noise, "Prices a little different must not make another strategy of it."),
        ("missed fills", e.missed, "Some orders will not be filled."),
    ):
        kept = None if reference is None or value is None else value / reference
        yield _least(name, kept, t.kept, t.kept_reject, why, "%")
    yield _least("Sharpe ratio at twice the costs", e.costs, t.costs, None, "Costs are higher than planned.")
    yield _most(
        "bootstrap that loses",
        e.bootstrap_loss,
        t.bootstrap_loss,
        t.bootstrap_loss_reject,
        "Blocks of the same returns in another order and number: how many such histories lose.",
    )
    yield _better(e, t)
    yield _least("filled as asked", e.filled, t.filled, t.filled_reject, "Volumes limit what is traded.", "%")
    yield _least(
        "capacity, times the money", e.capacity, t.multiple, None, "More money must still find its volume."
    )


def _better(e: Evidence, t: Thresholds) -> Check:
    if e.better is None or e.p_value is None:
        outcome, value = Outcome.UNMEASURED, "no comparison"
    else:
        value = f"{e.better:+.2f} to {e.baseline}, p {e.p_value:.3f}"
        certain = e.p_value <= t.p_value
        outcome = Outcome.PASSED if certain and e.better > 0 else Outcome.WATCH
        if certain and e.better < 0:
            outcome = Outcome.REJECTED
    return Check(
        "better than the baselines",
        value,
        f"above 0, p at most {t.p_value}",
        outcome,
        "Holding the same instruments costs nothing; less than that is not worth trading.",
    )


def _least(
    name: str, value: float | None, least: float, reject: float | None, why: str, unit: str = ""
) -> Check:
    """Passed from `least` on, rejected up to `reject`."""
    if value is None:
        return Check(name, "-", f"at least {_shown(least, unit)}", Outcome.UNMEASURED, why)
    outcome = Outcome.PASSED if value >= least else Outcome.WATCH
    if reject is not None and value < least and value <= reject:
        outcome = Outcome.REJECTED
    return Check(name, _shown(value, unit), f"at least {_shown(least, unit)}", outcome, why)


def _most(name: str, value: float | None, most: float, reject: float, why: str) -> Check:
    """Passed up to `most`, rejected from `reject` on."""
    if value is None:
        return Check(name, "-", f"at most {_shown(most, '%')}", Outcome.UNMEASURED, why)
    outcome = Outcome.PASSED if value <= most else Outcome.WATCH
    if value >= reject and value > most:
        outcome = Outcome.REJECTED
    return Check(name, _shown(value, "%"), f"at most {_shown(most, '%')}", outcome, why)


def _shown(value: float, unit: str) -> str:
    if unit == "%":
        return f"{value:.1%}"
    return f"{value:,}" if isinstance(value, int) else f"{value:.2f}"
