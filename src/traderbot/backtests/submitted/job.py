"""`python -m traderbot.backtests.submitted.job`: one backtest, validation or sweep in a process of its
own, within limits.

It reads one order from its standard input and writes messages to its standard output, a line each. Where the
input ends, whoever started it is gone, and so is the result's reader: it ends as well. The kernel holds the
limits of memory and processor time, so that no strategy, however it loops, takes the platform along.
"""

import contextlib
import io
import os
import resource
import select
import sys
import threading
import traceback
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Protocol

import msgspec
import polars as pl

from traderbot.backtests.backtest import Backtest, BacktestResult
from traderbot.backtests.reporting.documents import encode
from traderbot.backtests.reporting.summaries import TRADES_MAX, results_of
from traderbot.backtests.requests import (
    Done,
    Failed,
    Message,
    Order,
    Progress,
    Results,
    Validation,
    needs_more,
)
from traderbot.backtests.runner import Result, run
from traderbot.backtests.submitted.offered import strategy_of
from traderbot.market.datasets import Dataset, load
from traderbot.market.resampling import coarser_of
from traderbot.model.bars import Bar
from traderbot.model.errors import InvalidValue, TraderbotError

MODULE = "traderbot.backtests.submitted.job"
LOOK_S = 0.25
_MEGABYTE = 1 << 20
_ORPHANED = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def main() -> None:
    """Run the order on standard input."""
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a strategy prints is not a message
    within_limits(order)
    watch = _Watch(out)
    try:
        last: Message = Done(carried_out(order, watch))
    except MemoryError:
        last = Failed(needs_more(order))
    except TraderbotError as error:
        last = Failed(error.detail)
    except Exception as error:  # noqa: BLE001 - a strategy's fault, told to who asked
        last = Failed(f"{order.request.strategy} raised {_told(error)}")
    watch.close()
    _write(out, last)


class Limited(Protocol):
    """What says how much a process may use. memory_mb: besides what it has by now; seconds: of processor."""

    @property
    def memory_mb(self) -> int: ...
    @property
    def seconds(self) -> int: ...


def within_limits(order: Limited) -> None:
    """Have the kernel hold this process's memory and processor time to the order's."""
    _begin_libraries()
    memory = _reserved() + order.memory_mb * _MEGABYTE
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (order.seconds, order.seconds + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _begin_libraries() -> None:
    """Have polars start its threads, which set aside address space that is not the strategy's; where it
    cannot, it waits for ever instead of saying so.
    """
    file = io.BytesIO()
    pl.DataFrame({"number": [1]}).write_parquet(file)
    file.seek(0)
    pl.scan_parquet(file).select(pl.col("number") + 1).collect()


def _reserved() -> int:
    """Bytes of address space that this process has by now, much of it only set aside by libraries."""
    told = Path("/proc/self/statm")
    return int(told.read_text().split()[0]) * resource.getpagesize() if told.exists() else 0


def carried_out(order: Order, watch: "_Watch") -> Results:
    """What the order asks for. Errors: TraderbotError."""
    dataset, task = load(Path(order.folder), order.request.symbols or None), order.task
    if task is None:
        return backtest(order, dataset, watch.follow)
    if isinstance(task, Validation):
        from traderbot.backtests.submitted.validating import validated

        return validated(order, dataset, task, watch.tell)
    from traderbot.backtests.submitted.grids import swept

    return swept(order, dataset, task, watch.tell)


def backtest(order: Order, dataset: Dataset, follow: Callable[[Sequence[Bar]], None]) -> Results:
    """The run itself. follow: is given the bars that will move. Errors: TraderbotError."""
    request = order.request
    bars = _bars(dataset, order)
    follow(bars)
    start = request.start or 0
    strategy = strategy_of(request.strategy, request.parameters)
    held = {bar.symbol for bar in bars}
    actions = [action for action in dataset.actions if action.symbol in held]
    result = run(
        strategy,
        bars,
        cash=request.cash,
        rules=order.rules,
        costs=request.costs,
        actions=actions,
        kind=request.account,
        start=start,
        coarser=coarser_of(dataset),
        membership=dataset.membership,
    )
    found = results_of(result, bars, actions, start, strategy.warm_up)
    return msgspec.structs.replace(found, report=_report(order, dataset, result, bars))


def _report(order: Order, dataset: Dataset, result: Result, bars: list[Bar]) -> bytes:
    """What the report is made from: the document of the same run made in Python, its newest trades only."""
    request = order.request
    asked = Backtest(
        strategy_of(request.strategy, request.parameters),
        data=dataset,
        symbols=[bar.symbol for bar in bars],
        start=None if request.start is None else _moment(request.start),
        end=None if request.end is None else _moment(request.end),
        cash=request.cash,
        costs=request.costs,
        rules=order.rules,
        account=request.account,
    )
    document = BacktestResult(asked, result, bars).document
    kept = msgspec.structs.replace(document, trades=document.trades[-TRADES_MAX:])
    return zlib.compress(encode(kept))


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def _bars(dataset: Dataset, order: Order) -> list[Bar]:
    """Cursors over what was asked for. Errors: InvalidValue, NotFound."""
    request = order.request
    parts = [dataset.bars_of(name) for name in request.symbols or dataset.bars]
    if request.end is not None:
        parts = [bars.until(request.end) for bars in parts]
    kept = [bars.cursor() for bars in parts if len(bars)]
    if not any(bar.times[-1] >= (request.start or 0) for bar in kept):
        raise InvalidValue("start", "a window with bars of these instruments in it")
    return kept


class _Watch:
    """Tells how far the run is, and ends the process when nobody is there to be told."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._bars: Sequence[Bar] = ()
        self._share = 0.0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def follow(self, bars: Sequence[Bar]) -> None:
        self._bars = bars

    def tell(self, share: float) -> None:
        self._share = share

    def close(self) -> None:
        """Say no more."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        said = 0.0
        while not self._closing.wait(LOOK_S):
            if select.select([0], [], [], 0)[0] and not os.read(0, 1):
                os._exit(_ORPHANED)
            every = sum(len(bar) for bar in self._bars)
            done = sum(bar.index + 1 for bar in self._bars) / every if every else self._share
            if done != said:
                said = done
                _write(self._out, Progress(done))


def _write(out: IO[bytes], message: Message) -> None:
    text = memoryview(msgspec.json.encode(message) + b"\n")
    with contextlib.suppress(BrokenPipeError):
        while text:
            text = text[out.write(text) :]


def _told(error: Exception) -> str:
    """The error, and the line that raised it."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {str(error)[:200]} ({Path(where.filename).name}, line {where.lineno})"


if __name__ == "__main__":
    main()
