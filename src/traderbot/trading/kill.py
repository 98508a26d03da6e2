"""The kill switch of an account: no new orders, open ones cancelled, positions closed where asked; and
whether it is flat. One unit of work, so that nothing can be placed in between.
"""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from traderbot.engine.exposure import working
from traderbot.infra.events.journal import Meta
from traderbot.infra.ids import new_id
from traderbot.model.account import NOTHING, Account
from traderbot.model.amounts import Quantity
from traderbot.model.commands import CancelOrder, Command, PauseTrading, PlaceOrder
from traderbot.model.grants import Grant
from traderbot.model.orders import OrderType, Side
from traderbot.model.symbols import Symbol
from traderbot.trading.work import SYSTEM, Work


class Left(msgspec.Struct, frozen=True):
    """A position that is still there. closing: the market orders at work that reduce it."""

    symbol: Symbol
    qty: Quantity
    closing: list[UUID]


class Flatness(msgspec.Struct, frozen=True):
    """What an account still has. flat: no position and no open order; halted: why it places nothing."""

    halted: str | None
    flat: bool
    open_orders: int
    positions: list[Left]


def kill(
    account_id: UUID, detail: str, *, flatten: bool, meta: Meta = SYSTEM, grant: Grant | None = None
) -> Work:
    """Work that pauses the account, cancels its open orders and, where asked, closes its positions at the
    market. Its refusals are of what could not be cancelled or closed. May be done again.
    """

    def plan(account: Account) -> Iterable[Command]:
        commands: list[Command] = []
        if account.halted is None or "" in account.lifting:  # takes back a request to resume
            commands.append(PauseTrading(detail))
        commands += [CancelOrder(order.id) for order in working(account)]
        return commands + (_closing(account) if flatten else [])

    return Work(plans=[(account_id, plan)], meta=meta, grant=grant)


def _closing(account: Account) -> list[Command]:
    return [
        PlaceOrder(
            new_id(),
            symbol,
            Side.SELL if position.qty > NOTHING else Side.BUY,
            Quantity(abs(position.qty)),
            closes=True,
        )
        for symbol, position in sorted(account.positions.items())
        if position.qty
    ]


def flatness(account: Account) -> Flatness:
    """What is left of an account."""
    left = [
        Left(symbol, Quantity(position.qty), _reducing(account, symbol, position.qty > NOTHING))
        for symbol, position in sorted(account.positions.items())
        if position.qty
    ]
    orders = len(account.orders)
    return Flatness(account.halted, not left and not orders, orders, left)


def _reducing(account: Account, symbol: Symbol, long: bool) -> list[UUID]:
    side = Side.SELL if long else Side.BUY
    return [order.id for order in account.orders_of(symbol, side) if order.type is OrderType.MARKET]
