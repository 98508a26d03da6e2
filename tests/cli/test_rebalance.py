"""Rebalancing by command, at a server that runs."""

import re
from datetime import date
from pathlib import Path

import pytest

from api.live import opened
from cli.desk import run
from cli.test_alert_settings import key_of

pytestmark = pytest.mark.integration


def test_a_proposal_is_made_shown_approved_and_made_a_plan(tmp_path: Path) -> None:
    with opened(tmp_path, replay_start=date(2010, 1, 4)) as live, live.person() as ada:
        ada.order(symbol="AAPL", qty="100")
        live.step()
        key = key_of(live, ada, "read", "trade")

        def asked(*words: str, typed: str | None = None) -> tuple[int, str]:
            found = run(tmp_path, "rebalance", *words, "--url", live.url, "--api-key", key, typed=typed)
            return found.exit_code, str(found.output)

        status, made = asked("propose", "--weight", "AAPL=0.1", "--weight", "IBM=0.3", "--tax-short", "0.3")
        assert status == 0, made
        assert all(part in made for part in ("sell", "IBM", "value at risk", "tax, estimated"))
        proposal = re.findall("rebalance approve ([0-9a-f-]{36})", made)[0]
        assert asked("approve", proposal, typed="n\n")[0] == 1
        assert "selling" in asked("approve", proposal, "--yes")[1]
        live.step(3)
        assert "done" in asked("show", proposal)[1]
        assert "done already" in asked("reject", proposal, "--yes")[1]
        assert "month" in asked("plan", proposal, "--every", "month", "--drift", "0.05")[1]
        assert "AAPL 0.1" in asked("plan")[1]
        assert asked("plan", "--off")[0] == 0
        assert "no plan" in asked("plan")[1]
        assert proposal in asked("list")[1]
        refused, told = asked("propose", "--model", "equal", "--symbols", "AAPL,IBM", "--max-weight", "0.1")
        assert (refused, "weight of" in told, "Traceback" in told) == (1, True, False)
        assert "NAME=SHARE" in asked("propose", "--weight", "AAPL")[1]
