"""What every event is."""

from typing import ClassVar

import msgspec


class Event(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Base of all events; kept from the garbage collector, as none is in a cycle and a run keeps many.

    schema: version of this event's shape.
    """

    schema: ClassVar[int] = 1


class MarketEvent(Event, frozen=True, omit_defaults=True):
    """An event in market time. at: microseconds UTC."""

    at: int
