from uuid import UUID

import pytest

from traderbot.model.commands import CancelOrder
from traderbot.simulation.wire import Wire

pytestmark = pytest.mark.domain


def test_changes_arrive_after_the_latency_in_their_order() -> None:
    wire = Wire(10)
    assert (wire.next_at, wire.arrived(10**9)) == (None, [])
    first, second, third = (CancelOrder(UUID(int=number)) for number in range(3))
    for change, time in ((first, 100), (second, 100), (third, 105)):
        wire.send(change, time)
    assert wire.next_at == 110
    assert wire.arrived(109) == []
    assert wire.arrived(110) == [first, second]
    assert wire.arrived(120) == [third]
