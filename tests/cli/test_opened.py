"""What cannot be opened is one line on stderr and status 1."""

from pathlib import Path

import pytest
import sqlalchemy as sa
import typer

from traderbot.cli.opened import open_database, open_platform
from traderbot.infra.settings import load_settings

pytestmark = pytest.mark.integration


def test_a_platform_is_closed_whatever_happens(tmp_path: Path) -> None:
    settings = load_settings({"home": tmp_path})
    with pytest.raises(RuntimeError), open_platform(settings):
        raise RuntimeError
    with open_platform(settings) as platform:
        assert platform.resumed


def test_the_database_of_a_home_that_is_running_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = load_settings({"home": tmp_path})
    with open_platform(settings), pytest.raises(typer.Exit), open_database(settings):
        pass
    assert "in use" in capsys.readouterr().err
    with open_database(settings) as database, database.read() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM events")).scalar() == 2
