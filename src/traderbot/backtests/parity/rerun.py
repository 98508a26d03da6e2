"""The backtest of a window: the same strategy, from the account that the session had, over the same bars."""

from collections.abc import Callable
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

import msgspec

from traderbot.backtests.parity.tape import Tape
from traderbot.backtests.resumed import Resumed
from traderbot.backtests.runner import run
from traderbot.engine.apply import apply
from traderbot.market.resampling import coarser_of
from traderbot.model.account import Account
from traderbot.model.actions import CorporateAction
from traderbot.model.bars import Bar
from traderbot.model.errors import InvalidValue
from traderbot.model.events import Event
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol
from traderbot.simulation.costs import Costs
from traderbot.strategies.base import Context, Strategy
from traderbot.trading.assignments import ids_of
from traderbot.trading.session_market import SessionMarket


class Terms(NamedTuple):
    """What a window is run again with. rules: without halts, which are a person's doing."""

    costs: Costs
    rules: Rules


def terms_of(rules: Rules, costs: Costs) -> Terms:
    """The rules of a session for these costs; where they are dearer, orders hold for them instead."""
    free = msgspec.structs.replace(rules, halted=None, halted_symbols=frozenset(), lifting={})
    try:
        costs.check(free)
    except InvalidValue:
        own = costs.rules
        free = msgspec.structs.replace(
            free, fee_rate=own.fee_rate, fee_per_share=own.fee_per_share, fee_minimum=own.fee_minimum
        )
    return Terms(costs, free)


def start_of(tape: Tape, first: int) -> Account:
    """The account when the strategy was shown the first step of a window; free of halts."""
    account = tape.account(tape.begin(first))
    account.halted = None
    account.halted_symbols.clear()
    return account


def rerun(tape: Tape, strategy: Strategy, first: int, last: int, terms: Terms) -> list[Event]:
    """Run a strategy that is fresh over the steps from `first` up to the end of the day of `last`.

    Cash that people moved in the session moves here too: without it every later order would be of another
    size, which says nothing of the strategy. Where the window begins later than the strategy did, it is first
    shown the steps before as the session's account had them. Errors: StrategyFailed.
    """
    timeline, dataset = tape.timeline, tape.dataset
    begun = first > tape.span.first
    if begun:
        show(tape, strategy, first, terms.rules)
    begin, end = tape.begin(first), tape.behind(last)
    resumed = Resumed(
        start_of(tape, first),
        timeline.time_of(first),
        _ids(tape),
        flows=tape.flows(begin, end),
        told=tape.fills(first, begin),
        begun=begun,
    )
    until = timeline.time_of(timeline.last_step(timeline.date_of(last)))
    result = run(
        strategy,
        [bars.until(until).cursor() for bars in dataset.bars.values()],  # listed yet or not, as in a session
        rules=terms.rules,
        costs=terms.costs,
        actions=dataset.actions,
        start=timeline.time_of(first),
        coarser=coarser_of(dataset),
        membership=dataset.membership,
        resumed=resumed,
    )
    return result.events


def show(tape: Tape, strategy: Strategy, until: int, rules: Rules) -> None:
    """Show a strategy the steps that it saw in the session before a window, for what it remembers of them;
    what it asks at them is on record already.
    """
    dataset, timeline = tape.dataset, tape.timeline
    bars = {name: one.cursor() for name, one in dataset.bars.items()}
    actions = _by_symbol(dataset.actions)
    coarser, started, index = coarser_of(dataset), False, 0
    account = Account(tape.account_id)
    for step in range(tape.span.first, until):
        before, index = index, tape.begin(step, index)
        for entry in tape.entries[before:index]:
            apply(account, entry.event)
        moved = _move(tape, bars, step)
        if account.halted is not None:
            continue
        ctx = Context(
            account,
            SessionMarket(dataset, timeline, step),
            bars,
            ids_of(tape.account_id, tape.strategy, step),
            actions,
            rules,
            coarser,
            dataset.membership,
        )
        if not started:
            strategy.on_start(ctx)
            started = True
        for fill in tape.fills(step, index, before):
            strategy.on_fill(ctx, fill)
        strategy.on_step(ctx, moved)


def _move(tape: Tape, bars: dict[Symbol, Bar], step: int) -> list[Bar]:
    """Move the cursors to a step. Returns: those that have a bar in it."""
    time, moved = tape.timeline.time_of(step), []
    for name, bar in bars.items():
        known = tape.dataset.bars[name].known_by(time)
        if known and bar.index != known - 1:
            bar.move(known - 1)
        if known and bar.time == time:
            moved.append(bar)
    return moved


def _ids(tape: Tape) -> Callable[[int], UUID]:
    """Ids as the session gives them, so that an order is known by its id on both sides."""
    step, source = -1, ids_of(tape.account_id, tape.strategy, -1)

    def new_id(time: int) -> UUID:
        nonlocal step, source
        now = int(tape.timeline.times.searchsorted(time))
        if now != step:
            step, source = now, ids_of(tape.account_id, tape.strategy, now)
        return source()

    return new_id


def _by_symbol(actions: tuple[CorporateAction, ...]) -> dict[Symbol, list[CorporateAction]]:
    ordered = sorted(actions, key=lambda action: action.symbol)
    return {name: list(group) for name, group in groupby(ordered, key=lambda action: action.symbol)}
