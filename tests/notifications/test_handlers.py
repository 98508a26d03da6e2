"""What users find in their inboxes after events, on each kind of database."""

from decimal import Decimal
from uuid import UUID

import msgspec
import pytest

from traderbot.event_map import build_bus
from traderbot.infra.clock import WallClock
from traderbot.infra.ids import new_id
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.orders import Side
from traderbot.model.sentiment import Sentiment
from traderbot.notifications import repository
from traderbot.notifications.repository import Entry
from traderbot.notifications.texts import TEXTS
from traderbot.trading import halts
from traderbot.trading.deliveries import Deliveries
from traderbot.trading.streams import market_stream, user_stream
from traderbot.trading.work import Work
from trading.rig import AAA, BBB, Rig, execution

pytestmark = pytest.mark.integration

D = Decimal


class Desk:
    """An account whose owner's inbox is read."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.deliveries = Deliveries(build_bus(rig.database.dialect), rig.path, rig.database, WallClock())
        self.account_id = rig.open()
        self.user_id = self.owner(self.account_id)
        self.news()

    def owner(self, account_id: UUID) -> UUID:
        user_id = self.rig.load(account_id).user_id
        assert user_id is not None
        return user_id

    def inbox(self, user_id: UUID | None = None, limit: int = 2000) -> list[Entry]:
        """The oldest first, after everything is handled."""
        while self.deliveries.deliver()[0]:
            pass
        wanted = user_id or self.user_id
        return self.rig.read(lambda connection: repository.page(connection, wanted, limit=limit))[::-1]

    def news(self) -> list[Entry]:
        """What is new since it was asked last."""
        found = self.inbox()
        known = getattr(self, "known", 0)
        self.known = len(found)
        return found[known:]

    def buy(self, qty: str = "10", price: str = "10") -> None:
        self.rig.own(self.account_id, qty, price)

    def sell(self, qty: str, price: str) -> None:
        order_id = self.rig.place(self.account_id, qty, Side.SELL)
        self.rig.do(self.account_id, execution(order_id, qty, price))


@pytest.fixture
def desk(rig: Rig) -> Desk:
    return Desk(rig)


def test_an_order_and_its_fills_are_told_with_their_figures(desk: Desk) -> None:
    order_id = desk.rig.place(desk.account_id, "10")
    (placed,) = desk.news()
    assert (placed.kind, placed.title) == ("order_placed", "Order placed: buy 10 AAA")
    assert placed.account_id == desk.account_id
    desk.rig.do(desk.account_id, execution(order_id, "4", "9.5"))
    (part,) = desk.news()
    assert part.title == "Order partially filled: buy 4 AAA at 9.5"
    assert (part.data["remaining"], part.data["fee"]) == ("6", "0.01")
    desk.rig.do(desk.account_id, execution(order_id, "6", "9"))
    (rest,) = desk.news()
    assert rest.title == "Order filled: buy 6 AAA at 9"
    assert (rest.data["average_price"], rest.data["filled_qty"]) == ("9.2", "10")
    assert (rest.data["status"], rest.data["remaining"]) == ("filled", "0")


def test_a_closed_position_tells_what_the_round_trip_gained(desk: Desk) -> None:
    desk.buy("10", "10")
    desk.sell("4", "11")
    desk.sell("6", "9.9")
    closed = [one for one in desk.news() if one.kind == "position_closed"]
    assert [one.data["net"] for one in closed] == ["3.37"]  # 4 - 0.6, three fees of 0.01
    assert (closed[0].data["realised"], closed[0].data["executions"]) == ("3.4", 3)
    desk.buy("1", "10")
    desk.sell("1", "8")
    closed = [one for one in desk.news() if one.kind == "position_closed"]
    assert [one.data["net"] for one in closed] == ["-2.02"]


def test_halts_of_the_account_and_of_the_platform_are_told(desk: Desk) -> None:
    stranger = desk.owner(desk.rig.open())
    desk.rig.do(desk.account_id, c.PauseTrading("lunch"), c.PauseTrading("odd", AAA))
    desk.rig.do(desk.account_id, c.RequestResume("CODE"), c.ResumeTrading("CODE"))
    told = [(one.kind, one.title) for one in desk.news()]
    assert told == [
        ("trading_paused", "Trading paused on the account"),
        ("trading_paused", "Trading paused in AAA"),
        ("trading_resumed", "Trading resumed on the account"),
    ]
    desk.rig.path.submit(halts.halt_platform("fire"))
    for user_id in (desk.user_id, stranger):
        last = desk.inbox(user_id)[-1]
        assert (last.title, last.body) == ("Trading paused on the platform", "fire")
    desk.rig.path.submit(halts.change_rules(lambda rules: rules))
    assert len(desk.inbox(stranger)) == 1


def test_people_are_greeted_and_told_of_changed_preferences(desk: Desk) -> None:
    user = new_id()
    facts: list[tuple[str, e.Event]] = [
        (user_stream(user), e.UserRegistered(user)),
        (user_stream(user), e.PreferencesChanged(user)),
    ]
    desk.rig.path.submit(Work(facts=facts))
    assert [one.kind for one in desk.inbox(user)] == ["user_registered", "preferences_changed"]


def test_news_of_an_instrument_reach_those_who_hold_it_or_want_it_and_nobody_else(desk: Desk) -> None:
    wanting, neither, gone = (desk.rig.open() for _ in range(3))
    desk.buy()
    desk.rig.place(wanting)
    desk.rig.own(gone)
    order_id = desk.rig.place(gone, "10", Side.SELL)
    desk.rig.fill(gone, order_id)
    desk.news()
    scored = e.SentimentScored(AAA, Sentiment(-0.5, 0.9, "desk"), "7", 1_100_000_000_000_000, "Bad day")
    alert = e.MarketAlertRaised(AAA, "trading_halt", "critical", "halted at its exchange")
    elsewhere = e.MarketAlertRaised(BBB, "trading_halt", "critical", "not yours")
    facts: list[tuple[str, e.Event]] = [
        (market_stream(one.symbol), one) for one in (scored, alert, elsewhere)
    ]
    desk.rig.path.submit(Work(facts=facts))
    told = [(one.kind, one.severity, one.title) for one in desk.news()]
    assert told == [
        ("sentiment_scored", "info", "Bad news of AAA"),
        ("market_alert", "critical", "AAA: trading halt"),
    ]
    assert [one.kind for one in desk.inbox(desk.owner(wanting))][-2:] == ["sentiment_scored", "market_alert"]
    for account_id in (neither, gone):
        kinds = {one.kind for one in desk.inbox(desk.owner(account_id))}
        assert not kinds & {"sentiment_scored", "market_alert"}


def test_an_inbox_keeps_its_newest_entries(desk: Desk) -> None:
    user = new_id()
    facts: list[tuple[str, e.Event]] = [(user_stream(user), e.PreferencesChanged(user))] * 700
    for _ in range(2):
        desk.rig.path.submit(Work(facts=facts))
        found = desk.inbox(user)
    assert len(found) == repository.KEPT
    assert found[-1].position - found[0].position == repository.KEPT - 1
    desk.rig.path.submit(Work(facts=facts[:90]))
    assert len(desk.inbox(user)) <= repository.KEPT + repository.SLACK


def test_the_texts_of_events_that_few_accounts_see(desk: Desk) -> None:
    breach = e.RiskLimitBreached(1, desk.account_id, "daily_loss", D("0.02"), D("0.025"), True)
    called = e.MarginCalled(1, D("90"), D("100"), D("10"))
    met = e.MarginCallMet(1, D("120"), D("100"))
    texts = [TEXTS[type(one)](one) for one in (breach, called, met)]
    assert [text.kind for text in texts] == ["risk_limit_breached", "margin_called", "margin_call_met"]
    assert texts[0].body == "Lost 2.5% at the close; the limit is 2%. Trading is paused."
    assert "10 are missing" in texts[1].body
    assert all(msgspec.json.encode(text.data) for text in texts)
