"""The chance that an instrument is worth more some sessions from now: one small boosted forest for all.

Daily direction is nearly noise, so everything here holds the model back: shallow trees, few rounds, large
leaves, a calibration drawn to the base rate, and a card that sets each figure beside that of the base rate
alone. The settings were chosen on 48 stocks of 2013 to 2018, not on the demo's data.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.intelligence.calibration import Calibration, bounded_probability, fit_calibration
from traderbot.intelligence.features import FEATURE_NAMES, FEATURES, Feature
from traderbot.intelligence.panels import Panel
from traderbot.intelligence.samples import Samples, gather, split_in_time
from traderbot.intelligence.scores import Scores, score

FORMAT: Final = "traderbot-forecast-1"
SAMPLES_MIN: Final = 400
"""Labelled rows below which no forecast is trained."""

FIT_SHARE: Final = 0.8
"""Share of the time that the trees are fitted on; the rest calibrates and measures."""

SCORED_BLOCKS: Final = 4
"""Steps in which the last part of the time is calibrated and measured forward."""

TREE_SETTINGS: Final[dict[str, float | int]] = {
    "learning_rate": 0.03,
    "num_leaves": 8,
    "max_depth": 3,
    "min_data_in_leaf": 200,
    "lambda_l2": 50.0,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "max_bin": 63,
}
TREES: Final = 30


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a person must know before trusting the model. Times are microseconds since the epoch UTC.

    version:         12 hexadecimal digits of the SHA-256 of trees, calibration, usual ranges and features.
    trained_from:    time of the first row; trained_to: time of the last bar that a label used.
    calibrated_from: time of the first row that the trees did not see.
    samples:         rows used in all: fit_samples by the trees, scores.rows for calibration and scores.
    scores:          of the rows the trees did not see, each calibrated on earlier rows alone.
    """

    version: str
    horizon: int
    symbols: tuple[str, ...]
    trained_from: int
    trained_to: int
    calibrated_from: int
    samples: int
    fit_samples: int
    scores: Scores
    features: tuple[str, ...]
    parameters: dict[str, float | int | str]
    data: str


@dataclass(frozen=True, slots=True)
class Contribution:
    """How one feature moved this forecast from the usual rate.

    value:        the feature itself; words: that value for people; phrase: label and value as a noun phrase.
    contribution: calibrated log-odds, additive: usual rate + all contributions = the forecast.
    """

    feature: str
    label: str
    value: float
    words: str
    phrase: str
    contribution: float
    effect: Literal["raises", "lowers"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """A calibrated probability of being higher after `horizon` sessions, and why.

    usual_probability: what the model says when no feature speaks; contributions: the strongest first.
    rest:              log-odds of all features that are not listed.
    """

    probability: float
    usual_probability: float
    horizon: int
    contributions: tuple[Contribution, ...]
    rest: float
    model_version: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """A trained model; equal texts give equal predictions to the bit.

    usual_ranges: float64 (len(FEATURES), 2), the middle half of each feature's values in training.
    """

    card: ModelCard
    calibration: Calibration
    usual_ranges: Floats = field(compare=False)
    trees: str = field(repr=False)
    _booster: Any = field(repr=False, compare=False)

    def predict(self, features: Floats, top: int = 5) -> Prediction:
        """Probability for one row of features, with the `top` contributions that moved it most.

        features: float64 (len(FEATURES),), as latest_features gives it.
        Errors:   ValueError naming the features that are not known yet.
        Source:   Lundberg and Lee 2017, arXiv:1705.07874 (SHAP); exact for trees by arXiv:1802.03888.
        """
        row = _complete(np.asarray(features, dtype=np.float64).reshape(1, -1))
        raw = float(_raw_scores(self._booster, row)[0])
        shares = self._booster.predict(row, pred_contrib=True, num_threads=1)[0]
        moved = [self.calibration.slope * float(share) for share in shares[:-1]]
        by_strength = sorted(range(len(moved)), key=lambda i: (-abs(moved[i]), i))
        listed = [i for i in by_strength[:top] if moved[i] != 0.0]
        return Prediction(
            probability=self.calibration.probability(raw),
            usual_probability=bounded_probability(self.calibration.log_odds(float(shares[-1]))),
            horizon=self.card.horizon,
            contributions=tuple(self._contribution(i, float(row[0, i]), moved[i]) for i in listed),
            rest=math.fsum(moved) - math.fsum(moved[i] for i in listed),
            model_version=self.card.version,
        )

    def probabilities(self, features: Floats) -> Floats:
        """Probabilities for many rows, equal to the bit to predict on each; for backtests and scoring.

        features: float64 (n, len(FEATURES)), rows with NaN allowed.
        Returns:  float64 (n,), NaN where a feature is NaN.
        """
        result = np.full(features.shape[0], np.nan)
        ready = np.isfinite(features).all(axis=1)
        if ready.any():
            result[ready] = self.calibration.probabilities(_raw_scores(self._booster, features[ready]))
        return result

    def to_text(self) -> str:
        """The whole model as JSON text, to be kept as a file."""
        return json.dumps(
            {
                "format": FORMAT,
                "card": asdict(self.card),
                "calibration": asdict(self.calibration),
                "usual_ranges": self.usual_ranges.tolist(),
                "trees": self.trees,
            },
            indent=1,
            sort_keys=True,
        )

    @staticmethod
    def from_text(text: str) -> "Forecast":
        """Read what to_text wrote.

        Errors:  ValueError when it is not such a text, when its features are not those of this release, or
                 when the content does not match the version in its card.
        """
        return _forecast_from_text(text)

    def _contribution(self, index: int, value: float, moved: float) -> Contribution:
        feature = FEATURES[index]
        return Contribution(
            feature=feature.name,
            label=feature.label,
            value=value,
            words=feature.words(value),
            phrase=_phrase(feature, value, self.usual_ranges[index]),
            contribution=moved,
            effect="raises" if moved > 0.0 else "lowers",
        )


def train(panels: Sequence[Panel], *, horizon: int = 5, seed: int = 7, data: str = "") -> Forecast:
    """Learn from all instruments together, and measure on the last fifth of the time, unseen by the trees.

    panels:  bars up to the cut-off, never beyond: what is in them is taken as known. Their order matters to
             the bit.
    horizon: sessions ahead; the last `horizon` bars of each panel have no label and are left out.
    seed:    of the row and feature sampling of the trees.
    data:    name and hash of the data set, for the card.
    Returns: the same text to the byte for the same arguments, on one machine with one set of libraries.
    Errors:  ValueError below SAMPLES_MIN labelled rows, or when a part holds rises only or falls only.
    """
    samples = gather(panels, horizon)
    if len(samples) < SAMPLES_MIN:
        raise ValueError(f"{SAMPLES_MIN} labelled rows are needed to train, got {len(samples)}")
    split = split_in_time(samples, FIT_SHARE)
    for part in (split.earlier, split.later):
        if np.unique(part.labels).shape[0] < 2:
            raise ValueError("rises and falls are both needed to train and to calibrate")
    trees = _grow(split.earlier, seed)
    booster = _booster(trees)
    raw = _raw_scores(booster, split.later.features)
    centre = round(float(np.mean(_raw_scores(booster, split.earlier.features))), 9)
    calibration = fit_calibration(
        raw,
        split.later.labels,
        base_rate=_share_of_rises(split.earlier.labels, split.later.labels),
        centre=centre,
        overlap=horizon,
    )
    usual_ranges = np.round(np.quantile(split.earlier.features, (0.25, 0.75), axis=0).T, 9)
    card = ModelCard(
        version=_version(trees, calibration, usual_ranges, horizon),
        horizon=horizon,
        symbols=tuple(panel.symbol for panel in panels if len(gather([panel], horizon)) > 0),
        trained_from=int(samples.times[0]),
        trained_to=int(samples.known_at.max()),
        calibrated_from=int(split.later.times[0]),
        samples=len(split.earlier) + len(split.later),
        fit_samples=len(split.earlier),
        scores=_scored_forward(split.earlier, split.later, raw, centre, horizon),
        features=FEATURE_NAMES,
        parameters={**TREE_SETTINGS, "trees": TREES, "seed": seed, "fit_share": FIT_SHARE},
        data=data,
    )
    return Forecast(card, calibration, usual_ranges, trees, booster)


def _grow(samples: Samples, seed: int) -> str:
    import lightgbm  # here, since importing it takes seconds where pandas and scikit-learn are installed

    settings = {
        **TREE_SETTINGS,
        "objective": "binary",
        "seed": seed,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    rows = lightgbm.Dataset(samples.features, samples.labels, feature_name=list(FEATURE_NAMES))
    text: str = lightgbm.train(settings, rows, num_boost_round=TREES).model_to_string()
    return text


def _raw_scores(booster: Any, rows: Floats) -> Floats:
    """Sum of the trees per row, in log-odds; one thread, so that a small row is not handed around."""
    scores: Floats = booster.predict(rows, raw_score=True, num_threads=1)
    return scores


def _booster(trees: str) -> Any:
    import lightgbm

    return lightgbm.Booster(model_str=trees)


def _scored_forward(earlier: Samples, later: Samples, raw: Floats, centre: float, horizon: int) -> Scores:
    """Score the rows the trees did not see, block after block, each calibrated on the blocks before it alone.

    Source:  Dawid 1984, doi:10.2307/2981683 (prequential: each forecast is judged by what came after it).
    """
    moments = np.unique(later.times)
    starts = [block[0] for block in np.array_split(moments, SCORED_BLOCKS) if block.shape[0] > 0]
    probabilities, base = np.empty(len(later)), np.empty(len(later))
    for number, start in enumerate(starts):
        judged = later.times >= start
        if number + 1 < len(starts):
            judged &= later.times < starts[number + 1]
        known = later.known_at < start
        base[judged] = _share_of_rises(earlier.labels, later.labels[known])
        calibration = fit_calibration(
            raw[known],
            later.labels[known],
            base_rate=float(base[judged][0]),
            centre=centre,
            overlap=horizon,
        )
        probabilities[judged] = calibration.probabilities(raw[judged])
    return score(probabilities, base, later.labels, ranking=raw)


def _share_of_rises(*labels: Floats) -> float:
    return float(np.mean(np.concatenate(labels)))


def _complete(row: Floats) -> Floats:
    if row.shape[1] != len(FEATURES):
        raise ValueError(f"a row must hold {len(FEATURES)} features, got {row.shape[1]}")
    missing = [name for name, value in zip(FEATURE_NAMES, row[0], strict=True) if not math.isfinite(value)]
    if missing:
        raise ValueError(f"features not known yet: {', '.join(missing)}")
    return row


def _phrase(feature: Feature, value: float, usual: Floats) -> str:
    words = feature.words(value)
    named = f"{feature.label} ({words})" if feature.brackets else f"{feature.label} {words}"
    if feature.compare is None or usual[0] <= value <= usual[1]:
        return named
    return f"{feature.compare[0] if value < usual[0] else feature.compare[1]} {named}"


def _version(trees: str, calibration: Calibration, usual_ranges: Floats, horizon: int) -> str:
    content = [trees, asdict(calibration), usual_ranges.tolist(), horizon, list(FEATURE_NAMES)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def _forecast_from_text(text: str) -> Forecast:
    try:
        content = json.loads(text)
        if content["format"] != FORMAT:
            raise ValueError(f"expected a model of format {FORMAT}, got {content['format']}")
        card = dict(content["card"])
        card["scores"] = Scores(**card["scores"])
        card["symbols"], card["features"] = tuple(card["symbols"]), tuple(card["features"])
        read = ModelCard(**card)
        calibration = Calibration(**content["calibration"])
        usual_ranges = np.array(content["usual_ranges"], dtype=np.float64)
        trees = str(content["trees"])
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"not a forecast's text: {error}") from error
    if read.features != FEATURE_NAMES:
        raise ValueError("the model was trained on other features than this release computes")
    if _version(trees, calibration, usual_ranges, read.horizon) != read.version:
        raise ValueError(f"the content does not match the version {read.version} in its card")
    return Forecast(read, calibration, usual_ranges, trees, _booster(trees))
