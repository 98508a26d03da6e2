"""`traderbot halt` and `resume`: straight into the journal, or through the server that runs."""

from pathlib import Path

import pytest

from api.live import opened
from cli.desk import run, traded
from traderbot.cli.halts import _Server
from traderbot.cli.serve import demo_login
from traderbot.model.errors import Conflict, InvalidValue, Unavailable
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.integration


def test_a_home_that_nobody_runs_is_halted_and_resumed_in_two_steps(tmp_path: Path) -> None:
    with traded(tmp_path) as (_, account_id, _orders):
        pass
    assert run(tmp_path, "halt", "fire drill").exit_code == 0
    again = run(tmp_path, "halt", "more")
    assert (again.exit_code, "already paused" in again.output) == (1, True)
    refused = run(tmp_path, "resume", typed="n\n")
    assert (refused.exit_code, "stays paused" in refused.output) == (1, True)
    assert run(tmp_path, "resume", typed="y\n").exit_code == 0
    done = run(tmp_path, "resume", "--yes")
    assert (done.exit_code, "not paused" in done.output) == (1, True)
    named = ("--account", str(account_id), "--symbol", "MSFT")
    assert run(tmp_path, "halt", "odd prices", *named).exit_code == 0
    assert "odd prices" not in run(tmp_path, "accounts").output  # one symbol only
    assert run(tmp_path, "resume", "--yes", *named).exit_code == 0
    for words in (("halt", "x", "--account", "me"), ("halt", "x", "--symbol", "msft")):
        found = run(tmp_path, *words)
        assert (found.exit_code, "Traceback" in found.output) == (1, False)


def test_a_server_that_runs_is_asked(tmp_path: Path) -> None:
    with opened(tmp_path) as live:
        login, account_id = demo_login(live.platform)
        given = ("--url", live.url, "--api-key", login.api_key)
        assert run(tmp_path, "halt", "fire drill", *given).exit_code == 0
        with live.person() as ada:
            assert ada.order(422)["code"] == "platform_halted"
            assert run(tmp_path, "resume", "--yes", "--url", live.url).exit_code == 0  # the demo's own key
            assert ada.order()["status"] == "new"
        desk = _Server(live.url, login.api_key, account_id)
        desk.halt("odd prices", Symbol("MSFT"))
        with pytest.raises(Conflict, match="already paused"):
            desk.halt("odd prices", Symbol("MSFT"))
        desk.resume(desk.request(Symbol("MSFT")), Symbol("MSFT"))
        killed = run(tmp_path, "kill", "enough", "--account", str(account_id), *given)
        assert (killed.exit_code, "the account is flat" in killed.output) == (0, True), killed.output
        wrong = run(tmp_path, "halt", "x", "--url", live.url, "--api-key", "tb_wrong")
        assert (wrong.exit_code, "not valid" in wrong.output) == (1, True)
    with pytest.raises(Unavailable):
        desk.halt("gone", None)
    with pytest.raises(InvalidValue):
        _Server("file:///etc/passwd#", "x", None).halt("x", None)
