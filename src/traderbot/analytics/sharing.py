"""Work shared between parameter sets: within `sharing`, what was computed of the same data is kept.

Only of arrays that were declared as fixed, so that memory used again for other numbers is never taken for
what it held before.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import Lock
from typing import Any, TypeVar

import numpy as np

from traderbot.analytics.arrays import Floats

Function = TypeVar("Function", bound=Callable[..., Any])

_BYTES = 128 << 20


class _Shelf:
    """Results by what they were computed of; the one not used for longest goes first."""

    def __init__(self, fixed: Iterable[Floats]) -> None:
        self._spans = [np.lib.array_utils.byte_bounds(array) for array in fixed]
        self._kept: OrderedDict[tuple[object, ...], Any] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def key(self, function: str, values: object, rest: tuple[object, ...]) -> tuple[object, ...] | None:
        """What a result is found by; None where the data may change."""
        if not isinstance(values, np.ndarray) or not values.size:
            return None
        first, last = np.lib.array_utils.byte_bounds(values)
        if not any(low <= first and last <= high for low, high in self._spans):
            return None
        return (function, first, values.shape, values.strides, values.dtype.str, *rest)

    def get(self, key: tuple[object, ...]) -> Any:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: tuple[object, ...], result: Any) -> None:
        arrays = result if isinstance(result, tuple) else (result,)
        for array in arrays:
            array.flags.writeable = False
        with self._lock:
            if key not in self._kept:
                self._bytes += sum(array.nbytes for array in arrays)
            self._kept[key] = result
            while self._bytes > _BYTES and len(self._kept) > 1:
                _, gone = self._kept.popitem(last=False)
                self._bytes -= sum(array.nbytes for array in (gone if isinstance(gone, tuple) else (gone,)))


_shelf: _Shelf | None = None


@contextmanager
def sharing(fixed: Iterable[Floats]) -> Iterator[None]:
    """Keep what shared functions compute of these arrays, which must not change, for all threads."""
    global _shelf
    before, _shelf = _shelf, _Shelf(fixed)
    try:
        yield
    finally:
        _shelf = before


def shared(function: Function) -> Function:
    """A pure function of an array and plain values, whose results are shared within `sharing`, read-only."""

    @wraps(function)
    def found(values: Floats, *rest: Any, **named: Any) -> Any:
        shelf = _shelf
        if shelf is None:
            return function(values, *rest, **named)
        key = shelf.key(function.__qualname__, values, (*rest, *named.items()))
        if key is None:
            return function(values, *rest, **named)
        result = shelf.get(key)
        if result is None:
            result = function(values, *rest, **named)
            shelf.put(key, result)
        return result

    return found  # type: ignore[return-value]
