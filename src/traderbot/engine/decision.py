"""A decision: what a command led to."""

import msgspec

from traderbot.model.events import Event
from traderbot.model.reasons import Reason, Refusal, refuse


class Decision(msgspec.Struct, frozen=True, gc=False):
    """The events to append, and the refusal where the answer was no. A refused order is an event as well."""

    events: tuple[Event, ...] = ()
    refusal: Refusal | None = None


NOTHING_HAPPENED = Decision()


def no(reason: Reason, figures: str = "") -> Decision:
    """A refusal that leaves no event."""
    return Decision((), refuse(reason, figures))
