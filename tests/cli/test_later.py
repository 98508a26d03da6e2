"""Commands that are imported when they are called."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from traderbot.cli.later import loaded
from traderbot.cli.main import Commands, app

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("name", Commands.places)
def test_every_place_holds_a_command(name: str) -> None:
    command = loaded(name, Commands.places[name])
    assert command.name == name
    assert command.help or getattr(command, "commands", None)


def test_help_imports_no_command() -> None:
    program = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from traderbot.cli.main import Commands, app\n"
        "found = CliRunner().invoke(app, ['--help'])\n"
        "assert all(name in found.output for name in Commands.places), found.output\n"
        "print(*{'traderbot.cli.' + place.module for place in Commands.places.values()} & {*sys.modules})\n"
        "print(*{'sqlalchemy', 'numpy', 'polars', 'pydantic'} & {*sys.modules})\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.split() == []


def test_a_name_that_is_nearly_right() -> None:
    said = CliRunner().invoke(app, ["backtes"])
    assert said.exit_code == 2
    assert "Did you mean 'backtest'?" in said.output
