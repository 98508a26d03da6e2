import json
import math
from dataclasses import replace

import numpy as np
import pytest

from intelligence.synthetic import flat_panel, random_panel, swinging_panel
from traderbot.intelligence.calibration import PROBABILITY_MAX, PROBABILITY_MIN
from traderbot.intelligence.features import FEATURE_NAMES, LOOKBACK_BARS, feature_matrix, latest_features
from traderbot.intelligence.forecast import SAMPLES_MIN, Forecast, train
from traderbot.intelligence.panels import Panel

pytestmark = pytest.mark.unit

HORIZON = 5


@pytest.fixture(scope="module")
def swinging() -> list[Panel]:
    return [swinging_panel(1000, seed, f"S{seed}") for seed in range(3)]


@pytest.fixture(scope="module")
def learned(swinging: list[Panel]) -> Forecast:
    return train(swinging, data="made up")


@pytest.fixture(scope="module")
def row(swinging: list[Panel]) -> np.ndarray:
    return latest_features(swinging[0])


def test_two_trainings_are_equal_to_the_byte(swinging: list[Panel], learned: Forecast) -> None:
    again = train(swinging, data="made up")
    assert again.to_text().encode() == learned.to_text().encode()
    assert again == learned


def test_another_seed_is_another_model(swinging: list[Panel], learned: Forecast) -> None:
    assert train(swinging, seed=8).card.version != learned.card.version


def test_nothing_after_the_cut_off_reaches_the_model(swinging: list[Panel]) -> None:
    cut = int(swinging[0].times[800])
    rng = np.random.default_rng(0)
    shuffled = []
    for panel in swinging:
        order = np.concatenate((np.arange(801), 801 + rng.permutation(199)))
        names = ("open", "high", "low", "close", "volume")
        shuffled.append(replace(panel, **{name: getattr(panel, name)[order] for name in names}))
    known = train([panel.until(cut) for panel in swinging])
    assert known.to_text() == train([panel.until(cut) for panel in shuffled]).to_text()
    assert known.to_text() != train(swinging).to_text()
    assert known.card.trained_to == cut


def test_what_can_be_learned_is_learned_and_the_card_says_so(learned: Forecast) -> None:
    scores = learned.card.scores
    assert scores.auc > 0.7
    assert scores.accuracy > scores.accuracy_base + 0.1
    assert scores.log_loss < scores.log_loss_base
    assert scores.brier < scores.brier_base
    fresh = [swinging_panel(1000, seed) for seed in (50, 51)]
    found = np.concatenate([learned.probabilities(feature_matrix(panel)[200:900]) for panel in fresh])
    rose = np.concatenate([panel.close[205:905] > panel.close[200:900] for panel in fresh])
    assert found[rose].mean() > found[~rose].mean() + 0.02


def test_noise_is_not_taken_for_skill() -> None:
    forecast = train([random_panel(1000, seed, drift=0.0) for seed in range(3)])
    scores = forecast.card.scores
    assert 0.4 < scores.auc < 0.6
    assert abs(scores.log_loss - scores.log_loss_base) < 0.01
    probabilities = forecast.probabilities(feature_matrix(random_panel(600, 99)))
    assert np.nanstd(probabilities) < 0.05


def test_the_card_tells_where_the_model_comes_from(swinging: list[Panel], learned: Forecast) -> None:
    card = learned.card
    first = int(swinging[0].times[LOOKBACK_BARS - 1])
    assert (card.trained_from, card.trained_to) == (first, int(swinging[0].times[-1]))
    assert card.calibrated_from > first
    assert card.samples == card.fit_samples + card.scores.rows
    purged = sum(len(panel) - (LOOKBACK_BARS - 1) - HORIZON for panel in swinging) - card.samples
    assert purged == 3 * HORIZON
    assert card.symbols == ("S0", "S1", "S2")
    assert card.features == FEATURE_NAMES
    assert card.data == "made up"
    assert len(card.version) == 12
    assert int(card.version, 16) >= 0


def test_an_instrument_without_a_labelled_row_is_not_claimed(swinging: list[Panel]) -> None:
    newcomer = swinging_panel(LOOKBACK_BARS, 9, "NEW")
    assert train([*swinging, newcomer]).card.symbols == ("S0", "S1", "S2")


def test_reading_the_text_gives_the_same_predictions_to_the_bit(
    learned: Forecast, swinging: list[Panel]
) -> None:
    text = learned.to_text()
    read = Forecast.from_text(text)
    matrix = feature_matrix(swinging[1])
    assert read == learned
    assert read.to_text() == text
    assert read.probabilities(matrix).tobytes() == learned.probabilities(matrix).tobytes()
    assert read.predict(matrix[500]) == learned.predict(matrix[500])


def test_one_row_and_many_rows_agree_to_the_bit(learned: Forecast, swinging: list[Panel]) -> None:
    matrix = feature_matrix(swinging[2])
    many = learned.probabilities(matrix)
    assert np.isnan(many[: LOOKBACK_BARS - 1]).all()
    for i in range(LOOKBACK_BARS - 1, 1000, 50):
        assert many[i] == learned.predict(matrix[i]).probability
    assert PROBABILITY_MIN <= np.nanmin(many) <= np.nanmax(many) <= PROBABILITY_MAX
    assert np.isnan(learned.probabilities(matrix[:10])).all()


def test_contributions_add_up_to_the_probability(learned: Forecast, row: np.ndarray) -> None:
    prediction = learned.predict(row, top=4)
    usual = math.log(prediction.usual_probability / (1.0 - prediction.usual_probability))
    total = usual + sum(part.contribution for part in prediction.contributions) + prediction.rest
    assert 1.0 / (1.0 + math.exp(-total)) == pytest.approx(prediction.probability, abs=1e-12)
    assert prediction.horizon == HORIZON
    assert prediction.model_version == learned.card.version


def test_contributions_are_the_strongest_first_and_say_their_effect(
    learned: Forecast, row: np.ndarray
) -> None:
    parts = learned.predict(row, top=4).contributions
    everything = learned.predict(row, top=100)
    assert 0 < len(parts) <= 4
    assert parts == everything.contributions[: len(parts)]
    assert everything.rest == pytest.approx(0.0, abs=1e-15)
    sizes = [abs(part.contribution) for part in everything.contributions]
    assert sizes == sorted(sizes, reverse=True)
    for part in everything.contributions:
        assert part.effect == ("raises" if part.contribution > 0.0 else "lowers")
        assert part.value == row[FEATURE_NAMES.index(part.feature)]
        assert part.label in part.phrase
        assert part.words in part.phrase


def test_too_little_or_one_sided_history_is_refused(swinging: list[Panel]) -> None:
    with pytest.raises(ValueError, match=f"{SAMPLES_MIN} labelled rows are needed to train, got 175"):
        train([swinging[0].last(300)])
    with pytest.raises(ValueError, match="got 0"):
        train([])
    with pytest.raises(ValueError, match="rises and falls are both needed"):
        train([flat_panel(1000)])


def test_many_instruments_over_a_few_days_leave_nothing_to_fit() -> None:
    bars = LOOKBACK_BARS + HORIZON + 4
    with pytest.raises(ValueError, match="rises and falls are both needed"):
        train([random_panel(bars, seed, f"A{seed}") for seed in range(100)])


def test_a_model_too_small_to_split_gives_the_base_rate_without_reasons() -> None:
    panel = random_panel(540)
    prediction = train([panel]).predict(latest_features(panel))
    assert prediction.contributions == ()
    assert prediction.probability == prediction.usual_probability
    assert prediction.rest == 0.0


def test_features_that_are_not_known_are_named(learned: Forecast, row: np.ndarray) -> None:
    missing = row.copy()
    missing[[0, 9]] = np.nan
    with pytest.raises(ValueError, match="features not known yet: return_1, rsi_14"):
        learned.predict(missing)
    with pytest.raises(ValueError, match="must hold 17 features, got 3"):
        learned.predict(row[:3])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "expected a model of format"),
        ({"usual_ranges": [[0.0, 1.0]] * 17}, "does not match the version"),
        ({"trees": "tree"}, "does not match the version"),
        ({"calibration": {"slope": 1.0}}, "not a forecast's text"),
        ({"card": {}}, "not a forecast's text"),
    ],
)
def test_a_damaged_text_is_refused(learned: Forecast, change: dict[str, object], message: str) -> None:
    content = {**json.loads(learned.to_text()), **change}
    with pytest.raises(ValueError, match=message):
        Forecast.from_text(json.dumps(content))


def test_other_texts_are_refused(learned: Forecast) -> None:
    content = json.loads(learned.to_text())
    content["card"]["features"] = ["momentum_3"]
    with pytest.raises(ValueError, match="other features than this release"):
        Forecast.from_text(json.dumps(content))
    for text in ("", "{}", "[]", "model"):
        with pytest.raises(ValueError, match="not a forecast's text"):
            Forecast.from_text(text)


def test_an_instrument_that_joined_late_does_not_move_the_cut(
    swinging: list[Panel], learned: Forecast
) -> None:
    late = swinging_panel(1000, 7, "LATE").last(300)
    card = train([*swinging, late]).card
    assert card.calibrated_from == learned.card.calibrated_from
    assert card.scores.rows > learned.card.scores.rows
