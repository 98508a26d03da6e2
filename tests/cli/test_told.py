"""Deliberate errors, and those of databases and disks, are one line on stderr and status 1."""

import pytest
import sqlalchemy as sa
import typer

from traderbot.cli.told import told
from traderbot.model.errors import InvalidValue

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InvalidValue("qty", "more than zero", "-1"), "qty: expected more than zero, got '-1'"),
        (sa.exc.OperationalError("SELECT 1", {}, Exception("disk I/O error")), "database: disk I/O error"),
        (PermissionError(13, "Permission denied", "secret.txt"), "secret.txt: Permission denied"),
    ],
)
def test_expected_errors_are_told(error: Exception, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, told():
        raise error
    assert ended.value.exit_code == 1
    assert capsys.readouterr().err == f"{line}\n"


def test_a_mistake_of_ours_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), told():
        raise ZeroDivisionError
