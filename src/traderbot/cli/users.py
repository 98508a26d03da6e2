"""`traderbot user`: make users from the command line."""

import secrets
from typing import Annotated, Literal

import typer

from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.opened import open_platform, told

app = typer.Typer(help="Users of this home.", no_args_is_help=True)


@app.command("create")
def create(
    email: Annotated[str, typer.Argument(help="E-mail address to sign in with.")],
    password: Annotated[
        str | None,
        typer.Option(
            "--password",
            envvar="NEW_USER_PASSWORD",  # not TRADERBOT_*, which names settings
            help="Password; one is made and printed without it.",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Name to show.")] = None,
    role: Annotated[
        Literal["trader", "admin"], typer.Option("--role", help="admin may control the replay.")
    ] = "trader",
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Make a user with a paper account. No traderbot may be running in the home."""
    settings = settings_or_exit({"home": home}, config)
    chosen = secrets.token_urlsafe(12) if password is None else password
    with open_platform(settings, quiet=True) as platform, told():
        user = platform.users.create_user(email, chosen, role=role, display_name=name)
    typer.echo(f"{user.email} ({user.role}) with account {user.account_id}")
    if password is None:
        typer.echo(f"password {chosen}")
