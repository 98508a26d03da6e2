"""Commands that are imported when they are called: a person who asks for one does not wait for the others."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group


class Place(NamedTuple):
    """Where a command is, a function or a group of them in a module of this room; and what it does."""

    module: str
    name: str
    words: str


class Later(TyperGroup):
    """A group that knows of its commands only their places until one of them is called."""

    places: ClassVar[Mapping[str, Place]] = {}

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        for name, place in self.places.items():
            self.add_command(TyperCommand(name, help=place.words))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command itself, with its arguments."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and loaded(str(name), self.places[str(name)]), rest


def loaded(called: str, place: Place) -> Any:
    """The command at a place, by the name it is called by."""
    found = getattr(import_module(f"traderbot.cli.{place.module}"), place.name)
    if isinstance(found, typer.Typer):
        command: Any = get_group(found)
    else:
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command(called)(found)
        command = get_command(alone)
    command.name = called
    return command
