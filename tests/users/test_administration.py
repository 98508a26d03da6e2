"""Owners who demote each other through two writers at once: one of them succeeds, on either database."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import pytest
from sqlalchemy.engine import Connection

from servers import KINDS, database_url
from traderbot.infra.clock import WallClock
from traderbot.infra.events.journal import Meta, read_all
from traderbot.infra.ids import new_id
from traderbot.infra.storage.database import Database
from traderbot.model.errors import Conflict, Forbidden
from traderbot.trading.command_path import CommandPath
from traderbot.trading.streams import user_stream
from traderbot.trading.work import Work
from traderbot.users import repository
from traderbot.users.administration import OPERATOR, Actor, Administration
from traderbot.users.credentials import Credentials, Fact
from traderbot.users.people import User
from traderbot.users.people_rows import PeopleFilter
from traderbot.users.tokens import AccessTokens
from users.desk import SECRET

pytestmark = pytest.mark.integration

T = TypeVar("T")
ROUNDS = 5


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with database_url(request.param, tmp_path) as url:
        database = Database(url)
        yield database
        database.close()


@pytest.fixture
def paths(database: Database) -> Iterator[list[CommandPath]]:
    """Two writers where the database has room for them."""
    opened = [CommandPath(database, WallClock()) for _ in range(2 if database.shared else 1)]
    yield opened
    for path in opened:
        path.close()


def administration(database: Database, path: CommandPath) -> Administration:
    def record(facts: Iterable[Fact], job: Callable[[Connection], T], actor: str) -> T:
        staged = [(user_stream(who), event) for who, event in facts if who is not None]
        result: T = path.submit(Work(facts=staged, job=job, meta=Meta(actor=actor))).result
        return result

    clock = WallClock()
    tokens = AccessTokens(SECRET, clock, 900)
    credentials = Credentials(database=database, writer=path, clock=clock, tokens=tokens, record=record)
    return Administration(database=database, clock=clock, record=record, credentials=credentials)


def owner(path: CommandPath) -> UUID:
    user = User(new_id(), f"{new_id()}@example.com", "x", "owner", active=True, created_at=0, account_id=None)
    path.write(lambda connection: repository.insert_user(connection, user, "x"))
    return user.id


def test_two_owners_demote_each_other_and_one_is_left(database: Database, paths: list[CommandPath]) -> None:
    desks = [administration(database, path) for path in (paths[0], paths[-1])]
    first = owner(paths[0])
    for _ in range(ROUNDS):
        second = owner(paths[0])
        with ThreadPoolExecutor(2) as pool:
            tries = [
                pool.submit(desk.change, Actor(who), whom, role="trader")
                for desk, who, whom in zip(desks, (first, second), (second, first), strict=True)
            ]
            failures = [one.exception() for one in tries]
        assert sum(failure is None for failure in failures) == 1
        assert [type(failure) for failure in failures if failure is not None] == [Forbidden]
        (left,) = desks[0].people(PeopleFilter(role="owner", active=True), before=None, limit=10)
        with pytest.raises(Conflict):
            desks[1].change(OPERATOR, left.id, active=False)
        first = left.id
    with database.read() as connection:
        acts = [(type(entry.event).__name__, entry.meta.actor) for entry in read_all(connection)]
    assert [name for name, _ in acts] == ["RoleChanged"] * ROUNDS, "what was refused left no event"
