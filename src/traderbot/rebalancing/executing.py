"""A proposal on its way: approved once, its sales placed together, its buys once they are through.

Before anything is placed all of it is rehearsed on a copy of the account by the engine that decides: sales,
their fills at the marks, buys. What the gate would refuse then is refused whole. Each step is one unit of
work with the proposal's status in the same transaction, so that nothing is placed twice, whoever asks and
whatever dies.
"""

import copy
from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID, uuid5

import msgspec
from sqlalchemy.engine import Connection

from traderbot.engine.apply import apply
from traderbot.engine.decide import decide
from traderbot.engine.exposure import working
from traderbot.engine.market import Market
from traderbot.infra.events.journal import Meta
from traderbot.model import rounding
from traderbot.model.account import Account
from traderbot.model.amounts import ZERO, Price, Quantity
from traderbot.model.commands import CancelOrder, Command, PlaceOrder, RecordExecution
from traderbot.model.errors import Conflict
from traderbot.model.events import RebalancingChanged
from traderbot.model.orders import OrderType, Side
from traderbot.model.reasons import Refusal
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol
from traderbot.rebalancing.proposal import OPEN, Proposal, Status
from traderbot.rebalancing.rows import add_proposal, find_proposal, keep_proposal
from traderbot.rebalancing.trades import Prices, Trade, bought, limit_of, plain
from traderbot.simulation.costs import Costs
from traderbot.trading.accounts import load_account
from traderbot.trading.halts import rules_in_force
from traderbot.trading.streams import user_stream
from traderbot.trading.work import SYSTEM, Work

_MOVED_MAX = Decimal("0.10")


def record(proposal: Proposal, meta: Meta = SYSTEM) -> Work:
    """Work that keeps a new proposal."""
    work = _work(proposal, meta)
    _say(work, proposal, "proposed")
    work.job = lambda connection: add_proposal(connection, proposal)
    return work


def approve(proposal: Proposal, by: UUID, now: int, market: Market, meta: Meta = SYSTEM) -> Work:
    """Work that places the sales, or the buys where nothing is sold; its result is the proposal as it is
    then.

    by: who approves. Errors: NotFound; Conflict for one that was decided on already, for positions that are
    no longer those it was made on, for a price that moved by more than a tenth, and for what the gate would
    refuse, each in words.
    """
    work = _work(proposal, meta)

    def job(connection: Connection) -> Proposal:
        found = find_proposal(connection, proposal.account_id, proposal.id)
        if found.status != "proposed":
            raise Conflict(f"the proposal is {found.status} already")
        account, rules = _account(connection, proposal.account_id), rules_in_force(connection)
        _check_unmoved(found, account, market)
        sales, buys = _commands(found, market)
        refused = rehearse(account, sales, buys, market, rules)
        if refused is not None:
            order, refusal = refused
            raise Conflict(f"{order.side.value} of {_size(order)}: {refusal.detail}")
        status: Status = "selling" if sales else "buying"
        after = msgspec.structs.replace(
            found, status=status, decided_at=now, decided_by=by, orders=_ids(sales or buys)
        )
        keep_proposal(connection, after)
        work.commands[:] = [(account.id, one) for one in sales or buys]
        _say(work, found, "approved")
        return after

    work.job = job
    return work


def reject(proposal: Proposal, by: UUID, now: int, meta: Meta = SYSTEM) -> Work:
    """Work that lets a proposal go; of one under way it cancels what is open. Its result is the proposal
    then. Errors: NotFound; Conflict for one that is over.
    """
    work = _work(proposal, meta)

    def job(connection: Connection) -> Proposal:
        found = find_proposal(connection, proposal.account_id, proposal.id)
        if found.status not in ("proposed", *OPEN):
            raise Conflict(f"the proposal is {found.status} already")
        account = _account(connection, proposal.account_id)
        mine = set(found.orders)
        work.commands[:] = [(account.id, CancelOrder(one.id)) for one in working(account) if one.id in mine]
        begun = found.status != "proposed"
        why = "somebody stopped it" if begun else None
        status: Status = "stopped" if begun else "rejected"
        after = msgspec.structs.replace(found, status=status, decided_at=now, decided_by=by, why=why)
        keep_proposal(connection, after)
        _say(work, found, status, why or "")
        return after

    work.job = job
    return work


def give_up(proposal: Proposal, why: str) -> Work:
    """Work that stops a proposal of a plan that could not be approved."""
    work = _work(proposal, SYSTEM)

    def job(connection: Connection) -> None:
        found = find_proposal(connection, proposal.account_id, proposal.id)
        if found.status == "proposed":
            keep_proposal(connection, msgspec.structs.replace(found, status="stopped", why=why))
            _say(work, found, "stopped", why)

    work.job = job
    return work


def go_on(proposal: Proposal, market: Market, costs: Costs) -> Work:
    """Work that takes one under way a step further, if none of its orders is open any more: from the sales to
    the buys, at what there is now to pay them with, and from there to the end. Its result: the proposal as it
    is then.
    """
    work = _work(proposal, Meta(f"user:{proposal.decided_by}", f"rebalancing:{proposal.id}"))

    def job(connection: Connection) -> Proposal:
        work.commands.clear()
        work.facts.clear()
        found = find_proposal(connection, proposal.account_id, proposal.id)
        account = _account(connection, proposal.account_id)
        if found.status not in OPEN or not account.orders.keys().isdisjoint(found.orders):
            return found
        buying = found.status == "buying"
        after = _done(work, found, account) if buying else _buy(connection, found, account)
        keep_proposal(connection, after)
        return after

    def _buy(connection: Connection, found: Proposal, account: Account) -> Proposal:
        buys = _affordable(found, account, market, costs)
        refused = rehearse(account, [], buys, market, rules_in_force(connection))
        if refused is not None:
            why = f"buy of {_size(refused[0])}: {refused[1].detail}"
            _say(work, found, "stopped", why)
            return msgspec.structs.replace(found, status="stopped", why=why)
        if not buys:
            return _done(work, found, account)
        work.commands[:] = [(account.id, one) for one in buys]
        return msgspec.structs.replace(found, status="buying", orders=[*found.orders, *_ids(buys)])

    work.job = job
    return work


def _done(work: Work, proposal: Proposal, account: Account) -> Proposal:
    """The proposal at its end, with what is missing where something is."""
    missing = [
        f"{line.symbol} {plain(account.quantity(line.symbol))} of {plain(line.qty_after)}"
        for line in proposal.draft.lines
        if account.quantity(line.symbol) != line.qty_after
    ]
    why = f"not reached: {', '.join(missing)}" if missing else None
    _say(work, proposal, "done", why or "")
    return msgspec.structs.replace(proposal, status="done", why=why)


def rehearse(
    account: Account, sales: Iterable[PlaceOrder], buys: Iterable[PlaceOrder], market: Market, rules: Rules
) -> tuple[PlaceOrder, Refusal] | None:
    """The first order that the gate would refuse with the sales filled at the marks; None where none is."""
    account = copy.deepcopy(account)
    for order in (*sales, *buys):
        decision = decide(account, order, market, rules)
        if decision.refusal is not None:
            return order, decision.refusal
        for event in decision.events:
            apply(account, event)
        if order.side is Side.SELL:
            for event in decide(account, _filled(order, market), market, rules).events:
                apply(account, event)
    return None


def _filled(order: PlaceOrder, market: Market) -> Command:
    mark = market.mark(order.symbol)
    assert mark is not None  # the gate saw to that
    assert order.qty is not None
    no_fee = rounding.cents(ZERO)
    return RecordExecution(
        order.order_id, uuid5(order.order_id, "fill"), order.qty, mark.price, no_fee, mark.at
    )


def _check_unmoved(proposal: Proposal, account: Account, market: Market) -> None:
    for line in proposal.draft.lines:
        held = account.quantity(line.symbol)
        if held != line.qty_before:
            told = f"{plain(held)} {line.symbol}, not {plain(line.qty_before)} as when this was proposed"
            raise Conflict(f"the account holds {told}; make a new proposal")
    for trade in proposal.draft.trades:
        mark = market.mark(trade.symbol)
        if mark is None or abs(mark.price - trade.mark) > trade.mark * _MOVED_MAX:
            raise Conflict(f"the price of {trade.symbol} moved by more than a tenth; make a new proposal")


def _commands(proposal: Proposal, market: Market) -> tuple[list[PlaceOrder], list[PlaceOrder]]:
    """Sales and buys as proposed, buys limited from the marks of now."""
    trades = proposal.draft.trades
    sales = [_order(proposal, one, None) for one in trades if one.side is Side.SELL]
    slack = proposal.wanted.slack
    buys = [
        _order(proposal, one, limit_of(_mark(market, one.symbol), slack))
        for one in trades
        if one.side is Side.BUY
    ]
    return sales, buys


def _affordable(proposal: Proposal, account: Account, market: Market, costs: Costs) -> list[PlaceOrder]:
    """The buys as far as there is cash for them now."""
    buys = {one.symbol: one for one in proposal.draft.trades if one.side is Side.BUY}
    marks = {symbol: _mark(market, symbol) for symbol in buys}
    kept_back = rounding.budget(proposal.draft.equity, proposal.wanted.cash_buffer)
    wishes = {symbol: one.qty for symbol, one in buys.items()}
    prices = Prices(market.time, marks)
    made = bought(wishes, prices, account.available, kept_back, proposal.wanted, costs, [])
    return [_order(proposal, one, one.limit) for one in made]


def _mark(market: Market, symbol: Symbol) -> Price:
    mark = market.mark(symbol)
    assert mark is not None  # of a symbol that was proposed
    return mark.price


def _order(proposal: Proposal, trade: Trade, limit: Price | None) -> PlaceOrder:
    """Under an id that follows from the proposal, so that it can never be placed twice."""
    order_id = uuid5(proposal.id, f"{trade.side.value} {trade.symbol}")
    return PlaceOrder(
        order_id,
        trade.symbol,
        trade.side,
        Quantity(trade.qty),
        OrderType.MARKET if limit is None else OrderType.LIMIT,
        limit_price=limit,
        lots=trade.lots,
    )


def _size(order: PlaceOrder) -> str:
    return f"{plain(order.qty or ZERO)} {order.symbol}"


def _ids(orders: Iterable[PlaceOrder]) -> list[UUID]:
    return [order.order_id for order in orders]


def _account(connection: Connection, account_id: UUID) -> Account:
    account = load_account(connection, account_id)
    assert account is not None  # the proposal's
    return account


def _work(proposal: Proposal, meta: Meta) -> Work:
    """Alone, as its job reads what others would have staged; the empty plan has the account locked."""
    streams = [user_stream(proposal.user_id)]
    return Work(plans=[(proposal.account_id, lambda _: [])], streams=streams, alone=True, meta=meta)


def said(proposal: Proposal, what: str, detail: str = "") -> RebalancingChanged:
    """What is told of a proposal; what it trades, where nothing else is."""
    detail = detail or _summary(proposal)
    return RebalancingChanged(proposal.user_id, proposal.account_id, what, proposal.id, detail)


def _say(work: Work, proposal: Proposal, what: str, detail: str = "") -> None:
    work.facts[:] = [(user_stream(proposal.user_id), said(proposal, what, detail))]


def _summary(proposal: Proposal) -> str:
    trades = proposal.draft.trades
    sold = sum((one.value for one in trades if one.side is Side.SELL), ZERO)
    spent = sum((one.value for one in trades if one.side is Side.BUY), ZERO)
    return (
        f"{len(trades)} orders: {rounding.cents(sold):f} USD to sell, {rounding.cents(spent):f} USD to buy."
    )
