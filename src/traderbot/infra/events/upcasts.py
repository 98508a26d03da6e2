"""Stored events of older shapes and names, brought up to today's when they are read.

What is stored is never rewritten: its hash is over the text as it was. Each step takes the plain JSON fields
of one version to the next, so a change of an event's shape adds one function here and raises the event's
`schema` by one.
"""

from collections.abc import Callable
from typing import Any

from traderbot.model.errors import InvariantBroken
from traderbot.model.events import EVENT_TYPES

Fields = dict[str, Any]
Change = Callable[[Fields], Fields]
Shape = tuple[str, int]


class Upcasts:
    """Steps from one version of an event's shape to the next. steps: by type and version, the shape each
    leads to and its function.
    """

    def __init__(self) -> None:
        self.steps: dict[Shape, tuple[Shape, Change]] = {}

    def add(self, kind: str, schema: int, change: Change, becomes: Shape | None = None) -> None:
        """Register the step from a version on. becomes: the next version unless given; a renamed event has
        its new name there. Errors: InvariantBroken for a second step from one version, or one in a circle.
        """
        shape, following = (kind, schema), becomes or (kind, schema + 1)
        place: Shape | None = following
        while place is not None:
            if place == shape:
                raise InvariantBroken(f"event {kind}: the steps from version {schema} lead back to it")
            place = self.steps[place][0] if place in self.steps else None
        if shape in self.steps:
            raise InvariantBroken(f"event {kind}: there are two steps from version {schema}")
        self.steps[shape] = following, change

    def today(self, kind: str, schema: int, fields: Fields) -> tuple[str, Fields]:
        """Name and fields as today's program has them. Errors: InvariantBroken for a shape that no step leads
        on from: one of a newer program, or of none.
        """
        shape = kind, schema
        while shape in self.steps:
            shape, change = self.steps[shape]
            fields = change(fields)
        known = EVENT_TYPES.get(shape[0])
        if known is None:
            raise InvariantBroken(f"event of type {shape[0]} is not known to this version of traderbot")
        if shape[1] > known.schema:
            raise InvariantBroken(
                f"event of type {shape[0]} has version {shape[1]} of its shape, this traderbot knows up to"
                f" {known.schema}: it was written by a newer one"
            )
        if shape[1] < known.schema:
            raise InvariantBroken(f"event of type {shape[0]}: no step leads on from version {shape[1]}")
        return shape[0], fields


UPCASTS = Upcasts()
"""The steps of this program; none so far, as every event still has its first shape."""
