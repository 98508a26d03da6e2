from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from backtests.sweeping.test_kernel import CASH, COSTS, random_targets, walk
from traderbot.backtests.sweeping import kernel
from traderbot.backtests.sweeping.measuring import Measured, measure
from traderbot.backtests.sweeping.prices import Played
from traderbot.backtests.sweeping.tape import Tape, tape_of, terms_of
from traderbot.backtests.turning import changes_of
from traderbot.model.account import AccountKind
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.unit


def played(columns: int, actions: list[CorporateAction]) -> tuple[Tape, Played, Measured]:
    bars = [walk(f"N{n}", 400, 20 + n, gaps=0.2, step=20_000_000_000) for n in range(columns)]
    tape = tape_of(bars, COSTS, COSTS.rules, actions)
    terms = terms_of(CASH, COSTS, COSTS.rules, None, Decimal(1), AccountKind.CASH)
    changes = changes_of(random_targets(bars, 1))
    assert changes is not None
    run = kernel.play(tape.prices, changes, tape.actions, terms)
    return tape, run, measure(tape, run, int(terms[kernel.CASH]), keep=True)


@pytest.mark.parametrize("columns", [1, 3])
def test_the_curve_is_cash_and_what_is_held_at_the_last_closes(columns: int) -> None:
    dividend = CorporateAction(Symbol("N0"), date(2019, 5, 1), ActionKind.DIVIDEND, Decimal("0.5"))
    split = CorporateAction(Symbol("N0"), date(2019, 6, 1), ActionKind.SPLIT, new=3)
    tape, run, measured = played(columns, [dividend, split])
    cash, held = float(CASH), np.zeros(columns)
    fills, paid = run.fills.tolist(), run.paid.tolist()
    invested = 0
    for row in range(len(tape.times)):
        for at, column, kind, new, old in tape.actions.tolist():
            if at == row and kind == kernel.SPLIT:
                held[column] *= new / old
        cash += sum(amount for at, _, amount in paid if at == row) / 1e6
        for at, column, qty, _, value, fee in fills:
            if at == row:
                held[column] += qty
                cash -= (np.sign(qty) * value + fee) / 1e6
        assert measured.equity[row] == pytest.approx(cash + held @ tape.closes[row], rel=1e-12)
        invested += bool(held.any())
    assert measured.in_market == invested
    assert measured.equity[-1] == pytest.approx(run.equity / 1e6, rel=1e-12)


def test_figures_follow_from_the_curve_and_the_fills() -> None:
    tape, run, measured = played(3, [])
    peak = np.maximum.accumulate(measured.equity)
    assert measured.drawdown == pytest.approx(float(np.max(1 - measured.equity / peak)), rel=1e-9)
    assert measured.average == pytest.approx(float(measured.equity.mean()), rel=1e-12)
    assert measured.closes == pytest.approx(measured.equity[tape.ends])
    assert measured.traded == pytest.approx(run.fills[:, kernel.VALUE].sum() / 1e6)
    assert measured.fees == pytest.approx(run.fills[:, kernel.FEE].sum() / 1e6)
    held = [0, 0, 0]
    trades = 0
    for _, column, qty, _, _, _ in run.fills.tolist():
        held[column] += qty
        trades += held[column] == 0
    assert measured.trades == trades


def test_a_curve_is_kept_only_when_asked_for() -> None:
    tape, run, measured = played(1, [])
    short = measure(tape, run, int(CASH * 1_000_000))
    assert not len(short.equity)
    assert short.drawdown == measured.drawdown
    assert short.closes.tolist() == measured.closes.tolist()
