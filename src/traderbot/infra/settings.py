"""Settings: from the command line, TRADERBOT_* variables, a TOML file and built-in values, each remembered
with its origin.
"""

import contextlib
import difflib
import os
import secrets
import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    SettingsConfigDict,
)

from traderbot.infra.setting_types import (
    PART_SIZE,
    SECRET_BYTES_MIN,
    MoneySetting,
    Networks,
    Origins,
    Rates,
    between,
    expanded,
    long_enough,
    rate,
    wrong,
)
from traderbot.model.amounts import Money
from traderbot.model.errors import ConfigurationError

Origin = Literal["built in", "file", "environment", "command line"]

PREFIX = "TRADERBOT_"
FILE_NAME = "traderbot.toml"
CONFIG_VARIABLE = "TRADERBOT_CONFIG"
_NOT_SETTINGS = frozenset(
    {CONFIG_VARIABLE, "TRADERBOT_SHARED_DATA"}
)  # the file's place; where tests find data


class Settings(BaseSettings):
    """Everything that can be set, with its range. Build it with `load_settings`, which explains what is
    wrong.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, hide_input_in_errors=True
    )
    _origins: dict[str, Origin] = PrivateAttr(default_factory=dict)

    home: Annotated[Path, AfterValidator(expanded)] = Field(
        default_factory=lambda: Path.home() / ".traderbot",
        description="Where data, keys and the database live.",
    )
    host: str = Field(default="127.0.0.1", min_length=1, max_length=253, description="Address to listen on.")
    port: int = Field(default=8321, ge=1, le=65535, description="Port to listen on.")
    metrics_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="Port of this process's own /metrics and /health/ready; 0 is none.",
    )
    metrics_host: str = Field(
        default="127.0.0.1", min_length=1, max_length=253, description="Address that port listens on."
    )
    database_url: str = Field(
        default_factory=lambda data: f"sqlite:///{data['home'] / 'traderbot.db'}" if "home" in data else "",
        min_length=1,
        description="SQLAlchemy URL of the database.",
    )
    database_readers: int = Field(
        default=8, ge=1, le=200, description="Reading connections a process keeps open to the database."
    )
    statement_timeout_s: int = Field(
        default=30, ge=1, le=3600, description="Longest a reading statement may take, on PostgreSQL."
    )
    slow_query_ms: int = Field(
        default=250,
        ge=1,
        le=3_600_000,
        description="A reading statement that takes longer is logged, with its plan.",
    )
    partition_events: int = Field(
        default=PART_SIZE,
        ge=1000,
        le=1_000_000_000,
        description="Events that a new part of the journal takes, on PostgreSQL.",
    )
    valkey_url: SecretStr | None = Field(
        default=None, description="Valkey (or Redis) to share cache and rate limits by, redis://HOST:PORT/0."
    )
    nats_url: SecretStr | None = Field(
        default=None, description="NATS server with JetStream that events are published to, nats://HOST:PORT."
    )
    instance: str = Field(
        default="",
        max_length=100,
        pattern=r"^[A-Za-z0-9._:-]*$",
        description="Name of this process among several; made from host and process id where it is empty.",
    )
    lease_s: int = Field(
        default=10, ge=3, le=300, description="Seconds after which a silent process loses what it runs alone."
    )
    cors_origins: Origins = Field(
        default_factory=list, description="Web origins, besides our own, that may call the API."
    )
    open_registration: bool = Field(
        default=True, description="Whether anybody who reaches the port may open an account."
    )
    smtp_host: str | None = Field(
        default=None, min_length=1, max_length=253, description="Server that e-mail of alerts is sent by."
    )
    smtp_port: int = Field(default=587, ge=1, le=65535, description="Its port.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How the connection to it is encrypted."
    )
    smtp_user: str | None = Field(default=None, max_length=254, description="Who signs in there.")
    smtp_password: SecretStr | None = Field(default=None, description="The password for that.")
    smtp_from: str = Field(
        default="traderbot@localhost",
        max_length=254,
        pattern=r"^[^@\s<>]+@[^@\s<>]+$",
        description="Address that e-mail comes from.",
    )
    webhook_networks: Networks = Field(
        default_factory=list,
        description="Networks besides public ones that webhooks may reach, over plain http too.",
    )
    rate_general: Annotated[str, AfterValidator(rate)] = Field(
        default="100/minute", description="Requests of one caller, such as 100/minute."
    )
    rate_trading: Annotated[str, AfterValidator(rate)] = Field(
        default="50/minute", description="Of these, requests that trade."
    )
    rate_risk: Annotated[str, AfterValidator(rate)] = Field(
        default="10/minute", description="Of these, requests for a risk analysis."
    )
    rate_address: Annotated[str, AfterValidator(rate)] = Field(
        default="1000/minute", description="Requests from one network address, whoever asks."
    )
    rate_roles: Rates = Field(
        default_factory=list,
        description="Rates of a role, such as admin:general=1000/minute, viewer:risk=2/minute.",
    )
    trusted_proxies: Networks = Field(
        default_factory=list,
        description="Networks of proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8.",
    )
    access_token_minutes: int = Field(default=15, ge=1, le=24 * 60, description="Life of an access token.")
    refresh_token_days: int = Field(default=30, ge=1, le=365, description="Life of an unused refresh token.")
    starting_cash: MoneySetting = Field(
        default=Money(Decimal(100_000)), description="Cash of a new paper account."
    )
    max_order_value: MoneySetting = Field(
        default=Money(Decimal(1_000_000)), description="Largest value of one order."
    )
    collar: Annotated[Decimal, BeforeValidator(between("0.001", "1"))] = Field(
        default=Decimal("0.10"), description="Fraction above the mark at which a market buy holds cash."
    )
    max_limit_distance: Annotated[Decimal, BeforeValidator(between("0.001", "10"))] = Field(
        default=Decimal("0.50"), description="Largest distance of a limit price from the mark, a fraction."
    )
    fee_bps: Annotated[Decimal, BeforeValidator(between("0", "1000"))] = Field(
        default=Decimal(1), description="Fee of a simulated fill, basis points of its value."
    )
    slippage_bps: Annotated[Decimal, BeforeValidator(between("0", "1000"))] = Field(
        default=Decimal(2), description="Slippage of a simulated market order, basis points."
    )
    participation: Annotated[Decimal, BeforeValidator(between("0.000001", "1"))] = Field(
        default=Decimal("0.10"), description="Largest fraction of a bar's volume a simulated order may take."
    )
    replay_start: date = Field(default=date(2005, 1, 3), description="First session of the demo replay.")
    replay_speed: float = Field(
        default=2.0,
        ge=0,
        le=1000,
        allow_inf_nan=False,
        description="Bars a second in a replay; 0 is as fast as it can.",
    )
    backtest_jobs: int = Field(
        default=1, ge=1, le=64, description="Backtests that run at a time, on all processes together."
    )
    backtest_queue: int = Field(
        default=20, ge=1, le=1000, description="Backtests of one user that may wait or run."
    )
    backtest_seconds: int = Field(
        default=600, ge=1, le=86_400, description="Longest a backtest may run, and of processor time too."
    )
    backtest_memory_mb: int = Field(
        default=1024, ge=64, le=1_000_000, description="Memory of a backtest's process, in megabytes."
    )
    body_limit_bytes: int = Field(
        default=1_000_000, ge=1024, le=100_000_000, description="Largest request body."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level to log."
    )
    log_format: Literal["console", "json"] = Field(default="console", description="Shape of a log line.")
    otlp_endpoint: str | None = Field(
        default=None, description="Where traces are sent, such as http://127.0.0.1:4318/v1/traces."
    )
    secret_key: Annotated[SecretStr, AfterValidator(long_enough)] | None = Field(
        default=None, description="Signs tokens and cursors; without it, HOME/secret.key."
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_booleans_for_numbers(cls, value: object, info: Any) -> object:
        if isinstance(value, bool) and info.field_name != "open_registration":
            raise wrong("not true or false")
        return value

    @property
    def origins(self) -> Mapping[str, Origin]:
        """Where each value came from, by name of the setting."""
        return {name: self._origins.get(name, "built in") for name in type(self).model_fields}


SECRETS = frozenset({"secret_key", "valkey_url", "nats_url"})
PASSWORDS = frozenset({"smtp_password"})
_WITH_PASSWORDS = frozenset({"database_url", "otlp_endpoint"})


def load_settings(
    command_line: Mapping[str, object] | None = None, *, config: Path | None = None
) -> Settings:
    """Settings with command line over environment over file over built-in values.

    command_line: only what the user gave; None values count as not given.
    config: the file; else TRADERBOT_CONFIG, else HOME/traderbot.toml where it exists.
    Errors: ConfigurationError naming each setting that is unknown or wrong, its origin and what was expected.
    """
    given = {name: value for name, value in (command_line or {}).items() if value is not None}
    _refuse_unknown(given, "command line")
    environment = _from_environment()
    path = _config_path(given, environment, config)
    from_file = _from_file(path) if path is not None else {}
    if "home" in from_file and config is None and not os.environ.get(CONFIG_VARIABLE):
        raise ConfigurationError(
            f"home: cannot be moved by the file found in it ({path}); use --home or --config"
        )
    states: list[tuple[Origin, dict[str, Any]]] = [
        ("file", from_file),
        ("environment", environment),
        ("command line", given),
    ]
    sources = tuple(InitSettingsSource(Settings, state) for _, state in reversed(states))
    origins: dict[str, Origin] = {name: origin for origin, state in states for name in state}
    try:
        settings = Settings(_build_sources=(sources, {}))  # type: ignore[call-arg]  # pydantic-settings' own
    except ValidationError as error:
        raise ConfigurationError(_explain(error, origins, path)) from None
    settings._origins.update(origins)
    return settings


def _from_environment() -> dict[str, Any]:
    names = {name for name in os.environ if name.upper().startswith(PREFIX)} - _NOT_SETTINGS
    _refuse_unknown({name[len(PREFIX) :].lower() for name in names}, "environment")
    return dict(EnvSettingsSource(Settings)())


def _config_path(
    given: Mapping[str, Any], environment: Mapping[str, Any], config: Path | None
) -> Path | None:
    named = config or (Path(os.environ[CONFIG_VARIABLE]) if os.environ.get(CONFIG_VARIABLE) else None)
    if named is not None:
        named = expanded(named)
        if not named.is_file():
            raise ConfigurationError(f"config: expected a TOML file, {named} is not there")
        return named
    home = given.get("home") or environment.get("home")
    path = (expanded(Path(str(home))) if home else Path.home() / ".traderbot") / FILE_NAME
    return path if path.is_file() else None


def _from_file(path: Path) -> dict[str, Any]:
    """The file's values; numbers with a fraction arrive as Decimal, never as float."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"config: {path} cannot be read as TOML: {error}") from None
    _refuse_unknown(values, f"file {path}")
    return values


def _refuse_unknown(names: Mapping[str, object] | set[str], where: str) -> None:
    known = list(Settings.model_fields)
    complaints = []
    for name in sorted(set(names) - set(known)):
        spelled = f"{PREFIX}{name.upper()}" if where == "environment" else name
        near = difflib.get_close_matches(name, known, n=1)
        meant = f"{PREFIX}{near[0].upper()}" if near and where == "environment" else (near[0] if near else "")
        hint = f"; did you mean {meant}?" if meant else "; `traderbot config` lists what can be set"
        complaints.append(f"{spelled}: unknown setting in the {where}{hint}")
    if complaints:
        raise ConfigurationError("\n".join(complaints))


def _explain(error: ValidationError, origins: Mapping[str, Origin], path: Path | None) -> str:
    """One line for each wrong setting: its name, what was expected, what was got (never a secret) and from
    where.
    """
    lines = []
    for problem in error.errors(include_url=False, include_context=False):
        if (
            problem["type"] == "default_factory_not_called"
        ):  # follows from another error, told on its own line
            continue
        name = str(problem["loc"][0])
        origin = origins.get(name, "built in")
        where = {"file": f"file {path}", "environment": f"{PREFIX}{name.upper()}"}.get(origin, origin)
        hidden = SECRETS | PASSWORDS | _WITH_PASSWORDS
        got = "" if name in hidden else f", got {str(problem['input'])[:60]!r}"
        expected = problem["msg"].removeprefix("Input should be ").removeprefix("Value should be ")
        lines.append(f"{name}: expected {expected}{got} (from the {where})")
    return "\n".join(lines)


def signing_secret(settings: Settings) -> bytes:
    """The platform's one secret, from which keys are derived; made in HOME/secret.key (mode 0600) at the
    first start.

    Errors: ConfigurationError when the file can be read by others, is too short, or cannot be made.
    """
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value().encode()
    path = settings.home / "secret.key"
    try:
        if not path.exists():
            _make_secret(path)
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"secret_key: {path} can be read by others; run: chmod 600 {path}")
        secret = path.read_bytes().strip()
    except OSError as error:
        raise ConfigurationError(f"secret_key: {path} cannot be used: {error.strerror}") from None
    if len(secret) < SECRET_BYTES_MIN:
        raise ConfigurationError(
            f"secret_key: {path} is too short; remove it, and a new one is made (all sign in again)"
        )
    return secret


def _make_secret(path: Path) -> None:
    """Write the file whole or not at all: linking a finished one never replaces what another process just
    made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
