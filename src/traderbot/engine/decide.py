"""Decide: what a command leads to, given the account, the market and the rules. Pure; changes nothing."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from traderbot.engine.gate import review
from traderbot.engine.market import Market
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model import rounding
from traderbot.model.account import NOTHING, Account, Position
from traderbot.model.actions import CorporateAction
from traderbot.model.amounts import Money, Price, Quantity
from traderbot.model.orders import Order, OrderStatus, OrderType, Side, TimeInForce
from traderbot.model.reasons import Reason, Refusal, refuse
from traderbot.model.symbols import Symbol

_NO_MONEY = Money(NOTHING)


class Decision(NamedTuple):
    """The events to append, and the refusal where the answer was no. A refused order is an event as well."""

    events: tuple[e.Event, ...] = ()
    refusal: Refusal | None = None


def decide(account: Account, command: c.Command, market: Market, rules: c.Rules) -> Decision:
    """What the command leads to.

    market: of the session the account belongs to; rules: in force in this transaction.
    """
    return _DECIDERS[type(command)](account, command, market, rules)


def _no(reason: Reason, figures: str = "") -> Decision:
    return Decision((), refuse(reason, figures))


def _open_account(account: Account, command: c.OpenAccount, market: Market, rules: c.Rules) -> Decision:
    opened = e.AccountOpened(
        market.time, command.account_id, command.user_id, command.session_id, command.currency
    )
    return Decision((opened,))


def _deposit(account: Account, command: c.DepositCash, market: Market, rules: c.Rules) -> Decision:
    return Decision((e.CashMoved(market.time, command.amount, "deposit"),))


def _place(
    account: Account, command: c.PlaceOrder, market: Market, rules: c.Rules, replaces: UUID | None = None
) -> Decision:
    verdict = review(account, command, market, rules)
    if isinstance(verdict, Refusal):
        refused = e.OrderRefused(
            at=market.time,
            order_id=command.order_id,
            client_order_id=command.client_order_id,
            symbol=command.symbol,
            side=command.side,
            type=command.type,
            qty=command.qty,
            limit_price=command.limit_price,
            reason=verdict.reason,
            detail=verdict.detail,
            rules_version=rules.version,
            signal_id=command.signal_id,
        )
        return Decision((refused,), verdict)
    placed = e.OrderPlaced(
        at=market.time,
        order_id=command.order_id,
        client_order_id=command.client_order_id,
        symbol=command.symbol,
        side=command.side,
        type=command.type,
        time_in_force=command.time_in_force,
        qty=command.qty,
        limit_price=command.limit_price,
        price_max=verdict.price_max,
        fee_rate=rules.fee_rate,
        hold=verdict.hold,
        expires_at=market.day_end if command.time_in_force is TimeInForce.DAY else None,
        mark=verdict.mark.price,
        mark_at=verdict.mark.at,
        rules_version=rules.version,
        replaces=replaces,
        signal_id=command.signal_id,
    )
    return Decision((placed,))


def _replace(account: Account, command: c.ReplaceOrder, market: Market, rules: c.Rules) -> Decision:
    """The new order is for what the new total leaves after the fills; the gate sees the old hold released."""
    old = account.orders.get(command.order_id)
    if old is None:
        return _no(Reason.ORDER_NOT_OPEN)
    total = old.qty if command.qty is None else command.qty
    limit = old.limit_price if command.limit_price is None else command.limit_price
    unchanged = total == old.qty and limit == old.limit_price
    limits_market = old.type is OrderType.MARKET and limit is not None
    if unchanged or limits_market or total <= old.filled_qty:
        return _no(Reason.NOTHING_TO_CHANGE, f"(qty {total:f}, filled {old.filled_qty:f})")
    place = c.PlaceOrder(
        order_id=command.new_order_id,
        symbol=old.symbol,
        side=old.side,
        qty=Quantity(total - old.filled_qty),
        type=old.type,
        time_in_force=old.time_in_force,
        limit_price=limit,
        client_order_id=command.client_order_id,
    )
    placed = _place(_without(account, old), place, market, rules, replaces=old.id)
    if placed.refusal is not None:
        return placed
    return Decision((e.OrderReplaced(market.time, old.id, command.new_order_id), *placed.events))


def _without(account: Account, order: Order) -> Account:
    """The account as the gate would see it had the order never held anything."""
    reserved = dict(account.reserved)
    if order.side is Side.SELL:
        reserved[order.symbol] -= order.remaining
    return Account(
        id=account.id,
        balances=account.balances,
        held=account.held - order.hold,
        reserved=reserved,
        positions=account.positions,
        halted=account.halted,
    )


def _cancel(account: Account, command: c.CancelOrder, market: Market, rules: c.Rules) -> Decision:
    if command.order_id not in account.orders:
        return _no(Reason.ORDER_NOT_OPEN)
    return Decision((e.OrderCancelled(market.time, command.order_id, command.reason),))


def _expire(account: Account, command: c.ExpireOrder, market: Market, rules: c.Rules) -> Decision:
    if command.order_id not in account.orders:
        return _no(Reason.ORDER_NOT_OPEN)
    return Decision((e.OrderExpired(market.time, command.order_id),))


def _execute(account: Account, command: c.RecordExecution, market: Market, rules: c.Rules) -> Decision:
    order = account.orders.get(command.order_id)
    if order is None:
        return _no(Reason.ORDER_NOT_OPEN)
    qty = command.qty
    filled_qty = order.filled_qty + qty
    if filled_qty > order.qty:
        return _no(Reason.EXECUTION_TOO_LARGE, f"(execution {qty:f}, order has {order.remaining:f} left)")
    notional = rounding.notional(qty, command.price)
    done = filled_qty == order.qty
    owned = account.quantity(order.symbol)
    buying = order.side is Side.BUY
    purse = account.available + order.hold - command.fee + (-notional if buying else notional)
    if purse < 0:
        return _no(
            Reason.EXECUTION_TOO_LARGE, f"({-purse:f} more than the order's hold and the available cash)"
        )
    hold, lot, realised = _NO_MONEY, None, _NO_MONEY
    relief: tuple[e.Relief, ...] = ()
    if buying:
        if not done:
            hold = _hold_left(order, filled_qty, notional + command.fee, purse)
        lot = account.lots_opened + 1
        owned += qty
    elif qty > owned:
        return _no(Reason.EXECUTION_TOO_LARGE, f"(sells {qty:f}, account holds {owned:f})")
    else:
        relief = fifo(account.positions[order.symbol], qty)
        realised = Money(notional - sum((part.cost for part in relief), NOTHING))
        owned -= qty
    filled = e.OrderFilled(
        at=market.time,
        order_id=order.id,
        execution_id=command.execution_id,
        symbol=order.symbol,
        side=order.side,
        qty=qty,
        price=command.price,
        notional=notional,
        fee=command.fee,
        filled_qty=Quantity(filled_qty),
        filled_value=Money(order.filled_value + notional),
        status=OrderStatus.FILLED if done else OrderStatus.PARTIALLY_FILLED,
        hold=hold,
        position_qty=owned,
        priced_at=command.priced_at,
        lot=lot,
        relief=relief,
        realised=realised,
    )
    return Decision((filled,))


def _hold_left(order: Order, filled_qty: Decimal, cost: Decimal, purse: Decimal) -> Money:
    """Hold of a partly filled buy: the worst cost of the rest, from what the execution left of the old hold.

    A millionth more replaces what the rounding of the execution took; purse: cash that no other order holds.
    """
    worst = rounding.hold(order.qty - filled_qty, order.price_max, order.fee_rate)
    return Money(max(NOTHING, min(worst, order.hold - cost + rounding.MONEY_STEP, purse)))


def fifo(position: Position, qty: Decimal) -> tuple[e.Relief, ...]:
    """The lots a sale of `qty` uses up, oldest first.

    Part of a lot takes its share of the cost, the rest keeps the residue. A lot that a reverse split left
    without shares goes with the sale that reaches it, so that its cost is never stranded.
    """
    parts: list[e.Relief] = []
    for lot in position.lots:
        if lot.qty > qty:
            if qty:
                parts.append(e.Relief(lot.number, Quantity(qty), rounding.pro_rata(lot.cost, qty, lot.qty)))
            break
        parts.append(e.Relief(lot.number, lot.qty, lot.cost))
        qty -= lot.qty
    return tuple(parts)


def _corporate_action(
    account: Account, command: c.ApplyCorporateAction, market: Market, rules: c.Rules
) -> Decision:
    """A dividend pays the shares held before the open of its ex-date. A split rescales lots and open orders.

    A reverse split cancels the orders. Source: FINRA rule 5330, which adjusts orders on forward splits only.
    """
    action = command.action
    position = account.positions.get(action.symbol, Position(action.symbol))
    if action.amount is not None:
        if not position.qty:
            return Decision()
        cash = rounding.dividend(position.qty, action.amount)
        return Decision((_applied(action, market, position.qty, cash=cash),))
    working = [order for order in account.orders.values() if order.symbol == action.symbol]
    if not position.qty and not working:
        return Decision()
    lots, owned = _split_lots(position, action.new, action.old)
    if action.new < action.old:
        cancelled = (e.OrderCancelled(market.time, order.id, Reason.CORPORATE_ACTION) for order in working)
        return Decision((*cancelled, _applied(action, market, owned, lots=lots)))
    orders = tuple(_split_order(order, action.new, action.old) for order in working)
    return Decision((_applied(action, market, owned, lots=lots, orders=orders),))


def _applied(
    action: CorporateAction, market: Market, owned: Decimal, **effects: Any
) -> e.CorporateActionApplied:
    return e.CorporateActionApplied(
        at=market.time,
        symbol=action.symbol,
        kind=action.kind,
        ex_date=action.ex_date,
        position_qty=owned,
        estimated=action.estimated,
        amount=action.amount,
        new=action.new,
        old=action.old,
        **effects,
    )


def _split_lots(position: Position, new: int, old: int) -> tuple[tuple[e.AdjustedLot, ...], Decimal]:
    """The lots after a split, and their sum: the total is rounded once, each lot is what it adds to it.

    So open sells, each rounded down, never sum to more than the lots do.
    """
    lots = []
    before = after = NOTHING
    for lot in position.lots:
        before += lot.qty
        total = rounding.split_quantity(before, new, old)
        lots.append(e.AdjustedLot(lot.number, Quantity(total - after)))
        after = total
    return tuple(lots), after


def _split_order(order: Order, new: int, old: int) -> e.AdjustedOrder:
    """An open order after a forward split; its hold stays, and still covers it."""
    filled = rounding.split_quantity(order.filled_qty, new, old)
    limit = order.limit_price
    if limit is not None:
        limit = rounding.split_limit(limit, new, old, buying=order.side is Side.BUY)
    return e.AdjustedOrder(
        order_id=order.id,
        qty=Quantity(filled + rounding.split_quantity(order.remaining, new, old)),
        filled_qty=filled,
        limit_price=limit,
        price_max=limit or rounding.split_price_max(order.price_max, new, old),
    )


def _revalue(account: Account, command: c.RevaluePortfolio, market: Market, rules: c.Rules) -> Decision:
    """Cash, and positions at their marks."""
    marks: dict[Symbol, Price] = {}
    value = NOTHING
    for symbol, position in sorted(account.positions.items()):
        if position.qty:
            mark = market.mark(symbol)
            if mark is None:
                return _no(Reason.UNKNOWN_SYMBOL, f"({symbol})")
            marks[symbol] = mark.price
            value += rounding.market_value(position.qty, mark.price)
    cash = account.cash
    equity = Money(cash + value)
    return Decision((e.PortfolioRevalued(market.time, command.step, cash, Money(value), equity, marks),))


def _pause(account: Account, command: c.PauseTrading, market: Market, rules: c.Rules) -> Decision:
    if account.halted is not None:
        return _no(Reason.ALREADY_HALTED)
    return Decision((e.TradingPaused(market.time, command.detail),))


def _resume(account: Account, command: c.ResumeTrading, market: Market, rules: c.Rules) -> Decision:
    if account.halted is None:
        return _no(Reason.NOT_HALTED)
    return Decision((e.TradingResumed(market.time),))


_DECIDERS: dict[type, Callable[[Account, Any, Market, c.Rules], Decision]] = {
    c.OpenAccount: _open_account,
    c.DepositCash: _deposit,
    c.PlaceOrder: _place,
    c.ReplaceOrder: _replace,
    c.CancelOrder: _cancel,
    c.ExpireOrder: _expire,
    c.RecordExecution: _execute,
    c.ApplyCorporateAction: _corporate_action,
    c.RevaluePortfolio: _revalue,
    c.PauseTrading: _pause,
    c.ResumeTrading: _resume,
}
