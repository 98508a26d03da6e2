"""What a comparison came to, as a value that JSON and pages are made of."""

from decimal import Decimal
from uuid import UUID

import msgspec

from traderbot.infra.clock import rfc3339
from traderbot.model.account import NOTHING
from traderbot.model.amounts import Money
from traderbot.model.orders import Side
from traderbot.model.symbols import Symbol

FORMAT = 1
ROUNDING = "rounding"


class Half(msgspec.Struct, frozen=True):
    """An order on one side. price: mean of its executions, None without one; end: how it ended unfilled."""

    order_id: UUID
    qty: Decimal
    placed_at: int
    filled: Decimal
    filled_at: int | None
    price: Decimal | None
    fee: Decimal
    end: str


class Difference(msgspec.Struct, frozen=True):
    """One difference. amount: what it adds to the session's final equity over the re-run's, to the cent."""

    cause: str
    amount: Decimal
    words: str
    symbol: Symbol | None
    side: Side | None
    at: int
    session: Half | None
    rerun: Half | None


class Incident(msgspec.Struct, frozen=True):
    """Something in the window that a backtest has not: a halt, a refusal, a person's order, a restart."""

    at: int
    what: str
    words: str
    order_id: UUID | None = None


class Parity(msgspec.Struct, frozen=True, kw_only=True):
    """A window of a session beside its backtest.

    first, last: market time of the first step the strategy acted on and of the last one that counts, whose
    orders do not, as they fill later. causes: what each adds to the session's final equity over the re-run's;
    with rounding, which is expected to be 0.00, they sum to difference. orders, fills: of the session, then
    of the re-run; paired: orders found on both sides.
    """

    format: int = FORMAT
    account: UUID
    strategy: str
    source: str
    parameters: dict[str, str]
    data: str
    data_sha256: str
    costs: dict[str, str]
    first: int
    last: int
    steps: int
    start_equity: Money
    session_equity: Money
    rerun_equity: Money
    difference: Decimal
    causes: dict[str, Decimal]
    differences: list[Difference]
    incidents: list[Incident]
    orders: tuple[int, int]
    fills: tuple[int, int]
    paired: int
    notes: list[str]

    @property
    def same(self) -> bool:
        """Whether nothing differs at all, in money or in trades."""
        return not self.differences and self.difference == NOTHING

    @property
    def words(self) -> str:
        """The outcome in a sentence."""
        if self.same and not any(self.orders):
            return "Parity: neither the session nor the backtest traded; difference 0.00."
        if self.same:
            return (
                f"Parity: the session made the trades of the backtest, {self.orders[0]} orders and"
                f" {self.fills[0]} executions alike; difference 0.00."
            )
        parts = [f"{cause} {amount:+,.2f}" for cause, amount in self.causes.items() if amount]
        first = min(self.differences, key=lambda one: one.at, default=None)
        begins = (
            "" if first is None else f" The first is of {rfc3339(first.at)}: {first.cause}, {first.words}."
        )
        many = f"{len(self.differences)} difference{'' if len(self.differences) == 1 else 's'}"
        return (
            f"No parity: {many}; the session ended with {self.difference:+,.2f} against the backtest"
            f"{' (' + ', '.join(parts) + ')' if parts else ''}.{begins}"
        )


def encoded(parity: Parity) -> bytes:
    """As JSON, the same bytes for the same comparison."""
    told = {**msgspec.to_builtins(parity), "same": parity.same, "words": parity.words}
    return msgspec.json.format(msgspec.json.encode(told, order="deterministic"), indent=1) + b"\n"
