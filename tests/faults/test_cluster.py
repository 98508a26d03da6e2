"""Everything as several processes on real servers goes on, and loses nothing, whichever of them dies. `make
faults` does more of it.
"""

import io
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from rich.console import Console

from api.live import opened
from cluster.checks import look
from cluster.faults import run
from cluster.load import Trader
from cluster.wire import until
from servers import CannotRun, postgres_url

pytestmark = pytest.mark.integration
FAULTS = (
    "kill -9 of an API replica",
    "kill -9 of the worker that plays",
    "PostgreSQL stopped at once",
    "NATS' store wiped",
    "Valkey slow, then cut off",
)


def test_nothing_is_lost_when_parts_die() -> None:
    told = io.StringIO()
    try:
        wrong, done = run(len(FAULTS), Console(file=told), names=FAULTS, durable=False, lease_s=3)
    except CannotRun as reason:
        pytest.skip(f"a server cannot be started here: {reason}")
    assert wrong == [], told.getvalue()
    assert [one.fault for one in done] == list(FAULTS)


PLANTED = {
    "order_placed: event": "DELETE FROM inbox WHERE kind = 'order_placed' AND position ="
    " (SELECT max(position) FROM inbox WHERE kind = 'order_placed')",
    "round trip": "UPDATE round_trips SET executions = executions + 1",
    "notify_halts: position 3 dead": "INSERT INTO dead_letters (handler, position, stream, type, state,"
    " attempts, next_try_at, error) VALUES ('notify_halts', 3, 'rules', 'RulesChanged', 'dead', 5, 0, 'no')",
    "journal: ": "DELETE FROM events WHERE type = 'OrderFilled'",
}


def test_the_checks_find_what_they_look_for(tmp_path: Path) -> None:
    with postgres_url() as url, opened(tmp_path / "home", database_url=url) as live:
        with live.person() as person:
            trader = Trader(0, account_id=person.user.account_id)
            for name in ("first", "second"):
                trader.placed[name] = UUID(person.order(client_order_id=name)["id"])
            live.step()
        database = live.platform.database

        def wrong() -> list[str]:
            return look(database, [trader]).wrong

        until(lambda: not wrong(), 20, "handlers catch up")
        trader.placed["third"] = UUID(int=3)
        assert [text.split()[-4:] for text in wrong()] == [
            ["on", "record", "0", "times"],
            ["name", "third:", "0", "orders"],
        ]
        del trader.placed["third"]
        for text, statement in PLANTED.items():
            live.platform.path.write(lambda connection, sql=statement: connection.execute(sa.text(sql)))
            assert any(found.startswith(text) for found in wrong()), text
