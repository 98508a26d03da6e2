"""A proposal: the trades to the targets with their costs and tax, and the risk, before and after."""

from decimal import Decimal
from typing import Literal
from uuid import UUID

import msgspec
import numpy as np

from traderbot.model import rounding
from traderbot.model.amounts import ZERO, Money, Quantity
from traderbot.model.border import to_float
from traderbot.model.orders import Side
from traderbot.model.symbols import Symbol
from traderbot.rebalancing.lots import Gains
from traderbot.rebalancing.models import FrontierPoint, at, frontier, installed
from traderbot.rebalancing.targets import Scene, Targets, targets_of
from traderbot.rebalancing.trades import LeftAlone, Orders, Prices, Trade, orders_for
from traderbot.rebalancing.wanted import Expected, Wanted
from traderbot.risk.analysis import analyse
from traderbot.risk.book import Book, Held
from traderbot.risk.figures import Loss
from traderbot.risk.figures import Wanted as RiskWanted
from traderbot.risk.history import Reason
from traderbot.simulation.costs import Costs

Status = Literal["proposed", "rejected", "selling", "buying", "done", "stopped"]
OPEN: tuple[Status, ...] = ("selling", "buying")
_POINTS = 20


class Line(msgspec.Struct, frozen=True):
    """A symbol before and after. Weights are shares of the equity before; target: what was aimed at."""

    symbol: Symbol
    qty_before: Decimal
    weight_before: Decimal
    target: Decimal | None
    qty_after: Decimal
    weight_after: Decimal


class RiskFigures(msgspec.Struct, frozen=True):
    """Of one day at 95%. volatility: of the past year, yearly, as a share of equity; largest: the weight of
    the largest position.
    """

    var: Loss | None
    shortfall: Loss | None
    volatility: float | None
    beta: float | None
    largest: float | None
    reasons: list[Reason]


class Point(msgspec.Struct, frozen=True):
    """Of a year, fractions, by the moments that the frontier is drawn with. weights: shares of equity."""

    volatility: float
    expected: float
    weights: dict[Symbol, float]


class Frontier(msgspec.Struct, frozen=True):
    """The least volatility for each expected return within the constraints; where before and after lie."""

    points: list[Point]
    before: Point
    after: Point


class Draft(msgspec.Struct, frozen=True):
    """as_of: market time. turnover: half of what is bought and sold, as a share of equity. fees, slippage:
    expected. tax: of gains at the rates that were given. cash_after: with all of it traded at the marks.
    """

    as_of: int
    equity: Decimal
    cash: Decimal
    cash_after: Decimal
    lines: list[Line]
    trades: list[Trade]
    left: list[LeftAlone]
    turnover: Decimal
    fees: Money
    slippage: Money
    gains: Gains
    tax: Money
    risk_before: RiskFigures
    risk_after: RiskFigures
    frontier: Frontier | None
    views: list[Expected]
    notes: list[Reason]


class Proposal(msgspec.Struct, frozen=True):
    """A draft on record. user_id: who asked, made_at, decided_at: wall time, microseconds. decided_by: who
    approved or rejected it. orders: placed for it so far. why: what stopped it. plan: whether a plan made it.
    """

    id: UUID
    account_id: UUID
    user_id: UUID
    made_at: int
    status: Status
    wanted: Wanted
    draft: Draft
    plan: bool = False
    decided_at: int | None = None
    decided_by: UUID | None = None
    orders: list[UUID] = []
    why: str | None = None


def draft_of(scene: Scene, wanted: Wanted, costs: Costs, sold_at_a_loss: frozenset[Symbol]) -> Draft:
    """Errors: those of `targets_of`."""
    targets = targets_of(scene, wanted)
    prices = Prices(scene.time, scene.marks, sold_at_a_loss)
    orders = orders_for(scene.account, targets.weights, prices, wanted, costs)
    after = _after(scene, orders)
    fees = Money(sum((one.fee for one in orders.trades), ZERO))
    slippage = Money(sum((one.slippage for one in orders.trades), ZERO))
    gains = sum((one.gains for one in orders.trades), Gains())
    cash_after = _cash_after(scene, orders, fees, slippage)
    equity = scene.equity
    traded = sum((one.value for one in orders.trades), ZERO)
    names = sorted({*scene.held, *targets.weights})
    return Draft(
        as_of=scene.time,
        equity=equity,
        cash=scene.account.cash,
        cash_after=cash_after,
        lines=[_line(scene, name, targets, after[name]) for name in names],
        trades=orders.trades,
        left=orders.left,
        turnover=rounding.ratio(traded, 2 * equity),
        fees=fees,
        slippage=slippage,
        gains=gains,
        tax=gains.tax(wanted.tax_short, wanted.tax_long),
        risk_before=_risk(scene, {name: scene.account.quantity(name) for name in scene.held}, equity),
        risk_after=_risk(scene, after, equity - fees - slippage),
        frontier=_frontier(targets, scene, after),
        views=list(targets.views),
        notes=targets.notes,
    )


def _after(scene: Scene, orders: Orders) -> dict[Symbol, Decimal]:
    """Shares of each symbol that has a mark once all is traded."""
    found = {name: scene.account.quantity(name) for name in scene.marks}
    for one in orders.trades:
        found[one.symbol] += one.qty if one.side is Side.BUY else -one.qty
    return found


def _cash_after(scene: Scene, orders: Orders, fees: Decimal, slippage: Decimal) -> Decimal:
    moved = sum((-one.value if one.side is Side.BUY else one.value for one in orders.trades), ZERO)
    return scene.account.cash + moved - fees - slippage


def _line(scene: Scene, name: Symbol, targets: Targets, after: Decimal) -> Line:
    value = rounding.market_value(after, scene.marks[name])
    return Line(
        symbol=name,
        qty_before=scene.account.quantity(name),
        weight_before=scene.weight(name),
        target=targets.weights.get(name),
        qty_after=after,
        weight_after=rounding.ratio(value, scene.equity),
    )


def _risk(scene: Scene, owned: dict[Symbol, Decimal], equity: Decimal) -> RiskFigures:
    held = tuple(
        Held(name, Quantity(qty), rounding.market_value(qty, scene.marks[name]))
        for name, qty in sorted(owned.items())
        if qty
    )
    found = analyse(Book(scene.dataset, scene.time, scene.account.currency, equity, held), RiskWanted())
    largest = max((abs(one.value) for one in held), default=ZERO)
    return RiskFigures(
        var=found.var,
        shortfall=found.shortfall,
        volatility=None if found.volatility is None else found.volatility.past_year_rate,
        beta=found.beta,
        largest=to_float(rounding.ratio(largest, equity)) if equity > 0 else None,
        reasons=found.reasons,
    )


def _frontier(targets: Targets, scene: Scene, after: dict[Symbol, Decimal]) -> Frontier | None:
    """None for a single symbol, too short a history, or without the library that draws it."""
    constraints, history = targets.constraints, targets.history
    if history is None or len(history.symbols) < 2 or not installed():
        return None
    try:
        points = frontier(history.returns, constraints, _POINTS)
    except ValueError as error:
        targets.notes.append(Reason("frontier", "not_drawn", str(error)))
        return None
    equity = to_float(scene.equity)
    values = [rounding.market_value(after[name], scene.marks[name]) for name in history.symbols]
    then = np.array([to_float(one) for one in values]) / equity

    def told(one: FrontierPoint) -> Point:
        pairs = zip(history.symbols, one.weights, strict=True)
        return Point(one.volatility, one.expected, {name: float(weight) for name, weight in pairs})

    here, there = at(constraints.before, history.returns), at(then, history.returns)
    return Frontier([told(one) for one in points], told(here), told(there))
