"""Building a platform: what is made once, what is taken up again, what is refused, what is let go."""

import threading
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from infra.journals import held, url_of
from servers import nats, postgres_url
from traderbot import bootstrap
from traderbot.bootstrap import Platform, keep_model
from traderbot.infra.delivery.duties import API_ONLY, WORKER
from traderbot.infra.events.journal import read
from traderbot.infra.settings import Settings, load_settings
from traderbot.infra.storage.database import Database
from traderbot.model.errors import ConfigurationError
from traderbot.model.rules import Rules
from traderbot.trading import tables as t
from traderbot.trading.terms import costs_of, rules_of

pytestmark = pytest.mark.integration


def settings(home: Path, **given: object) -> Settings:
    return load_settings({"home": home, "replay_speed": 0.0} | given)


def test_a_first_start_makes_the_session_and_the_next_goes_on_with_it(tmp_path: Path) -> None:
    platform = Platform.open(settings(tmp_path))
    assert not platform.resumed
    assert platform.session.replay.snapshot().date == date(2004, 12, 31)
    step, session_id = platform.session.replay.step, platform.session.session_id
    platform.session.play(step + 1)
    platform.close()
    platform = Platform.open(settings(tmp_path, replay_start="2010-01-04"))
    assert platform.resumed
    assert (platform.session.replay.step, platform.session.session_id) == (step + 1, session_id)
    platform.close()
    platform.close()


def test_a_home_in_use_is_refused_and_free_again_afterwards(tmp_path: Path) -> None:
    platform = Platform.open(settings(tmp_path))
    with pytest.raises(ConfigurationError, match="in use by another"):
        Platform.open(settings(tmp_path))
    platform.close()
    Platform.open(settings(tmp_path)).close()


def test_on_postgresql_one_of_several_processes_plays_and_when_it_stops_the_next_goes_on(
    tmp_path: Path,
) -> None:
    with postgres_url() as url:
        first = Platform.open(settings(tmp_path, database_url=url, replay_speed=50.0))
        second = Platform.open(settings(tmp_path, database_url=url, replay_speed=50.0), WORKER)
        replica = Platform.open(settings(tmp_path, database_url=url), API_ONLY)
        try:
            first.start()
            until(lambda: first.session.playing)
            second.start()
            began = first.session.replay.step
            until(lambda: replica.session.replay.step > began + 5)
            assert not second.session.playing
            first.close()
            stopped = first.session.replay.step
            until(lambda: second.session.playing and replica.session.replay.step > stopped + 5)
        finally:
            for platform in (first, second, replica):
                platform.close()
        played = steps_on_record(url)
        assert played == list(range(played[0], played[-1] + 1)), "none twice, none left out"


def steps_on_record(url: str) -> list[int]:
    """The steps of the one session there is, as its events came."""
    database = Database(url)
    with database.read() as connection:
        found = [entry.event.step for entry in read(connection, limit=10**6, types=["SessionAdvanced"])]  # type: ignore[attr-defined]
    database.close()
    return found


def signals_on_record(platform: Platform) -> list[Any]:
    with platform.database.read() as connection:
        return list(read(connection, limit=10**6, types=["SignalRaised"]))


def until(holds: Callable[[], bool]) -> None:
    """Wait for what has to come."""
    last = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < last, "it did not come"
        time.sleep(0.02)


@pytest.mark.parametrize("start", ["1999-01-04", "2000-03-01", "2013-03-02"])
def test_a_start_outside_the_data_is_refused_by_name_and_nothing_stays_open(
    tmp_path: Path, start: str
) -> None:
    before = threading.active_count()
    with pytest.raises(
        ConfigurationError, match=r"--start.*expected a date after 2000-03-01, up to 2013-03-01"
    ):
        Platform.open(settings(tmp_path, replay_start=start))
    assert threading.active_count() <= before
    Platform.open(settings(tmp_path)).close()


def test_other_data_under_a_session_is_refused(tmp_path: Path) -> None:
    platform = Platform.open(settings(tmp_path))
    platform.path.write(lambda c: c.execute(sa.update(t.market_sessions).values(dataset_hash="0" * 64)))
    platform.close()
    with pytest.raises(ConfigurationError, match="begin in another home"):
        Platform.open(settings(tmp_path))


@pytest.mark.parametrize("damaged", ["traderbot.db", "data/demo/bars.parquet"])
def test_damaged_files_are_told_by_name(tmp_path: Path, damaged: str) -> None:
    Platform.open(settings(tmp_path)).close()
    for path in tmp_path.glob("traderbot.db-*"):
        path.unlink()
    (tmp_path / damaged).write_bytes(b"nothing that can be read" * 400)
    with pytest.raises(Exception, match=damaged.split("/")[0]) as found:
        Platform.open(settings(tmp_path))
    assert hasattr(found.value, "detail"), "a deliberate error, told on one line"


def test_rules_are_journaled_when_they_change_and_a_halt_stays(tmp_path: Path) -> None:
    def rules() -> Any:
        with platform.database.read() as connection:
            row = connection.execute(sa.select(t.rules)).one()
        return row.version, msgspec.json.decode(row.data, type=Rules)

    platform = Platform.open(settings(tmp_path))
    assert rules()[0] == 1
    platform.close()
    platform = Platform.open(settings(tmp_path))
    assert rules()[0] == 1
    platform.close()
    platform = Platform.open(settings(tmp_path, max_order_value="500"))
    version, now = rules()
    assert (version, now.version, now.max_order_value) == (2, 2, 500)
    platform.close()
    halted = msgspec.structs.replace(now, halted="all stop")
    assert rules_of(settings(tmp_path), halted).halted == "all stop"


def test_costs_never_exceed_the_rules(tmp_path: Path) -> None:
    given = settings(tmp_path, fee_bps="7", slippage_bps="3", participation="0.2")
    assert costs_of(given).fee_rate == rules_of(given).fee_rate
    assert (str(costs_of(given).slippage), str(costs_of(given).participation)) == ("0.0003", "0.2")


class _Model:
    """As much of a model as is kept."""

    class card:  # noqa: N801
        version = "abc123"

    def __init__(self, text: str = "{}") -> None:
        self.to_text = lambda: text


def test_models_are_kept_whole_under_their_version(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep = keep_model(tmp_path / "models")
    keep(_Model("first"))  # type: ignore[arg-type]
    keep(_Model("second"))  # type: ignore[arg-type]
    (kept,) = (tmp_path / "models").iterdir()
    assert (kept.name, kept.read_text()) == ("forecast-abc123.json", "first")
    (tmp_path / "file").write_text("")
    keep_model(tmp_path / "file")(_Model())  # type: ignore[arg-type]
    assert "model_not_kept" in capsys.readouterr().out + capsys.readouterr().err


def test_a_platform_that_never_started_can_be_closed(tmp_path: Path) -> None:
    platform = bootstrap.Platform.open(settings(tmp_path))
    platform.close()
    assert not platform.path._thread.is_alive()


def test_events_are_published_to_nats_from_a_process_that_has_its_database_alone(tmp_path: Path) -> None:
    with nats() as server:
        url = url_of(server)
        platform = Platform.open(settings(tmp_path, nats_url=url))
        platform.start()
        until(lambda: [e.type for e in held(server)][:2] == ["RulesChanged", "SessionOpened"])
        platform.close()
        with platform.database.read() as connection:
            last = connection.execute(sa.text("SELECT max(position) FROM events")).scalar()
        assert [e.position for e in held(server)] == list(range(1, last + 1))


def test_strategies_are_resumed_by_whoever_plays_and_their_orders_come_once(tmp_path: Path) -> None:
    """The account is given to the strategy through a process that does not play."""
    with postgres_url() as url:
        fast = settings(tmp_path, database_url=url)
        replica = Platform.open(settings(tmp_path, database_url=url), API_ONLY)
        players = [Platform.open(fast, WORKER), Platform.open(fast, WORKER)]
        try:
            user = replica.users.create_user("ada@example.com", "correct horse battery staple")
            assert user.account_id is not None
            replica.trade_by_ai(user.account_id)
            players[0].start()
            players[1].start()
            until(lambda: bool(signals_on_record(replica)))
            first = next(player for player in players if player.session.playing)
            second = next(player for player in players if player is not first)
            first.close()
            stood = first.session.replay.step
            until(lambda: second.session.replay.step > stood + 25)
            assert second.autopilot is not None
            assert second.autopilot.trades(user.account_id, "ai-forecast")
        finally:
            for platform in (*players, replica):
                platform.close()
        late = Platform.open(settings(tmp_path, database_url=url), API_ONLY)
        signals = signals_on_record(late)
        late.close()
        raised = [(entry.event.at, entry.event.symbol, entry.event.action) for entry in signals]
        assert len(raised) == len(set(raised))
