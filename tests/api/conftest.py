"""One platform a worker, on a home of its own; people are made anew for each test."""

from collections.abc import Iterator
from typing import Any

import pytest

from api.live import Live, Person, opened


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with opened(tmp_path_factory.mktemp("home")) as built:
        yield built


@pytest.fixture
def ada(live: Live) -> Iterator[Person]:
    with live.person(name="ada") as person:
        yield person


@pytest.fixture
def bob(live: Live) -> Iterator[Person]:
    with live.person(name="bob") as person:
        yield person


@pytest.fixture
def admin(live: Live) -> Iterator[Person]:
    with live.person("admin", name="admin") as person:
        yield person


@pytest.fixture
def limits(admin: Person) -> Iterator[Any]:
    """Sets limits of the platform; whatever happens, they are gone for the other tests."""

    def put(status: int = 200, /, **body: Any) -> Any:
        return admin.put("/admin/limits", {"limits": {}, **body}, status)

    yield put
    put(sectors={})
