"""Calls that break a promise wherever they stand, each with what to call instead."""

import ast
from pathlib import Path

import pytest

from tidy.tree import SOURCE, calls, dotted, imported_names, modules, parsed, short

pytestmark = pytest.mark.unit

BANNED = {
    "datetime.datetime.now": "clock.now()",
    "datetime.datetime.utcnow": "clock.now()",
    "datetime.datetime.today": "clock.now()",
    "datetime.date.today": "clock.now()",
    "time.time": "clock.now()",
    "time.time_ns": "clock.now()",
    "uuid.uuid1": "infra.ids.new_id(): uuid1 tells the machine's address",
    "uuid.uuid4": "infra.ids.new_id(): random keys scatter over an index",
}
BORDER = SOURCE / "model" / "border.py"
AMOUNTS = ("price", "qty", "amount", "cash")
OBSERVATIONS = {
    "src/traderbot/strategies/adjustments.py",  # a dividend as a feature
    "src/traderbot/backtests/reporting/results.py",  # a curve to be measured
}
"""Where an amount becomes a statistic, and never money again."""


def _rooms(*names: str) -> list[Path]:
    return [
        path for name, path in modules().items() if name.split(".")[1:2] not in [[room] for room in names]
    ]


def test_the_machines_clock_and_random_ids_are_asked_in_infra_only() -> None:
    """A clock asked anywhere else cannot be set by a test or a replay; a backtest would depend on the day."""
    found = []
    for path in _rooms("infra"):
        names = imported_names(path)
        for name, line in calls(path):
            first, dot, rest = name.partition(".")
            full = names.get(first, first) + dot + rest
            if full in BANNED:
                found.append(f"{short(path)}:{line}: {name}; use {BANNED[full]}")
    assert found == []


def test_nothing_is_random() -> None:
    """random.* makes a run that cannot be repeated, and tokens that can be guessed; `secrets` makes those."""
    found = [short(path) for path in modules().values() if "random" in imported_names(path).values()]
    found += [
        f"{short(path)}:{line}: {name}"
        for path in modules().values()
        for name, line in calls(path)
        if imported_names(path).get(name.partition(".")[0], "").startswith("random.") or "np.random." in name
    ]
    assert found == []


def test_money_does_not_become_a_float() -> None:
    """float(price) rounds silently; only the border may turn one into the other."""
    found = [
        f"{short(path)}:{node.lineno}: float({dotted(node.args[0])})"
        for path in modules().values()
        if path != BORDER and short(path) not in OBSERVATIONS
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and dotted(node.func) == "float" and len(node.args) == 1
        if dotted(node.args[0]).endswith(AMOUNTS)
    ]
    assert found == []


def test_only_the_command_path_commits() -> None:
    """A second place that commits is a second writer: its rows are not in the journal."""
    allowed = ("infra/", "trading/command_path.py")
    found = [
        f"{short(path)}:{line}: {name}"
        for path in modules().values()
        for name, line in calls(path)
        if name.endswith((".commit", ".exec_driver_sql"))
        and not str(path.relative_to(SOURCE)).startswith(allowed)
    ]
    assert found == []


def test_nobody_opens_a_write_transaction_past_the_command_path() -> None:
    """`database.write()` and the writing engine are the one writer's; auditing may repair what it rebuilt."""
    allowed = ("infra/", "trading/command_path.py", "trading/audit.py")
    found = [
        f"{short(path)}:{line}: {name}"
        for path in modules().values()
        for name, line in calls(path)
        if name.endswith(("database.write", "writer.begin", "writer.connect", "fresh.write"))
        and not str(path.relative_to(SOURCE)).startswith(allowed)
    ]
    assert found == []
