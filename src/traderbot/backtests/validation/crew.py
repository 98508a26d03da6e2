"""Who does the pieces of a validation that do not depend on each other: this process, or several.

The outcome does not depend on how many there are.
"""

import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from time import perf_counter
from typing import Any, Protocol, TypeVar

from traderbot.analytics.remembering import remembering
from traderbot.backtests.validation.subject import Subject
from traderbot.infra.orphans import end_with_parent
from traderbot.model.errors import InvalidValue, TraderbotError

JOBS_MOST = 256
_WORTH_S = 0.05  # seconds that a run takes from which on processes of their own are worth their start
Found = TypeVar("Found")


class Crew(Protocol):
    """`each`: what a function of the subject gives for each of these arguments, in their order."""

    def each(
        self, subject: Subject, function: Callable[..., Found], pieces: Sequence[tuple[Any, ...]]
    ) -> Iterator[Found]: ...


class Alone:
    """This process does it all."""

    def each(
        self, subject: Subject, function: Callable[..., Found], pieces: Sequence[tuple[Any, ...]]
    ) -> Iterator[Found]:
        """One after the other. Errors: those of the function."""
        with subject.sharing():
            for piece in pieces:
                yield function(subject, *piece)


ALONE = Alone()


class Together:
    """Processes that have the subject."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def each(
        self, subject: Subject, function: Callable[..., Found], pieces: Sequence[tuple[Any, ...]]
    ) -> Iterator[Found]:
        """Side by side. A piece that is refused is done again here, where its error is told as it is."""
        asked: list[Future[tuple[bool, Any]]] = [
            self._pool.submit(_piece, function, piece) for piece in pieces
        ]
        for future, piece in zip(asked, pieces, strict=True):
            done, found = future.result()
            yield found if done else function(subject, *piece)


@contextmanager
def crew_of(subject: Subject, jobs: int) -> Iterator[Crew]:
    """As many processes as asked for, where a run takes long enough to be worth them.

    Errors: InvalidValue.
    """
    if not 1 <= jobs <= JOBS_MOST:
        raise InvalidValue("jobs", f"1 to {JOBS_MOST}", jobs)
    with remembering():
        packed = _packed(subject) if jobs > 1 and _seconds(subject) > _WORTH_S else None
        if packed is None:
            yield ALONE
            return
        pool = ProcessPoolExecutor(jobs, get_context("spawn"), _begin, (packed,))
        try:
            yield Together(pool)
        finally:
            pool.shutdown(cancel_futures=True)


def _seconds(subject: Subject) -> float:
    """How long a run takes, the first of which has more to do than the others."""
    subject.outcome()
    began = perf_counter()
    subject.outcome()
    return perf_counter() - began


def _packed(subject: Subject) -> bytes | None:
    """The subject for another process; None where its way to make strategies is known to this one only."""
    try:
        return pickle.dumps(subject)
    except (pickle.PicklingError, AttributeError, TypeError):
        return None


_subjects: list[Subject] = []


def _begin(packed: bytes) -> None:
    """Take the subject, for as long as the process lives."""
    end_with_parent()
    subject: Subject = pickle.loads(packed)  # noqa: S301 - of the process that started this one
    remembering().__enter__()
    subject.sharing().__enter__()
    _subjects[:] = [subject]


def _piece(function: Callable[..., Found], piece: tuple[Any, ...]) -> tuple[bool, Found | None]:
    try:
        return True, function(_subjects[0], *piece)
    except TraderbotError:
        return False, None
