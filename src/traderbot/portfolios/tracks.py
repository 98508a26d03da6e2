"""Accounts' tracks, kept and continued: a request reads no more of the journal than what is new to it."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt
from sqlalchemy.engine import Connection

from traderbot.infra.events.journal import read
from traderbot.model.amounts import Price
from traderbot.model.errors import NotFound
from traderbot.model.symbols import Symbol
from traderbot.portfolios.track import Rows, Slice, Track, TrackedLot
from traderbot.trading.streams import account_stream

ACCOUNTS_MAX = 64
_PAGE = 5000

Whole = npt.NDArray[np.int64]


class Book(msgspec.Struct, frozen=True, eq=False):
    """A track as far as a position of the journal, in arrays that no longer change.

    All int64: times, microseconds; equity, cash, amounts, values and costs, millionths; shares, billionths.
    times, equity, cash: (closes,). flow_*, value_*, entry_*, change_*: columns as in Track; the *_close are
    in rising order.
    """

    account_id: UUID
    currency: str
    position: int
    opened_at: int
    times: Whole
    equity: Whole
    cash: Whole
    flow_close: Whole
    flow_time: Whole
    flow_amount: Whole
    value_close: Whole
    value_slice: Whole
    value: Whole
    value_cost: Whole
    entry_close: Whole
    entry_time: Whole
    entry_lot: Whole
    entry_ledger: Whole
    entry_amount: Whole
    change_close: Whole
    change_time: Whole
    change_lot: Whole
    change_shares: Whole
    change_cost: Whole
    lot_slice: Whole
    slices: tuple[Slice, ...]
    lots: tuple[TrackedLot, ...]
    marks: Mapping[Symbol, Price]

    def close_at(self, time: int) -> int:
        """Index of the last close at or before a time, -1 before the first."""
        return int(np.searchsorted(self.times, time, "right")) - 1


class Tracks:
    """The tracks of the accounts that were asked for last; safe for several threads."""

    def __init__(self, accounts_max: int = ACCOUNTS_MAX) -> None:
        self._kept: OrderedDict[UUID, tuple[Track, Book | None, threading.Lock]] = OrderedDict()
        self._lock = threading.Lock()
        self._most = accounts_max

    def book_of(self, connection: Connection, account_id: UUID) -> Book:
        """The account's book as of the connection's transaction, or later. Errors: NotFound."""
        with self._lock:
            track, _, lock = self._kept.get(account_id) or (Track(account_id), None, threading.Lock())
            self._kept.setdefault(account_id, (track, None, lock))
            self._kept.move_to_end(account_id)
        with lock:
            try:
                went_on = _follow(connection, track)
            except BaseException:
                self._forget(account_id)
                raise
            book = self._kept.get(account_id, (track, None, lock))[1]
            if book is None or went_on:
                if not track.position:
                    self._forget(account_id)
                    raise NotFound("No such account.")
                book = _book(track)
            with self._lock:
                self._kept[account_id] = track, book, lock
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)
        return book

    def _forget(self, account_id: UUID) -> None:
        with self._lock:
            self._kept.pop(account_id, None)


def _follow(connection: Connection, track: Track) -> bool:
    """Take what the journal has of the account behind the track's position; whether there was anything."""
    stream, begun = account_stream(track.account.id), track.position
    while page := read(connection, after=track.position, limit=_PAGE, stream=stream):
        for entry in page:
            track.take(entry)
    return track.position != begun


def _columns(rows: Rows) -> list[Whole]:
    return [np.array(column, dtype=np.int64) for column in rows.columns]


def _book(track: Track) -> Book:
    lots = tuple(msgspec.structs.replace(lot) for lot in track.lots)
    groups = (track.closes, track.flows, track.values, track.entries, track.changes)
    columns = [column for rows in groups for column in _columns(rows)]
    return Book(
        account_id=track.account.id,
        currency=track.account.currency,
        position=track.position,
        opened_at=track.opened_at,
        **dict(zip(_NAMES, columns, strict=True)),
        lot_slice=np.array([lot.slice for lot in lots], dtype=np.int64),
        slices=tuple(msgspec.structs.replace(slice_) for slice_ in track.slices),
        lots=lots,
        marks=track.marks,
    )


_NAMES = Book.__struct_fields__[4:24]  # of the columns, in their order
