"""The data sets of this platform, as a request may name them, and what can be known to be wrong with one
without reading a bar.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import polars as pl

from traderbot.backtests.requests import Order, Request
from traderbot.market.bars import Bars, TimeFrame
from traderbot.market.datasets import Dataset, Instrument, dataset_name, list_datasets
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMED_MAX = 10
_QUARANTINE = "quarantine.csv"  # rows that the import left out


class Listed(msgspec.Struct, frozen=True):
    """What is needed of a data set's dataset.json."""

    calendar: str
    timeframe: TimeFrame
    instruments: tuple[Instrument, ...]
    bars: int
    first: date
    last: date
    source: str
    licence: str


class DataOffer(msgspec.Struct, frozen=True):
    """A data set that can be asked for. first, last: days of its first and last bar. time_frames: its own and
    the coarser ones that a strategy may read. quarantined: rows that were left out as faulty.
    """

    name: str
    calendar: str
    time_frames: tuple[TimeFrame, ...]
    symbols: tuple[Symbol, ...]
    bars: int
    quarantined: int
    first: date
    last: date
    source: str
    licence: str


def folder_of(home: Path, name: str) -> Path:
    """Where a data set of that name lies. Errors: InvalidValue naming data."""
    try:
        return home / "data" / dataset_name(name)
    except InvalidValue as error:
        raise InvalidValue("data", error.expected) from None


def data_offers(home: Path) -> list[DataOffer]:
    """What is on offer, by name."""
    found = []
    for summary in list_datasets(home):
        folder = home / "data" / summary.name
        listed = _listed(folder)
        if listed is not None:
            frames = list(TimeFrame)
            found.append(
                DataOffer(
                    summary.name,
                    listed.calendar,
                    tuple(frames[frames.index(listed.timeframe) :]),
                    tuple(one.symbol for one in listed.instruments),
                    listed.bars,
                    _quarantined(folder),
                    listed.first,
                    listed.last,
                    listed.source,
                    listed.licence,
                )
            )
    return found


def check_data(home: Path, request: Request) -> Listed:
    """The data set of a request. Errors: InvalidValue naming data, symbols, start or end."""
    listed = _listed(folder_of(home, request.data))
    if listed is None:
        names = [one.name for one in list_datasets(home)]
        more = f" and {len(names) - _NAMED_MAX} more" if len(names) > _NAMED_MAX else ""
        known = ", ".join(names[:_NAMED_MAX]) or "none is there"
        raise InvalidValue("data", f"a data set of this platform: {known}{more}", request.data)
    known_symbols = {one.symbol for one in listed.instruments}
    for symbol in request.symbols:
        if symbol not in known_symbols:
            raise InvalidValue(
                "symbols", f"instruments of {request.data}, such as {min(known_symbols)}", symbol
            )
    if len(set(request.symbols)) < len(request.symbols):
        raise InvalidValue("symbols", "each instrument once")
    span = f"a time from {listed.first} to {listed.last}, the days of {request.data}"
    if request.start is not None and _date(request.start) > listed.last:
        raise InvalidValue("start", span)
    if request.end is not None and _date(request.end) < listed.first:
        raise InvalidValue("end", span)
    return listed


def traded(order: Order, dataset: Dataset) -> list[Bars]:
    """The bars from start to end, without what is history only. Errors: InvalidValue."""
    request = order.request
    first = request.start or 0
    last = dataset.last_time if request.end is None else request.end
    names = request.symbols or dataset.bars
    found = [part for name in names if len(part := dataset.bars_of(name).window(first, last))]
    if not found:
        raise InvalidValue("start", "a window with bars of these instruments in it")
    return found


def _listed(folder: Path) -> Listed | None:
    try:
        return msgspec.json.decode((folder / "dataset.json").read_bytes(), type=Listed)
    except (OSError, msgspec.MsgspecError):
        return None


def _quarantined(folder: Path) -> int:
    path = folder / _QUARANTINE
    if not path.is_file():
        return 0
    return int(pl.scan_csv(path, infer_schema=False).select(pl.len()).collect().item())


def _date(micros: int) -> date:
    return (_EPOCH + timedelta(microseconds=micros)).date()
