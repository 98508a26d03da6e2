"""Indicators bar by bar: `update` takes a bar's value and gives the indicator's, NaN until there are enough.

Each value equals, to the bit, what the function named beside it in indicators or rolling gives at that bar
of the whole series: windows are folded from the same blocks by the same operations, in O(log window) a bar,
and recursive averages begin and go on alike.
"""

import math
from collections import deque

import numpy as np

from traderbot.analytics.rolling import Combine, State, add, larger, merge_moments

NAN = math.nan


class _Fold:
    """The fold of the last `window` leaves. Keeps, of each size of block, those that end where one begins."""

    def __init__(self, window: int, combine: Combine, least: int = 1) -> None:
        if window < least:
            raise ValueError(f"window must be {least} or more, got {window}")
        self._window, self._combine = window, combine
        self._seen = 0
        sizes = [1 << level for level in range(window.bit_length())]
        self._blocks: list[deque[State]] = [deque(maxlen=window + 1) for _ in sizes]

    def update(self, leaf: State) -> State | None:
        self._seen += 1
        block, size = leaf, 1
        result: State | None = None
        covered = 0
        for level, blocks in enumerate(self._blocks):
            if level:
                below = self._blocks[level - 1]
                half = size >> 1
                if len(below) <= half:
                    return None
                block = self._combine(below[-1 - half], block, half, half)
            blocks.append(block)
            if self._window & size:
                if result is None:
                    result = block
                elif len(blocks) > covered:
                    result = self._combine(blocks[-1 - covered], result, size, covered)
                else:
                    return None
                covered += size
            size <<= 1
        return result if self._seen >= self._window else None


def _leaf(*values: float) -> State:
    return tuple(np.float64(value) for value in values)  # type: ignore[misc]


class MovingAverage:
    """rolling_mean."""

    def __init__(self, window: int) -> None:
        self._fold, self._window = _Fold(window, add), window

    def update(self, value: float) -> float:
        total = self._fold.update(_leaf(value))
        return NAN if total is None else float(total[0]) / self._window


class Moments:
    """rolling_moments: mean and sample variance."""

    def __init__(self, window: int) -> None:
        self._fold, self._window = _Fold(window, merge_moments, 2), window

    def update(self, value: float) -> tuple[float, float]:
        found = self._fold.update(_leaf(value, value * 0.0))
        return (NAN, NAN) if found is None else (float(found[0]), float(found[1]) / (self._window - 1))


class StandardDeviation:
    """rolling_std."""

    def __init__(self, window: int) -> None:
        self._moments = Moments(window)

    def update(self, value: float) -> float:
        return math.sqrt(self._moments.update(value)[1])


class ZScore:
    """rolling_zscore."""

    def __init__(self, window: int) -> None:
        self._moments = Moments(window)

    def update(self, value: float) -> float:
        mean, variance = self._moments.update(value)
        return 0.0 if variance == 0.0 else (value - mean) / math.sqrt(variance)


class Highest:
    """rolling_max."""

    def __init__(self, window: int) -> None:
        self._fold = _Fold(window, larger)

    def update(self, value: float) -> float:
        found = self._fold.update(_leaf(value))
        return NAN if found is None else float(found[0])


class Lowest:
    """rolling_min."""

    def __init__(self, window: int) -> None:
        self._highest = Highest(window)

    def update(self, value: float) -> float:
        return -self._highest.update(-value)


class Donchian:
    """donchian: lowest low and highest high."""

    def __init__(self, window: int) -> None:
        self._lowest, self._highest = Lowest(window), Highest(window)

    def update(self, high: float, low: float) -> tuple[float, float]:
        return self._lowest.update(low), self._highest.update(high)


class Momentum:
    """momentum."""

    def __init__(self, window: int) -> None:
        if window < 1:
            raise ValueError(f"window must be 1 or more, got {window}")
        self._values: deque[float] = deque(maxlen=window + 1)

    def update(self, value: float) -> float:
        self._values.append(value)
        return value / self._values[0] - 1.0 if len(self._values) == self._values.maxlen else NAN


class Bollinger:
    """bollinger: lower band, average, upper band."""

    def __init__(self, window: int = 20, width: float = 2.0) -> None:
        self._moments, self._width = Moments(window), width
        self._share = (window - 1) / window

    def update(self, value: float) -> tuple[float, float, float]:
        middle, variance = self._moments.update(value)
        reach = self._width * math.sqrt(variance * self._share)
        return middle - reach, middle, middle + reach


class _Recursive:
    """An average begun at the mean of the first `period` values and drawn to each later one: by the share
    `alpha` of the distance, or by a `period`-th of it."""

    def __init__(self, period: int, alpha: float | None = None) -> None:
        if period < 1:
            raise ValueError(f"period must be 1 or more, got {period}")
        self._period, self._alpha = period, alpha
        self._first: list[float] = []
        self._value = NAN

    def update(self, value: float) -> float:
        if len(self._first) < self._period:
            self._first.append(value)
            if len(self._first) == self._period:
                self._value = float(np.mean(self._first))
        elif self._alpha is None:
            self._value += (value - self._value) / self._period
        else:
            self._value += self._alpha * (value - self._value)
        return self._value


class ExponentialAverage(_Recursive):
    """exponential_average."""

    def __init__(self, period: int) -> None:
        super().__init__(period, 2.0 / (period + 1.0))


class Macd:
    """macd: the line, its average, the first less the second."""

    def __init__(self, fast: int = 12, slow: int = 26, smooth: int = 9) -> None:
        if not 0 < fast < slow:
            raise ValueError(f"fast must be 1 or more and below slow ({slow}), got {fast}")
        self._fast, self._slow = ExponentialAverage(fast), ExponentialAverage(slow)
        self._smooth = ExponentialAverage(smooth)

    def update(self, value: float) -> tuple[float, float, float]:
        line = self._fast.update(value) - self._slow.update(value)
        signal = NAN if math.isnan(line) else self._smooth.update(line)
        return line, signal, line - signal


class Rsi:
    """rsi."""

    def __init__(self, period: int = 14) -> None:
        self._rise, self._fall = _Recursive(period), _Recursive(period)
        self._last: float | None = None

    def update(self, value: float) -> float:
        last, self._last = self._last, value
        if last is None:
            return NAN
        change = value - last
        rise, fall = self._rise.update(max(change, 0.0)), self._fall.update(max(-change, 0.0))
        moves = rise + fall
        return 50.0 if moves == 0.0 else 100.0 * rise / moves


class Atr:
    """atr."""

    def __init__(self, period: int = 14) -> None:
        self._average = _Recursive(period)
        self._close: float | None = None

    def update(self, high: float, low: float, close: float) -> float:
        before, self._close = self._close, close
        if before is not None:
            high, low = max(high, before), min(low, before)
        return self._average.update(high - low)
