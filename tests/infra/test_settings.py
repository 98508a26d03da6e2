"""Settings: precedence, origins, and errors that say what to do."""

import os
import stat
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from traderbot.infra.settings import Settings, load_settings, signing_secret
from traderbot.model.errors import ConfigurationError

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory of the test's own, found by the environment, without any other TRADERBOT_ variable."""
    for name in [name for name in os.environ if name.upper().startswith("TRADERBOT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TRADERBOT_HOME", str(tmp_path))
    return tmp_path


def refusal(**command_line: object) -> str:
    with pytest.raises(ConfigurationError) as refused:
        load_settings(command_line)
    return refused.value.detail


def test_what_is_built_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8321)
    assert settings.database_url == f"sqlite:///{home}/traderbot.db"
    assert settings.cors_origins == []
    assert (settings.starting_cash, settings.max_order_value) == (Decimal(100_000), Decimal(1_000_000))
    assert (settings.collar, settings.participation) == (Decimal("0.10"), Decimal("0.10"))
    assert settings.replay_start == date(2005, 1, 3)
    assert settings.origins["home"] == "environment"
    assert set(settings.origins.values()) == {"environment", "built in"}
    monkeypatch.delenv("TRADERBOT_HOME")
    assert Settings().home == Path.home() / ".traderbot"


def test_command_line_over_environment_over_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "traderbot.toml").write_text(
        'port = 1001\nhost = "10.0.0.1"\nlog_level = "debug"\nfee_bps = 1.5\n'
    )
    monkeypatch.setenv("TRADERBOT_PORT", "1002")
    monkeypatch.setenv("TRADERBOT_HOST", "10.0.0.2")
    settings = load_settings({"port": 1003, "log_format": None})
    assert (settings.port, settings.host, settings.log_level) == (1003, "10.0.0.2", "debug")
    assert settings.fee_bps == Decimal("1.5")
    origins = settings.origins
    assert (origins["port"], origins["host"], origins["log_level"], origins["log_format"]) == (
        "command line", "environment", "file", "built in",
    )  # fmt: skip


def test_a_file_named_by_command_line_or_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = home / "one.toml", home / "other.toml"
    one.write_text(f'port = 1001\nhome = "{home}/elsewhere"')
    other.write_text("port = 1002")
    monkeypatch.setenv("TRADERBOT_CONFIG", str(one))
    assert load_settings().port == 1001
    assert load_settings(config=other).port == 1002
    monkeypatch.delenv("TRADERBOT_HOME")
    moved = load_settings()
    assert moved.home == home / "elsewhere"
    assert moved.database_url == f"sqlite:///{home}/elsewhere/traderbot.db"
    assert "missing.toml is not there" in _refused_file(home / "missing.toml")


def _refused_file(path: Path) -> str:
    with pytest.raises(ConfigurationError) as refused:
        load_settings(config=path)
    return refused.value.detail


def test_fractions_in_a_file_stay_exact(home: Path) -> None:
    (home / "traderbot.toml").write_text("starting_cash = 100000.1\ncollar = 0.3\nreplay_speed = 0.5\n")
    settings = load_settings()
    assert settings.starting_cash == Decimal("100000.1")
    assert str(settings.collar) == "0.3"
    assert settings.replay_speed == 0.5


def test_unknown_settings_are_named_with_a_hint(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADERBOT_PROT", "1")
    monkeypatch.setenv("TRADERBOT_ZZZ", "1")
    told = refusal().splitlines()
    assert told[0] == "TRADERBOT_PROT: unknown setting in the environment; did you mean TRADERBOT_PORT?"
    assert (
        told[1]
        == "TRADERBOT_ZZZ: unknown setting in the environment; `traderbot config` lists what can be set"
    )
    monkeypatch.delenv("TRADERBOT_PROT")
    monkeypatch.delenv("TRADERBOT_ZZZ")
    (home / "traderbot.toml").write_text("start_cash = 5\n[server]\nport = 1\n")
    told = refusal().splitlines()
    assert "server: unknown setting in the file" in told[0]
    assert told[1].endswith("did you mean starting_cash?")


def test_other_variables_of_ours_are_no_settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADERBOT_SHARED_DATA", "/data")
    assert load_settings().port == 8321


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PORT", "eighty", "integer"),
        ("PORT", "0", "greater than or equal to 1"),
        ("PORT", "65536", "less than or equal to 65535"),
        ("STARTING_CASH", "-5", "a positive amount of money"),
        ("STARTING_CASH", "1e5", "a positive amount of money"),
        ("STARTING_CASH", "1_000", "a positive amount of money"),
        ("STARTING_CASH", "0", "a positive amount of money"),
        ("STARTING_CASH", "NaN", "a positive amount of money"),
        ("COLLAR", "2", "a plain decimal from 0.001 to 1"),
        ("COLLAR", "10%", "a plain decimal from 0.001 to 1"),
        ("PARTICIPATION", "0", "a plain decimal from 0.000001 to 1"),
        ("FEE_BPS", "-1", "a plain decimal from 0 to 1000"),
        ("REPLAY_SPEED", "nan", "finite"),
        ("REPLAY_START", "3 January", "date"),
        ("LOG_LEVEL", "loud", "'debug'"),
        ("BODY_LIMIT_BYTES", "1", "greater than or equal to 1024"),
        ("CORS_ORIGINS", "*", "exact origins"),
        ("CORS_ORIGINS", "null", "exact origins"),
        ("CORS_ORIGINS", "https://*.example.com", "exact origins"),
        ("CORS_ORIGINS", "https://desk.example.com/", "exact origins"),
        ("CORS_ORIGINS", "https://x.example.com:port", "exact origins"),
    ],
)
def test_wrong_values_are_named_with_what_was_expected(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(f"TRADERBOT_{name}", value)
    told = refusal()
    assert told.startswith(f"{name.lower()}: expected ")
    assert expected in told
    assert f"(from the TRADERBOT_{name})" in told


def test_true_is_no_number_and_several_errors_are_told_together(home: Path) -> None:
    (home / "traderbot.toml").write_text("port = true\nstarting_cash = false\n")
    told = refusal().splitlines()
    assert [line.split(":")[0] for line in told] == ["port", "starting_cash"]
    assert all("from the file" in line for line in told)


def test_floats_are_refused_for_money_even_from_code() -> None:
    assert refusal(starting_cash=0.1).startswith("starting_cash: expected a positive amount")
    assert refusal(collar=0.1).startswith("collar: expected")


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADERBOT_PORT", "")
    settings = load_settings()
    assert (settings.port, settings.origins["port"]) == (8321, "built in")


def test_a_file_that_is_no_toml_is_told(home: Path) -> None:
    (home / "traderbot.toml").write_text("port = \n")
    assert "cannot be read as TOML" in refusal()


def test_the_file_in_a_home_cannot_move_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: home)
    monkeypatch.delenv("TRADERBOT_HOME")
    (home / ".traderbot").mkdir()
    (home / ".traderbot" / "traderbot.toml").write_text(f'home = "{home}/elsewhere"')
    assert refusal().startswith("home: cannot be moved")


def test_origins_are_separated_by_commas(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADERBOT_CORS_ORIGINS", "https://desk.example.com, http://localhost:5173")
    assert load_settings().cors_origins == ["https://desk.example.com", "http://localhost:5173"]
    monkeypatch.delenv("TRADERBOT_CORS_ORIGINS")
    (home / "traderbot.toml").write_text('cors_origins = ["https://desk.example.com"]')
    assert load_settings().cors_origins == ["https://desk.example.com"]


def test_a_secret_is_never_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADERBOT_SECRET_KEY", "hunter2")
    told = refusal()
    assert "hunter2" not in told
    assert told.startswith("secret_key: expected at least 32 characters")
    monkeypatch.setenv("TRADERBOT_SECRET_KEY", "hunter2" * 5)
    settings = load_settings()
    assert "hunter2" not in repr(settings) + str(settings.model_dump())
    assert signing_secret(settings) == b"hunter2" * 5


def test_a_secret_is_made_once_for_nobody_else_to_read(home: Path) -> None:
    settings = load_settings({"home": home / "new"})
    secret = signing_secret(settings)
    path = home / "new" / "secret.key"
    assert len(secret) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert signing_secret(settings) == secret
    assert [one.name for one in (home / "new").iterdir()] == ["secret.key"]


def test_a_secret_others_can_read_or_that_is_short_is_refused(home: Path) -> None:
    path = home / "secret.key"
    path.write_text("0" * 64)
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match=r"chmod 600"):
        signing_secret(load_settings())
    path.chmod(0o600)
    path.write_text("short")
    with pytest.raises(ConfigurationError, match="too short"):
        signing_secret(load_settings())


def test_settings_do_not_change_and_each_is_described(home: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1
    assert all(field.description for field in Settings.model_fields.values())
