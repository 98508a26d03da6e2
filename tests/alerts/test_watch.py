"""A restart neither repeats an alert nor loses one; tried by crashes, other watches and changed rules."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from alerts.waiting import eventually
from api.live import Live, Person, opened
from servers import KINDS, database_url
from traderbot.alerts import rows
from traderbot.alerts.measures import AccountMeasures
from traderbot.alerts.rows import Asked
from traderbot.alerts.watch import NAME, Watch
from traderbot.infra.delivery import handler_records
from traderbot.infra.delivery.handler_records import LostTurn
from traderbot.infra.events.journal import read
from traderbot.model.errors import Conflict, InvariantBroken

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module", params=KINDS)
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("database")
    home = tmp_path_factory.mktemp("home")
    with database_url(request.param, folder) as url, opened(home, database_url=url) as built:
        yield built


@pytest.fixture
def ada(live: Live) -> Iterator[Person]:
    with live.person(name="ada") as person:
        finish(watch_of(live))
        yield person
    with live.platform.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM alert_rules")


def watch_of(live: Live) -> Watch:
    """One that knows nothing but what is on record."""
    platform = live.platform
    return Watch(platform.session, platform.path, platform.database, platform.clock)


def finish(watch: Watch) -> None:
    while watch.measure():
        pass


def rule(person: Person, **changed: Any) -> str:
    usual = {"name": "r", "metric": "price", "symbol": "MSFT", "threshold": "0.01"}
    made: str = person.post("/alerts/rules", usual | changed)["id"]
    return made


def raised(live: Live, person: Person) -> list[UUID]:
    """The alerts, in the table and in the journal alike."""
    with live.platform.database.read() as connection:
        found = rows.alert_page(connection, person.user.id, Asked(), limit=100)
        told = read(connection, stream=f"user:{person.user.id}", types=["AlertRaised"])
    ids = [one.id for one in found]
    assert sorted(one.event.alert_id for one in told) == sorted(ids)  # type: ignore[attr-defined]
    return ids


def test_a_crash_before_the_commit_loses_nothing_and_one_after_it_repeats_nothing(
    live: Live, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule(ada)
    live.step(3)

    def crash(*_: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as killed:
        killed.setattr(rows, "add_alerts", crash)
        with pytest.raises(RuntimeError):
            watch_of(live).measure()
    assert raised(live, ada) == []
    finish(watch_of(live))
    finish(watch_of(live))
    assert len(raised(live, ada)) == 1


def test_what_was_read_again_after_a_restart_changes_nothing(live: Live, ada: Person) -> None:
    """How far the journal was read is put on record now and then only, where nothing came of it."""
    rule(ada)
    watch = watch_of(live)
    live.step()
    finish(watch)
    live.step(4)
    finish(watch)
    with live.platform.database.read() as connection:
        stored = handler_records.positions(connection)[NAME]
    assert watch._place is not None
    assert stored < watch._place
    finish(watch_of(live))
    assert len(raised(live, ada)) == 1


def test_of_two_that_watch_one_alone_writes(live: Live, ada: Person) -> None:
    rule(ada)
    late, quick = watch_of(live), watch_of(live)
    late._begin()
    live.step()
    finish(quick)
    with pytest.raises(LostTurn):
        finish(late)
    assert len(raised(live, ada)) == 1


def test_a_lost_lease_keeps_it_from_writing(live: Live, ada: Person) -> None:
    def lost(_: Any) -> None:
        raise Conflict("the lease is somebody else's")

    rule(ada)
    watch = watch_of(live)
    watch._begin()
    watch._fence = lost
    live.step()
    with pytest.raises(Conflict):
        watch.measure()
    assert raised(live, ada) == []


def test_a_rule_that_changed_meanwhile_is_measured_again(
    live: Live, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule_id = rule(ada)
    live.step()
    watch, commit = watch_of(live), Watch._commit

    def change_first(self: Watch, *rest: Any) -> None:
        higher = {"name": "r", "metric": "price", "symbol": "MSFT", "threshold": "1000000"}
        ada.put(f"/alerts/rules/{rule_id}", higher)
        commit(self, *rest)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Watch, "_commit", change_first)
        with pytest.raises(LostTurn):
            watch.measure()
    finish(watch_of(live))
    live.step()
    finish(watch_of(live))
    assert raised(live, ada) == []


def test_a_price_that_came_and_went_while_nobody_watched_is_not_lost(live: Live, ada: Person) -> None:
    """A replay may go on by many steps before the rules are measured; each step is looked at."""
    platform = live.platform
    bars = platform.dataset.bars["MSFT"]  # type: ignore[index]
    known = bars.known_by(platform.session.market.time)
    ahead = bars.close[known : known + 12].tolist()
    highest = max(ahead[:-1])
    rule(ada, threshold=f"{highest:.6f}", severity="critical")
    live.step(12)
    finish(watch_of(live))
    beyond = [False, *(close >= highest for close in ahead)]
    assert len(raised(live, ada)) == sum(now and not before for before, now in pairwise(beyond)) >= 1


def test_only_events_from_after_a_rule_was_made_concern_it(live: Live, ada: Person) -> None:
    live.step(3)
    rule(ada)
    finish(watch_of(live))
    assert raised(live, ada) == []


def test_an_account_that_cannot_be_measured_holds_up_no_other(
    live: Live, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = rule(ada, metric="equity", symbol=None, threshold="1")
    rule(ada)

    def fail(*_: Any) -> None:
        raise InvariantBroken("the books do not add up")

    live.step()
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(AccountMeasures, "_equity", fail)
        finish(watch_of(live))
    assert len(raised(live, ada)) == 1
    assert ada.get(f"/alerts/rules/{broken}")["trouble"] == "it cannot be told (InvariantBroken)"
    live.step()
    finish(watch_of(live))
    assert ada.get(f"/alerts/rules/{broken}")["trouble"] is None
    assert len(raised(live, ada)) == 2


def test_of_alerts_that_are_over_the_newest_are_kept(live: Live, ada: Person) -> None:
    for _ in range(3):
        rule_id = rule(ada)
        live.step()
        finish(watch_of(live))
        ada.delete(f"/alerts/rules/{rule_id}")
    rule(ada)
    live.step()
    finish(watch_of(live))
    before = [one["id"] for one in ada.get("/alerts")["items"]]
    live.platform.path.write(lambda connection: rows.drop_old(connection, kept=2))
    assert [one["id"] for one in ada.get("/alerts")["items"]] == before[:3]


def test_it_runs_in_a_thread_until_it_is_stopped(live: Live, ada: Person) -> None:
    rule(ada)
    watch = watch_of(live)
    live.platform.tail.follow(lambda _recorded: watch.wake())
    watch.start()
    try:
        live.step()
        eventually(lambda: raised(live, ada))
    finally:
        watch.stop()
