import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from backtests.sweeping.test_kernel import walk
from traderbot.analytics.performance import measure
from traderbot.backtests.reporting.results import curve_of, trades_of
from traderbot.backtests.runner import run
from traderbot.backtests.sweeping.search import Grid, Random, Tpe, Values
from traderbot.backtests.sweeping.sweep import Backend, SweepResult, sweep
from traderbot.model.amounts import Money
from traderbot.model.bars import Floats
from traderbot.model.errors import ConfigurationError, Conflict, InvalidValue
from traderbot.model.events import OrderFilled
from traderbot.model.membership import Spell, membership_of
from traderbot.model.orders import Side
from traderbot.simulation.costs import Costs
from traderbot.strategies.base import Context
from traderbot.strategies.loading import strategy_class
from traderbot.strategies.moving_average import MovingAverageCrossover, MovingAverageSignal
from traderbot.strategies.parameters import Whole
from traderbot.strategies.signals import Frame, SignalStrategy

pytestmark = pytest.mark.domain

_EPOCH = date(1970, 1, 1).toordinal()
CASH = Money(Decimal(50_000))
BARS = [walk("AAA", 500, 3), walk("BBB", 400, 4)]
AXES = {"fast": [3, 5, 8], "slow": [10, 20]}
SETS: list[Values] = [{"fast": fast, "slow": slow} for fast in AXES["fast"] for slow in AXES["slow"]]


class Peeks(SignalStrategy):
    """Knows the next close."""

    name = "peeks"
    ahead = Whole(1, 1, 5)

    def signal(self, frame: Frame) -> Floats:
        later = np.roll(frame.close, -self.ahead, axis=0)
        return np.where(later > frame.close, 0.5, 0.0)


class Breaks(SignalStrategy):
    """Has no finite target for some of its values."""

    name = "breaks"
    part = Whole(1, 0, 5)

    def signal(self, frame: Frame) -> Floats:
        return np.full(frame.close.shape, 0.1 / self.part if self.part else np.inf)


def test_figures_are_those_of_the_engine_s_run() -> None:
    result = sweep(MovingAverageSignal, BARS, Grid(MovingAverageSignal, AXES), cash=CASH, curves=[2])
    assert [one.figures.values for one in result.tried] == SETS
    for one in result.tried:
        alone = run(MovingAverageSignal(**one.figures.values), BARS, cash=CASH)
        curve, figures = curve_of(alone, BARS), one.figures
        expected = measure(curve.times, curve.equity)
        assert not figures.engine
        assert figures.equity == alone.equity
        assert figures.executions == len(alone.fills) > 10
        assert figures.trades == sum(1 for trade in trades_of(alone) if trade.exit_at is not None)
        assert figures.costs == sum(fill.fee for fill in alone.fills)
        assert figures.total_return == pytest.approx(expected.total_return)
        assert figures.cagr == pytest.approx(expected.cagr)
        assert figures.sharpe == pytest.approx(expected.sharpe)
        assert figures.max_drawdown == pytest.approx(expected.max_drawdown)
        assert figures.exposure == pytest.approx(float(np.mean(curve.long_value > 0)))
        fills = [(int(curve.times[row]), qty, price) for row, _, qty, price, _, _ in one.fills.tolist()]
        assert fills == [
            (f.at, int((f.qty if f.side is Side.BUY else -f.qty) * 10**9), int(f.price * 10**9))
            for f in alone.fills
        ]
    curves = result.curves()
    assert list(curves) == [2]
    assert curves[2] == pytest.approx(
        curve_of(run(MovingAverageSignal(**SETS[2]), BARS, cash=CASH), BARS).equity
    )


@pytest.mark.parametrize("backend", ["here", "processes", "dask"])
def test_jobs_and_backends_come_to_the_same(backend: Backend) -> None:
    def figures(jobs: int, backend: Backend) -> SweepResult:
        grid = Grid(MovingAverageSignal, AXES)
        return sweep(MovingAverageSignal, BARS, grid, cash=CASH, jobs=jobs, backend=backend)

    assert figures(2, backend).figures == figures(1, "here").figures


EDITED = (
    "from traderbot.strategies.moving_average import MovingAverageCrossover\n\n\n"
    "class Edited(MovingAverageCrossover):\n    name = 'edited'\n"
)


def test_a_strategy_of_a_file_is_known_to_the_processes(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from traderbot.strategies.moving_average import MovingAverageCrossover\n\n\n"
        "class Mine(MovingAverageCrossover):\n    name = 'mine'\n",
        encoding="utf-8",
    )
    mine, axes = strategy_class(str(file)), {"fast": [3, 5]}
    found = sweep(mine, BARS, Grid(mine, axes), cash=CASH, jobs=2, backend="processes")
    own = sweep(MovingAverageCrossover, BARS, Grid(MovingAverageCrossover, axes), cash=CASH)
    assert found.figures == own.figures


def test_what_the_kernel_does_not_play_is_played_by_the_engine_and_said() -> None:
    costs = Costs(latency=1_000_000)
    result = sweep(MovingAverageSignal, BARS, Grid(MovingAverageSignal, AXES), cash=CASH, costs=costs)
    assert all("latency" in one.engine for one in result.figures)
    plain = sweep(MovingAverageCrossover, BARS[:1], Grid(MovingAverageCrossover, {"fast": [3, 5]}), cash=CASH)
    assert [one.engine for one in plain.figures] == ["not a signal strategy"] * 2
    assert all(one.executions for one in plain.figures)


class Leaves(MovingAverageSignal):
    """Sells all for good after so many executions."""

    name = "leaves"

    def on_start(self, ctx: Context) -> None:
        self.told = 0

    def on_fill(self, ctx: Context, fill: OrderFilled) -> None:
        self.told += 1

    def done(self, ctx: Context) -> bool:
        if self.told >= 5:
            self.wanted = dict.fromkeys(self.wanted, Decimal(0))
        return super().done(ctx)


def test_a_signal_strategy_with_hooks_of_its_own_is_played_by_the_engine_and_said() -> None:
    result = sweep(Leaves, BARS, Grid(Leaves, AXES), cash=CASH)
    for one in result.figures:
        alone = run(Leaves(**one.values), BARS, cash=CASH)
        assert one.engine == "a signal strategy with on_start, on_fill, done of its own"
        assert (one.equity, one.executions) == (alone.equity, len(alone.fills))
        assert one.equity != run(MovingAverageSignal(**one.values), BARS, cash=CASH).equity


class Belongs(SignalStrategy):
    """Equal parts of the members of an index."""

    name = "belongs"
    part = Whole(3, 2, 5)

    def signal(self, frame: Frame) -> Floats:
        return np.where(frame.member, 1 / self.part, 0.0) + 0.0 * frame.close


def test_both_paths_know_who_belongs_to_the_index() -> None:
    first, middle = (
        date.fromordinal(_EPOCH + int(BARS[0].whole()[0][row]) // 86_400_000_000) for row in (0, 200)
    )
    spells = [Spell(BARS[0].symbol, first, middle), Spell(BARS[1].symbol, middle, None)]
    members = membership_of(spells)
    grid = {"part": [3, 4]}
    compiled = sweep(Belongs, BARS, Grid(Belongs, grid), cash=CASH, membership=members)
    engine = sweep(Belongs, BARS, Grid(Belongs, grid), cash=CASH, membership=members, costs=Costs(latency=1))
    for one, other in zip(compiled.tried, engine.tried, strict=True):
        assert not one.figures.engine
        assert "latency" in other.figures.engine
        assert one.fills.tolist() == other.fills.tolist()
        assert one.figures.equity == other.figures.equity
    without = sweep(Belongs, BARS, Grid(Belongs, grid), cash=CASH)
    assert without.figures[0].equity != compiled.figures[0].equity


def test_the_engine_in_place_of_the_kernel_gives_the_same_figures() -> None:
    compiled = sweep(MovingAverageSignal, BARS, Grid(MovingAverageSignal, AXES), cash=CASH)
    by_engine = sweep(
        MovingAverageSignal, BARS, Grid(MovingAverageSignal, AXES), cash=CASH, costs=Costs(latency=1)
    )
    for one, other in zip(compiled.tried, by_engine.tried, strict=True):
        assert other.figures.engine
        assert one.fills.tolist() == other.fills.tolist()
        assert one.figures.sharpe == pytest.approx(other.figures.sharpe)
        assert one.figures.turnover == pytest.approx(other.figures.turnover)
        assert one.figures.trades == other.figures.trades


def test_a_sweep_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    def tpe() -> Tpe:
        return Tpe(MovingAverageSignal, 40, 5)

    whole = sweep(MovingAverageSignal, BARS, tpe(), cash=CASH)

    def stop(done: int, _: int) -> None:
        if done >= 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(MovingAverageSignal, BARS, tpe(), cash=CASH, out=tmp_path, progress=stop)
    parts = {path: path.stat().st_mtime_ns for path in tmp_path.glob("part-*")}
    assert parts
    assert not (tmp_path / "sets.parquet").exists()
    rest = sweep(MovingAverageSignal, BARS, tpe(), cash=CASH, out=tmp_path, resume=True)
    assert rest.figures == whole.figures
    assert all(path.stat().st_mtime_ns == at for path, at in parts.items())


def test_a_folder_is_not_taken_for_another_sweep(tmp_path: Path) -> None:
    grid = Grid(MovingAverageSignal, AXES)
    sweep(MovingAverageSignal, BARS, grid, cash=CASH, out=tmp_path)
    with pytest.raises(Conflict, match="--resume"):
        sweep(MovingAverageSignal, BARS, grid, cash=CASH, out=tmp_path)
    with pytest.raises(Conflict, match="something else"):
        sweep(MovingAverageSignal, BARS[:1], grid, cash=CASH, out=tmp_path, resume=True)


def test_a_folder_is_not_taken_for_a_strategy_that_was_edited(tmp_path: Path) -> None:
    file, text = tmp_path / "edited.py", EDITED
    for folder in (tmp_path / "out", tmp_path / "new"):
        file.write_text(text, encoding="utf-8")
        edited = strategy_class(str(file))
        sweep(edited, BARS, Grid(edited, {"fast": [3]}), cash=CASH, out=folder)
        text += "    about = 'other'\n"
    with pytest.raises(Conflict, match="something else"):
        sweep(edited, BARS, Grid(edited, {"fast": [3]}), cash=CASH, out=tmp_path / "out", resume=True)


@pytest.mark.parametrize("torn", ["part-00000.npz", "part-00000.sets.json"])
def test_a_part_that_cannot_be_read_is_played_again(tmp_path: Path, torn: str) -> None:
    grid = Grid(MovingAverageSignal, AXES)
    first = sweep(MovingAverageSignal, BARS, grid, cash=CASH, out=tmp_path)
    (tmp_path / torn).write_bytes((tmp_path / torn).read_bytes()[:100])
    again = sweep(MovingAverageSignal, BARS, grid, cash=CASH, out=tmp_path, resume=True)
    assert again.figures == first.figures
    assert len((tmp_path / torn).read_bytes()) > 100


def test_the_tables_are_exact(tmp_path: Path) -> None:
    result = sweep(MovingAverageSignal, BARS, Grid(MovingAverageSignal, AXES), cash=CASH, out=tmp_path)
    sets, fills = pl.read_parquet(tmp_path / "sets.parquet"), pl.read_parquet(tmp_path / "executions.parquet")
    assert sets["equity"].to_list() == [one.equity for one in result.figures]
    assert sets["fast"].to_list() == [one.values["fast"] for one in result.figures]
    alone = run(MovingAverageSignal(**SETS[3]), BARS, cash=CASH)
    own = fills.filter(pl.col("set") == 3)
    assert own["symbol"].to_list() == [fill.symbol for fill in alone.fills]
    assert own["price"].to_list() == [fill.price for fill in alone.fills]
    assert own["fee"].to_list() == [fill.fee for fill in alone.fills]
    signed = [fill.qty if fill.side is Side.BUY else -fill.qty for fill in alone.fills]
    assert own["qty"].to_list() == signed


def test_the_best_come_first() -> None:
    result = sweep(MovingAverageSignal, BARS, Random(MovingAverageSignal, 30, 1), cash=CASH)
    known = sorted((one.sharpe for one in result.figures if one.sharpe is not None), reverse=True)
    assert [one.sharpe for one in result.best(5)] == known[:5]
    with pytest.raises(InvalidValue, match="sharpe"):
        result.best(5, "luck")


def test_a_strategy_that_looks_ahead_is_refused_by_name() -> None:
    with pytest.raises(InvalidValue, match="peeks"):
        sweep(Peeks, BARS, Grid(Peeks, {"ahead": [1, 2]}), cash=CASH)


def test_a_set_that_fails_does_not_stop_the_others() -> None:
    result = sweep(Breaks, BARS, Grid(Breaks, {"part": [1, 0, 2]}), cash=CASH)
    assert [bool(one.error) for one in result.figures] == [False, True, False]
    assert "breaks.signal" in result.figures[1].error


@pytest.mark.parametrize(("name", "value"), [("jobs", 0), ("backend", "moon"), ("by", "luck")])
def test_settings_that_cannot_be_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(InvalidValue) as refused:
        sweep(MovingAverageSignal, BARS, Grid(MovingAverageSignal, AXES), **{name: value})  # type: ignore[arg-type]
    assert refused.value.field == name


def test_without_dask_its_backend_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    out = tmp_path / "sweep"
    with pytest.raises(ConfigurationError, match=r"install traderbot\[research\]"):
        sweep(MovingAverageSignal, BARS, Grid(MovingAverageSignal, AXES), backend="dask", jobs=2, out=out)
    assert not out.exists()
