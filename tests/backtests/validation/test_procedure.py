"""The three cases a validation is for: a cheat, luck, and an edge that is there."""

import json

import msgspec
import numpy as np
import pytest

from backtests.validation.made import AAA, BBB, Dice, Peeking, Trend, bars_of, level, subject, walk, waves
from traderbot.backtests.validation.page import page
from traderbot.backtests.validation.procedure import QUICK, Work, validate
from traderbot.backtests.validation.record import About, decoded, encoded
from traderbot.backtests.validation.subject import Subject, sharpes
from traderbot.backtests.validation.trials import run_trials
from traderbot.backtests.validation.verdict import Outcome, Standing
from traderbot.model.errors import InvalidValue
from traderbot.strategies.base import Strategy
from traderbot.strategies.moving_average import MovingAverageSignal
from traderbot.strategies.signals import Frame, SignalStrategy

pytestmark = pytest.mark.domain

ABOUT = About("made", "0" * 64, {}, "made", "0" * 64)


def _outcomes(record: object) -> dict[str, Outcome]:
    return {check.name.split(",")[0]: check.outcome for check in record.verdict.checks}  # type: ignore[attr-defined]


def test_a_strategy_that_looks_ahead_is_rejected_with_the_bar_it_was_seen_at() -> None:
    record = validate(subject(Peeking, bars_of(walk(300, 1))), ABOUT, QUICK)
    assert record.verdict.standing is Standing.REJECT
    assert _outcomes(record)["looks ahead"] is Outcome.REJECTED
    first = record.differences[0]
    assert first.symbol == AAA
    assert first.time == first.cut  # what it did at the cut changed when the next bar was not there
    assert "at the bar of 2000-" in record.verdict.words
    assert "AAA" in record.verdict.words
    assert record.evidence.sharpe is None  # its figures mean nothing, so there are none


class PeekingSignal(SignalStrategy):
    """close.shift(-1), as a signal."""

    name = "peeking-signal"

    def signal(self, frame: Frame) -> np.ndarray:
        following = np.vstack([frame.close[1:], frame.close[-1:]])
        return np.where(following > frame.close, 1.0, 0.0)


def test_a_signal_that_looks_ahead_is_rejected_with_bar_and_instrument() -> None:
    made = subject(PeekingSignal, bars_of(walk(300, 1)), bars_of(walk(300, 2), BBB))
    record = validate(made, ABOUT, QUICK)
    assert record.verdict.standing is Standing.REJECT
    assert record.evidence.looks == 5 * QUICK.cuts
    assert {difference.symbol for difference in record.differences} == {AAA, BBB}
    assert all(difference.time == difference.cut for difference in record.differences)
    assert "a target of 1 with all data, a target of 0 with the data up to" in record.verdict.words


def test_a_signal_is_validated_like_any_other() -> None:
    made = subject(
        MovingAverageSignal,
        bars_of(waves(700, 3)),
        chosen={"fast": 2, "slow": 8},
        grid={"fast": [1, 2, 3], "slow": [6, 8, 12]},
        warm_up=MovingAverageSignal(fast=2, slow=8).warm_up,
    )
    record = validate(made, ABOUT, QUICK)
    outcomes = _outcomes(record)
    assert outcomes["looks ahead"] is Outcome.PASSED
    assert outcomes["warm-up"] is Outcome.PASSED
    assert record.evidence.warm_up == 1.0
    assert record.evidence.trials == 9
    assert record.verdict.standing is not Standing.REJECT, record.verdict.words


@pytest.mark.parametrize("seed", [5, 8])
def test_noise_tuned_over_200_parameter_sets_is_rejected_as_overfitted(seed: int) -> None:
    numbers = {"number": list(range(200))}
    noise = subject(Dice, bars_of(level(500, seed)), chosen={"number": 0}, grid=numbers)
    tried = run_trials(noise, 200)
    best = tried.sets[int(np.argmax(sharpes(tried.returns)))]
    tuned = msgspec.structs.replace(noise, chosen=best)
    work = msgspec.structs.replace(QUICK, trials=200)
    record = validate(tuned, ABOUT, work)
    assert record.evidence.trials == 200
    assert record.evidence.sharpe is not None
    assert record.evidence.sharpe > 1.3  # the best of many looks good
    assert record.evidence.probable is not None
    assert record.evidence.probable > 0.95  # and alone would pass
    assert record.verdict.standing is Standing.REJECT
    assert "overfitted" in record.verdict.words
    assert "deflated Sharpe ratio" in record.verdict.words


def _edge() -> Subject:
    lengths = {"length": [3, 4, 5, 6, 8, 10, 12]}
    return subject(Trend, bars_of(waves(1200, 3)), chosen={"length": 6}, grid=lengths, warm_up=12)


def test_an_edge_that_is_in_the_data_is_not_rejected() -> None:
    record = validate(_edge(), ABOUT, QUICK)
    assert record.verdict.standing is not Standing.REJECT, record.verdict.words
    outcomes = _outcomes(record)
    for name in (
        "looks ahead",
        "warm-up",
        "deflated Sharpe ratio",
        "walk-forward Sharpe ratio",
        "overfitted",
    ):
        assert outcomes[name] is Outcome.PASSED, name


def test_the_same_seed_gives_the_same_bytes_and_progress_ends() -> None:
    seen: dict[str, tuple[int, int]] = {}
    small = msgspec.structs.replace(_edge(), bars=[one.tail(300) for one in _edge().bars])
    record = validate(small, ABOUT, QUICK, progress=lambda what, done, of: seen.update({what: (done, of)}))
    assert encoded(record) == encoded(validate(small, ABOUT, QUICK))
    assert set(seen) == {"lookahead", "warm-up", "trials", "walk-forward", "neighbours", "stress"}
    assert all(done == of for done, of in seen.values())


def test_trials_of_before_count() -> None:
    small = msgspec.structs.replace(_edge(), bars=[one.tail(300) for one in _edge().bars])
    without = validate(small, ABOUT, QUICK).evidence
    with_them = validate(small, ABOUT, msgspec.structs.replace(QUICK, tried=10_000)).evidence
    assert (without.trials, with_them.trials) == (7, 10_007)
    assert (with_them.luck or 0) > (without.luck or 0) > 0
    assert 0 < (with_them.deflated or 0) < (without.deflated or 0)


def test_too_little_data_and_bad_work_are_refused() -> None:
    with pytest.raises(InvalidValue, match="60 rows"):
        validate(subject(Trend, bars_of(walk(59, 1))), ABOUT, QUICK)
    with pytest.raises(InvalidValue, match="trials"):
        Work(trials=0)
    with pytest.raises(InvalidValue, match="draws"):
        Work(draws=1)


class Never(Strategy):
    """Trades nothing."""

    name = "never"


class Silent(SignalStrategy):
    """Has no opinion, ever."""

    name = "silent"

    def signal(self, frame: Frame) -> np.ndarray:
        return np.full(frame.close.shape, np.nan)


def _refused(constant: str) -> float:
    raise AssertionError(f"{constant} in JSON")


@pytest.mark.parametrize(
    "made",
    [
        subject(Never, bars_of(walk(200, 1))),
        subject(Silent, bars_of(walk(200, 1))),
        subject(Trend, bars_of(np.full(200, 100.0)), chosen={"length": 6}, grid={"length": [4, 6, 8]}),
    ],
    ids=["no trades", "no opinion", "constant prices"],
)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_what_never_moves_is_rejected_in_words_and_its_record_is_read_again(made: Subject) -> None:
    record = validate(made, ABOUT, QUICK)
    assert record.verdict.standing is Standing.REJECT
    assert "round trips (0)" in record.verdict.words
    assert (record.evidence.deflated, record.evidence.better, record.evidence.p_value) == (None, None, None)
    json.loads(encoded(record), parse_constant=_refused)
    assert decoded(encoded(record)) == record
    assert "nan" not in page(record).split("</script>")[-1].lower()


def test_of_one_trial_overfitting_is_not_measured_and_that_is_said() -> None:
    record = validate(subject(Trend, bars_of(waves(300, 3)), chosen={"length": 6}), ABOUT, QUICK)
    assert record.evidence.overfitting is None
    assert record.evidence.luck == 0
    assert _outcomes(record)["overfitted"] is Outcome.UNMEASURED
    if record.verdict.standing is Standing.PROMOTE:
        assert "not measured: " in record.verdict.words
        assert "overfitted (no other parameters)" in record.verdict.words


def test_numbers_that_are_none_do_not_reach_the_verdict() -> None:
    class Endless(Silent):
        name = "endless"

        def signal(self, frame: Frame) -> np.ndarray:
            return np.full(frame.close.shape, np.inf)

    with pytest.raises(InvalidValue, match=r"endless.signal .* finite numbers"):
        validate(subject(Endless, bars_of(walk(200, 1))), ABOUT, QUICK)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("groups", {"groups": 0}),
        ("tests", {"groups": 6, "tests": 6}),
        ("tests", {"groups": 40, "tests": 20}),  # 137,846,528,820 splits
        ("blocks", {"blocks": 7}),
        ("blocks", {"blocks": 40}),
        ("folds", {"folds": 0}),
        ("train", {"train": -5}),
    ],
)
def test_work_that_cannot_be_done_is_refused_by_name(name: str, values: dict[str, int]) -> None:
    with pytest.raises(InvalidValue) as refused:
        msgspec.structs.replace(QUICK, **values)
    assert refused.value.field == name
