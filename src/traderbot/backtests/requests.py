"""What a user asks of a backtest, checked, and the words that its process and the platform exchange."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec

from traderbot.model.account import AccountKind
from traderbot.model.amounts import MONEY_MAX, Money, fraction
from traderbot.model.errors import InvalidValue
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol
from traderbot.simulation.costs import Costs

Status = Literal["queued", "running", "done", "failed", "cancelled"]
LIVE: tuple[Status, ...] = ("queued", "running")
_BASIS_POINT = Decimal("0.0001")
_BPS_MAX = Decimal(1000)


class Request(msgspec.Struct, frozen=True):
    """One run. symbols: none named is all of the data set. start, end: microseconds UTC; bars before start
    are history. fee_bps of a value, slippage_bps of a price, participation of a bar's volume.
    """

    strategy: str
    parameters: dict[str, Any]
    data: str
    symbols: tuple[Symbol, ...]
    start: int | None
    end: int | None
    cash: Money
    account: AccountKind
    fee_bps: Decimal
    slippage_bps: Decimal
    participation: Decimal

    @property
    def costs(self) -> Costs:
        return Costs(self.fee_bps * _BASIS_POINT, self.slippage_bps * _BASIS_POINT, self.participation)

    def check_amounts(self) -> None:
        """Errors: InvalidValue naming the field."""
        if not 0 < self.cash <= MONEY_MAX:
            raise InvalidValue("cash", "a positive amount of money", self.cash)
        fraction(self.fee_bps, "fee_bps", _BPS_MAX)
        fraction(self.slippage_bps, "slippage_bps", _BPS_MAX)
        fraction(self.participation, "participation")
        if not self.participation:
            raise InvalidValue("participation", "a fraction above 0", self.participation)
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise InvalidValue("end", "a time after start")


class Order(msgspec.Struct, frozen=True):
    """What a process is given: the run, and what it may use. folder: of the data set. memory_mb: of
    memory besides what every process needs; seconds: of processor time.
    """

    request: Request
    rules: Rules
    folder: str
    memory_mb: int
    seconds: int


class Results(msgspec.Struct, frozen=True):
    """What came out. summary: figures by name; curve, trades: columns and rows as JSON."""

    summary: dict[str, Any]
    curve: dict[str, Any]
    trades: list[dict[str, Any]]


class Progress(msgspec.Struct, frozen=True, tag_field="is", tag="progress"):
    """How much of the bars is behind the run, 0 to 1."""

    done: float


class Done(msgspec.Struct, frozen=True, tag_field="is", tag="done"):
    """The end of a run that went through."""

    results: Results


class Failed(msgspec.Struct, frozen=True, tag_field="is", tag="failed"):
    """The end of a run that did not, in words for who asked."""

    detail: str


Message = Progress | Done | Failed
_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Progress | Done | Failed)


def message_from(line: bytes) -> Message:
    """A message of a process. Errors: msgspec.MsgspecError."""
    return _decoder.decode(line)


def needs_more(order: Order) -> str:
    """What is said of a run that ran out of memory."""
    return f"{order.request.strategy} needs more than {order.memory_mb} MB of memory for this run"


def request_json(request: Request) -> str:
    """As it is stored; amounts as texts."""
    return msgspec.json.encode(request).decode()


def request_from(stored: str) -> Request:
    return msgspec.json.decode(stored, type=Request)


def plain(parameters: Mapping[str, object]) -> dict[str, Any]:
    """Parameters as JSON carries them: exact amounts as texts."""
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in parameters.items()}
