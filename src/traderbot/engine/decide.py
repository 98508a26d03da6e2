"""Decide: what a command leads to, given the account, the market and the rules. Pure; changes nothing."""

from collections.abc import Callable
from typing import Any

from traderbot.engine import corporate_actions, executing, halts, money, placing, working
from traderbot.engine.decision import Decision
from traderbot.engine.market import Market
from traderbot.model import commands as c
from traderbot.model.account import Account
from traderbot.model.rules import Rules

__all__ = ["Decision", "decide"]


def decide(account: Account, command: c.Command, market: Market, rules: Rules) -> Decision:
    """What the command leads to.

    market: of the session the account belongs to; rules: in force in this transaction.
    """
    return _DECIDERS[type(command)](account, command, market, rules)


_DECIDERS: dict[type, Callable[[Account, Any, Market, Rules], Decision]] = {
    c.PlaceOrder: placing.place,
    c.ReplaceOrder: placing.replace,
    c.CancelOrder: working.cancel,
    c.ExpireOrder: working.expire,
    c.RecordExecution: executing.execute,
    c.RecordLateExecution: executing.execute_late,
    c.BustExecution: executing.bust,
    c.QuarantineReport: working.quarantine,
    c.AcceptOrder: working.accept,
    c.RejectOrder: working.reject,
    c.LoseSightOfOrder: working.lose_sight,
    c.TriggerOrder: working.trigger,
    c.MoveTrailingMark: working.move_mark,
    **money.DECIDERS,
    **halts.DECIDERS,
    **corporate_actions.DECIDERS,
}
