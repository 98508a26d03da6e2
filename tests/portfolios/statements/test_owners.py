"""Whose an account is, in words."""

from pathlib import Path

import pytest

from traderbot.infra.ids import new_id
from traderbot.portfolios.statements.owners import owner_of
from trading.session_rig import SessionRig

pytestmark = pytest.mark.integration


def test_of_whom_nothing_is_known_nothing_is_said(tmp_path: Path) -> None:
    rig = SessionRig(tmp_path)
    account_id = rig.join()
    found = rig.read(lambda connection: owner_of(connection, account_id))
    assert "None" not in found
    assert rig.read(lambda connection: owner_of(connection, new_id())) == ""
    rig.close()
