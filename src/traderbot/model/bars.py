"""Bar: a moving view of one instrument's bars.

The columns stay arrays; nothing is made for a bar that nobody looks at.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from traderbot.model.symbols import Symbol

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
Columns = tuple[Times, Floats, Floats, Floats, Floats, Floats]  # times, open, high, low, close, volume
Column = TypeVar("Column", Times, Floats)


class Bar:
    """The bar at `index`, read from whole columns; the session or the runner moves it.

    times: int64 (n,), microseconds UTC at which each bar is complete and known; the other columns float64
    (n,), raw.
    close: of the present bar, kept as an attribute because nearly everything reads it.
    """

    __slots__ = ("_columns", "_opens_to_volumes", "close", "index", "symbol", "times")

    def __init__(
        self,
        symbol: Symbol,
        times: Times,
        opens: Floats,
        highs: Floats,
        lows: Floats,
        closes: Floats,
        volumes: Floats,
    ) -> None:
        self.symbol = symbol
        self._columns: Columns = (
            _read_only(times),
            _read_only(opens),
            _read_only(highs),
            _read_only(lows),
            _read_only(closes),
            _read_only(volumes),
        )
        # a memoryview reads plain numbers, several times faster than an ndarray does
        self.times: Sequence[int] = self._columns[0].data
        self._opens_to_volumes: tuple[Sequence[float], ...] = tuple(
            column.data for column in self._columns[1:]
        )
        self.rewind()

    def __len__(self) -> int:
        return len(self.times)

    def move(self, index: int) -> None:
        """Make this the bar at `index`."""
        self.index = index
        self.close = self._opens_to_volumes[3][index]

    def rewind(self) -> None:
        """Stand before the first bar."""
        self.index = -1
        self.close = float("nan")

    def places(self) -> Iterator[tuple[int, int, float]]:
        """(time, index, close) of every bar, for a loop that moves this one by hand."""
        return zip(self.times, range(len(self)), self._opens_to_volumes[3], strict=True)

    def known(self, bars: int | None = None) -> Columns:
        """The columns, times first, of the last `bars` (or all) up to the present one; read-only."""
        end = self.index + 1
        past = slice(0 if bars is None else max(0, end - max(bars, 0)), end)
        times, opens, highs, lows, closes, volumes = self._columns
        return times[past], opens[past], highs[past], lows[past], closes[past], volumes[past]

    def whole(self) -> Columns:
        """The whole columns, times first, wherever this stands; read-only."""
        return self._columns

    @property
    def columns(self) -> tuple[Times, Floats, Floats, Floats, Floats, Floats]:
        """Times, opens, highs, lows, closes and volumes of all bars, for those who look back; read-only."""
        return self._columns

    @property
    def time(self) -> int:
        return self.times[self.index]

    @property
    def open(self) -> float:
        return self._opens_to_volumes[0][self.index]

    @property
    def high(self) -> float:
        return self._opens_to_volumes[1][self.index]

    @property
    def low(self) -> float:
        return self._opens_to_volumes[2][self.index]

    @property
    def volume(self) -> float:
        return self._opens_to_volumes[4][self.index]


def common_times(every: Sequence[Times]) -> Times:
    """All times at which any of some instruments has a bar, int64 (T,), each once and in order;
    read-only.
    """
    if not every:
        return np.empty(0, dtype=np.int64)
    first = every[0]
    if all(len(times) == len(first) and np.array_equal(times, first) for times in every[1:]):
        return first
    return _read_only(np.unique(np.concatenate(every)))


def _read_only(column: Column) -> Column:
    """The column in one piece of memory, protected from those who only look."""
    view = np.ascontiguousarray(column)[:]
    view.flags.writeable = False
    return view
