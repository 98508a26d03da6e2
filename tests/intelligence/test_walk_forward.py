"""The forecast on real prices, as it will be used: trained each quarter on the past, judged by what came.

The bounds state what was found: on daily prices of a few large companies the model has no skill to speak of.
What is held here is that it does no harm: it stays close to the base rate and claims no more than it keeps.
"""

import time
from datetime import UTC, datetime

import numpy as np
import pytest

from traderbot.intelligence.explanation import explain
from traderbot.intelligence.features import FEATURE_NAMES, feature_matrix, latest_features
from traderbot.intelligence.forecast import Forecast, train
from traderbot.intelligence.panels import Panel
from traderbot.intelligence.samples import direction_labels
from traderbot.intelligence.scores import Scores, score
from traderbot.intelligence.sizing import SizingRules, View, target_weight
from traderbot.market.demo import build_demo
from traderbot.model.actions import ActionKind

pytestmark = pytest.mark.integration

SYMBOLS = ("AAPL", "GOOG", "IBM", "MSFT")
START = 1_104_537_600_000_000
"""2005-01-01 UTC."""


@pytest.fixture(scope="module")
def panels() -> list[Panel]:
    dataset = build_demo()
    result = []
    for symbol in SYMBOLS:
        bars = dataset.bars_of(symbol)
        days = [datetime.fromtimestamp(int(at) // 1_000_000, UTC).date() for at in bars.times]
        splits, dividends = np.ones(len(days)), np.zeros(len(days))
        for action in dataset.actions:
            if action.symbol != symbol:
                continue
            at = days.index(action.ex_date)
            if action.kind is ActionKind.SPLIT:
                splits[at] = action.new / action.old
            else:
                assert action.amount is not None
                dividends[at] = float(action.amount)
        arrays = (bars.open, bars.high, bars.low, bars.close, bars.volume)
        result.append(Panel(symbol, bars.times, *arrays, splits, dividends))
    return result


@pytest.fixture(scope="module")
def first_model(panels: list[Panel]) -> Forecast:
    return train([panel.until(START) for panel in panels])


def judge(panels: list[Panel]) -> Scores:
    """Train before each quarter of 63 sessions from 2005 on, and score its forecasts as one."""
    calendar = panels[0].times[panels[0].times >= START]
    matrices = [feature_matrix(panel) for panel in panels]
    found, base, labels, ranking = [], [], [], []
    for begin in range(0, len(calendar), 63):
        from_time, to_time = calendar[begin], calendar[min(begin + 63, len(calendar)) - 1]
        known = [panel.until(int(from_time) - 1) for panel in panels]
        model = train(known)
        share = np.nanmean(np.concatenate([direction_labels(panel, 5) for panel in known]))
        for panel, matrix in zip(panels, matrices, strict=True):
            rows = (panel.times >= from_time) & (panel.times <= to_time)
            truth = direction_labels(panel, 5)
            usable = rows & np.isfinite(matrix).all(axis=1) & np.isfinite(truth)
            if not usable.any():
                continue
            found.append(model.probabilities(matrix[usable]))
            labels.append(truth[usable])
            base.append(np.full(int(usable.sum()), share))
            ranking.append(found[-1] - found[-1].mean())
    return score(*(np.concatenate(parts) for parts in (found, base, labels)), ranking=np.concatenate(ranking))


def test_walking_forward_it_stays_close_to_the_base_rate(panels: list[Panel]) -> None:
    scores = judge(panels)
    assert scores.rows > 8000
    assert scores.log_loss < np.log(2.0)
    assert scores.log_loss < scores.log_loss_base + 0.002
    assert scores.brier < scores.brier_base + 0.001
    assert 0.45 < scores.auc < 0.55
    assert scores.accuracy == pytest.approx(scores.base_rate, abs=0.01), "no better than always saying up"


def test_the_first_weeks_of_2005_give_something_to_trade(panels: list[Panel], first_model: Forecast) -> None:
    rules, opened = SizingRules(), set()
    column = FEATURE_NAMES.index("volatility_20")
    for panel in panels:
        matrix = feature_matrix(panel)
        begin = int(np.searchsorted(panel.times, START))
        for row in matrix[begin : begin + 20]:
            if not np.isfinite(row).all():
                continue
            prediction = first_model.predict(row)
            assert 0.45 < prediction.probability < 0.62
            if target_weight(View(panel.symbol, prediction.probability, row[column]), rules) > 0.0:
                opened.add(panel.symbol)
    assert {"IBM", "MSFT"} <= opened


def test_the_first_card_is_honest_about_2004(first_model: Forecast) -> None:
    card = first_model.card
    assert card.symbols == ("AAPL", "IBM", "MSFT")
    assert 3000 < card.samples < 3400
    assert card.trained_to < START
    assert card.scores.rows > 600
    assert card.scores.accuracy < 0.6


def test_a_phrase_compares_with_what_was_usual_in_training(
    panels: list[Panel], first_model: Forecast
) -> None:
    column = FEATURE_NAMES.index("volatility_20")
    low, high = first_model.usual_ranges[column]
    row = latest_features(panels[0].until(START))
    said = []
    for value in (low / 2.0, (low + high) / 2.0, high * 2.0):
        row[column] = value
        parts = first_model.predict(row, top=100).contributions
        said += [part.phrase.split("20-day")[0] for part in parts if part.feature == "volatility_20"]
    assert said == ["low ", "", "high "]


def test_training_and_predicting_are_quick(panels: list[Panel], first_model: Forecast) -> None:
    known = [panel.until(START) for panel in panels]
    begin = time.perf_counter()
    train(known)
    assert time.perf_counter() - begin < 1.0
    row = latest_features(known[0])
    times = []
    for _ in range(200):
        begin = time.perf_counter()
        first_model.predict(row)
        times.append(time.perf_counter() - begin)
    assert np.median(times) < 0.001


def test_every_forecast_of_a_year_can_be_said(panels: list[Panel], first_model: Forecast) -> None:
    for panel in panels:
        for row in feature_matrix(panel)[1300:1552]:
            sentence = explain(first_model.predict(row), panel.symbol)
            assert sentence.startswith(f"{panel.symbol}: 5")
            assert sentence.endswith(".")
            assert "nan" not in sentence
