"""Dead files: a module that nothing reaches is code that nobody runs and everybody maintains."""

import pytest

from tidy.tree import imports, modules

pytestmark = pytest.mark.unit
AWAITED: set[str] = {  # modules that something to come will use; each with what that is
    # `traderbot backtest sweep`
    "traderbot.backtests.kernel",
    "traderbot.backtests.measuring",
    "traderbot.backtests.playing",
    "traderbot.backtests.search",
    "traderbot.backtests.sweep",
    "traderbot.backtests.sweep_files",
    "traderbot.backtests.tape",
    "traderbot.backtests.turning",
    "traderbot.cli.backtest_sweep",
    # `traderbot backtest validate`
    "traderbot.analytics.bootstrap",
    "traderbot.analytics.overfitting",
    "traderbot.backtests.validation",
    "traderbot.backtests.validation.baselines",
    "traderbot.backtests.validation.grids",
    "traderbot.backtests.validation.lookahead",
    "traderbot.backtests.validation.monte_carlo",
    "traderbot.backtests.validation.page",
    "traderbot.backtests.validation.procedure",
    "traderbot.backtests.validation.record",
    "traderbot.backtests.validation.splits",
    "traderbot.backtests.validation.stability",
    "traderbot.backtests.validation.subject",
    "traderbot.backtests.validation.tracks",
    "traderbot.backtests.validation.verdict",
    "traderbot.backtests.validation.walk_forward",
    "traderbot.cli.backtest_validate",
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
