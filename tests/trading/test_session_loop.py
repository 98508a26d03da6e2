"""Steps: what they do to accounts, and what they do when an account, a follower or a commit fails."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from traderbot.infra.events.journal import read_all
from traderbot.infra.ids import new_id
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.account import AccountKind
from traderbot.model.orders import OrderClass, OrderType, Side, TimeInForce
from traderbot.trading import session_loop
from traderbot.trading import tables as t
from traderbot.trading.repository import list_orders
from traderbot.trading.session_loop import LEFT_BEHIND
from trading.rig import check
from trading.session_rig import AAA, BBB, SPLIT_STEP, SessionRig

pytestmark = pytest.mark.integration

D = Decimal


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SessionRig]:
    rig = SessionRig(tmp_path)
    yield rig
    rig.close()


def buy(symbol: Any = AAA, qty: str = "10", limit: str | None = None, gtc: bool = False) -> c.PlaceOrder:
    return c.PlaceOrder(
        new_id(),
        symbol,
        Side.BUY,
        D(qty),
        OrderType.MARKET if limit is None else OrderType.LIMIT,
        TimeInForce.GTC if gtc else TimeInForce.DAY,
        None if limit is None else D(limit),
    )


def events_of(rig: SessionRig, account_id: UUID, kind: type[e.Event]) -> list[Any]:
    with rig.database.read() as connection:
        found = [entry for entry in read_all(connection) if entry.stream == f"account:{account_id}"]
    return [entry.event for entry in found if isinstance(entry.event, kind)]


def test_a_step_fills_values_and_advances_in_one_transaction(small: SessionRig) -> None:
    account_id = small.join()
    small.ask(account_id, buy())
    small.play()
    (filled,) = events_of(small, account_id, e.OrderFilled)
    assert (filled.price, filled.qty) == (D("100.5"), 10)
    (valued,) = events_of(small, account_id, e.PortfolioRevalued)
    assert valued.equity == valued.cash + valued.market_value == D("100005")
    step = small.read(lambda connection: connection.execute(sa.select(t.market_sessions.c.step)).scalar())
    assert step == valued.step == small.loop.replay.step == 1
    check(small.database)


def test_an_idle_account_has_no_events_of_steps(small: SessionRig) -> None:
    account_id = small.join()
    small.play(5)
    assert events_of(small, account_id, e.PortfolioRevalued) == []


def test_an_account_opened_in_mid_session_is_stepped_from_then_on(small: SessionRig) -> None:
    small.play(3)
    account_id = small.join()
    small.ask(account_id, buy(BBB))
    small.play()
    assert len(events_of(small, account_id, e.OrderFilled)) == 1


def test_a_waiting_order_and_a_holding_are_split_before_they_are_matched(small: SessionRig) -> None:
    account_id = small.join()
    small.ask(account_id, buy(qty="11"))
    small.ask(account_id, buy(qty="3", limit="95", gtc=True))
    small.play(SPLIT_STEP - 1)
    before = events_of(small, account_id, e.PortfolioRevalued)[-1]
    small.play()
    (split,) = events_of(small, account_id, e.CorporateActionApplied)
    assert split.position_qty == 22
    (order,) = small.read(lambda connection: list_orders(connection, account_id, status="open"))
    assert (order.qty, order.limit_price) == (6, D("47.5"))
    after = events_of(small, account_id, e.PortfolioRevalued)[-1]
    assert after.equity - before.equity == 11, "one a share, as it rose; nothing from the split"
    check(small.database)


def test_a_dividend_is_paid_on_what_was_held_before_its_day(small: SessionRig) -> None:
    account_id = small.join()
    small.ask(account_id, buy(BBB, "8"))
    small.play(15)
    (paid,) = events_of(small, account_id, e.CorporateActionApplied)
    assert paid.cash == 2


class _Broken:
    """A broker that cannot deal with one account's orders."""

    def __init__(self, broker: Any, symbol: Any) -> None:
        self._broker, self._symbol = broker, symbol

    def reports(self, orders: Any, *rest: Any, **kind: Any) -> Any:
        orders = list(orders)
        if any(order.symbol == self._symbol for order in orders):
            raise ArithmeticError("the books do not balance")
        return self._broker.reports(orders, *rest, **kind)


def test_an_account_that_fails_is_paused_and_the_others_go_on(small: SessionRig) -> None:
    well, ill = small.join(), small.join()
    small.ask(well, buy())
    small.ask(ill, buy(BBB))
    small.loop._broker = _Broken(small.loop._broker, BBB)
    small.play(2)
    assert len(events_of(small, well, e.OrderFilled)) == 1
    (pause,) = events_of(small, ill, e.TradingPaused)
    assert pause.detail.startswith(LEFT_BEHIND)
    assert "do not balance" in pause.detail
    assert events_of(small, ill, e.OrderFilled) == []


def test_an_account_left_behind_stays_so_after_a_restart_and_a_resume(small: SessionRig) -> None:
    """Steps it missed may have been splits: it must not come back as if nothing had been."""
    ill = small.join()
    small.ask(ill, buy(BBB))
    small.loop._broker = _Broken(small.loop._broker, BBB)
    small.play()
    small.restart()
    small.play()
    assert events_of(small, ill, e.OrderFilled) == []
    small.ask(ill, c.RequestResume("again"))
    small.ask(ill, c.ResumeTrading("again"))
    small.play()
    assert small.load(ill).halted == LEFT_BEHIND
    assert events_of(small, ill, e.OrderFilled) == []


def test_a_follower_that_fails_sees_the_same_step_again_before_the_next(small: SessionRig) -> None:
    seen: list[int] = []

    def follow(market: Any, moved: Any) -> None:
        seen.append(market.step)
        if len(seen) == 1:
            raise OSError("no space left")

    small.loop.followers.append(follow)
    with pytest.raises(OSError, match="no space"):
        small.loop.call_followers()
    small.play()
    assert seen == [0, 0, 1]


def test_the_loop_tries_again_and_says_why_it_stands(
    small: SessionRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_loop, "RETRY_FIRST_S", 0.01)
    failures = iter([OSError("disk full"), OSError("disk full")])
    troubles: list[str | None] = []
    submit = small.path.submit

    def sometimes(work: Any) -> Any:
        troubles.append(small.loop.trouble)
        for failure in failures:
            raise failure
        return submit(work)

    monkeypatch.setattr(small.path, "submit", sometimes)
    small.loop.start()
    small.loop._thread.join(20)
    assert small.loop.replay.ended
    assert troubles[:4] == [None, "OSError('disk full')", "OSError('disk full')", None]
    assert small.loop.trouble is None


def test_a_step_whose_commit_was_unknown_but_happened_is_not_played_twice(small: SessionRig) -> None:
    account_id = small.join()
    small.ask(account_id, buy())
    submit, first = small.path.submit, iter([True])

    def forgetful(work: Any) -> Any:
        outcome = submit(work)
        if next(first, False):
            raise OSError("the answer was lost")
        return outcome

    small.path.submit = forgetful  # type: ignore[method-assign]
    with pytest.raises(OSError, match="lost"):
        small.play()
    assert small.loop.replay.step == 0
    small.play()
    assert small.loop.replay.step == 1
    assert len(events_of(small, account_id, e.OrderFilled)) == 1
    assert small.path.markets[small.session_id].time == small.loop.market.time
    check(small.database)


def test_a_step_is_refused_when_the_session_on_record_stands_elsewhere(small: SessionRig) -> None:
    small.play()
    with pytest.raises(Exception, match="stands at 1"):
        small.loop._commit(5, small.loop.market.at(5), {})


def test_after_a_restart_the_last_step_is_shown_again(small: SessionRig) -> None:
    small.play(4)
    small.restart()
    seen: list[tuple[int, list[str]]] = []
    small.loop.followers.append(
        lambda market, moved: seen.append((market.step, [bar.symbol for bar in moved]))
    )
    small.loop.call_followers()
    small.loop.call_followers()
    assert seen == [(4, ["AAA", "BBB"])]
    assert [bar.time for bar in small.loop.bars.values()] == [small.loop.market.time] * 2


def test_an_entry_filled_in_a_step_wakes_its_exits(small: SessionRig) -> None:
    account_id = small.join()
    gain, loss = c.TakeProfit(new_id(), D(103)), c.StopLoss(new_id(), D(90))
    bracket = c.PlaceOrder(
        new_id(), AAA, Side.BUY, D(10), time_in_force=TimeInForce.GTC, order_class=OrderClass.BRACKET,
        take_profit=gain, stop_loss=loss,
    )  # fmt: skip
    small.ask(account_id, bracket)
    small.play()
    assert len(events_of(small, account_id, e.LegActivated)) == 2
    small.play(3)
    (sold,) = [f for f in events_of(small, account_id, e.OrderFilled) if f.side is Side.SELL]
    assert (sold.order_id, sold.price) == (gain.order_id, 103)
    (gone,) = events_of(small, account_id, e.OrderCancelled)
    assert gone.order_id == loss.order_id
    check(small.database)


def test_a_stop_that_the_same_bar_reached_wakes_in_the_step_of_its_entry(small: SessionRig) -> None:
    """Whether the low came before or after the entry a bar does not say: the worse is taken to be true."""
    account_id = small.join()
    bracket = c.PlaceOrder(
        new_id(), AAA, Side.BUY, D(10), OrderType.LIMIT, TimeInForce.GTC, D(101),
        order_class=OrderClass.BRACKET, take_profit=c.TakeProfit(new_id(), D(150)),
        stop_loss=c.StopLoss(new_id(), D("100.2")),
    )  # fmt: skip
    small.ask(account_id, bracket)
    small.play()
    (woken,) = events_of(small, account_id, e.OrderTriggered)
    assert woken.order_id == bracket.stop_loss.order_id  # type: ignore[union-attr]
    (valued,) = events_of(small, account_id, e.PortfolioRevalued)
    assert valued.equity == small.load(account_id).cash + valued.market_value
    check(small.database)


def test_borrowed_money_costs_interest_by_the_night(small: SessionRig) -> None:
    account_id = small.join("1000", AccountKind.MARGIN)
    small.ask(account_id, buy(qty="15"))
    small.play()
    paid = [m for m in events_of(small, account_id, e.CashMoved) if m.kind == "margin_interest"]
    assert len(paid) == 1
    owed = 15 * D("100.5") - 1000
    assert abs(paid[0].amount * 360 + owed * D("0.08")) <= D("0.00036"), "eight percent of a year of 360 days"
    small.play(4)  # over a weekend
    nights = [m for m in events_of(small, account_id, e.CashMoved) if m.kind == "margin_interest"]
    assert max(-m.amount for m in nights) > 2 * -paid[0].amount
    check(small.database)
