"""What a sweep leaves on disk: a part for each batch that is done, at the end one table of sets and one of
executions.

Each file is written aside and renamed. sweep.json says what the parts are of, so that a sweep goes on only
where it is the same one.
"""

import fcntl
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import msgspec
import numpy as np
import polars as pl

from traderbot.backtests.sweeping import kernel
from traderbot.backtests.sweeping.playing import Figures, Tried
from traderbot.backtests.sweeping.search import Values
from traderbot.model.bars import Times
from traderbot.model.errors import Conflict

_HEADER, _SETS, _FILLS, _LOCK = "sweep.json", "sets.parquet", "executions.parquet", "lock"
_MONEY, _PRICE = pl.Decimal(38, 6), pl.Decimal(38, 9)


class SweepFiles:
    """The folder of one sweep, which no other writes in until it is closed or the process ends. identity:
    what makes it the one it is. Errors: Conflict.
    """

    def __init__(
        self, folder: Path, identity: dict[str, Any], symbols: Sequence[str], times: Times, resume: bool
    ) -> None:
        self.folder, self._symbols, self._times = folder, list(symbols), times
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(folder)
        try:
            self._begin(identity, resume)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let others write in the folder."""
        self._lock.close()

    def _begin(self, identity: dict[str, Any], resume: bool) -> None:
        folder = self.folder
        header = folder / _HEADER
        wanted = msgspec.json.format(msgspec.json.encode(identity, enc_hook=str, order="sorted"))
        if header.exists():
            if not resume:
                raise Conflict(f"{folder} has a sweep already: go on with it by --resume, or name another")
            if header.read_bytes() != wanted:
                raise Conflict(f"{folder} has a sweep of something else: see {header}, and name another")
        _put(header, lambda path: path.write_bytes(wanted))

    def load(self, batch: int, sets: Sequence[Values]) -> list[Tried] | None:
        """The outcomes of a batch that is done, None where it is not, or its files cannot be read. sets: its
        parameter sets.
        """
        path = self.folder / f"part-{batch:05d}.sets.json"
        try:
            return self._loaded(path, batch, sets) if path.exists() else None
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):  # torn, or of another version
            return None

    def _loaded(self, path: Path, batch: int, sets: Sequence[Values]) -> list[Tried]:
        figures = msgspec.json.decode(path.read_bytes(), type=list[Figures])
        kept = np.load(self.folder / f"part-{batch:05d}.npz")
        return [
            Tried(
                msgspec.structs.replace(one, values=values),  # JSON keeps texts for some of them
                kept[f"fills_{one.number}"],
                kept[f"equity_{one.number}"],
            )
            for one, values in zip(figures, sets, strict=True)
        ]

    def save(self, batch: int, tried: Sequence[Tried]) -> None:
        """Keep a batch; its figures last, as they say that it is done."""
        arrays: dict[str, Any] = {f"fills_{one.figures.number}": one.fills for one in tried}
        arrays |= {f"equity_{one.figures.number}": one.equity for one in tried}
        _put(self.folder / f"part-{batch:05d}.npz", lambda path: _save_arrays(path, arrays))
        figures = msgspec.json.encode([one.figures for one in tried])
        _put(self.folder / f"part-{batch:05d}.sets.json", lambda path: path.write_bytes(figures))

    def finish(self, tried: Sequence[Tried]) -> None:
        """Write the tables of everything."""
        sets, fills = sets_table([one.figures for one in tried]), self._executions(tried)
        _put(self.folder / _FILLS, lambda path: fills.write_parquet(path))
        _put(self.folder / _SETS, lambda path: sets.write_parquet(path))
        for one in tried:
            if len(one.equity):
                curve = pl.DataFrame({"time": self._times, "equity": one.equity})
                name = f"curve-{one.figures.number}.parquet"
                _put(self.folder / name, lambda path, curve=curve: curve.write_parquet(path))

    def _executions(self, tried: Sequence[Tried]) -> pl.DataFrame:
        every = np.concatenate([one.fills for one in tried])
        counts = [len(one.fills) for one in tried]
        numbers = np.repeat(np.array([one.figures.number for one in tried], np.int64), counts)
        table = pl.DataFrame(
            {
                "set": numbers,
                "at": self._times[every[:, kernel.ROW]],
                "symbol": pl.Series(self._symbols, dtype=pl.String).gather(every[:, kernel.OWNER]),
                "qty": every[:, kernel.QTY],
                "price": every[:, kernel.PRICE],
                "notional": every[:, kernel.VALUE],
                "fee": every[:, kernel.FEE],
            }
        )
        return table.with_columns(
            pl.col("at").cast(pl.Datetime("us", "UTC")),
            pl.col("symbol").cast(pl.Categorical),
            pl.col("qty", "price").cast(_PRICE) * pl.lit("0.000000001").cast(_PRICE),
            pl.col("notional", "fee").cast(_MONEY) * pl.lit("0.000001").cast(_MONEY),
        )


def _locked(folder: Path) -> IO[str]:
    """The folder for this sweep alone. Errors: Conflict."""
    handle = (folder / _LOCK).open("a")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise Conflict(f"another sweep writes in {folder}: wait for it, stop it, or name another") from None
    return handle


def sets_table(figures: Sequence[Figures]) -> pl.DataFrame:
    """The parameters, each a column, and the figures of every set."""
    names = list(figures[0].values) if figures else []
    columns: dict[str, Any] = {"number": [one.number for one in figures]}
    columns |= {name: [one.values[name] for one in figures] for name in names}
    rest = [name for name in Figures.__struct_fields__ if name not in ("number", "values")]
    columns |= {name: [getattr(one, name) for one in figures] for name in rest}
    money = {"equity": _MONEY, "costs": _MONEY}
    return pl.DataFrame(columns, schema_overrides=money, strict=False)


def _save_arrays(path: Path, arrays: dict[str, Any]) -> None:
    with path.open("wb") as file:  # by a name of its own, savez would add an ending
        np.savez(file, **arrays)


def _put(path: Path, write: Any) -> None:
    """Write aside, then rename: a file is there whole or not at all."""
    aside = path.with_name(path.name + f".{os.getpid()}.tmp")
    write(aside)
    aside.replace(path)
