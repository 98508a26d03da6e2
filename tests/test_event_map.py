"""The one list of consequences, and the reaction that stands in it, from the close to the halted account."""

from decimal import Decimal
from pathlib import Path

import pytest

from traderbot.engine.apply import fold
from traderbot.event_map import REACTIONS, build_bus, event_map
from traderbot.infra.clock import WallClock
from traderbot.infra.delivery.bus import Bus, Handler, Reaction
from traderbot.infra.events.journal import Recorded, read
from traderbot.model import events as e
from traderbot.model.account import Account
from traderbot.model.commands import Command, RevaluePortfolio, SetLimits
from traderbot.model.reasons import Reason
from traderbot.model.rules import Limits
from traderbot.trading.command_path import AccountFailed, CommandPath
from traderbot.trading.streams import account_stream
from trading.rig import AAA, Rig, order

pytestmark = pytest.mark.integration

D = Decimal


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """A command path with the platform's reactions."""
    return reacting(Rig(tmp_path), REACTIONS)


def reacting(rig: Rig, reactions: tuple[Reaction, ...]) -> Rig:
    rig.path.close()
    rig.path = CommandPath(rig.database, WallClock(), Bus(reactions).reactions)
    return rig


def story(rig: Rig, account_id: object) -> list[Recorded]:
    return rig.read(lambda connection: read(connection, stream=account_stream(account_id)))  # type: ignore[arg-type]


def test_a_limit_that_halts_pauses_the_account_in_the_transaction_of_the_close(rig: Rig) -> None:
    account_id = rig.open("1000")
    rig.own(account_id, "50")
    rig.do(account_id, SetLimits(Limits(daily_loss=D("0.1"), halt_on_breach=True)))
    rig.market.prices[AAA] = D(8)
    done = rig.do(account_id, RevaluePortfolio(1))
    assert [type(one).__name__ for one in done.events] == [
        "PortfolioRevalued",
        "RiskLimitBreached",
        "TradingPaused",
    ]
    assert rig.do(account_id, order("1")).refusals[0].reason is Reason.ACCOUNT_HALTED
    breach, paused = [
        one for one in story(rig, account_id) if type(one.event) in (e.RiskLimitBreached, e.TradingPaused)
    ]
    assert paused.meta.actor == "system"
    assert paused.meta.causation == f"{breach.stream} {breach.version}"
    loaded = rig.load(account_id)
    folded = fold(Account(account_id), [one.event for one in story(rig, account_id)])
    assert loaded.breached == folded.breached != {}
    rig.reopen()
    assert rig.do(account_id, RevaluePortfolio(2)).events[1:] == []  # said once, restarts included
    rig.check()
    rig.close()


def test_a_breach_that_does_not_halt_is_only_said(rig: Rig) -> None:
    account_id = rig.open("1000")
    rig.own(account_id, "50")
    rig.do(account_id, SetLimits(Limits(daily_loss=D("0.1"))))
    rig.market.prices[AAA] = D(8)
    done = rig.do(account_id, RevaluePortfolio(1))
    assert [type(one).__name__ for one in done.events] == ["PortfolioRevalued", "RiskLimitBreached"]
    assert rig.load(account_id).halted is None
    rig.close()


def test_a_reaction_that_raises_fails_its_work_and_nothing_of_it_stays(tmp_path: Path) -> None:
    def broken(event: e.OrderPlaced, account: Account) -> list[Command]:
        raise RuntimeError("no")

    rig = reacting(Rig(tmp_path), (Reaction("broken", e.OrderPlaced, broken),))
    account_id = rig.open()
    with pytest.raises(AccountFailed, match="no"):
        rig.do(account_id, order())
    assert rig.load(account_id).orders == {}
    rig.check()
    rig.close()


def test_the_map_names_who_does_what_about_an_event(rig: Rig) -> None:
    bus = build_bus(rig.database.dialect)
    assert bus.subscribers(e.RiskLimitBreached) == ("pause_account", "notify_risk_limit")
    assert bus.subscribers(e.OrderFilled) == ("notify_order_filled", "notify_position_closed")
    assert bus.subscribers(e.OrderRefused) == ()
    rows = {name: (reactions, handlers) for name, reactions, handlers in event_map(bus)}
    assert rows["RiskLimitBreached"] == (("pause_account",), ("notify_risk_limit",))
    assert "OrderRefused" not in rows
    rig.close()


def test_two_of_one_name_and_what_is_no_event_are_refused() -> None:
    handler = Handler("one", frozenset({e.OrderPlaced}), lambda connection, recorded: None)
    with pytest.raises(ValueError, match="name of its own"):
        Bus(handlers=[handler, handler])
    with pytest.raises(ValueError, match="not the type"):
        Bus(handlers=[Handler("two", frozenset({e.Event}), lambda connection, recorded: None)])
