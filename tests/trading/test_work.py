"""What an idempotency record keeps comes back as it was."""

from decimal import Decimal
from uuid import UUID

import pytest

from traderbot.model.events import CashMoved, OrderCancelled
from traderbot.model.reasons import Reason, refuse
from traderbot.trading.work import Outcome

pytestmark = pytest.mark.unit


def test_an_outcome_is_recalled_as_it_was() -> None:
    events = [
        CashMoved(5, Decimal("1.50"), "deposit"),
        OrderCancelled(6, UUID(int=1), Reason.CANCELED_BY_USER),
    ]
    outcome = Outcome(list(events), [refuse(Reason.OFF_TICK, "(x)")])
    recalled = Outcome.recall(outcome.stored())
    assert recalled == outcome._replace(replayed=True)
    assert recalled.refusal == outcome.refusals[0]


def test_no_refusal_is_none() -> None:
    assert Outcome([], []).refusal is None
