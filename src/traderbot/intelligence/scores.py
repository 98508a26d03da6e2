"""How good probabilities were: the figures of a model's card, each beside what the base rate alone gives."""

from dataclasses import dataclass

import numpy as np

from traderbot.analytics.arrays import Floats, same_length


@dataclass(frozen=True, slots=True)
class Scores:
    """Out-of-sample figures of probabilities and of the plain base rate on the same rows.

    base_rate:     share of rises among the rows.
    accuracy:      share of rows where the side of 0.5 was right; accuracy_base: the same for the base
                   forecast.
    log_loss, brier: lower is better; *_base: of the base forecast. auc: 0.5 is chance; NaN with one class
                     only.
    """

    rows: int
    base_rate: float
    accuracy: float
    accuracy_base: float
    log_loss: float
    log_loss_base: float
    brier: float
    brier_base: float
    auc: float


def score(probabilities: Floats, base: Floats, labels: Floats, ranking: Floats) -> Scores:
    """Compare probabilities and a base forecast with what happened; figures rounded to 6 places.

    probabilities, base: float64 (n,), inside (0, 1). labels: float64 (n,), 0 or 1.
    ranking: float64 (n,), what the AUC orders rows by. Where the calibration changes along the
             rows this must be the uncalibrated score: moving intercepts would pass for a ranking.
    Errors:  ValueError without rows.
    """
    rows = same_length(probabilities=probabilities, base=base, labels=labels, ranking=ranking)
    if rows == 0:
        raise ValueError("rows to score are missing")
    return Scores(
        rows=rows,
        base_rate=round(float(np.mean(labels)), 6),
        accuracy=round(accuracy(probabilities, labels), 6),
        accuracy_base=round(accuracy(base, labels), 6),
        log_loss=round(log_loss(probabilities, labels), 6),
        log_loss_base=round(log_loss(base, labels), 6),
        brier=round(brier(probabilities, labels), 6),
        brier_base=round(brier(base, labels), 6),
        auc=round(area_under_roc(ranking, labels), 6),
    )


def accuracy(probabilities: Floats, labels: Floats) -> float:
    """Share of rows where the more likely side happened; exactly 0.5 counts as a fall."""
    return float(np.mean((probabilities > 0.5) == (labels > 0.5)))


def log_loss(probabilities: Floats, labels: Floats) -> float:
    """Mean negative log-likelihood in nats; probabilities inside (0, 1)."""
    return float(-np.mean(np.where(labels > 0.5, np.log(probabilities), np.log1p(-probabilities))))


def brier(probabilities: Floats, labels: Floats) -> float:
    """Mean squared error of the probabilities. Source: Brier 1950, doi:10.1175/1520-0493(1950)078."""
    return float(np.mean((probabilities - labels) ** 2))


def area_under_roc(scores: Floats, labels: Floats) -> float:
    """Chance that a rise scored above a fall, ties counting half; NaN unless both classes are present.

    Source: Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747 (equal to the Mann-Whitney statistic).
    """
    rises = int(np.sum(labels > 0.5))
    falls = labels.shape[0] - rises
    if rises == 0 or falls == 0:
        return float("nan")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[place]
    return float((np.sum(ranks[labels > 0.5]) - rises * (rises + 1) / 2.0) / (rises * falls))
