"""`traderbot user`: make users, list them, give them roles, from the machine itself."""

import secrets
from typing import Annotated

import typer

from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.opened import open_platform
from traderbot.cli.told import told
from traderbot.users.administration import OPERATOR
from traderbot.users.people import normal_email
from traderbot.users.people_rows import PeopleFilter
from traderbot.users.roles import Role

app = typer.Typer(help="Users of this home. No traderbot may be running in it.", no_args_is_help=True)

LISTED_MAX = 10_000
EmailArgument = Annotated[str, typer.Argument(help="E-mail address of the user.")]


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
        Role | None,
        typer.Option("--role", help="Without it: owner in a home that has none yet, else trader."),
    ] = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Make a user with a paper account. No traderbot may be running in the home."""
    settings = settings_or_exit({"home": home}, config)
    chosen = secrets.token_urlsafe(12) if password is None else password
    with open_platform(settings, quiet=True) as platform, told():
        given = role or ("trader" if platform.users.administration.has_owner() else "owner")
        user = platform.users.create_user(email, chosen, role=given, display_name=name)
    typer.echo(f"{user.email} ({user.role}) with account {user.account_id}")
    if password is None:
        typer.echo(f"password {chosen}")


@app.command("list")
def list_users(
    role: Annotated[Role | None, typer.Option("--role", help="Only this role.")] = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """List people, newest first."""
    settings = settings_or_exit({"home": home}, config)
    with open_platform(settings, quiet=True) as platform, told():
        wanted = PeopleFilter(role=role)
        found = platform.users.administration.people(wanted, before=None, limit=LISTED_MAX)
    for user in found:
        typer.echo(f"{user.email} ({user.role}{'' if user.active else ', not active'}) {user.id}")


@app.command("role")
def change_role(
    email: EmailArgument,
    role: Annotated[Role, typer.Argument(help="owner, admin, trader or viewer.")],
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Give a user another role. The last owner stays one."""
    _change(email, home, config, role=role)


@app.command("deactivate")
def deactivate(email: EmailArgument, home: HomeOption = None, config: FileOption = None) -> None:
    """End every token and key of a user, who can no longer sign in; orders and positions stay."""
    _change(email, home, config, active=False)


@app.command("activate")
def activate(email: EmailArgument, home: HomeOption = None, config: FileOption = None) -> None:
    """Let a user sign in again."""
    _change(email, home, config, active=True)


def _change(
    email: str,
    home: HomeOption,
    config: FileOption,
    role: Role | None = None,
    active: bool | None = None,
) -> None:
    settings = settings_or_exit({"home": home}, config)
    with open_platform(settings, quiet=True) as platform, told():
        administration = platform.users.administration
        user = administration.by_email(normal_email(email))
        user = administration.change(OPERATOR, user.id, role=role, active=active)
    typer.echo(f"{user.email} ({user.role}{'' if user.active else ', not active'})")
