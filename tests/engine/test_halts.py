from typing import Any

import msgspec
import pytest

from engine.stand import AAA, BBB, Stand, reason
from traderbot.engine import halts
from traderbot.model import commands as c
from traderbot.model.reasons import Reason, Refusal
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.domain


@pytest.fixture
def stand() -> Stand:
    return Stand()


@pytest.mark.parametrize("symbol", [None, AAA])
class TestOfAnAccount:
    def test_lifting_takes_a_request_and_its_code(self, stand: Stand, symbol: Symbol | None) -> None:
        stand.do(c.PauseTrading("a drill", symbol))
        assert reason(stand.do(c.ResumeTrading("7", symbol))) is Reason.RESUME_NOT_REQUESTED
        stand.do(c.RequestResume("7", symbol))
        assert stand.refused("buy", "1") in (Reason.ACCOUNT_HALTED, Reason.SYMBOL_HALTED)
        assert reason(stand.do(c.ResumeTrading("8", symbol))) is Reason.RESUME_NOT_REQUESTED
        assert stand.do(c.ResumeTrading("7", symbol)).refusal is None
        stand.place("buy", "1")
        assert (stand.account.halted, stand.account.halted_symbols, stand.account.lifting) == (None, {}, {})

    def test_what_is_not_halted_cannot_be_lifted(self, stand: Stand, symbol: Symbol | None) -> None:
        assert reason(stand.do(c.RequestResume("7", symbol))) is Reason.NOT_HALTED
        assert reason(stand.do(c.ResumeTrading("7", symbol))) is Reason.NOT_HALTED
        stand.do(c.PauseTrading("another", BBB))
        assert reason(stand.do(c.RequestResume("7", symbol))) is Reason.NOT_HALTED

    def test_a_halt_latches_and_takes_back_a_request(self, stand: Stand, symbol: Symbol | None) -> None:
        stand.do(c.PauseTrading("one", symbol))
        assert reason(stand.do(c.PauseTrading("two", symbol))) is Reason.ALREADY_HALTED
        stand.do(c.RequestResume("7", symbol))
        assert stand.do(c.PauseTrading("two", symbol)).refusal is None
        assert reason(stand.do(c.ResumeTrading("7", symbol))) is Reason.RESUME_NOT_REQUESTED

    def test_a_later_request_replaces_the_code(self, stand: Stand, symbol: Symbol | None) -> None:
        stand.do(c.PauseTrading("one", symbol))
        stand.do(c.RequestResume("7", symbol))
        stand.do(c.RequestResume("8", symbol))
        assert reason(stand.do(c.ResumeTrading("7", symbol))) is Reason.RESUME_NOT_REQUESTED
        assert stand.do(c.ResumeTrading("8", symbol)).refusal is None

    def test_cancels_go(self, stand: Stand, symbol: Symbol | None) -> None:
        order = stand.place("buy", "1", "9")
        stand.do(c.PauseTrading("one", symbol))
        assert stand.do(c.CancelOrder(order)).refusal is None


def test_one_halt_is_not_the_other(stand: Stand) -> None:
    stand.do(c.PauseTrading("all"))
    stand.do(c.PauseTrading("one", AAA))
    stand.do(c.RequestResume("7"))
    stand.do(c.ResumeTrading("7"))
    assert stand.refused("buy", "1") is Reason.SYMBOL_HALTED
    stand.place("buy", "1", symbol=BBB)


def test_a_report_put_aside_halts_its_symbol(stand: Stand) -> None:
    stand.do(c.PauseTrading("one", AAA))
    stand.do(c.RequestResume("7", AAA))
    stand.do(c.QuarantineReport(AAA, "a fill of nothing", {"qty": "-1"}))
    assert stand.account.halted_symbols == {AAA: "a fill of nothing"}
    assert reason(stand.do(c.ResumeTrading("7", AAA))) is Reason.RESUME_NOT_REQUESTED


def made(found: Rules | Refusal) -> Rules:
    assert isinstance(found, Rules)
    return found


def why(found: Rules | Refusal) -> Any:
    assert isinstance(found, Refusal)
    return found.reason


@pytest.mark.parametrize("symbol", [None, AAA])
class TestOfThePlatform:
    def test_two_steps_each_a_version(self, symbol: Symbol | None) -> None:
        halted = made(halts.halt(Rules(), "a drill", symbol))
        assert (halted.version, halted.halted is not None or AAA in halted.halted_symbols) == (2, True)
        assert why(halts.resume(halted, "7", symbol)) is Reason.RESUME_NOT_REQUESTED
        asked = made(halts.request_resume(halted, "7", symbol))
        assert why(halts.resume(asked, "8", symbol)) is Reason.RESUME_NOT_REQUESTED
        lifted = made(halts.resume(asked, "7", symbol))
        assert lifted == msgspec.structs.replace(Rules(), version=4)

    def test_it_latches_and_takes_back_a_request(self, symbol: Symbol | None) -> None:
        halted = made(halts.halt(Rules(), "one", symbol))
        assert why(halts.halt(halted, "two", symbol)) is Reason.ALREADY_HALTED
        asked = made(halts.request_resume(halted, "7", symbol))
        again = made(halts.halt(asked, "two", symbol))
        assert why(halts.resume(again, "7", symbol)) is Reason.RESUME_NOT_REQUESTED

    def test_what_is_not_halted_cannot_be_lifted(self, symbol: Symbol | None) -> None:
        assert why(halts.request_resume(Rules(), "7", symbol)) is Reason.NOT_HALTED
        assert why(halts.resume(Rules(), "7", symbol)) is Reason.NOT_HALTED


def test_the_platform_and_a_symbol_of_it_have_codes_of_their_own() -> None:
    rules = made(halts.halt(made(halts.halt(Rules(), "all")), "one", AAA))
    rules = made(halts.request_resume(made(halts.request_resume(rules, "7")), "8", AAA))
    rules = made(halts.resume(rules, "7"))
    assert (rules.halted, rules.halted_symbols, rules.lifting) == (None, {AAA}, {AAA: "8"})
