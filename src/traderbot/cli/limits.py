"""`traderbot limits`: looser limits that wait for a second person, listed and decided on by an administrator.

Asked of the server that runs, as whoever's API key it is: nobody approves their own.
"""

from typing import Annotated, Any
from uuid import UUID

import typer

from traderbot.cli.asking import OwnKeyOption, Server, UrlOption, server_of
from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.looking import print_table
from traderbot.cli.told import told
from traderbot.model.errors import NotFound

app = typer.Typer(help="Looser limits that wait for a second person.", no_args_is_help=True)

_REQUESTS = "/admin/limit-requests"
AccountArgument = Annotated[UUID, typer.Argument(help="Id of the account, see `traderbot limits waiting`.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Decide without being asked again.")]


@app.command("waiting")
def show_waiting(
    url: UrlOption = None,
    api_key: OwnKeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """List what waits, with what each limit is and would be."""
    settings = settings_or_exit({"home": home}, config)
    with told():
        found = server_of(settings, url, api_key).get(_REQUESTS)["items"]
    _print_waiting(found)


@app.command("approve")
def approve(
    account: AccountArgument,
    yes: YesOption = False,
    url: UrlOption = None,
    api_key: OwnKeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Approve the looser limits that an account waits for."""
    settings = settings_or_exit({"home": home}, config)
    with told():
        _decide(server_of(settings, url, api_key), account, "approve", yes)


@app.command("refuse")
def refuse(
    account: AccountArgument,
    yes: YesOption = False,
    url: UrlOption = None,
    api_key: OwnKeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Refuse them; the limits stay as they are."""
    settings = settings_or_exit({"home": home}, config)
    with told():
        _decide(server_of(settings, url, api_key), account, "reject", yes)


def _decide(server: Server, account: UUID, decision: str, yes: bool) -> None:
    """What is decided on is what was shown: the server refuses it where it has changed since."""
    items = server.get(_REQUESTS)["items"]
    found = next((one for one in items if one["account_id"] == str(account)), None)
    if found is None:
        raise NotFound("Nothing waits for a second person.")
    _print_waiting([found])
    if not yes and not typer.confirm(f"{decision.capitalize()} this?"):
        typer.echo("nothing was decided")
        raise typer.Exit(1)
    server.post(f"{_REQUESTS}/{account}/{decision}", {"asked_at": found["asked_at"]})
    typer.echo("approved: the limits count from now on" if decision == "approve" else "refused")


def _print_waiting(items: list[dict[str, Any]]) -> None:
    rows = []
    for one in items:
        asked = one["account_id"], one["user_id"], one["asked_at"]
        rows += [(*asked, name, one["before"][name], one["limits"][name]) for name in one["loosened"]]
        if one["lift"]:
            rows.append((*asked, "second person", "needed", "not needed"))
    print_table(("account", "asked by", "asked at", "limit", "now", "asked for"), rows)
