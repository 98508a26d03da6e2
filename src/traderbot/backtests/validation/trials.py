"""Every parameter set in question, run over all bars."""

import numpy as np

from traderbot.backtests.validation.crew import ALONE, Crew
from traderbot.backtests.validation.subject import (
    Progress,
    Subject,
    Trials,
    candidates,
    returns_with,
    silent,
)


def run_trials(subject: Subject, most: int, progress: Progress = silent, crew: Crew = ALONE) -> Trials:
    """Run every candidate over all bars; a run knows the past only, so a slice of it is a run's too."""
    sets = candidates(subject, most)
    times = subject.rows
    returns = np.empty((len(times), len(sets)))
    found = crew.each(subject, returns_with, [(parameters,) for parameters in sets])
    for number, column in enumerate(found):
        returns[:, number] = column
        progress("trials", number + 1, len(sets))
    return Trials(sets, times, returns)
