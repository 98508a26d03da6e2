"""What a client is told while the database is gone: to come again, and nothing of the inside."""

from pathlib import Path

import pytest

from api.live import opened
from servers import CannotRun, Postgres

pytestmark = pytest.mark.integration


def test_reads_and_writes_answer_503_while_the_database_is_gone(tmp_path: Path) -> None:
    try:
        server = Postgres()
    except CannotRun as error:
        pytest.skip(f"PostgreSQL cannot be started here: {error}")
    try:
        url = server.url(server.create())
        with opened(tmp_path / "home", database_url=url) as live, live.person() as person:
            kept = person.get("/orders")
            person.order()
            server.stop()
            for path in ("/orders", "/portfolio", "/orders?limit=2", "/inbox"):
                answer = person.client.get(f"/api/v1{path}")
                assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), path
                assert int(answer.headers["retry-after"]) >= 1
            assert person.order(503)["code"] == "unavailable"
            server.start()
            after = person.get("/orders")
            assert len(after["items"]) == len(kept["items"]) + 1
    finally:
        server.close()
