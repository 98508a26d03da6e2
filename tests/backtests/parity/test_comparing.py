"""A real paper session beside its backtest: no difference, and each kind of difference under its own name."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from replay.floor import demo_login, open_floor, play
from traderbot.backtests.parity.comparing import Wanted, parity
from traderbot.backtests.parity.report import ROUNDING, Parity, encoded
from traderbot.bootstrap import Platform, costs_of
from traderbot.infra.events.journal import Meta
from traderbot.infra.ids import new_id
from traderbot.model import commands as c
from traderbot.model.account import Account
from traderbot.model.errors import Conflict, InvalidValue, NotFound
from traderbot.model.orders import OrderType, Side, TimeInForce
from traderbot.model.rules import Limits
from traderbot.model.symbols import Symbol
from traderbot.simulation.costs import Costs
from traderbot.trading.accounts import load_account
from traderbot.trading.assignments import Assigned
from traderbot.trading.work import Work

pytestmark = pytest.mark.integration

D = Decimal
IBM = Symbol("IBM")

WAITS = '''"""Buys and sells ten shares of IBM in turn, at limits that often wait."""
from decimal import Decimal
from traderbot.model.orders import TimeInForce
from traderbot.strategies.base import Strategy

class Waits(Strategy):
    name = "waits"

    def __init__(self):
        super().__init__()
        self.turn = 0

    def on_bar(self, ctx, bar):
        if bar.symbol != "IBM":
            return
        self.turn += 1
        if self.turn % 5 == 0:
            for order in ctx.orders:
                ctx.cancel(order.id)
            held = ctx.position(bar.symbol)
            price = Decimal(str(round(bar.close * (1.01 if held else 0.99), 2)))
            (ctx.sell if held else ctx.buy)(bar.symbol, 10, price, time_in_force=TimeInForce.GTC)

    def state(self):
        return {"turn": self.turn}

    def restore(self, state):
        self.turn = state["turn"]
'''


class Floor:
    """A platform that can be ended and opened again, with an account that one strategy trades."""

    def __init__(self, home: Path, source: str, parameters: dict[str, str], **settings: object) -> None:
        self.home, self.settings = home, settings
        self.platform: Platform = open_floor(home, **settings)
        _, self.account_id = demo_login(self.platform)
        made = self.platform.assigning.made(Assigned(self.account_id, "", source, parameters))
        self.name = made.name
        self.platform.trade_by(Assigned(self.account_id, made.name, source, parameters))

    def play(self, steps: int) -> None:
        play(self.platform, steps)

    def restart(self) -> None:
        self.platform.close()
        self.platform = open_floor(self.home, **self.settings)
        self.platform._resume_strategies()

    def ask(self, *commands: c.Command, actor: str = "user:ada") -> None:
        work = Work([(self.account_id, command) for command in commands], meta=Meta(actor=actor))
        outcome = self.platform.path.submit(work)
        assert not outcome.refusals, outcome.refusals

    def buy(self, qty: int, symbol: Symbol = IBM) -> UUID:
        order_id = new_id()
        order = c.PlaceOrder(order_id, symbol, Side.BUY, D(qty), OrderType.MARKET, TimeInForce.DAY, None, "")  # type: ignore[arg-type]
        self.ask(order)
        return order_id

    def compared(self, costs: Costs | None = None, **wanted: Any) -> Parity:
        platform = self.platform
        with platform.database.read() as connection:
            found = parity(
                connection,
                Wanted(self.account_id, **wanted),
                dataset=platform.dataset,
                costs=costs or costs_of(platform.settings),
                make=platform.assigning.made,
            )
        assert sum(found.causes.values()) == found.difference
        assert sum(one.amount for one in found.differences) + found.causes[ROUNDING] == found.difference
        assert found.causes[ROUNDING] == 0
        return found

    def account(self) -> Account:
        with self.platform.database.read() as connection:
            account = load_account(connection, self.account_id)
        assert account is not None
        return account

    def time(self, back: int) -> int:
        """Market time so many steps ago."""
        replay = self.platform.session.replay
        return replay.timeline.time_of(replay.step - back)


@pytest.fixture
def floors(tmp_path: Path) -> Iterator[Any]:
    opened: list[Floor] = []

    def opens(source: str, parameters: dict[str, str] | None = None, **settings: object) -> Floor:
        if source == "waits":
            source = str(tmp_path / "waits.py")
            Path(source).write_text(WAITS)
        opened.append(Floor(tmp_path / "home", source, parameters or {}, **settings))
        return opened[-1]

    yield opens
    for one in opened:
        one.platform.close()


@pytest.mark.parametrize(
    ("source", "parameters"),
    [
        ("moving-average-signal", {"fast": "5", "slow": "20"}),
        ("breakout", {}),
        ("moving-average", {"fast": "5", "slow": "20"}),
        ("waits", {}),
    ],
)
def test_a_session_makes_the_trades_of_its_backtest(
    floors: Any, source: str, parameters: dict[str, str]
) -> None:
    """Over three hundred days, a split and dividends among them, with restarts, from any day on."""
    floor = floors(source, parameters)
    floor.play(100)
    floor.restart()
    floor.play(80)
    floor.restart()
    floor.play(120)
    found = floor.compared()
    assert found.same, found.words
    assert found.orders[0] == found.orders[1] == found.paired > 10
    assert found.fills[0] == found.fills[1] > 10
    assert found.session_equity == found.rerun_equity != found.start_equity
    assert [one.what for one in found.incidents] == ["restarted", "restarted"]
    for back in (250, 180, 37):
        later = floor.compared(first=floor.time(back), last=floor.time(5))
        assert later.same, later.words
        assert later.steps == back - 5 + 1
        assert 0 < later.orders[0] < found.orders[0]
    assert encoded(found) == encoded(floor.compared())


def test_other_costs_are_fee_and_price(floors: Any) -> None:
    floor = floors("waits")
    floor.play(200)
    free = floor.compared(Costs(fee_rate=D(0)))
    assert {one.cause for one in free.differences} == {"fee"}
    paid = sum(one.session.fee for one in free.differences)
    assert abs(free.difference + paid) < D("0.01")


def test_other_slippage_is_price(floors: Any) -> None:
    floor = floors("buy-and-hold")
    floor.play(20)
    found = floor.compared(Costs(slippage=D(0)))
    assert {one.cause for one in found.differences} <= {"price", "fee"}
    assert found.causes["price"] < 0
    assert all(one.session.price > one.rerun.price for one in found.differences if one.cause == "price")


def test_a_halt_is_signal_and_said(floors: Any) -> None:
    floor = floors("waits")
    floor.play(42)
    floor.ask(c.PauseTrading("lunch"))
    floor.play(30)
    floor.ask(c.RequestResume("code"))
    floor.ask(c.ResumeTrading("code"))
    floor.play(60)
    found = floor.compared()
    assert not found.same
    missing = [one for one in found.differences if one.session is None]
    assert missing[0].cause == "signal"
    assert "the account was halted: lunch, by user:ada" in missing[0].words
    assert [one.what for one in found.incidents] == ["halted", "resumed"]
    assert "No parity" in found.words


def test_a_cancel_by_a_person_is_a_missed_fill(floors: Any) -> None:
    floor = floors("waits")
    order_id = None
    while order_id is None:
        floor.play(1)
        order_id = next(iter(floor.account().orders), None)
    floor.ask(c.CancelOrder(order_id))
    floor.play(100)
    found = floor.compared()
    first = min(found.differences, key=lambda one: one.at)
    assert (first.cause, first.session.order_id, first.session.filled) == ("missed", order_id, 0)
    assert (first.rerun.order_id, first.rerun.filled) == (order_id, 10)
    assert "by user:ada" in first.words
    assert [(one.what, one.order_id) for one in found.incidents] == [("cancelled by others", order_id)]


def test_a_persons_order_is_told_apart(floors: Any) -> None:
    floor = floors("waits")
    floor.play(10)
    order_id = floor.buy(7, Symbol("GOOG"))
    floor.play(60)
    found = floor.compared()
    (one,) = found.differences
    assert (one.cause, one.session.order_id, one.session.filled) == ("manual orders", order_id, 7)
    assert found.causes["manual orders"] == found.difference != 0
    assert [(i.what, i.order_id) for i in found.incidents] == [("ordered by others", order_id)]


def test_what_a_strategy_does_about_a_persons_order_is_signal(floors: Any) -> None:
    floor = floors("buy-and-hold")
    floor.play(10)
    floor.buy(7)
    floor.play(60)
    found = floor.compared()
    assert [(one.cause, one.side) for one in found.differences] == [
        ("signal", "sell"),
        ("manual orders", "buy"),
    ]
    assert found.differences[0].session.qty == 7


def test_what_a_persons_shares_earn_is_named_as_dividends(floors: Any) -> None:
    floor = floors("waits")
    floor.play(3)
    floor.buy(100)
    floor.play(60)  # IBM's ex-date in February is among them
    found = floor.compared()
    assert found.causes["dividends"] > 0
    assert found.causes["manual orders"]


def test_deposits_are_given_to_the_rerun_as_well(floors: Any) -> None:
    floor = floors("equal-weight", {"every": "week"})
    floor.play(30)
    floor.ask(c.DepositCash(D(50_000)))  # type: ignore[arg-type]
    floor.play(30)
    floor.ask(c.WithdrawCash(D(100)))  # type: ignore[arg-type]
    floor.play(30)
    found = floor.compared()
    assert found.same, found.words
    assert [one.what for one in found.incidents] == ["deposit", "withdrawal"]


def test_a_live_refusal_is_shown(floors: Any) -> None:
    floor = floors("buy-and-hold")
    floor.ask(c.SetLimits(Limits(order_qty=D(5))))
    floor.play(10)
    (before, *_) = floor.compared().incidents
    assert before.what in ("refused", "settings changed")
    found = floor.compared()
    assert found.same, "the limit was there from the start, and refuses in both"


def test_a_limit_set_meanwhile_refuses_in_the_session_only(floors: Any) -> None:
    floor = floors("waits")
    floor.play(20)
    floor.ask(c.SetLimits(Limits(order_qty=D(5))))
    floor.play(100)
    found = floor.compared()
    refused = [one for one in found.differences if one.session is None]
    assert "the session refused it, as " in refused[0].words
    assert "order_qty_limit" in refused[0].words
    kinds = {one.what for one in found.incidents}
    assert kinds == {"settings changed", "refused"}


def test_another_file_than_the_sessions_is_signal(floors: Any) -> None:
    floor = floors("moving-average", {"fast": "5", "slow": "20"})
    floor.play(80)
    found = floor.compared(source="moving-average", parameters={"fast": "4", "slow": "20"})
    assert not found.same
    assert found.causes["signal"]
    assert "only the re-run placed it" in " ".join(one.words for one in found.differences)


def test_what_cannot_be_compared_is_refused_in_words(floors: Any) -> None:
    floor = floors("moving-average")
    with pytest.raises(InvalidValue, match="two steps or more in which moving-average traded"):
        floor.compared()
    floor.play(5)
    with pytest.raises(NotFound, match="no strategy nobody has traded"):
        floor.compared(strategy="nobody")
    with pytest.raises(InvalidValue, match="from, to"):
        floor.compared(first=floor.time(0))
    with pytest.raises(InvalidValue, match="source"):
        floor.compared(strategy="moving-average", source="breakout")
    platform = floor.platform
    other = msgspec.structs.replace(platform.dataset, sha256="0" * 64)
    with platform.database.read() as connection, pytest.raises(Conflict, match="is now"):
        parity(connection, Wanted(floor.account_id), dataset=other)
    with platform.database.read() as connection, pytest.raises(NotFound):
        parity(connection, Wanted(new_id()), dataset=platform.dataset)
