from typing import get_args

import pytest

from engine.stand import Stand
from traderbot.engine import decide as deciding
from traderbot.engine.decide import Decision, decide
from traderbot.engine.decision import NOTHING_HAPPENED, no
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.reasons import Reason

pytestmark = pytest.mark.domain


def test_every_command_has_one_who_decides_it() -> None:
    assert set(deciding._DECIDERS) == set(get_args(c.Command))


def test_deciding_changes_nothing() -> None:
    stand = Stand()
    stand.own("10")
    stand.place("sell", "4", "12")
    for command in (
        stand.order("buy", "5", cls="bracket", gain="12.50", loss="9"),
        stand.report(next(iter(stand.account.orders)), "3", "12"),
        c.ReplaceOrder(
            next(iter(stand.account.orders)), stand.id(), limit_price=stand.market.marks["AAA"].price
        ),
        c.CancelOrder(next(iter(stand.account.orders))),
    ):
        once = decide(stand.account, command, stand.market, stand.rules)
        assert decide(stand.account, command, stand.market, stand.rules) == once
        assert once.events
        stand.check()


def test_a_refusal_leaves_no_event_by_itself() -> None:
    decision = no(Reason.ORDER_NOT_OPEN, "(it ended)")
    assert decision.events == ()
    assert decision.refusal is not None
    assert decision.refusal.detail == "The order is no longer open. (it ended)"
    assert Decision((), None) == NOTHING_HAPPENED


def test_an_account_is_opened_as_asked() -> None:
    stand = Stand(kind="margin", broker="elsewhere")
    opened = stand.events[0]
    assert isinstance(opened, e.AccountOpened)
    assert (opened.kind, opened.broker) == ("margin", "elsewhere")
