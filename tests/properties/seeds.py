"""Play many seeds and count the violations. Run: python -m properties.seeds --count N --database memory

Each failure prints the one command that plays it again. The last line is always `N seeds, N violations`.
"""

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import structlog

from properties.reference import Violation

AGAIN = "PYTHONPATH=tests .venv/bin/python -m properties.seeds"
DATABASES = ("memory", "sqlite", "postgres")


def player(database: str) -> Callable[[int], object]:
    """The function that plays one seed against a kind of database."""
    if database == "memory":
        from properties.memory import play

        return play
    from properties.stored import play_postgres, play_sqlite

    return play_sqlite if database == "sqlite" else play_postgres


def attempt(database: str, seed: int) -> str | None:
    """Play one seed. Returns: what was violated and by which step, or None."""
    try:
        player(database)(seed)
    except Violation as violation:
        return "\n".join([str(violation), *getattr(violation, "__notes__", [])])
    return None


def run(database: str, seeds: range, workers: int = 1, stop: bool = False) -> dict[int, str]:
    """Play seeds. stop: with the first violation. Returns: what was found, by seed."""
    found: dict[int, str] = {}
    if stop or workers == 1 or len(seeds) < workers * 8:
        for seed in seeds:
            text = attempt(database, seed)
            if text is not None:
                found[seed] = text
                if stop:
                    break
        return found
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        texts = pool.map(partial(attempt, database), seeds, chunksize=16)
        return {seed: text for seed, text in zip(seeds, texts, strict=True) if text is not None}


def main() -> int:
    """Read the arguments, play, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, help="play this one only")
    parser.add_argument("--database", choices=DATABASES, default="memory")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--stop", action="store_true", help="with the first violation")
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.count)
    if given.seed is not None:
        seeds = range(given.seed, given.seed + 1)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    began = time.monotonic()
    found = run(given.database, seeds, given.workers, given.stop)
    for seed, text in found.items():
        print(f"seed {seed}: {text}")
        print(f"  again: {AGAIN} --database {given.database} --seed {seed}")
    print(f"{time.monotonic() - began:.1f} seconds")
    print(f"{len(seeds)} seeds, {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
