"""Strategies on record: made as it says, gone on with after a restart, let go of when they are taken."""

from pathlib import Path
from uuid import uuid4

import pytest

from replay.floor import demo_login, floor, play, stored
from traderbot.bootstrap import Platform
from traderbot.model.commands import OpenAccount
from traderbot.model.errors import Conflict, InvalidValue, NotFound
from traderbot.trading.assignments import Assigned
from traderbot.trading.work import Work

pytestmark = pytest.mark.integration


def placed(platform: Platform, account_id: object) -> list[str]:
    rows = [row for row in stored(platform, account_id) if row.type == "OrderPlaced"]
    return [row.metadata for row in rows]


def test_what_is_on_record_trades_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    with floor(tmp_path) as platform:
        _, account_id = demo_login(platform)
        given = Assigned(account_id, "equal-weight", "equal-weight", {})
        platform.trade_by(given)
        platform.trade_by(given)
        assert platform.assigning.all() == [given]
        play(platform, 4)
        first = placed(platform, account_id)
    assert first
    assert all('"actor":"strategy:equal-weight"' in metadata for metadata in first)
    with floor(tmp_path) as platform:
        platform._resume_strategies()
        play(platform, 30)
        again = placed(platform, account_id)
        assert len(again) > len(first)
        platform.assigning.take(account_id, "equal-weight")
        platform._resume_strategies()
        play(platform, 60)
        assert placed(platform, account_id) == again


def test_what_cannot_be_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with floor(tmp_path) as platform:
        _, account_id = demo_login(platform)
        for wanted, error in (
            (Assigned(account_id, "nowhere", "nowhere", {}), InvalidValue),
            (Assigned(account_id, "moving-average", "moving-average", {"fast": "0"}), InvalidValue),
            (Assigned(uuid4(), "moving-average", "moving-average", {}), NotFound),
        ):
            with pytest.raises(error):
                platform.trade_by(wanted)
        with pytest.raises(NotFound):
            platform.assigning.take(account_id, "moving-average")
        assert platform.assigning.all() == []


def test_a_file_that_is_gone_keeps_nobody_from_starting(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    text = "from traderbot.strategies.buy_and_hold import BuyAndHold\n\n\n"
    file.write_text(text + "class Mine(BuyAndHold):\n    name = 'mine'\n")
    with floor(tmp_path / "home") as platform:
        _, account_id = demo_login(platform)
        platform.trade_by(Assigned(account_id, "mine", str(file), {}))
    file.unlink()
    with floor(tmp_path / "home") as platform:
        platform._resume_strategies()
        play(platform, 2)
        assert [one.strategy for one in platform.assigning.all()] == ["mine"]


def test_an_account_of_a_live_broker_is_refused_in_words(tmp_path: Path) -> None:
    with floor(tmp_path) as platform:
        account_id, session_id = uuid4(), platform.session.session_id
        opening = OpenAccount(account_id, uuid4(), session_id, "USD", broker="some-broker")
        platform.path.submit(Work([(account_id, opening)]))
        with pytest.raises(Conflict, match="no connection to a live broker yet") as refused:
            platform.trade_by(Assigned(account_id, "buy-and-hold", "buy-and-hold", {}))
        assert "some-broker" in refused.value.detail
        assert platform.assigning.all() == []
