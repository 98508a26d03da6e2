"""What a user asks of a backtest, checked, and the words that its process and the platform exchange."""

from collections.abc import Mapping
from decimal import Decimal
from math import prod
from typing import Any, Literal

import msgspec

from traderbot.model.account import AccountKind
from traderbot.model.amounts import MONEY_MAX, Money, fraction
from traderbot.model.errors import InvalidValue
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol
from traderbot.simulation.costs import Costs
from traderbot.simulation.fees import FeeSchedule
from traderbot.simulation.slippage import SquareRootImpact, VolumeShareImpact

Status = Literal["queued", "running", "done", "failed", "cancelled"]
Kind = Literal["backtest", "validation", "sweep"]
LIVE: tuple[Status, ...] = ("queued", "running")
_BASIS_POINT = Decimal("0.0001")
_BPS_MAX = Decimal(1000)
_PER_SHARE_MAX, _MINIMUM_MAX = Decimal(100), Decimal(10_000)
LATENCY_MS_MAX = 86_400_000
_VALIDATION = (("trials", 1, 500), ("tried", 0, 1_000_000), ("seed", 0, 1 << 31))


class VolumeShare(msgspec.Struct, frozen=True, tag_field="model", tag="volume_share"):
    """Impact by the squared share of a bar's volume, see simulation.slippage."""

    price_impact: Decimal
    limit: Decimal

    @property
    def model(self) -> VolumeShareImpact:
        return VolumeShareImpact(self.price_impact, self.limit)


class SquareRoot(msgspec.Struct, frozen=True, tag_field="model", tag="square_root"):
    """Impact by the square root of the share of a bar's volume, see simulation.slippage."""

    volatility: Decimal
    coefficient: Decimal

    @property
    def model(self) -> SquareRootImpact:
        return SquareRootImpact(self.volatility, self.coefficient)


class Request(msgspec.Struct, frozen=True):
    """One run. symbols: none named is all of the data set. start, end: microseconds UTC; bars before start
    are history. fee_bps of a value, fee_per_share and fee_minimum (an order) of money, slippage_bps of a
    price, which is half the spread, participation of a bar's volume.
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
    fee_per_share: Money | None = None
    fee_minimum: Money | None = None
    impact: VolumeShare | SquareRoot | None = None
    latency_ms: int = 0

    @property
    def costs(self) -> Costs:
        """Errors: InvalidValue naming the field."""
        rate, plain_fee = self.fee_bps * _BASIS_POINT, self.fee_per_share is None and self.fee_minimum is None
        try:
            impact = None if self.impact is None else self.impact.model
        except InvalidValue as error:
            raise InvalidValue(f"impact.{error.field}", error.expected) from None
        return Costs(
            rate,
            self.slippage_bps * _BASIS_POINT,
            self.participation,
            None if plain_fee else FeeSchedule(rate, self.fee_per_share or Decimal(0), self.fee_minimum),
            impact,
            self.latency_ms * 1000,
        )

    def check_amounts(self) -> None:
        """Errors: InvalidValue naming the field."""
        if not 0 < self.cash <= MONEY_MAX:
            raise InvalidValue("cash", "a positive amount of money", self.cash)
        fraction(self.fee_bps, "fee_bps", _BPS_MAX)
        fraction(self.slippage_bps, "slippage_bps", _BPS_MAX)
        fraction(self.participation, "participation")
        if not self.participation:
            raise InvalidValue("participation", "a fraction above 0", self.participation)
        for name, most in (("fee_per_share", _PER_SHARE_MAX), ("fee_minimum", _MINIMUM_MAX)):
            if not 0 <= (getattr(self, name) or 0) <= most:
                raise InvalidValue(name, f"an amount of money from 0 to {most}", getattr(self, name))
        if not 0 <= self.latency_ms <= LATENCY_MS_MAX:
            raise InvalidValue("latency_ms", f"from 0 to {LATENCY_MS_MAX}", self.latency_ms)
        _ = self.costs
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise InvalidValue("end", "a time after start")


class Validation(msgspec.Struct, frozen=True, tag_field="is", tag="validation"):
    """To try to break what a backtest tried. quick: fewer runs; trials: at most so many parameter sets;
    tried: sets that were tried before and are not among these.
    """

    quick: bool = False
    trials: int | None = None
    tried: int = 0
    seed: int = 0

    def check(self) -> None:
        """Errors: InvalidValue naming the field."""
        for name, least, most in _VALIDATION:
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise InvalidValue(name, f"a whole number from {least} to {most}", value)


class Sweep(msgspec.Struct, frozen=True, tag_field="is", tag="sweep"):
    """To try every combination of some values of parameters; or so many sets drawn at random, or proposed by
    TPE, over the ranges of those that the request does not give. seed: of what is drawn. by: what is best.
    """

    grid: dict[str, list[Any]]
    random: int | None = None
    tpe: int | None = None
    seed: int = 0
    by: str = "sharpe"

    @property
    def size(self) -> int:
        """The sets it asks for."""
        return self.random or self.tpe or prod(len(values) for values in self.grid.values())


Task = Validation | Sweep


class Order(msgspec.Struct, frozen=True):
    """What a process is given: the run, and what it may use. folder: of the data set. memory_mb: of
    memory besides what every process needs; seconds: of processor time. task: what is to be done other than
    a run.
    """

    request: Request
    rules: Rules
    folder: str
    memory_mb: int
    seconds: int
    task: Task | None = None


class Results(msgspec.Struct, frozen=True):
    """What came out. summary: figures by name; curve, trades: columns and rows as JSON; report: what a page
    is made from, JSON, compressed.
    """

    summary: dict[str, Any]
    curve: dict[str, Any]
    trades: list[dict[str, Any]]
    report: bytes = b""


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


def task_json(task: Task | None) -> str | None:
    """As it is stored."""
    return None if task is None else msgspec.json.encode(task).decode()


def task_from(stored: str | None) -> Task | None:
    return None if stored is None else msgspec.json.decode(stored, type=Validation | Sweep)


def plain(parameters: Mapping[str, object]) -> dict[str, Any]:
    """Parameters as JSON carries them: exact amounts as texts."""
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in parameters.items()}
