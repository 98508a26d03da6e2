"""The autopilot: once a step, whatever raises; nothing lost and nothing twice after the process ended."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from traderbot.analytics.arrays import Floats
from traderbot.autopilot.runner import Autopilot
from traderbot.backtests.runner import run
from traderbot.market.resampling import coarser_of
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.bars import Bar
from traderbot.model.errors import Conflict, Unavailable
from traderbot.model.orders import TimeInForce
from traderbot.model.reasons import Reason
from traderbot.model.rules import Rules
from traderbot.model.signals import Signal
from traderbot.simulation.costs import Costs
from traderbot.strategies.base import Context, Strategy
from traderbot.strategies.signals import Frame, SignalStrategy
from traderbot.trading.assignments import Assigned, assign
from trading.session_rig import AAA, D, SessionRig
from trading.test_session_loop import events_of

pytestmark = pytest.mark.integration


class Scripted(Strategy):
    """Does at the n-th bar of AAA what the script says."""

    name = "scripted"

    def __init__(self, script: dict[int, Any]) -> None:
        self.script = script
        self.starts = 0
        self.seen: list[int] = []
        self.newest: list[int] = []

    def on_start(self, ctx: Context) -> None:
        self.starts += 1

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        if bar.symbol != AAA:
            return
        self.seen.append(bar.index)
        self.newest.append(max(int(ctx.history(name).times[-1]) for name in ctx.symbols) - ctx.time)
        action = self.script.get(bar.index)
        if action is not None:
            action(ctx)


def buys(ctx: Context) -> None:
    ctx.buy(AAA, 5)


def fails(ctx: Context) -> None:
    raise ValueError("a mistake")


class Desk(SessionRig):
    """A session with an autopilot."""

    def pilot(self, account_id: UUID, strategy: Strategy) -> Autopilot:
        autopilot = Autopilot(
            self.path, self.database, self.loop.bars, self.dataset.actions, coarser=coarser_of(self.dataset)
        )
        self.loop.followers.append(autopilot.follow)
        autopilot.assign(account_id, strategy)
        return autopilot


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.close()


def test_every_step_is_seen_once_and_never_a_later_bar(desk: Desk) -> None:
    account_id, strategy = desk.join(), Scripted({})
    desk.pilot(account_id, strategy)
    desk.play(10)
    desk.loop.call_followers()
    assert strategy.seen == list(range(11))
    assert strategy.starts == 1
    assert set(strategy.newest) == {0}


def test_signals_and_orders_of_a_step_commit_together_under_ids_that_follow_from_it(desk: Desk) -> None:
    def act(ctx: Context) -> None:
        ctx.buy(AAA, 5, signal=Signal(AAA, "buy", {"summary": "because"}, 0.6, 0.2, 0.1))

    account_id = desk.join()
    desk.pilot(account_id, Scripted({2: act}))
    desk.play(3)
    (raised,), (placed,) = (events_of(desk, account_id, kind) for kind in (e.SignalRaised, e.OrderPlaced))
    assert (placed.signal_id, raised.order_id) == (raised.signal_id, placed.order_id)
    assert raised.at == placed.at == desk.loop.market.at(2).time
    assert {raised.signal_id.version, placed.order_id.version} == {5}
    assert len(events_of(desk, account_id, e.OrderFilled)) == 1


def test_a_strategy_has_histories_of_other_time_frames(desk: Desk) -> None:
    same = []

    def looks(ctx: Context) -> None:
        fine, coarse = ctx.history(AAA, 3), ctx.history(AAA, 3, time_frame="1d")
        same.append(all(np.array_equal(one, other) for one, other in zip(fine, coarse, strict=True)))

    desk.pilot(desk.join(), Scripted(dict.fromkeys(range(11), looks)))
    desk.play(10)
    assert same == [True] * 11


@pytest.mark.parametrize("error", [ValueError("a mistake"), SystemExit(3), RecursionError("deep")])
def test_a_strategy_that_raises_has_its_account_paused_and_the_others_go_on(
    desk: Desk, error: BaseException
) -> None:
    def fails(ctx: Context) -> None:
        ctx.buy(AAA, 1)
        raise error

    ill, well = desk.join(), desk.join()
    autopilot = desk.pilot(ill, Scripted({1: fails}))
    autopilot.assign(well, Scripted({1: buys}))
    desk.play(2)
    (pause,) = events_of(desk, ill, e.TradingPaused)
    assert "scripted failed" in pause.detail
    assert events_of(desk, ill, e.OrderPlaced) == [], "what it asked before it failed is dropped"
    assert len(events_of(desk, well, e.OrderFilled)) == 1


def test_a_paused_strategy_sees_nothing_until_the_account_is_resumed(desk: Desk) -> None:
    account_id, strategy = desk.join(), Scripted({1: fails, 5: buys})
    desk.pilot(account_id, strategy)
    desk.play(3)
    assert strategy.seen == [0, 1]
    desk.ask(account_id, c.RequestResume("code"))
    desk.ask(account_id, c.ResumeTrading("code"))
    desk.play(3)
    assert strategy.seen == [0, 1, 4, 5, 6]
    assert len(events_of(desk, account_id, e.OrderPlaced)) == 1


def test_a_signal_that_cannot_be_recorded_is_the_strategys_fault(desk: Desk) -> None:
    def act(ctx: Context) -> None:
        ctx.raise_signal(Signal(AAA, "hold", {"summary": object()}))

    account_id = desk.join()
    desk.pilot(account_id, Scripted({1: act}))
    desk.play(2)
    (pause,) = events_of(desk, account_id, e.TradingPaused)
    assert "cannot be recorded" in pause.detail


def test_what_the_platform_cannot_do_is_no_fault_of_the_strategy(desk: Desk) -> None:
    account_id, strategy = desk.join(), Scripted({1: buys})
    autopilot = desk.pilot(account_id, strategy)
    desk.loop.call_followers()
    submit, failures = desk.path.submit, iter([Unavailable("the disk is full")])

    def sometimes(work: Any) -> Any:
        if work.meta.actor.startswith("strategy:"):
            for failure in failures:
                raise failure
        return submit(work)

    desk.path.submit = sometimes  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        desk.play()
    assert events_of(desk, account_id, e.TradingPaused) == []
    desk.loop.call_followers()
    autopilot.follow(desk.loop.market, [])
    assert strategy.seen == [0, 1, 1]
    assert len(events_of(desk, account_id, e.OrderPlaced)) == 1


@pytest.mark.parametrize("answered", [True, False])
def test_after_a_restart_orders_without_a_signal_are_neither_lost_nor_doubled(
    desk: Desk, answered: bool
) -> None:
    account_id = desk.join()
    if answered:
        desk.pilot(account_id, Scripted({2: buys}))
    desk.play(2)
    desk.restart()
    strategy = Scripted({2: buys})
    desk.pilot(account_id, strategy)
    desk.play(2)
    assert len(events_of(desk, account_id, e.OrderPlaced)) == 1
    assert strategy.seen == ([3, 4] if answered else [2, 3, 4])


class Counts(Strategy):
    """Remembers the steps and executions it has seen; buys at every third step."""

    name = "counts"

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0
        self.filled: list[str] = []

    def on_step(self, ctx: Context, moved: Sequence[Bar]) -> None:
        self.steps += 1
        if self.steps % 3 == 0:
            ctx.buy(AAA, self.steps)

    def on_fill(self, ctx: Context, fill: e.OrderFilled) -> None:
        assert fill.at == ctx.time
        self.filled.append(f"{fill.qty}")

    def state(self) -> dict[str, Any]:
        return {"steps": self.steps, "filled": self.filled}

    def restore(self, state: dict[str, Any]) -> None:
        self.steps, self.filled = state["steps"], state["filled"]


def test_a_state_survives_a_restart_and_executions_are_told_once(desk: Desk) -> None:
    account_id = desk.join()
    given = Assigned(account_id, Counts.name, Counts.name, {})
    desk.path.write(lambda connection: assign(connection, given, 0))
    desk.pilot(account_id, Counts())
    desk.play(4)
    desk.restart()
    again = Counts()
    desk.pilot(account_id, again)
    desk.play(4)
    assert (again.steps, again.filled) == (9, ["3", "6"]), "a step is shown once"
    assert [int(one.qty) for one in events_of(desk, account_id, e.OrderPlaced)] == [3, 6, 9]


class Seesaw(SignalStrategy):
    """Changes sides every few days; some days it has no opinion."""

    name = "seesaw"

    @property
    def warm_up(self) -> int:
        return 1

    def signal(self, frame: Frame) -> Floats:
        days = frame.times // 86_400_000_000
        rising = np.where(days % 7 < 4, 0.7, 0.25) * (frame.growth[:, 0] > 0)
        silent = np.where(days % 5 == 0, np.nan, 0.0)
        return np.stack([rising + silent, 0.9 - rising], axis=1)


@pytest.mark.parametrize("restarts", [(), (3,), (4, 5, 9, 10)])
def test_a_signal_trades_on_paper_what_it_trades_in_a_backtest(desk: Desk, restarts: tuple[int, ...]) -> None:
    """Over a split, with buys that cash pays for in parts, and the process ended in between."""
    account_id, cash = desk.join(cash="900000"), D(900_000)
    given = Assigned(account_id, Seesaw.name, Seesaw.name, {})
    desk.path.write(lambda connection: assign(connection, given, 0))
    begun = desk.loop.replay.step
    desk.pilot(account_id, Seesaw())
    for step in range(1, 17):
        if step in restarts:
            desk.restart()
            desk.pilot(account_id, Seesaw())
        desk.play()
    paper = [(f.at, f.side, f.qty, f.price) for f in events_of(desk, account_id, e.OrderFilled)]
    last = desk.loop.market.time
    bars = [bars.until(last).cursor() for bars in desk.dataset.bars.values()]
    start = desk.loop.market.at(begun + 1).time
    result = run(
        Seesaw(), bars, cash=cash, rules=Rules(), costs=Costs(D(0), D(0), D("0.1")),
        actions=desk.dataset.actions, start=start,
    )  # fmt: skip
    assert len(paper) > 15
    assert paper == [(f.at, f.side, f.qty, f.price) for f in result.fills]


def test_a_state_that_is_no_data_is_the_strategys_fault(desk: Desk) -> None:
    class Wrong(Strategy):
        name = "wrong"

        def state(self) -> dict[str, Any]:
            return {"self": self}

    account_id = desk.join()
    desk.pilot(account_id, Wrong())
    desk.play(1)
    (pause,) = events_of(desk, account_id, e.TradingPaused)
    assert "state cannot be kept" in pause.detail


def test_two_strategies_of_one_name_cannot_trade_one_account(desk: Desk) -> None:
    account_id = desk.join()
    autopilot = desk.pilot(account_id, Scripted({}))
    with pytest.raises(Conflict):
        autopilot.assign(account_id, Scripted({}))


def test_cancels_come_before_sells_and_sells_before_buys(desk: Desk) -> None:
    def open_one(ctx: Context) -> None:
        ctx.buy(AAA, 5)

    def act(ctx: Context) -> None:
        ctx.buy(AAA, 1, "60")
        ctx.sell(AAA, 2)

    account_id = desk.join()
    desk.pilot(account_id, Scripted({1: open_one, 3: act}))
    desk.play(3)
    assert [placed.side.value for placed in events_of(desk, account_id, e.OrderPlaced)] == [
        "buy",
        "sell",
        "buy",
    ]


def test_a_cancel_of_a_strategy_is_told_as_its_own(desk: Desk) -> None:
    def open_one(ctx: Context) -> None:
        ctx.buy(AAA, 1, "60", time_in_force=TimeInForce.GTC)

    def cancel_all(ctx: Context) -> None:
        for order in ctx.orders:
            ctx.cancel(order.id)

    account_id = desk.join()
    desk.pilot(account_id, Scripted({1: open_one, 2: cancel_all}))
    desk.play(3)
    (ended,) = events_of(desk, account_id, e.OrderCancelled)
    assert ended.reason is Reason.CANCELED_BY_STRATEGY
