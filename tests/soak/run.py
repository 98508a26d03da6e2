"""The long form of what the tests of several writers check. Exits with 1 if anything was wrong.

Run: PYTHONPATH=tests python -m soak.run --database postgres --commands 100000 --rounds 1000
"""

import argparse
import logging
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from servers import postgres
from soak.scenarios import Found, ask_the_same, write_at_once
from traderbot.infra.migrations import migrate
from traderbot.infra.storage.database import Database


@contextmanager
def fresh(kind: str) -> Iterator[str]:
    """An empty database with the platform's tables, whose commits are synced."""
    if kind == "postgres":
        with postgres(durable=True) as server:
            url = server.url(server.create())
            _migrate(url)
            yield url
    else:
        with tempfile.TemporaryDirectory(prefix=".soak-", dir=Path.cwd()) as folder:
            url = f"sqlite:///{Path(folder) / 'soak.db'}"
            _migrate(url)
            yield url


def _migrate(url: str) -> None:
    database = Database(url)
    migrate(database)
    database.close()


def scenarios(kind: str, commands: int, rounds: int) -> Iterator[Found]:
    """Every scenario on a database of its own."""
    several = 1 if kind == "sqlite" else 4
    with fresh(kind) as url:
        yield write_at_once(url, writers=64, accounts=1, commands=commands)
    with fresh(kind) as url:
        yield write_at_once(url, writers=32, accounts=8, commands=commands // 4, paths=several, delay_s=0.005)
    with fresh(kind) as url:
        yield ask_the_same(url, parallel=100, rounds=rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--commands", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=1_000)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    commands = events = violations = 0
    for found in scenarios(options.database, options.commands, options.rounds):
        commands, events = commands + found.commands, events + found.events
        violations += len(found.wrong)
        rate = found.commands / found.seconds
        print(
            f"{found.name}: {found.commands:,} commands, {found.events:,} events, {rate:,.0f}/s", flush=True
        )
        for line in found.wrong:
            print(f"  WRONG: {line}", flush=True)
    print(f"{options.database}: {commands:,} commands, {events:,} events, {violations} violations")
    sys.exit(1 if violations else 0)


if __name__ == "__main__":
    main()
