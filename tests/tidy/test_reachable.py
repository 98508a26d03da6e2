"""Dead files: a module that nothing reaches is code that nobody runs and everybody maintains."""

import pytest

from tidy.tree import imports, modules

pytestmark = pytest.mark.unit
AWAITED: set[str] = {  # modules that something to come will use; each with what that is
    "traderbot.analytics.streaming",  # strategies of one's own, which go bar by bar
}
ENTRIES = ("traderbot.cli.main", "traderbot.infra.migrations.env")


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
