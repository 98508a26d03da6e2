"""Halts of the platform: they latch, count at once, and are lifted in two steps."""

from decimal import Decimal

import pytest

from traderbot.model.events import RulesChanged
from traderbot.model.reasons import Reason
from traderbot.model.rules import Limits, Rules
from traderbot.trading import audit
from traderbot.trading.halts import (
    change_rules,
    halt_platform,
    request_resume_platform,
    resume_platform,
    rules_in_force,
)
from trading.rig import AAA, Rig, order

pytestmark = pytest.mark.integration


def in_force(rig: Rig) -> Rules:
    found: Rules = rig.read(rules_in_force)
    return found


def test_without_any_change_the_rules_are_as_built(rig: Rig) -> None:
    assert in_force(rig) == Rules()


def test_a_halt_latches_and_is_lifted_in_two_steps(rig: Rig) -> None:
    account_id = rig.open()
    outcome = rig.path.submit(halt_platform("flash crash"))
    assert isinstance(outcome.events[0], RulesChanged)
    assert in_force(rig).halted == "flash crash"
    (refusal,) = rig.do(account_id, order()).refusals
    assert refusal.reason is Reason.PLATFORM_HALTED
    again = rig.path.submit(halt_platform("again")).refusal
    assert again is not None
    assert again.reason is Reason.ALREADY_HALTED
    early = rig.path.submit(resume_platform("1234")).refusal
    assert early is not None
    assert early.reason is Reason.RESUME_NOT_REQUESTED
    assert rig.path.submit(request_resume_platform("1234")).refusal is None
    assert in_force(rig).halted == "flash crash", "a request alone lifts nothing"
    wrong = rig.path.submit(resume_platform("4321")).refusal
    assert wrong is not None
    assert rig.path.submit(resume_platform("1234")).refusal is None
    assert in_force(rig).halted is None
    assert not rig.do(account_id, order()).refusals
    assert in_force(rig).version == 4
    assert audit.rebuild(rig.database).differences == []


def test_a_halted_symbol_stays_halted_after_a_restart(rig: Rig) -> None:
    account_id = rig.open()
    rig.path.submit(halt_platform("odd prints", AAA))
    rig.reopen()
    (refusal,) = rig.do(account_id, order()).refusals
    assert refusal.reason is Reason.SYMBOL_HALTED


def test_what_waits_behind_a_halt_in_the_same_transaction_is_decided_on_it(rig: Rig) -> None:
    account_id = rig.open()
    futures = rig.together(
        rig.work(account_id, order()), halt_platform("stop"), rig.work(account_id, order())
    )
    before, _, after = (future.result() for future in futures)
    assert before.refusals == []
    assert [refusal.reason for refusal in after.refusals] == [Reason.PLATFORM_HALTED]


def test_two_changes_at_once_both_count(rig: Rig) -> None:
    limits = Limits(orders_per_day=5)

    def narrow(rules: Rules) -> Rules:
        return Rules(version=99, collar=Decimal("0.05"), limits=limits, halted="not its business")

    rig.together(halt_platform("one"), change_rules(narrow), halt_platform("two", AAA))
    rules = in_force(rig)
    assert (rules.halted, rules.halted_symbols) == ("one", {AAA})
    assert (rules.collar, rules.limits) == (Decimal("0.05"), limits)
    assert rules.version == 4
