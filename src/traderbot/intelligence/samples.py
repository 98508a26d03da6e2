"""What a forecast learns from: feature rows and the direction that followed, cut without a leak."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from traderbot.analytics.arrays import Floats
from traderbot.analytics.returns import total_growth
from traderbot.analytics.rolling import rolling_product
from traderbot.intelligence.features import FEATURES, feature_matrix
from traderbot.intelligence.panels import Panel, Times

Rows = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Samples:
    """Labelled rows of all instruments, in order of time.

    features: float64 (n, len(FEATURES)), finite.
    labels:   float64 (n,), 1 when the total return over the horizon was positive, else 0.
    times:    int64 (n,), when the row was known.
    known_at: int64 (n,), when its label was known.
    """

    features: Floats
    labels: Floats
    times: Times
    known_at: Times

    def __len__(self) -> int:
        return int(self.labels.shape[0])

    def where(self, rows: Rows) -> "Samples":
        """The rows marked True, in the same order."""
        return Samples(self.features[rows], self.labels[rows], self.times[rows], self.known_at[rows])


@dataclass(frozen=True, slots=True)
class Split:
    """Samples before a moment, whose labels were known by it, and samples from that moment on."""

    earlier: Samples
    later: Samples


def direction_labels(panel: Panel, horizon: int) -> Floats:
    """Whether holding from each bar over the next `horizon` bars made money, dividends included.

    Returns: float64 (n,), 1 or 0; NaN for the last `horizon` bars, whose future is not in the panel.
    Errors:  ValueError when horizon is below 1.
    """
    growth = total_growth(panel.close, panel.split_ratios, panel.dividends)
    labels = np.full(len(panel), np.nan)
    if len(panel) > horizon:
        labels[:-horizon] = rolling_product(growth, horizon)[horizon:] > 1.0
    return labels


def gather(panels: Sequence[Panel], horizon: int) -> Samples:
    """Stack the labelled rows of all instruments in order of time; ties keep the order of `panels`.

    Errors:  ValueError when horizon is below 1.
    """
    if horizon < 1:
        raise ValueError(f"horizon must be 1 bar or more, got {horizon}")
    parts = [_samples_of(panel, horizon) for panel in panels]
    stacked = Samples(
        np.concatenate([np.empty((0, len(FEATURES))), *(part.features for part in parts)]),
        np.concatenate([np.empty(0), *(part.labels for part in parts)]),
        np.concatenate([np.empty(0, np.int64), *(part.times for part in parts)]),
        np.concatenate([np.empty(0, np.int64), *(part.known_at for part in parts)]),
    )
    order = np.argsort(stacked.times, kind="stable")
    return Samples(
        stacked.features[order], stacked.labels[order], stacked.times[order], stacked.known_at[order]
    )


def split_in_time(samples: Samples, share: float) -> Split:
    """Part samples at the moment after `share` of the distinct times, and purge what straddles it.

    A label of a row shortly before the moment is decided after it; such rows are in neither part.

    share:   of the distinct times that come before the moment, in (0, 1).
    Errors:  ValueError when there are fewer than two distinct times.
    Source:  Lopez de Prado, Advances in Financial Machine Learning, 2018, section 7.4.1 (purging).
    """
    moments = np.unique(samples.times)
    if moments.shape[0] < 2:
        raise ValueError("samples at two times or more are needed to split them")
    cut = moments[min(max(int(moments.shape[0] * share), 1), moments.shape[0] - 1)]
    return Split(samples.where(samples.known_at < cut), samples.where(samples.times >= cut))


def _samples_of(panel: Panel, horizon: int) -> Samples:
    features = feature_matrix(panel)
    labels = direction_labels(panel, horizon)
    known_at = np.zeros(len(panel), np.int64)
    known_at[: max(len(panel) - horizon, 0)] = panel.times[horizon:]
    usable = np.isfinite(features).all(axis=1) & np.isfinite(labels)
    return Samples(features, labels, panel.times, known_at).where(usable)
