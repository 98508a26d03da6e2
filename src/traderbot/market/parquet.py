"""Parquet of a data set's parts: rows as they are stored, and back."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from traderbot.market.bars import Bars
from traderbot.market.calendars import Sessions
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.membership import Membership, Spell, membership_of
from traderbot.model.symbols import Symbol

COLUMNS = ("open", "high", "low", "close", "volume")
GROUP = 8_192  # rows of a group: what is read at least, to get at one instrument
_ACTIONS = {
    "symbol": pl.String,
    "ex_date": pl.Date,
    "kind": pl.String,
    "amount": pl.String,  # exact, as digits
    "new": pl.Int64,
    "old": pl.Int64,
    "estimated": pl.Boolean,
}
_SPELLS = {"symbol": pl.String, "start": pl.Date, "end": pl.Date}


def write_bars(parts: Sequence[Bars], path: Path) -> None:
    """Write bars, ordered by symbol, so that some of them can be read without the others."""
    bars_frame(parts).write_parquet(path, compression="zstd", row_group_size=GROUP, statistics=True)


def some_bars(path: Path, symbols: Collection[Symbol]) -> dict[Symbol, Bars]:
    """Bars of these instruments; the groups of rows of the others are not read. Errors: those of polars."""
    wanted = pl.scan_parquet(path).filter(pl.col("symbol").is_in(list(symbols)))
    return read_bars(wanted.collect())


def digest_of(bars: Bars) -> str:
    """SHA-256 over an instrument's columns."""
    digest = hashlib.sha256(f"{bars.symbol}:{len(bars)};".encode())
    for content in content_of(bars):
        digest.update(content)
    return digest.hexdigest()


def content_of(bars: Bars) -> Iterable[bytes]:
    """The columns as little-endian bytes, times first."""
    yield bars.times.astype("<i8").tobytes()
    for column in COLUMNS:
        yield getattr(bars, column).astype("<f8").tobytes()


def spells_frame(membership: Membership) -> pl.DataFrame:
    """Spells as rows."""
    rows: list[tuple[str, date, date | None]] = [
        (one.symbol, one.start, one.end) for one in membership.spells
    ]
    return pl.DataFrame(rows, schema=_SPELLS, orient="row")


def read_spells(frame: pl.DataFrame) -> Membership:
    """Spells of rows. Errors: those of polars, InvalidValue."""
    return membership_of([Spell(Symbol(name), start, end) for name, start, end in frame.iter_rows()])


def bars_frame(parts: Sequence[Bars]) -> pl.DataFrame:
    """Bars as rows, in the order given."""
    columns: dict[str, Any] = {"time": np.concatenate([bars.times for bars in parts])}
    for column in COLUMNS:
        columns[column] = np.concatenate([getattr(bars, column) for bars in parts])
    names = pl.Series("symbol", [bars.symbol for bars in parts], pl.String)
    owners = np.repeat(np.arange(len(parts)), [len(bars) for bars in parts])
    return pl.DataFrame({"symbol": names.gather(owners), **columns}).with_columns(
        pl.col("time").cast(pl.Datetime("us", "UTC"))
    )


def read_bars(frame: pl.DataFrame) -> dict[Symbol, Bars]:
    """Bars by symbol as views into whole columns; the frame is ordered by symbol and time as written."""
    frame = frame.rechunk()
    arrays = [frame["time"].cast(pl.Datetime("us", "UTC")).to_physical().to_numpy()]
    arrays += [frame[column].cast(pl.Float64).to_numpy() for column in COLUMNS]
    for array in arrays:
        array.setflags(write=False)
    found: dict[Symbol, Bars] = {}
    start = 0
    for length, name in frame["symbol"].rle().struct.unnest().iter_rows():
        found[Symbol(name)] = Bars(Symbol(name), *(array[start : start + length] for array in arrays))
        start += length
    return found


def action_rows(actions: Iterable[CorporateAction]) -> list[tuple[Any, ...]]:
    """Actions as plain values; amounts as digits, since they are exact, and null for splits."""
    return [
        (a.symbol, a.ex_date, a.kind, None if a.amount is None else str(a.amount), a.new, a.old, a.estimated)
        for a in actions
    ]


def actions_frame(actions: Iterable[CorporateAction]) -> pl.DataFrame:
    """Actions as rows."""
    return pl.DataFrame(action_rows(actions), schema=_ACTIONS, orient="row")


def read_actions(frame: pl.DataFrame) -> tuple[CorporateAction, ...]:
    """Actions of rows. Errors: those of polars and of the actions."""
    return tuple(
        CorporateAction(
            Symbol(name),
            day,
            ActionKind(kind),
            None if amount is None else Decimal(amount),
            new,
            old,
            estimated,
        )
        for name, day, kind, amount, new, old, estimated in frame.select(*_ACTIONS).iter_rows()
    )


def sessions_frame(sessions: Sessions) -> pl.DataFrame:
    """Sessions as rows."""
    utc = pl.Datetime("us", "UTC")
    return pl.DataFrame(
        {"date": sessions.dates, "open": sessions.opens, "close": sessions.closes}
    ).with_columns(pl.col("date").cast(pl.Date), pl.col("open").cast(utc), pl.col("close").cast(utc))


def read_sessions(frame: pl.DataFrame) -> Sessions:
    """Sessions of rows. Errors: those of polars."""
    opens, closes = (frame[name].to_physical().to_numpy() for name in ("open", "close"))
    return Sessions(frame["date"].to_numpy().astype("datetime64[D]"), opens, closes)
