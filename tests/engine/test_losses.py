"""A loss that reached its limit at a close is said once a limit and period."""

from decimal import Decimal

import pytest

from engine.stand import AAA, DAY, Stand
from engine.verdicts import limit, rule
from traderbot.engine.apply import fold
from traderbot.model.account import Account
from traderbot.model.commands import RevaluePortfolio, SetLimits
from traderbot.model.events import RiskLimitBreached
from traderbot.model.rules import Limits

pytestmark = pytest.mark.domain

D = Decimal


class Desk(Stand):
    """1000 in cash, 50 shares of it at 10; each close is a step of its own."""

    def __init__(self, kind: str = "cash") -> None:
        super().__init__("1000", kind)
        self.own("50")
        self.step = 0

    def close(self, price: str, days: int = 0) -> list[tuple[str, bool]]:
        """The breaches that a close at this price says, so many days later."""
        self.market.time += days * DAY
        self.market.quote(AAA, price)
        self.step += 1
        decided = self.do(RevaluePortfolio(self.step)).events
        self.said = [one for one in decided if isinstance(one, RiskLimitBreached)]
        return [(one.limit, one.halt) for one in self.said]


@pytest.mark.parametrize("kind", ["cash", "margin"])
def test_a_loss_is_said_once_a_day_and_measured_from_its_beginning(kind: str) -> None:
    desk = Desk(kind)
    limit(desk, daily_loss=D("0.1"))
    assert desk.close("8.02") == []
    assert desk.close("8") == [("daily_loss", False)]
    assert (desk.said[0].allowed, desk.said[0].observed) == (D("0.1"), D("0.1"))
    assert desk.close("7") == []
    assert desk.close("6.9", days=1) == []  # measured from the close before
    assert desk.close("5", days=1) == [("daily_loss", False)]


def test_without_limits_on_losses_nothing_is_said() -> None:
    desk = Desk()
    limit(desk, order_qty=D(1), halt_on_breach=True)
    assert desk.close("1") == []


def test_weeks_months_and_a_drawdown_have_periods_of_their_own() -> None:
    """Day 100 is a Saturday: the week goes on to Sunday, the month to day 119."""
    desk = Desk()
    limit(desk, weekly_loss=D("0.1"), monthly_loss=D("0.1"), drawdown=D("0.1"))
    assert desk.close("8") == [("weekly_loss", False), ("monthly_loss", False), ("drawdown", False)]
    assert desk.close("7", days=1) == []
    assert desk.close("4", days=2) == [("weekly_loss", False)]
    assert desk.close("1", days=20) == [("weekly_loss", False), ("monthly_loss", False)]


def test_a_drawdown_is_news_again_after_a_new_highest_close() -> None:
    desk = Desk()
    limit(desk, drawdown=D("0.1"))
    assert desk.close("8") == [("drawdown", False)]
    assert desk.close("10", days=1) == []
    assert desk.close("8", days=1) == []  # no new highest close in between
    assert desk.close("11", days=1) == []
    assert desk.close("8", days=1) == [("drawdown", False)]


def test_the_tighter_limit_is_said_and_the_one_that_halts_as_well() -> None:
    desk = Desk()
    rule(desk, limits=Limits(daily_loss=D("0.2"), halt_on_breach=True))
    desk.do(SetLimits(Limits(daily_loss=D("0.1"))))
    assert desk.close("8") == [("daily_loss", False)]
    assert desk.close("6") == [("daily_loss", True)]
    assert desk.said[0].allowed == D("0.2")
    assert desk.close("5") == []


def test_new_limits_of_the_account_are_measured_anew() -> None:
    desk = Desk()
    desk.do(SetLimits(Limits(daily_loss=D("0.1"))))
    assert desk.close("8") == [("daily_loss", False)]
    desk.do(SetLimits(Limits(daily_loss=D("0.1"), halt_on_breach=True)))
    assert desk.close("8") == [("daily_loss", True)]


def test_the_fold_of_its_events_says_the_same() -> None:
    """So that a restart says nothing twice."""
    desk = Desk()
    limit(desk, daily_loss=D("0.1"), drawdown=D("0.1"), halt_on_breach=True)
    desk.close("8")
    assert desk.account.breached
    assert fold(Account(desk.account.id), desk.events).breached == desk.account.breached
