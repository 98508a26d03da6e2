"""Many parameter sets of one strategy over the same bars, each with its figures and every execution.

The outcome does not depend on the number of jobs or the backend. The best of many sets looks better than it
is: `traderbot backtest validate` takes that luck off.
"""

import hashlib
import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from traderbot.analytics.arrays import Floats
from traderbot.backtests.sweeping.playing import Figures, Player, Setting, Tried
from traderbot.backtests.sweeping.search import Search, Values
from traderbot.infra.orphans import end_with_parent
from traderbot.model.account import AccountKind
from traderbot.model.actions import CorporateAction
from traderbot.model.amounts import Money
from traderbot.model.bars import Bar, Times
from traderbot.model.errors import ConfigurationError, InvalidValue
from traderbot.model.membership import Membership
from traderbot.model.rules import Rules
from traderbot.simulation.costs import Costs
from traderbot.strategies.base import Strategy
from traderbot.strategies.loading import received, source_hash, to_send
from traderbot.strategies.warming import check_warm_up

if TYPE_CHECKING:
    from traderbot.backtests.sweeping.sweep_files import SweepFiles

Backend = Literal["here", "processes", "dask"]
Progress = Callable[[int, int], None]
"""(sets done, sets in all)."""
Numbered = tuple[int, Values]
Play = Callable[[Sequence[Numbered]], list[Tried]]

JOBS_MOST = 256
BY = ("sharpe", "total_return", "cagr", "max_drawdown")


class SweepResult(NamedTuple):
    """tried: by number. skipped: sets of a grid that the strategy refused. times: int64 (T,), of curves.
    folder: where it was written, None for nowhere.
    """

    tried: list[Tried]
    skipped: int
    symbols: tuple[str, ...]
    times: Times
    folder: Path | None

    @property
    def figures(self) -> list[Figures]:
        return [one.figures for one in self.tried]

    def best(self, count: int = 10, by: str = "sharpe") -> list[Figures]:
        """The sets with the highest figure, those that have it. Errors: InvalidValue."""
        if by not in BY:
            raise InvalidValue("by", f"one of {', '.join(BY)}", by)
        known = [one for one in self.figures if getattr(one, by) is not None]
        return sorted(known, key=lambda one: (-getattr(one, by), one.number))[:count]

    def curves(self) -> dict[int, Floats]:
        """Equity at `times` of the sets it was asked for."""
        return {one.figures.number: one.equity for one in self.tried if len(one.equity)}


def sweep(
    strategy: type[Strategy],
    bars: Sequence[Bar],
    search: Search,
    *,
    cash: Money = Money(Decimal(1_000_000)),  # noqa: B008 - immutable
    costs: Costs | None = None,
    rules: Rules | None = None,
    actions: Sequence[CorporateAction] = (),
    kind: AccountKind = AccountKind.CASH,
    jobs: int = 1,
    backend: Backend = "here",
    out: Path | None = None,
    resume: bool = False,
    curves: Sequence[int] = (),
    by: str = "sharpe",
    progress: Progress | None = None,
    membership: Membership | None = None,
) -> SweepResult:
    """Play every set of a search.

    jobs: threads of this process for backend "here", else processes; a strategy that the kernel does not
    play gains from processes alone. out: folder for what is done and the tables at the end; resume: go on
    with what is there. curves: numbers of the sets whose curve is kept. by: what a search that learns goes
    by. Errors: InvalidValue, Conflict, ConfigurationError.
    """
    _check(jobs, backend, by)
    costs = costs or Costs()
    rules = rules or costs.rules
    names = {bar.symbol for bar in bars}
    actions = [action for action in actions if action.symbol in names]
    setting = Setting(strategy, bars, cash, costs, rules, actions, kind, frozenset(curves), membership)
    player = Player(setting)
    symbols = tuple(bar.symbol for bar in bars)
    identity = _identity(setting, search, by)
    with _files(out, identity, symbols, player.times, resume) as files:
        with player.sharing(), _pool(player, jobs, backend) as play:
            tried = list(_batches(search, player, play, files, by, progress))
        if files is not None:
            files.finish(tried)
    return SweepResult(tried, getattr(search, "skipped", 0), symbols, player.times, out)


@contextmanager
def _files(
    out: Path | None, identity: dict[str, Any], symbols: Sequence[str], times: Times, resume: bool
) -> Iterator["SweepFiles | None"]:
    """The folder of a sweep, if it has one, for this one alone. Errors: Conflict."""
    if out is None:
        yield None
        return
    from traderbot.backtests.sweeping.sweep_files import SweepFiles  # loads polars

    files = SweepFiles(out, identity, symbols, times, resume)
    try:
        yield files
    finally:
        files.close()


def _check(jobs: int, backend: str, by: str) -> None:
    if not 1 <= jobs <= JOBS_MOST:
        raise InvalidValue("jobs", f"1 to {JOBS_MOST}", jobs)
    if backend not in get_args(Backend):
        raise InvalidValue("backend", f"one of {', '.join(get_args(Backend))}", backend)
    if by not in BY:
        raise InvalidValue("by", f"one of {', '.join(BY)}", by)
    if backend == "dask":
        _distributed()  # missing, it is told before anything is written


def _batches(
    search: Search, player: Player, play: Play, files: "SweepFiles | None", by: str, progress: Progress | None
) -> Iterator[Tried]:
    """Play batch by batch, but for those that are on disk, and tell the search how each did."""
    done = 0
    for batch, sets in enumerate(search.batches()):
        known = None if files is None else files.load(batch, sets)
        if known is None:
            if not done:
                check_warm_up(player.setting.strategy(**sets[0]))
                player.check(sets[0])
            known = play([(done + place, values) for place, values in enumerate(sets)])
            if files is not None:
                files.save(batch, known)
        search.tell(sets, [getattr(one.figures, by) for one in known])
        done += len(sets)
        if progress is not None:
            progress(done, search.total)
        yield from known


@contextmanager
def _pool(player: Player, jobs: int, backend: Backend) -> Iterator[Play]:
    """How sets are played side by side."""
    if backend == "here":
        if jobs == 1 or player.tape is None:  # threads would not speed up the engine
            yield lambda sets: [player.play(one) for one in sets]
            return
        with ThreadPoolExecutor(jobs) as threads:
            yield lambda sets: list(threads.map(player.play, sets))
    elif backend == "processes":
        context = get_context("spawn")
        packed = _pack(player.setting)
        with ProcessPoolExecutor(jobs, context, _begin, (packed,)) as pool:
            yield lambda sets: list(pool.map(_play, sets, chunksize=4))
    else:
        yield from _dask(player.setting, jobs)


def _dask(setting: Setting, jobs: int) -> Iterator[Play]:
    """Processes of a dask cluster of this machine, seen by it alone."""
    untyped = _distributed()
    options = {
        "n_workers": jobs,
        "threads_per_worker": 1,
        "host": "127.0.0.1",
        "dashboard_address": None,
        "worker_dashboard_address": None,
    }
    with untyped.LocalCluster(**options) as cluster, untyped.Client(cluster) as client:
        # as bytes, since dask gives arrays back with a type that the engine's bars do not read
        packed = client.scatter(pickle.dumps(_pack(setting)), broadcast=True)

        def play(sets: Sequence[Numbered]) -> list[Tried]:
            parts = [sets[first : first + 4] for first in range(0, len(sets), 4)]
            found = client.gather([client.submit(_play_part, packed, part, pure=False) for part in parts])
            return [one for part in found for one in pickle.loads(part)]  # noqa: S301 - of our own workers

        yield play


def _distributed() -> Any:
    """Dask's scheduler. Errors: ConfigurationError where it is not installed."""
    try:
        import distributed
    except ImportError:
        raise ConfigurationError("the dask backend needs dask: install traderbot[research]") from None
    return distributed


Packed = tuple[Any, ...]
_players: dict[str, Player] = {}
_CURRENT = "current"


def _pack(setting: Setting) -> Packed:
    """A setting as it can be sent to another process: bars as their columns."""
    columns = [(bar.symbol, *bar.whole()) for bar in setting.bars]
    return (_digest(setting), to_send(setting.strategy), columns, *setting[2:])


def _player(packed: Packed) -> Player:
    """The player of this process for a setting."""
    digest, strategy, columns, *rest = packed
    if digest not in _players:
        _players.clear()
        player = Player(Setting(received(strategy), [Bar(*own) for own in columns], *rest))
        player.sharing().__enter__()  # for as long as the process lives
        _players[digest] = player
    return _players[digest]


def _begin(packed: Packed) -> None:
    end_with_parent()
    _players[_CURRENT] = _player(packed)


def _play(numbered: Numbered) -> Tried:
    return _players[_CURRENT].play(numbered)


def _play_part(packed: bytes, sets: Sequence[Numbered]) -> bytes:
    """Play some sets in a process of dask, which has taken up the setting once."""
    key = hashlib.sha256(packed).hexdigest()
    if key not in _players:
        found = _player(pickle.loads(packed))  # noqa: S301 - of the process that started this one
        _players[key] = found
    return pickle.dumps([_players[key].play(one) for one in sets])


def _digest(setting: Setting) -> str:
    """Hash of the bars."""
    found = hashlib.sha256()
    for bar in setting.bars:
        found.update(bar.symbol.encode())
        for column in bar.whole():
            found.update(column.tobytes())
    return found.hexdigest()


def _identity(setting: Setting, search: Search, by: str) -> dict[str, Any]:
    """What makes two sweeps the same, but for the code that plays them."""
    return {
        "strategy": setting.strategy.name,
        "source": source_hash(setting.strategy),
        "search": search.name,
        "by": by,
        "symbols": [bar.symbol for bar in setting.bars],
        "bars": _digest(setting),
        "cash": setting.cash,
        "costs": setting.costs,
        "rules": setting.rules,
        "actions": setting.actions,
        "kind": setting.kind,
        "membership": setting.membership,
        "curves": sorted(setting.curves),
    }
