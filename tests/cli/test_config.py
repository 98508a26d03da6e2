"""`traderbot config`: values with their origin, secrets masked, errors without a traceback."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from traderbot.cli.config import show_config

pytestmark = pytest.mark.integration

runner = CliRunner(env={"COLUMNS": "200"})
app = typer.Typer()
app.command()(show_config)


def test_every_setting_is_shown_with_its_origin(tmp_path: Path) -> None:
    (tmp_path / "traderbot.toml").write_text('fee_bps = 1.5\ncors_origins = ["https://desk.example.com"]\n')
    shown = runner.invoke(app, ["--home", str(tmp_path)], env={"TRADERBOT_PORT": "1002"})
    assert shown.exit_code == 0
    lines = {line.split()[0]: line for line in shown.output.splitlines() if line.strip()}
    assert "1002" in lines["port"]
    assert "environment" in lines["port"]
    assert "1.5" in lines["fee_bps"]
    assert "file" in lines["fee_bps"]
    assert "command line" in lines["home"]
    assert "built in" in lines["host"]
    assert "https://desk.example.com" in lines["cors_origins"]


def test_json(tmp_path: Path) -> None:
    shown = json.loads(runner.invoke(app, ["--json", "--home", str(tmp_path)]).output)
    assert shown["home"] == {"value": str(tmp_path), "origin": "command line"}
    assert shown["starting_cash"] == {"value": "100000", "origin": "built in"}
    assert shown["port"]["value"] == 8321
    assert shown["secret_key"] == {"value": None, "origin": "built in"}


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_secrets_are_masked(tmp_path: Path, arguments: list[str]) -> None:
    secrets = {
        "TRADERBOT_SECRET_KEY": "correct-horse-battery-staple-0123456789",
        "TRADERBOT_DATABASE_URL": "postgresql://ada:hunter2@db/traderbot",
        "TRADERBOT_VALKEY_URL": "redis://:hunter2@valkey:6379/0",
        "TRADERBOT_SMTP_PASSWORD": "hunter2",
        "TRADERBOT_NATS_URL": "nats://hunter2@nats:4222",
        "TRADERBOT_OTLP_ENDPOINT": "http://ada:hunter2@collector:4318/v1/traces",
    }
    shown = runner.invoke(app, [*arguments, "--home", str(tmp_path)], env=secrets)
    assert shown.exit_code == 0
    assert "hunter2" not in shown.output
    assert "battery" not in shown.output
    for address in ("postgresql://ada:***@db/traderbot", "nats://[hidden]@nats:4222"):
        assert address in shown.output


def test_a_wrong_setting_ends_with_status_2_and_no_traceback(tmp_path: Path) -> None:
    shown = runner.invoke(app, ["--home", str(tmp_path)], env={"TRADERBOT_PORT": "eighty"})
    assert shown.exit_code == 2
    assert shown.stderr.startswith("port: expected a valid integer")
    assert "Traceback" not in shown.output + shown.stderr
    assert shown.stdout == ""
