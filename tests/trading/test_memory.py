"""What a process decides on while another one plays the session or changes the rules."""

import threading
from decimal import Decimal

import msgspec
import pytest

from traderbot.infra.events.journal import read
from traderbot.infra.ids import new_id
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.orders import Side
from traderbot.model.reasons import Reason
from traderbot.trading.work import Work
from trading.rig import check
from trading.session_rig import AAA
from trading.two import two_processes

pytestmark = pytest.mark.integration
D = Decimal


def buy() -> c.PlaceOrder:
    return c.PlaceOrder(new_id(), AAA, Side.BUY, D(1))


def test_orders_beside_a_player_are_decided_on_the_step_that_was_committed_before_them() -> None:
    """And every one is matched against the very next bar, none against a bar it has seen."""
    with two_processes() as (rig, beside):
        account_id = rig.join()
        stop = threading.Event()
        placed: list[object] = []

        def order() -> None:
            while not stop.is_set():
                outcome = beside.path.submit(Work(commands=[(account_id, buy())]))
                placed.append(outcome.refusal)

        thread = threading.Thread(target=order)
        thread.start()
        for _ in range(12):
            rig.play()
            stop.wait(0.03)
        stop.set()
        thread.join(20)
        rig.play()
        assert len(placed) > 8
        assert set(placed) == {None}
        with rig.database.read() as connection:
            recorded = read(connection, limit=10**6)
        now, step_of = rig.loop.replay.timeline.time_of(0), dict[object, int]()
        step, filled = 0, 0
        for entry in recorded:
            event = entry.event
            if isinstance(event, e.SessionAdvanced):
                now, step = event.at, event.step
            elif isinstance(event, e.OrderPlaced):
                assert event.at == now, "the market as of the step on record"
                step_of[event.order_id] = step
            elif isinstance(event, e.OrderFilled):
                filled += 1
                assert step_of[event.order_id] == step - 1, "the next bar, not one it has seen"
        assert filled == len(placed)
        check(rig.database)


def test_an_account_opened_beside_the_player_misses_no_bar() -> None:
    with two_processes() as (rig, beside):
        rig.play()
        account_id, order = new_id(), buy()
        opening = c.OpenAccount(account_id, new_id(), rig.session_id, "USD")
        beside.path.submit(Work([(account_id, opening), (account_id, c.DepositCash(D(1000)))]))
        outcome = beside.path.submit(Work([(account_id, order)]))
        assert outcome.refusal is None
        rig.play()
        assert rig.load(account_id).positions[AAA].qty == 1


def test_a_halt_through_one_process_is_obeyed_by_the_other_from_that_moment() -> None:
    with two_processes() as (rig, beside):
        account_id = rig.join()
        assert beside.path.submit(Work([(account_id, buy())])).refusal is None
        rig.path.submit(Work(rules=lambda now: msgspec.structs.replace(now, halted="stop")))
        refusal = beside.path.submit(Work([(account_id, buy())])).refusal
        assert refusal is not None
        assert refusal.reason is Reason.PLATFORM_HALTED
        beside.path.submit(Work([(account_id, c.PauseTrading("mine"))]))
        rig.path.submit(Work(rules=lambda now: msgspec.structs.replace(now, halted=None)))
        refusal = rig.path.submit(Work([(account_id, buy())])).refusal
        assert refusal is not None
        assert refusal.reason is Reason.ACCOUNT_HALTED
