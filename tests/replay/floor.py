"""A platform on the demo's data whose steps a test plays by hand, and the books kept a second time.

`Books` knows nothing of the engine: it folds the stored texts of events with a few lines of its own, so that
the engine cannot agree with itself only.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from traderbot.bootstrap import Platform
from traderbot.cli.serve import demo_login
from traderbot.infra.events.journal import events
from traderbot.infra.settings import load_settings
from traderbot.market.datasets import Dataset

D = Decimal
_ROUNDING = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation])


def millionths(value: Decimal) -> Decimal:
    return value.quantize(D("0.000001"), context=_ROUNDING)


def open_floor(home: Path, **settings: object) -> Platform:
    """A platform whose session stands still until a test plays it."""
    given = {"home": home, "replay_speed": 0.0, "replay_start": "2005-01-03", "log_level": "error"} | settings
    return Platform.open(load_settings(given))


@contextmanager
def floor(home: Path, **settings: object) -> Iterator[Platform]:
    platform = open_floor(home, **settings)
    try:
        yield platform
    finally:
        platform.close()


def demo_account(platform: Platform) -> UUID:
    """The demo user's account, traded by the AI strategy."""
    _, account_id = demo_login(platform)
    platform.trade_by_ai(account_id)
    return account_id


def play(platform: Platform, steps: int | None = None) -> int:
    """Play so many steps, or all there are; the number played."""
    session = platform.session
    session.call_followers()
    played = 0
    while played != steps and (step := session.replay.wait_for_next()) is not None:
        session.play(step)
        played += 1
    return played


def stored(platform: Platform, account_id: UUID | None = None) -> list[Any]:
    """Events as stored, oldest first; of one account where named."""
    query = sa.select(events).order_by(events.c.position)
    if account_id is not None:
        query = query.where(events.c.stream == f"account:{account_id}")
    with platform.database.read() as connection:
        return list(connection.execute(query))


class Books:
    """One account folded from stored texts. positions: symbol to [shares, cost]; held: order to cash."""

    def __init__(self, close_at: Callable[[str, int], Decimal]) -> None:
        self.cash = self.flows = self.fees = self.dividends = self.realised = D(0)
        self.positions: dict[str, list[Decimal]] = {}
        self.ledger = D(0)
        self._close_at = close_at

    def take(self, kind: str, data: dict[str, Any]) -> None:
        match kind:
            case "CashMoved":
                self.cash += D(data["amount"])
                self.flows += D(data["amount"])
            case "OrderFilled":
                self._fill(data)
            case "CorporateActionApplied" if data["kind"] == "split":
                shares = sum((D(lot["qty"]) for lot in data.get("lots", ())), D(0))
                if shares:
                    self.positions[data["symbol"]][0] = shares
            case "CorporateActionApplied":
                paid = millionths(self.positions[data["symbol"]][0] * D(data["amount"]))
                assert D(data["cash"]) == paid
                self.cash += paid
                self.dividends += paid

    def _fill(self, data: dict[str, Any]) -> None:
        qty, price, fee = D(data["qty"]), D(data["price"]), D(data["fee"])
        value = millionths(qty * price)
        assert value == D(data["notional"])
        position = self.positions.setdefault(data["symbol"], [D(0), D(0)])
        self.fees += fee
        if data["side"] == "buy":
            self.cash -= value + fee
            position[0] += qty
            position[1] += value
        else:
            cost = sum((D(part["cost"]) for part in data["relief"]), D(0))
            assert qty == sum((D(part["qty"]) for part in data["relief"]), D(0))
            self.cash += value - fee
            position[0] -= qty
            position[1] -= cost
            self.realised += value - cost
        assert position[0] == D(data["position_qty"]) >= 0
        assert (position[0] == 0) <= (position[1] == 0), "flat means cost 0"

    def market_value(self, at: int) -> Decimal:
        """Positions at the last closes of `at`, each rounded to a millionth."""
        values = (
            shares * self._close_at(symbol, at) for symbol, (shares, _) in self.positions.items() if shares
        )
        return sum((millionths(value) for value in values), D(0))

    @property
    def cost(self) -> Decimal:
        return sum((cost for _, cost in self.positions.values()), D(0))

    def equity(self, at: int) -> Decimal:
        return self.cash + self.market_value(at)

    def explained(self, at: int) -> Decimal:
        """Equity once more, from where it came: flows, gains, fees and dividends."""
        unrealised = self.market_value(at) - self.cost
        return self.flows + self.realised + unrealised - self.fees + self.dividends


def closes_of(dataset: Dataset) -> Callable[[str, int], Decimal]:
    """The last raw close of an instrument known at a time."""

    def close_at(symbol: str, at: int) -> Decimal:
        bars = dataset.bars[symbol]  # type: ignore[index]  # a Symbol is a str
        return D(repr(float(bars.close[bars.times.searchsorted(at, "right") - 1])))

    return close_at


def decoded(row: Any) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(row.data)
    return data
