"""The command: its version, its subcommands, and their help."""

import pytest
from typer.testing import CliRunner

import traderbot
from traderbot.cli.main import app

pytestmark = pytest.mark.unit


def test_the_version() -> None:
    found = CliRunner().invoke(app, ["--version"])
    assert found.exit_code == 0
    assert found.output.strip() == f"traderbot {traderbot.__version__}"


@pytest.mark.parametrize(
    "words",
    [["demo"], ["serve"], ["backtest", "run"], ["user", "create"], ["data", "import"], ["data", "list"],
     ["audit", "verify"], ["audit", "rebuild"], ["doctor"], ["config"]],
)  # fmt: skip
def test_every_command_explains_itself(words: list[str]) -> None:
    found = CliRunner().invoke(app, [*words, "--help"])
    assert found.exit_code == 0
    assert "--home" in found.output


def test_an_unknown_command_is_status_2() -> None:
    assert CliRunner().invoke(app, ["fly"]).exit_code == 2
