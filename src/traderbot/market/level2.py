"""Reader of a recorded order book: gzip lines `<local nanoseconds> <message>` as Binance futures send them,
turned into observations in the exchange's order of time.

The recorder's clock counts for nothing. Changes of depth follow on one another by their ids; a gap is
refused by name, as a book with a gap is wrong from there on.
"""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from traderbot.model.amounts import ZERO, Quantity, price, quantity
from traderbot.model.errors import InvalidValue
from traderbot.model.observations import DepthLevel, DepthUpdate, Quote, Trade
from traderbot.model.orders import Side
from traderbot.model.symbols import Symbol

_MICROS = 1000
_NONE = Quantity(ZERO)
Observed = DepthUpdate | Quote | Trade


class _Message(msgspec.Struct):
    """The fields of every kind of message, by the exchange's letters, and of a snapshot of the depth."""

    e: str = ""
    T: int = 0
    s: str = ""
    U: int = 0
    u: int = 0
    pu: int = 0
    b: Any = None
    a: Any = None
    B: str = ""
    A: str = ""
    t: int = 0
    p: str = ""
    q: str = ""
    m: bool = False
    last_update_id: int = msgspec.field(default=0, name="lastUpdateId")
    bids: list[tuple[str, str]] = []
    asks: list[tuple[str, str]] = []


class _Line(_Message):
    data: _Message | None = None


class Recording(NamedTuple):
    """What was recorded, oldest first, from the snapshot on where changes of depth are concerned.

    dropped: changes that the snapshot already contained.
    """

    symbol: Symbol
    observed: list[Observed]
    dropped: int


def read_level2(path: Path) -> Recording:
    """Read a recording of one instrument. Errors: InvalidValue, naming the line or the first gap."""
    messages = list(_messages(path))
    symbols = {message.s for message in messages if message.s}
    if len(symbols) != 1:
        raise InvalidValue("recording", "one instrument", " ".join(sorted(symbols)) or "none")
    symbol = Symbol(symbols.pop())
    depth, dropped = _continuous([message for message in messages if _is_depth(message)])
    observed: list[Observed] = [_depth(symbol, message) for message in depth]
    observed += [_tick(symbol, message) for message in messages if not _is_depth(message)]
    observed.sort(key=lambda seen: seen.at)  # stable: depth before the ticks of its millisecond
    return Recording(symbol, observed, dropped)


def _messages(path: Path) -> Iterator[_Message]:
    decoder = msgspec.json.Decoder(_Line)
    with gzip.open(path) as lines:
        for number, line in _numbered(lines):
            try:
                read = decoder.decode(line.partition(b" ")[2])
            except msgspec.DecodeError as error:
                raise InvalidValue(f"line {number}", f"a message ({error})") from None
            message = read.data or read
            if message.e in ("depthUpdate", "bookTicker", "trade", "aggTrade") or message.last_update_id:
                yield message


def _numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines with their numbers. Errors: InvalidValue where the file is no gzip or ends early."""
    number = 0
    try:
        for number, line in enumerate(lines, 1):
            yield number, line
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidValue("recording", f"a whole gzip file, after line {number} ({error})") from None


def _is_depth(message: _Message) -> bool:
    return message.e == "depthUpdate" or bool(message.last_update_id)


def _continuous(messages: list[_Message]) -> tuple[list[_Message], int]:
    """The snapshot and the changes after it, without a gap, and how many came before it."""
    snapshots = [message for message in messages if message.last_update_id]
    if not snapshots:
        raise InvalidValue("recording", "a snapshot of the depth")
    snapshot = snapshots[0]
    changes = sorted((message for message in messages if message.u), key=lambda message: message.u)
    known = snapshot.last_update_id
    following = [change for change in changes if change.u >= known]
    if following:
        first = following[0]
        if not known >= first.U:
            raise InvalidValue("depth", f"a change that follows the snapshot {known}", first.U)
        snapshot.T = min(snapshot.T, first.T)
    for before, change in pairwise(following):
        if change.pu != before.u:
            expected = f"an update that follows {before.u}, the first gap"
            raise InvalidValue("depth", expected, f"{change.u} follows {change.pu}")
    return [snapshot, *following], len(changes) - len(following)


def _depth(symbol: Symbol, message: _Message) -> DepthUpdate:
    at = message.T * _MICROS
    if message.last_update_id:
        bids, asks = _levels(message.bids), _levels(message.asks)
        return DepthUpdate(symbol, at, message.last_update_id, bids, asks, snapshot=True)
    return DepthUpdate(
        symbol, at, message.u, _levels(message.b), _levels(message.a), message.U, message.pu or None
    )


def _tick(symbol: Symbol, message: _Message) -> Quote | Trade:
    at = message.T * _MICROS
    if message.e == "bookTicker":
        return Quote(
            symbol,
            at,
            message.u,
            price(message.b, "bid"),
            quantity(message.B, "bid_size"),
            price(message.a, "ask"),
            quantity(message.A, "ask_size"),
        )
    number = message.a if isinstance(message.a, int) else message.t  # the id of an aggregate
    aggressor = Side.SELL if message.m else Side.BUY
    return Trade(symbol, at, number, price(message.p), quantity(message.q), aggressor)


def _levels(levels: list[tuple[str, str]]) -> tuple[DepthLevel, ...]:
    return tuple((price(text), _size(size)) for text, size in levels)


def _size(text: str) -> Quantity:
    return quantity(text, "size") if text.strip("0.") else _NONE
