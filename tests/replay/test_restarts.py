"""The same replay, whether or not the process ends on the way: nothing lost, nothing twice, to the byte."""

import json
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from replay.floor import demo_account, floor, open_floor, play, stored
from traderbot.bootstrap import Platform
from traderbot.cli.serve import demo_login
from traderbot.infra.events.journal import verify
from traderbot.model.bars import Bar
from traderbot.model.signals import Signal
from traderbot.strategies.base import Context, Strategy
from traderbot.trading.audit import rebuild

pytestmark = pytest.mark.integration

UUIDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
STEPS = 60


class Killed(BaseException):
    """The process ends here; nobody catches it."""


class Restless(Strategy):
    """Trades nearly every bar, with and without a signal, by what the bars show alone."""

    name = "restless"

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        held = ctx.position(bar.symbol)
        if bar.index % 5 == 0 and ctx.orders:
            ctx.cancel(ctx.orders[0].id)
        if bar.index % 3 == 0:
            ctx.buy(bar.symbol, 10 + bar.index % 7)
        elif bar.index % 3 == 1 and held >= 10:
            ctx.sell(bar.symbol, 5, signal=Signal(bar.symbol, "sell", {"summary": f"bar {bar.index}"}))
        elif bar.index % 11 == 0:
            ctx.raise_signal(Signal(bar.symbol, "hold", {"summary": "nothing to do"}))


def restless(platform: Platform) -> UUID:
    _, account_id = demo_login(platform)
    platform.autopilot.assign(account_id, Restless())
    return account_id


def told(platform: Platform, account_id: UUID) -> list[tuple[str, int, str]]:
    """Every event of session and account: type, version and text, random ids by order of appearance.

    A valuation's marks stand in the order in which an account keeps its positions, which a restart changes:
    they are compared by symbol.
    """
    names: dict[str, str] = {}

    def plain(found: re.Match[str]) -> str:
        return names.setdefault(found.group(), f"id-{len(names)}")

    streams = (f"account:{account_id}", f"session:{platform.session.session_id}")
    rows = [row for row in stored(platform) if row.stream in streams]
    rows.sort(key=lambda row: (row.stream, row.version))
    return [(row.type, row.version, UUIDS.sub(plain, _by_symbol(row))) for row in rows]


def _by_symbol(row: Any) -> str:
    if row.type != "PortfolioRevalued":
        return str(row.data)
    return json.dumps(json.loads(row.data), sort_keys=True)


def run_through(home: Path, steps: int, join: Callable[[Platform], UUID]) -> list[tuple[str, int, str]]:
    with floor(home) as platform:
        account_id = join(platform)
        play(platform, steps)
        return told(platform, account_id)


def test_two_replays_of_the_ai_are_equal_to_the_byte(tmp_path: Path) -> None:
    first = run_through(tmp_path / "first", 300, demo_account)
    second = run_through(tmp_path / "second", 300, demo_account)
    assert first == second
    assert Counter(kind for kind, _, _ in first)["OrderFilled"] > 10


def test_the_ai_goes_on_after_restarts_as_if_there_had_been_none(tmp_path: Path) -> None:
    without = run_through(tmp_path / "without", 120, demo_account)
    for steps in (0, 37, 41, 42):  # 0: closed before it began; 62 and 63: the first bars of April
        with floor(tmp_path / "with") as platform:
            account_id = demo_account(platform)
            play(platform, steps)
            assert len(told(platform, account_id)) <= len(without)
    assert told_after(tmp_path / "with", demo_account) == without


def told_after(home: Path, join: Callable[[Platform], UUID]) -> list[tuple[str, int, str]]:
    with floor(home) as platform:
        account_id = join(platform)
        assert verify_holds(platform)
        return told(platform, account_id)


def verify_holds(platform: Platform) -> bool:
    with platform.database.read() as connection:
        return verify(connection).fault is None and not rebuild(platform.database).differences


@pytest.mark.parametrize("seed", [1, 2])
def test_ends_at_any_moment_lose_and_double_nothing(tmp_path: Path, seed: int) -> None:
    """Ends between a step's commit and the strategies, just behind the strategies, and in order."""
    without = run_through(tmp_path / "without", STEPS, restless)
    chance = random.Random(seed)
    home = tmp_path / "with"
    while True:
        platform = open_floor(home)
        try:
            account_id = restless(platform)
            kill_at = platform.session.replay.step + chance.randint(1, 12)
            before = chance.choice([True, False])
            platform.session.followers.insert(0 if before else 1, killer(kill_at))
            left = STEPS - (platform.session.replay.step - first_step(platform))
            try:
                play(platform, left)
            except Killed:
                continue
            found = told(platform, account_id)
            assert verify_holds(platform)
            break
        finally:
            platform.close()
    assert found == without


def killer(step: int) -> Callable[[object, list[Bar]], None]:
    def kill(market: object, moved: list[Bar]) -> None:
        if market.step == step:  # type: ignore[attr-defined]
            raise Killed

    return kill


def first_step(platform: Platform) -> int:
    return platform.session.replay.timeline.first_step(platform.settings.replay_start) - 1


def test_a_strategy_that_ran_is_not_run_again_although_its_account_changed_since(tmp_path: Path) -> None:
    """A step that was dealt with is not looked at with other eyes after a restart."""
    with floor(tmp_path) as platform:
        account_id = restless(platform)
        while not (events := [row for row in stored(platform, account_id) if row.type == "OrderPlaced"]):
            play(platform, 1)
        placed = len(events)
    with floor(tmp_path) as platform:
        restless(platform)
        platform.session.call_followers()
        assert len([row for row in stored(platform, account_id) if row.type == "OrderPlaced"]) == placed
