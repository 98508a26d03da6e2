"""Executions: of open orders and of closed ones, taken back, and what they mean for the rest of a group."""

from decimal import Decimal
from uuid import UUID

import msgspec

from traderbot.engine import lots
from traderbot.engine.decision import Decision, no
from traderbot.engine.groups import closable
from traderbot.engine.holds import hold_left
from traderbot.engine.market import Market
from traderbot.engine.working import impossible, members, rest_of_group, uncovered
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model import rounding
from traderbot.model.account import NOTHING, Account, AccountKind
from traderbot.model.amounts import Money, Quantity
from traderbot.model.orders import Leg, Order, OrderStatus, Side
from traderbot.model.reasons import Reason
from traderbot.model.rules import Rules

_NO_MONEY = Money(NOTHING)
_SELL, _HELD, _FILLED = Side.SELL, OrderStatus.HELD, OrderStatus.FILLED  # members of an Enum are slow to read
_MARGIN = AccountKind.MARGIN


def execute(account: Account, command: c.RecordExecution, market: Market, rules: Rules) -> Decision:
    """Record an execution of an open order. What cannot be is put aside, and halts the symbol.

    A cash account never pays more than the order holds and what is available, nor sells what it has not; on a
    margin account an execution may borrow, and go through flat.
    """
    order = account.orders.get(command.order_id)
    if order is None:
        return no(Reason.ORDER_NOT_OPEN)
    qty, fee, side = command.qty, command.fee, order.side
    notional = rounding.notional(qty, command.price)
    purse = account.balances["cash"] - account.held + account.overdraft + order.hold - fee
    purse += notional if side is _SELL else -notional
    wrong = _wrong(account, order, command, notional, purse)
    if wrong is not None:
        return impossible(order.symbol, command, market, *wrong)
    filled_qty = order.filled_qty + qty
    done = filled_qty == order.qty or (command.completes and order.notional is not None)
    open_hold = not done and order.hold
    hold = hold_left(account, order, qty, notional, fee, purse, rules) if open_hold else _NO_MONEY
    result = lots.effect(account, account.positions.get(order.symbol), side, qty, notional, order.lots)
    filled = e.OrderFilled(  # by position: names take three times as long
        market.time,
        order.id,
        command.execution_id,
        order.symbol,
        side,
        qty,
        command.price,
        notional,
        fee,
        Quantity(filled_qty),
        Money(order.filled_value + notional),
        _FILLED if done else OrderStatus.PARTIALLY_FILLED,
        hold,
        result.position_qty,
        command.priced_at,
        result.realised,
        result.lot,
        result.relief,
        result.lot_qty,
        result.lot_cost,
    )
    return Decision((filled,) if order.member is None else (filled, *_rest(account, order, filled, done)))


def _wrong(
    account: Account, order: Order, command: c.RecordExecution, notional: Money, purse: Decimal
) -> tuple[Reason, str] | None:
    """Why an execution cannot be, with its figures. purse: what it leaves of the order's hold and of the cash
    that no other order holds.
    """
    qty = command.qty
    if order.filled_qty + qty > order.qty:
        return Reason.EXECUTION_TOO_LARGE, f"(execution {qty:f}, order has {order.remaining:f} left)"
    if order.status is _HELD:
        return Reason.IMPOSSIBLE_REPORT, "(a waiting exit)"
    if order.notional is not None and order.filled_value + notional > order.notional:
        value = order.filled_value + notional
        return Reason.EXECUTION_TOO_LARGE, f"(value {value:f}, ordered for {order.notional:f})"
    if account.kind is _MARGIN:
        return None
    if purse < NOTHING:
        short = f"({-purse:f} more than the order's hold and the available cash)"
        return Reason.EXECUTION_TOO_LARGE, short
    if order.side is _SELL and qty > (owned := account.quantity(order.symbol)):
        return Reason.EXECUTION_TOO_LARGE, f"(sells {qty:f}, account holds {owned:f})"
    return None


def _rest(account: Account, order: Order, filled: e.OrderFilled, done: bool) -> list[e.Event]:
    """What an execution of one member does to the others: an entry wakes its exits, an exit shrinks or ends
    the other.
    """
    assert order.member is not None
    others = members(account, order)
    if order.member.leg is Leg.ENTRY:
        return _wake(account, others, filled) if done else []
    events: list[e.Event] = []
    for other in others:
        qty = other.qty - filled.qty
        if done or qty <= other.filled_qty:
            if other.status is not OrderStatus.UNKNOWN:
                events.append(e.OrderCancelled(filled.at, other.id, Reason.SIBLING_FILLED))
        else:
            events.append(e.LegResized(filled.at, other.id, Quantity(qty), other.reserves))
    return events


def _wake(account: Account, legs: list[Order], filled: e.OrderFilled) -> list[e.Event]:
    """Activate the exits of a filled entry, for no more shares than are free; without any they end."""
    legs = [leg for leg in legs if leg.status is OrderStatus.HELD]
    if not legs:
        return []
    free = closable(account, legs[0], filled.position_qty)
    if free <= 0:
        return [e.OrderCancelled(filled.at, leg.id, Reason.NO_SHARES_LEFT) for leg in legs]
    return [e.LegActivated(filled.at, leg.id, Quantity(min(leg.qty, free)), leg.reserves) for leg in legs]


def execute_late(account: Account, command: c.RecordLateExecution, market: Market, rules: Rules) -> Decision:
    """Record an execution that came to light after its order was closed: it happened, so it counts.

    It may take more cash than there is, and on a cash account leave shares owed: then the account is halted.
    Exits whose shares are gone are cancelled.
    """
    execution, order = command.execution, command.order
    if order.id in account.orders:
        return execute(account, execution, market, rules)
    qty = execution.qty
    filled_qty = order.filled_qty + qty
    if filled_qty > order.qty:
        figures = f"(execution {qty:f}, {order.remaining:f} were left)"
        return impossible(order.symbol, execution, market, Reason.EXECUTION_TOO_LARGE, figures)
    notional = rounding.notional(qty, execution.price)
    if order.notional is not None and order.filled_value + notional > order.notional:
        figures = f"(value {order.filled_value + notional:f}, ordered for {order.notional:f})"
        return impossible(order.symbol, execution, market, Reason.EXECUTION_TOO_LARGE, figures)
    result = lots.effect(account, account.positions.get(order.symbol), order.side, qty, notional, order.lots)
    moved = (notional if order.side is Side.SELL else -notional) - execution.fee
    overdraft = _overdraft(account, account.held, moved)
    late = e.OrderFilledLate(
        at=command.executed_at,
        order_id=order.id,
        execution_id=execution.execution_id,
        symbol=order.symbol,
        side=order.side,
        qty=qty,
        price=execution.price,
        notional=notional,
        fee=execution.fee,
        filled_qty=Quantity(filled_qty),
        filled_value=Money(order.filled_value + notional),
        status=order.status,
        hold=_NO_MONEY,
        priced_at=execution.priced_at,
        overdraft=overdraft,
        **msgspec.structs.asdict(result),
    )
    events: list[e.Event] = [late]
    events += uncovered(account, order.symbol, result.position_qty, market.time, set())
    events += _halt(account, overdraft, result.position_qty, market.time, "A late execution")
    return Decision(tuple(events))


def bust(account: Account, command: c.BustExecution, market: Market, rules: Rules) -> Decision:
    """Take an execution back. Its order, if open, is cancelled first, with its group; exits whose shares are
    gone end too.
    """
    order = account.orders.get(command.execution.order_id)
    execution = _under_its_name(account, command.execution)
    if execution is None:
        missing = f"(nothing is left of {command.execution.symbol} to take back)"
        return impossible(command.execution.symbol, command, market, Reason.IMPOSSIBLE_REPORT, missing)
    events: list[e.Event] = []
    gone: set[UUID] = set()
    if order is not None:
        ended = e.OrderCancelled(market.time, order.id, Reason.EXECUTION_BUSTED)
        events += (ended, *rest_of_group(account, order, market.time))
        gone = {event.order_id for event in events if isinstance(event, e.OrderCancelled)}
    known = order or command.order
    filled_qty = execution.filled_qty if known is None else known.filled_qty
    filled_value = execution.filled_value if known is None else known.filled_value
    held = account.held - sum([account.orders[order_id].hold for order_id in gone], NOTHING)
    back = execution.notional if execution.side is Side.BUY else -execution.notional
    overdraft = _overdraft(account, held, back + execution.fee)
    undone = lots.undo(account, execution, command.opened)
    busted = e.ExecutionBusted(
        at=execution.at,
        order_id=execution.order_id,
        execution_id=execution.execution_id,
        symbol=execution.symbol,
        side=execution.side,
        qty=execution.qty,
        price=execution.price,
        notional=execution.notional,
        fee=execution.fee,
        filled_qty=filled_qty - execution.qty,
        filled_value=filled_value - execution.notional,
        overdraft=overdraft,
        **undone._asdict(),
    )
    events.append(busted)
    events += uncovered(account, execution.symbol, undone.position_qty, market.time, gone)
    events += _halt(account, overdraft, undone.position_qty, market.time, "A busted execution")
    return Decision(tuple(events))


def _under_its_name(account: Account, execution: e.Execution) -> e.Execution | None:
    """The execution under the symbol that its lots have today; None where no trace of them is left."""
    if execution.symbol in account.positions:
        return execution
    numbers = {part.lot for part in execution.relief} | {execution.lot}
    for position in account.positions.values():
        if not numbers.isdisjoint(position.lots):
            return msgspec.structs.replace(execution, symbol=position.symbol)
    return None


def _overdraft(account: Account, held: Decimal, moved: Decimal) -> Money | None:
    """Cash that a report takes beyond what a cash account has, None where it has enough."""
    if account.kind is AccountKind.MARGIN:
        return None
    known = min(account.overdraft, max(NOTHING, held - account.cash))
    missing = held - account.cash - moved - known
    return Money(missing) if missing > 0 else None


def _halt(account: Account, overdraft: Money | None, owned: Decimal, at: int, what: str) -> list[e.Event]:
    """Halt a cash account that a report left owing cash or shares."""
    owes = overdraft is not None or (owned < 0 and account.kind is not AccountKind.MARGIN)
    if not owes or account.halted is not None:
        return []
    return [e.TradingPaused(at, f"{what} left this account owing cash or shares.")]
