"""The gate: may this order go? One pure function of account, order, market and rules.

`review` stops at the first check that refuses; `preview` makes them all and says what the order leads to.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from uuid import UUID

import msgspec

from traderbot.engine import limits
from traderbot.engine.case import Case
from traderbot.engine.checks import FIRST, HALTS, LAST, NEW_ONLY, any_halt, meant_for
from traderbot.engine.exposure import Unmarked
from traderbot.engine.holds import worst_fee
from traderbot.engine.market import Mark, Market
from traderbot.model import rounding
from traderbot.model.account import NOTHING, Account
from traderbot.model.amounts import Money, Price, Quantity
from traderbot.model.commands import PlaceOrder
from traderbot.model.orders import Stop
from traderbot.model.reasons import Reason, Refusal, refuse
from traderbot.model.rules import NO_LIMITS, Rules


class Approval(msgspec.Struct, frozen=True, gc=False):
    """What the gate approved: the mark it saw, the most the order may trade, the highest price its hold
    covers, the hold (0 where it opens nothing), and what the order waits for.
    """

    mark: Mark
    qty: Quantity
    price_max: Price
    hold: Money
    stop: Stop | None = None


class Checked(msgspec.Struct, frozen=True):
    """What one check found. passed: None where it could not be made without a price. reason: for which it
    refuses. detail: its figures, for people.
    """

    name: str
    passed: bool | None
    reason: Reason
    detail: str


class Preview(msgspec.Struct, frozen=True):
    """What an order would lead to if it were placed now, with every check of the gate; nothing is changed.

    qty: the most it may trade. value: at the mark. cost_max: the most it may cost, with fees_max; of a sale
    the fees alone. available: cash of a cash account, excess of equity of a margin account. position_qty,
    position_value: of the symbol with this order filled, at the mark. gross, net, concentration, leverage:
    with it and all open orders at their worst, the last two as multiples of equity. What cannot be known
    without a price is None.
    """

    approved: bool
    checks: list[Checked]
    qty: Decimal | None = None
    mark: Price | None = None
    mark_at: int | None = None
    price_max: Price | None = None
    value: Money | None = None
    cost_max: Money | None = None
    fees_max: Money | None = None
    hold: Money | None = None
    available_before: Money | None = None
    available_after: Money | None = None
    buying_power_before: Money | None = None
    buying_power_after: Money | None = None
    position_qty: Decimal | None = None
    position_value: Money | None = None
    gross: Money | None = None
    net: Money | None = None
    concentration: Decimal | None = None
    leverage: Decimal | None = None


def review(
    account: Account, order: PlaceOrder, market: Market, rules: Rules, group: UUID | None = None
) -> Approval | Refusal:
    """Approve an order or refuse it, first reason found first. Halts come before anything else.

    group: of the order it replaces, whose other members it may meet.
    """
    case = Case(account, order, market, rules, group)
    first, last = meant_for(order.side, order.type, order.order_class, order.time_in_force, account.kind)
    if any_halt(account, rules):
        first = HALTS + first
    try:
        for check in first:
            if check.fails(case):
                return refuse(check.reason, check.says(case))
        if (rules.limits is not NO_LIMITS or account.limits is not None) and not case.closes:
            for limited in limits.active(rules.limits, account.limits):
                if limited.fails(case):
                    return refuse(limited.check.reason, limited.says(case))
        for check in last:
            if check.fails(case):
                return refuse(check.reason, check.says(case))
    except Unmarked as unmarked:
        return refuse(Reason.UNKNOWN_SYMBOL, f"({unmarked.symbol})")
    assert case.mark is not None  # known_symbol saw to that
    return Approval(case.mark, case.qty, case.price_max, case.hold, case.stop)


def preview(account: Account, order: PlaceOrder, market: Market, rules: Rules) -> Preview:
    """Every check with its figures, and what the order would lead to."""
    case = Case(account, order, market, rules, None)
    checks = list(_check_all(case))
    approved = all(checked.passed for checked in checks)
    if case.mark is None:
        return Preview(approved, checks)
    price = case.price
    fees = _worst_fees(case)
    spent = (case.qty * case.price_max if order.notional is None else order.notional) if case.buying else 0
    change = case.qty if case.buying else -case.qty
    if order.notional is not None:
        change = rounding.shares_at(order.notional if case.buying else -order.notional, price)
    owned = account.quantity(order.symbol) + change
    figures = Preview(
        approved=approved,
        checks=checks,
        qty=case.qty,
        mark=case.mark.price,
        mark_at=case.mark.at,
        price_max=case.price_max,
        value=order.notional or rounding.market_value(case.qty, price),
        cost_max=rounding.worst_money(spent + fees),
        fees_max=fees,
        hold=case.hold,
        position_qty=owned,
        position_value=rounding.market_value(owned, price),
    )
    try:
        return msgspec.structs.replace(figures, **_exposed(case))
    except Unmarked:
        return figures


def _worst_fees(case: Case) -> Money:
    rules, order = case.rules, case.order
    value = case.qty * case.price_max if order.notional is None else order.notional
    fee = worst_fee(value, case.qty, rules.fee_rate, rules.fee_per_share, rules.fee_minimum)
    return rounding.worst_money(fee)


def _exposed(case: Case) -> dict[str, Decimal]:
    """Figures that need every symbol's price. Errors: Unmarked."""
    spare, equity = case.spare, case.worth.equity
    before, after = rounding.spare_money(spare), rounding.spare_money(spare - case.hold)
    powers = before, after
    if case.margin:
        initial = case.rules.margin.initial
        powers = rounding.buying_power(spare, initial), rounding.buying_power(spare - case.hold, initial)
    gross = limits.gross(case)
    whole = max(equity, NOTHING)  # no ratio to what is not there
    return {
        "available_before": before,
        "available_after": after,
        "buying_power_before": powers[0],
        "buying_power_after": powers[1],
        "gross": rounding.worst_money(gross),
        "net": rounding.worst_money(limits.net(case)),
        "concentration": rounding.ratio(case.stake.value, whole),
        "leverage": rounding.ratio(gross, whole),
    }


def _check_all(case: Case) -> Iterator[Checked]:
    for check in HALTS + FIRST:
        yield _made(case, check.name, check.reason, check.fails, check.says, check.priced)
    in_force = {}
    if case.rules.limits is not NO_LIMITS or case.account.limits is not None:
        in_force = {found.check: found for found in limits.active(case.rules.limits, case.account.limits)}
    for limited in limits.CHECKS:
        found = in_force.get(limited)
        if found is None:
            yield Checked(limited.name, True, limited.reason, "No limit is set.")
        else:
            yield _made(case, limited.name, limited.reason, found.fails, found.says)
    for check in (*LAST, NEW_ONLY):
        yield _made(case, check.name, check.reason, check.fails, check.says, check.priced)


def _made(
    case: Case,
    name: str,
    reason: Reason,
    fails: Callable[[Case], bool],
    says: Callable[[Case], str],
    priced: bool = True,
) -> Checked:
    """One check, made; a symbol without a price fails what needs it."""
    if priced and case.mark is None:
        return Checked(name, None, reason, "There is no price to check against.")
    try:
        failed, figures = fails(case), says(case)
    except Unmarked as unmarked:
        unknown = refuse(Reason.UNKNOWN_SYMBOL, f"({unmarked.symbol})")
        return Checked(name, False, unknown.reason, unknown.detail)
    if failed:
        return Checked(name, False, reason, refuse(reason, figures).detail)
    return Checked(name, True, reason, figures.removeprefix("(").removesuffix(")"))
