"""Code that changed after it was assigned: a file of one's own is stopped, the platform's own goes on."""

from pathlib import Path
from uuid import UUID

import pytest

from replay.floor import demo_login, floor, play, stored
from traderbot.autopilot.sources import CODE_CHANGED, of_a_file
from traderbot.bootstrap import Platform
from traderbot.infra.events.journal import read
from traderbot.model.platform_events import AdministrationDone
from traderbot.trading.accounts import load_account
from traderbot.trading.assignments import Assigned

pytestmark = pytest.mark.integration
TEXT = """from traderbot.strategies.equal_weight import EqualWeight


class Mine(EqualWeight):
    name = 'mine'
"""


def placed(platform: Platform, account_id: UUID) -> int:
    return sum(row.type == "OrderPlaced" for row in stored(platform, account_id))


def halted(platform: Platform, account_id: UUID) -> str | None:
    with platform.database.read() as connection:
        account = load_account(connection, account_id)
    assert account is not None
    return account.halted


def assigned_file(tmp_path: Path) -> tuple[UUID, Assigned, Path]:
    file = tmp_path / "mine.py"
    file.write_text(TEXT)
    with floor(tmp_path / "home") as platform:
        _, account_id = demo_login(platform)
        given = Assigned(account_id, "mine", str(file), {})
        platform.trade_by(given)
    return account_id, given, file


@pytest.mark.parametrize("gone", [False, True])
def test_a_file_that_changed_is_stopped_until_it_is_assigned_anew(tmp_path: Path, gone: bool) -> None:
    account_id, given, file = assigned_file(tmp_path)
    if gone:
        file.unlink()
    else:
        file.write_text(TEXT + "    # another\n")
    for _ in range(2):  # a restart does not forget it
        with floor(tmp_path / "home") as platform:
            platform._resume_strategies()
            play(platform, 4)
            assert placed(platform, account_id) == 0
            assert "the strategy mine is stopped" in (halted(platform, account_id) or "")
            assert "the strategy mine is stopped" in (platform.assigning.stopped(given) or "")
            pauses = [row for row in stored(platform, account_id) if row.type == "TradingPaused"]
            assert len(pauses) == 1
    file.write_text(TEXT + "    # another\n")
    with floor(tmp_path / "home") as platform:
        assert platform.trade_by(given) == []
        assert platform.assigning.stopped(given) is None
        assert platform.autopilot is not None
        assert platform.autopilot.trades(account_id, "mine")


def test_a_file_that_did_not_change_goes_on(tmp_path: Path) -> None:
    account_id, given, _ = assigned_file(tmp_path)
    with floor(tmp_path / "home") as platform:
        platform._resume_strategies()
        play(platform, 4)
        assert placed(platform, account_id) > 0
        assert platform.assigning.stopped(given) is None


def test_other_code_of_the_platform_goes_on_and_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with floor(tmp_path) as platform:
        _, account_id = demo_login(platform)
        platform.trade_by(Assigned(account_id, "equal-weight", "equal-weight", {}))
    monkeypatch.setattr("traderbot.autopilot.assigning.source_hash", lambda _: "another")
    for _ in range(2):
        with floor(tmp_path) as platform:
            platform._resume_strategies()
            play(platform, 4)
            assert placed(platform, account_id) > 0
            with platform.database.read() as connection:
                told = [one.event for one in read(connection) if isinstance(one.event, AdministrationDone)]
            assert [one.what for one in told].count(CODE_CHANGED) == 1


def test_a_second_strategy_of_an_account_is_warned_of(tmp_path: Path) -> None:
    with floor(tmp_path) as platform:
        _, account_id = demo_login(platform)
        assert platform.trade_by(Assigned(account_id, "equal-weight", "equal-weight", {})) == []
        (warning,) = platform.trade_by(Assigned(account_id, "buy-and-hold", "buy-and-hold", {}))
        assert "equal-weight trades this account too" in warning
        assert all(symbol in warning for symbol in platform.dataset.bars)


def test_a_file_is_told_from_a_name() -> None:
    assert [of_a_file(text) for text in ("a/b.py", "a/b.py:Mine", "equal-weight")] == [True, True, False]
