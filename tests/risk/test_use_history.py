"""The use of limits at past closes: the gate's own figures wherever no order was open."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from portfolios.accounts import book_of, order, wandered
from portfolios.made import DAY, START, book
from traderbot.model import commands as c
from traderbot.model.account import AccountKind
from traderbot.model.errors import InvalidValue
from traderbot.model.rules import Limits
from traderbot.risk.status import status_of
from traderbot.risk.use_history import USES, use_history
from trading.session_rig import AAA, BBB, SessionRig

pytestmark = pytest.mark.integration

D = Decimal
SECTORS = {AAA: "Technology", BBB: "Technology"}


def test_they_are_the_figures_of_the_status_at_each_close(tmp_path: Path) -> None:
    rig = SessionRig(tmp_path)
    account_id = rig.join(kind=AccountKind.MARGIN)
    wide = {name: D(10) for name in ("concentration", "sector", "gross", "net")}
    lost = dict.fromkeys(("daily_loss", "weekly_loss", "monthly_loss", "drawdown"), D("0.9"))
    rig.do(account_id, c.SetLimits(Limits(position_value=D(10_000_000), **wide, **lost)))
    told: list[dict[str, float]] = []
    plan = [("AAA", "300"), ("BBB", "-400"), ("AAA", "-450"), ("BBB", "500"), ("AAA", "100"), ("AAA", "40")]
    for step, (symbol, qty) in enumerate(plan):
        order(rig, account_id, symbol, qty)
        if step == 3:
            rig.do(account_id, c.WithdrawCash(D(20_000)))
        rig.play()
        found = rig.read(lambda connection: status_of(connection, account_id, rig.loop.market))
        told.append({one.name: float(one.used) for one in found.limits if one.used is not None})
    made = book_of(rig, account_id)
    rig.close()
    for name in USES:
        if name == "sector":
            continue
        history = use_history(made, name, {})
        places = 0.01 if name == "position_value" else 1e-6
        assert history.used[-len(told) :] == pytest.approx([one[name] for one in told], abs=places), name
    sectors = use_history(made, "sector", SECTORS).used
    assert sectors == pytest.approx(use_history(made, "gross", {}).used)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happened_it_is_no_negative_and_no_more_than_gross(tmp_path: Path, seed: int) -> None:
    with wandered(tmp_path, seed) as (rig, account_id):
        made = book_of(rig, account_id)
    gross = use_history(made, "gross", {}).used
    for name in USES:
        found = use_history(made, name, SECTORS)
        assert len(found.times) == len(found.used) == len(made.times)
        assert not (found.used < 0).any()
        if name in ("concentration", "sector", "net"):
            assert (found.used <= gross + 1e-12).all()


def test_losses_by_heart() -> None:
    """Monday to Wednesday of the next week: 100, 90, 95 with 10 more paid in, 84."""
    made = book([100.0, 90.0, 105.0, 84.0], {0: 100.0, 2: 10.0})
    assert use_history(made, "daily_loss", {}).used == pytest.approx([0, 0.1, 0, 21 / 105])
    assert use_history(made, "drawdown", {}).used == pytest.approx([0, 0.1, 5 / 110, 26 / 110])
    some = use_history(made, "drawdown", {}, begin=START + 2 * DAY, end=START + 3 * DAY)
    assert some.used == pytest.approx([0.1, 5 / 110])


def test_without_equity_there_is_no_share() -> None:
    made = book([0.0, 0.0], {})
    assert np.isnan(use_history(made, "gross", {}).used).all()
    with pytest.raises(InvalidValue, match="limit: expected one of position_value"):
        use_history(made, "orders_per_day", {})
