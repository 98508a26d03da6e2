"""`traderbot config`: every setting, its value and where the value came from."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from traderbot.infra.redaction import without_passwords
from traderbot.infra.settings import PASSWORDS, SECRETS, Settings, load_settings
from traderbot.model.errors import ConfigurationError

MASK = "********"
HomeOption = Annotated[Path | None, typer.Option("--home", help="Home directory, instead of the one set.")]
FileOption = Annotated[
    Path | None, typer.Option("--config", help="Settings file, instead of HOME/traderbot.toml.")
]


def settings_or_exit(command_line: Mapping[str, object], config: Path | None) -> Settings:
    """The settings; a wrong one is told on stderr, without a traceback, and ends the command with status
    2.
    """
    try:
        return load_settings(command_line, config=config)
    except ConfigurationError as error:
        typer.echo(error.detail, err=True)
        raise typer.Exit(2) from None


def shown_values(settings: Settings) -> dict[str, Any]:
    """Each setting as plain JSON with secrets masked. Decimals are text, as they are set."""
    values = settings.model_dump(mode="json", exclude={*SECRETS, *PASSWORDS})
    from sqlalchemy import make_url  # here, since every command imports this module

    shown = make_url(settings.database_url).render_as_string(hide_password=True)
    values["database_url"] = without_passwords(shown)
    for name in ("secret_key", *PASSWORDS):
        values[name] = MASK if getattr(settings, name) is not None else None
    for name in ("valkey_url", "nats_url"):
        address: SecretStr | None = getattr(settings, name)
        values[name] = None if address is None else without_passwords(address.get_secret_value())
    if settings.otlp_endpoint is not None:
        values["otlp_endpoint"] = without_passwords(settings.otlp_endpoint)
    return {name: values[name] for name in type(settings).model_fields}


def show_config(
    home: HomeOption = None,
    config: FileOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show every setting, its value and where the value came from."""
    settings = settings_or_exit({"home": home}, config)
    values, origins = shown_values(settings), settings.origins
    if as_json:
        rows = {name: {"value": value, "origin": origins[name]} for name, value in values.items()}
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table(box=None, header_style="bold")
    for heading in ("setting", "value", "from", "meaning"):
        table.add_column(heading, overflow="fold")
    for name, value in values.items():
        style = "dim" if origins[name] == "built in" else ""
        meaning = type(settings).model_fields[name].description
        table.add_row(name, escape(_text(value)), origins[name], meaning, style=style)
    Console().print(table)


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return ", ".join(str(part) for part in value) or "-"
    return str(value)
