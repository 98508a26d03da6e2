"""Dead files: a module that nothing reaches is code that nobody runs and everybody maintains."""

import pytest

from tidy.tree import imports, modules
from traderbot.cli.main import Commands

pytestmark = pytest.mark.unit
AWAITED: set[str] = {  # modules that something to come will use; each with what that is
    "traderbot.analytics.streaming",  # strategies of one's own, which go bar by bar
    "traderbot.strategies.coarser",  # strategies of one's own, whose signal goes by weeks
}
ENTRIES = (
    "traderbot.cli.main",
    "traderbot.infra.migrations.env",
    *(f"traderbot.cli.{place.module}" for place in Commands.places.values()),
)


def test_every_module_is_reached_from_the_command() -> None:
    reached: set[str] = set()
    waiting = list(ENTRIES)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            package = name.rpartition(".")[0]
            waiting += [package] if package else []
            waiting += imports(modules()[name])
    assert modules().keys() - reached == AWAITED
