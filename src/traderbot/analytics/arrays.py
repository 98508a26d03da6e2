"""The array type of the analytics and the one check every function makes on its inputs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def floats(values: Floats | Sequence[float], name: str) -> Floats:
    """Accept a one-dimensional array of numbers as contiguous float64, the one layout every formula runs on.

    Errors:  ValueError naming the argument when it is not one-dimensional.
    """
    array = np.ascontiguousarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {array.shape}")
    return array


def series(values: Floats | Sequence[float], name: str) -> Floats:
    """Accept one series, or several side by side as the columns of a matrix, oldest first.

    Errors:  ValueError naming the argument when it has no or more than two dimensions.
    """
    array = np.ascontiguousarray(values, dtype=np.float64)
    if array.ndim not in (1, 2) or np.ndim(values) == 0:
        raise ValueError(f"{name} must have one or two dimensions, got shape {np.shape(values)}")
    return array


def same_length(**arrays: NDArray[Any]) -> int:
    """Check that arrays describe the same bars and give their number.

    Errors:  ValueError listing the lengths when they differ.
    """
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"arrays of one instrument must have one length, got {lengths}")
    return next(iter(lengths.values()))
