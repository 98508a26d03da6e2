"""What several writers must never do to each other, in sizes to choose. Each gives back counts and what was
wrong.
"""

import asyncio
import random
import time
from typing import NamedTuple
from uuid import UUID

from soak.paths import Tail, paths_on
from traderbot.infra.ids import new_id
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.trading.command_path import CommandPath
from traderbot.trading.work import Idempotency, Work
from trading.rig import SESSION, D, check, order


class Found(NamedTuple):
    """commands: acknowledged; events: in the journal; wrong: in words, nothing where all is well."""

    name: str
    commands: int
    events: int
    seconds: float
    wrong: list[str]


class RolledBack(Exception):  # noqa: N818 - what happens to the work
    """Raised on purpose in the middle of a transaction."""


def open_account(path: CommandPath) -> UUID:
    """A new account that can pay for anything."""
    account_id = new_id()
    opening = c.OpenAccount(account_id, new_id(), SESSION, "USD")
    path.submit(Work([(account_id, opening), (account_id, c.DepositCash(D(10**12)))]))
    return account_id


async def _place_and_cancel(
    path: CommandPath, account_id: UUID, commands: int, rolled_back: random.Random | None
) -> list[UUID]:
    """Orders placed and cancelled in turn, some rolled back. Returns: the orders acknowledged."""
    placed = []
    for _ in range(commands // 2):
        place = order("1")
        if rolled_back is not None and rolled_back.random() < 0.05:
            await _roll_back(path, account_id)
        outcome = await path.asubmit(Work([(account_id, place)]))
        assert not outcome.refusals, outcome.refusals
        placed.append(place.order_id)
        outcome = await path.asubmit(Work([(account_id, c.CancelOrder(place.order_id))]))
        assert not outcome.refusals, outcome.refusals
    return placed


async def _roll_back(path: CommandPath, account_id: UUID) -> None:
    def fail(_account: object) -> list[c.Command]:
        raise RolledBack

    try:
        await path.asubmit(Work([(account_id, order("1"))], [(account_id, fail)]))
    except RolledBack:
        return
    raise AssertionError("a work that fails was committed")


def write_at_once(
    url: str, *, writers: int, accounts: int, commands: int, paths: int = 0, delay_s: float = 0
) -> Found:
    """Writers on the same accounts through several command paths, with a reader that follows.

    delay_s: longest random delay of each commit; with delays, one work in twenty is rolled back as well.
    """
    start = time.monotonic()
    with paths_on(url, paths) as on:
        ids = [open_account(on.of(0)) for _ in range(accounts)]
        tail = Tail(on.databases[0])
        if delay_s:
            on.delay_commits(delay_s)

        async def everybody() -> list[list[UUID]]:
            return await asyncio.gather(
                *(
                    _place_and_cancel(
                        on.of(n),
                        ids[n % accounts],
                        commands // writers,
                        random.Random(n) if delay_s else None,
                    )
                    for n in range(writers)
                )
            )

        acknowledged = [order_id for orders in asyncio.run(everybody()) for order_id in orders]
        wrong = tail.stop()
        recorded = check(on.databases[0])
    placed = [entry.event.order_id for entry in recorded if isinstance(entry.event, e.OrderPlaced)]
    wrong += [f"{len(set(acknowledged) - set(placed))} acknowledged orders are lost"] * (
        not set(acknowledged) <= set(placed)
    )
    if len(placed) != len(acknowledged):
        wrong.append(f"{len(acknowledged)} orders were acknowledged, {len(placed)} are on record")
    if len(tail.seen) != len(recorded):
        wrong.append(f"the reader was given {len(tail.seen)} of {len(recorded)} events")
    name = f"{writers} writers on {accounts} accounts"
    return Found(name, 2 * len(acknowledged), len(recorded), time.monotonic() - start, wrong)


def ask_the_same(url: str, *, parallel: int, rounds: int) -> Found:
    """The same request many times at once through all command paths, which restart between rounds: one order
    comes of it, and everybody is told of that one.
    """
    start, wrong = time.monotonic(), []
    with paths_on(url) as on:
        account_id = open_account(on.of(0))
        for number in range(rounds):
            key = Idempotency(f"round {number}", bytes(32))

            async def everybody(key: Idempotency = key) -> list[tuple[bool, UUID]]:
                works = [Work([(account_id, order("1"))], key=key) for _ in range(parallel)]
                answers = await asyncio.gather(*(on.of(n).asubmit(work) for n, work in enumerate(works)))
                return [(answer.replayed, answer.events[0].order_id) for answer in answers]  # type: ignore[attr-defined]

            answers = asyncio.run(everybody())
            if len({order_id for _, order_id in answers}) != 1:
                wrong.append(f"round {number}: callers were told of different orders")
            if sum(not replayed for replayed, _ in answers) != 1:
                wrong.append(f"round {number}: not exactly one answer was the first")
            on.paths[0].submit(Work([(account_id, c.CancelOrder(answers[0][1]))]))
            on.open()
        recorded = check(on.databases[0])
    placed = sum(isinstance(entry.event, e.OrderPlaced) for entry in recorded)
    if placed != rounds:
        wrong.append(f"{placed} orders came of {rounds} requests")
    name = f"{parallel} equal requests at once"
    return Found(name, parallel * rounds, len(recorded), time.monotonic() - start, wrong)
