"""What a backtest is made of, from whatever somebody has: a data set, a window of it, a strategy."""

import copy
import re
import tempfile
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from traderbot.backtests.remarks import of_the_data
from traderbot.market.bars import DAY, Bars
from traderbot.market.datasets import Dataset
from traderbot.market.demo import stored
from traderbot.market.importer import import_file
from traderbot.model.actions import CorporateAction
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol, symbol
from traderbot.strategies.base import Strategy
from traderbot.strategies.loading import strategy_class
from traderbot.strategies.warming import check_warm_up

Day = str | date | datetime
_FILES = (".csv", ".csv.gz", ".tsv", ".txt", ".parquet")
_DATA = "the name of a data set, a CSV or Parquet file, a frame, or frames by symbol"
_NEVER = 1 << 62


class Source(NamedTuple):
    """A data set, and what there is to say of the file or frame it came from."""

    dataset: Dataset
    said: tuple[str, ...] = ()


class Window(NamedTuple):
    """Bars to run over, with what is history only.

    start: microseconds UTC from when the strategy acts. actions: of these instruments.
    """

    bars: list[Bars]
    actions: list[CorporateAction]
    start: int


def source_of(data: object, home: Path, *, calendar: str = "XNYS", symbol: str | None = None) -> Source:
    """The data set of a name, a file, a polars or pandas frame, or frames by symbol.

    calendar, symbol: of a file or frame; symbol: where it has no column of symbols.
    Errors: InvalidValue, NotFound, DamagedDataset.
    """
    if isinstance(data, Dataset):
        return Source(data)
    if isinstance(data, str) and not data.lower().endswith(_FILES) and "/" not in data:
        found = stored(home, data)
        return Source(found, of_the_data(found.notes))
    if isinstance(data, str | Path):
        return _imported(Path(data), Path(data).name, calendar, symbol)
    if isinstance(data, Mapping):
        if not data:
            raise InvalidValue("data", "at least one frame, by its symbol")
        frame = pl.concat([_with_symbol(_frame_of(one), name) for name, one in data.items()], how="diagonal")
    else:
        frame = _frame_of(data)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "DATA.parquet"
        frame.write_parquet(path)
        return _imported(path, "frame", calendar, symbol)


def window_of(
    dataset: Dataset, symbols: Iterable[str] | str | None, start: Day | None, end: Day | None
) -> Window:
    """The part of a data set that is asked for. start: first day to trade; end: last day, whole.

    Errors: InvalidValue naming what is wrong with it, NotFound for a symbol.
    """
    names = _names(symbols) or list(dataset.bars)
    first = 0 if start is None else moment(start, "start")
    last = _NEVER if end is None else moment(end, "end", last=True)
    if first > last:
        raise InvalidValue("end", f"a day from start on, {_day(first)}", str(end))
    bars = [part for name in names if len(part := dataset.bars_of(name).until(last))]
    if not bars or all(int(one.times[-1]) < first for one in bars):
        raise InvalidValue(
            "start, end",
            f"a window with bars in it; {dataset.name} has them from {_day(dataset.first_time)} to"
            f" {_day(dataset.last_time)}",
        )
    held = {one.symbol for one in bars}
    return Window(bars, [action for action in dataset.actions if action.symbol in held], first)


def strategy_of(strategy: object, parameters: Mapping[str, object] | None) -> Strategy:
    """A fresh strategy from an instance, a class, a name or a file; texts are read as its parameters are.

    Errors: InvalidValue naming the strategy or the parameter.
    """
    given = dict(parameters or {})
    if isinstance(strategy, Strategy):
        if given:
            raise InvalidValue("parameters", "none beside a strategy that is made already", sorted(given))
        check_warm_up(strategy)
        return copy.deepcopy(strategy)
    if isinstance(strategy, str | Path):
        strategy = strategy_class(str(strategy))
    if not (isinstance(strategy, type) and issubclass(strategy, Strategy)):
        raise InvalidValue("strategy", "a Strategy, its class, its name or its file", strategy)
    known = strategy.declared()
    values = {
        name: known[name].parse(value) if isinstance(value, str) and name in known else value
        for name, value in given.items()
    }
    made = strategy(**values)
    check_warm_up(made)
    return made


def moment(day: Day, field: str, *, last: bool = False) -> int:
    """A day or moment in microseconds UTC; the end of the day where it is the last. Errors: InvalidValue."""
    if isinstance(day, str):
        try:
            day = date.fromisoformat(day)
        except ValueError:
            raise InvalidValue(field, "a day such as 2005-01-03", day) from None
    if isinstance(day, datetime):
        aware = day if day.tzinfo else day.replace(tzinfo=UTC)
        return int(aware.timestamp()) * 1_000_000 + aware.microsecond
    if not isinstance(day, date):
        raise InvalidValue(field, "a day such as 2005-01-03", day)
    return (day - date(1970, 1, 1)).days * DAY + (DAY if last else 0)


def _names(symbols: Iterable[str] | str | None) -> list[Symbol]:
    """Errors: InvalidValue for what is no ticker, and for one named twice."""
    parts = symbols.split(",") if isinstance(symbols, str) else list(symbols or [])
    names = [symbol(part.strip(), "symbols") for part in parts]
    if len(set(names)) < len(names):
        raise InvalidValue("symbols", "each of them once", ", ".join(names))
    return names


def _imported(path: Path, name: str, calendar: str, named_symbol: str | None) -> Source:
    """A file's data set, without the rows that are faulty. Errors: InvalidValue, NotFound."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]
    result = import_file(path, name=plain or "data", symbol=named_symbol, calendar=calendar)
    if result.dataset is None:
        raise InvalidValue("data", f"prices that can be read; {name}: {result.report.refusal}")
    said = result.report.lines() if len(result.quarantined) else []
    told = tuple(line.replace(path.name, name) for line in said if not line.startswith("note: "))
    return Source(result.dataset, told)


def _with_symbol(frame: pl.DataFrame, name: object) -> pl.DataFrame:
    """Errors: InvalidValue for a frame that names its symbols itself."""
    if any(column.lower() in ("symbol", "ticker") for column in frame.columns):
        raise InvalidValue("data", f"no column of symbols in the frame of {name}")
    return frame.with_columns(pl.lit(symbol(str(name), "data")).alias("symbol"))


def _frame_of(data: object) -> pl.DataFrame:
    """A polars frame of a polars or a pandas one, its index of times among the columns. Errors:
    InvalidValue.
    """
    if isinstance(data, pl.LazyFrame):
        return data.collect()
    if isinstance(data, pl.DataFrame):
        return data
    if type(data).__module__.partition(".")[0] != "pandas":
        raise InvalidValue("data", _DATA, type(data).__name__)
    return _from_pandas(data)


def _from_pandas(table: Any) -> pl.DataFrame:
    """Times with a zone keep their moment, those without stay the exchange's."""
    if table.index.dtype.kind == "M" or "datetime" in str(table.index.dtype):
        table = table.rename_axis(table.index.name or "time").reset_index()
    columns = {}
    for name in table.columns:
        column = table[name]
        zone = getattr(column.dtype, "tz", None)
        if zone is not None:
            plain = pl.Series(column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("M8[us]"))
            columns[str(name)] = plain.dt.replace_time_zone("UTC")
        elif column.dtype.kind == "M":
            columns[str(name)] = pl.Series(column.to_numpy().astype("M8[us]"))
        elif column.dtype.kind in "fiub":
            columns[str(name)] = pl.Series(column.to_numpy())
        else:
            columns[str(name)] = pl.Series([None if value is None else str(value) for value in column])
    return pl.DataFrame(columns)


def _day(time: int) -> str:
    return datetime.fromtimestamp(time / 1_000_000, UTC).strftime("%Y-%m-%d")
