"""Seeds against the books: in memory, on SQLite and on PostgreSQL; `make seeds` plays any number of them."""

import pytest

from properties.seeds import AGAIN, attempt

pytestmark = pytest.mark.integration
MEMORY, SQLITE, POSTGRES = 300, 40, 20
PART = 50


def played(database: str, seeds: range) -> None:
    """Fail with what was found first and the command that plays it again."""
    for seed in seeds:
        found = attempt(database, seed)
        assert found is None, f"seed {seed}: {found}\nagain: {AGAIN} --database {database} --seed {seed}"


@pytest.mark.parametrize("first", range(0, MEMORY, PART))
def test_in_memory(first: int) -> None:
    played("memory", range(first, first + PART))


@pytest.mark.parametrize("first", range(0, SQLITE, 20))
def test_on_sqlite(first: int) -> None:
    played("sqlite", range(first, first + 20))


def test_on_postgresql() -> None:
    played("postgres", range(POSTGRES))


def test_a_seed_is_the_same_every_time() -> None:
    """Else the command that plays a failure again would play something else."""
    from properties.memory import play

    first, again = play(7), play(7)
    assert [books.events for books in first.books] == [books.events for books in again.books]
