"""`traderbot halt`, `resume` and `kill`: stop trading and let it go on, whether traderbot runs or not.

Where it runs in the home, its server is asked by an admin's API key; else the journal is written directly.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Protocol
from uuid import UUID

import msgspec
import typer

from traderbot.bootstrap import Platform
from traderbot.cli.asking import Server, UrlOption
from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.opened import open_platform
from traderbot.cli.serve import read_login
from traderbot.cli.serving import url_of
from traderbot.cli.told import told
from traderbot.infra.events.journal import Meta
from traderbot.infra.settings import Settings
from traderbot.infra.storage.database import lock_home
from traderbot.model.commands import Command, PauseTrading, RequestResume, ResumeTrading
from traderbot.model.errors import ConfigurationError, Conflict, InvalidValue, NotFound
from traderbot.model.symbols import Symbol
from traderbot.model.symbols import symbol as symbol_from
from traderbot.trading import halts
from traderbot.trading.accounts import load_account
from traderbot.trading.kill import flatness, kill
from traderbot.trading.work import Work

_LOOK_S = 0.2
_META = Meta(actor="operator")
SymbolOption = Annotated[str | None, typer.Option("--symbol", help="Only this symbol.")]
AccountOption = Annotated[
    str | None, typer.Option("--account", help="Only this account; without it, the whole platform.")
]
KeyOption = Annotated[
    str | None,
    typer.Option("--api-key", envvar="API_KEY", help="An admin's API key; the demo's own without it."),
]


class Desk(Protocol):
    """Takes the three steps of a halt, of the platform or of one account; and an account's kill switch, which
    answers with what is left. Errors: TraderbotError.
    """

    def halt(self, detail: str, symbol: Symbol | None) -> None: ...
    def request(self, symbol: Symbol | None) -> str: ...
    def resume(self, code: str, symbol: Symbol | None) -> None: ...
    def kill(self, detail: str, flatten: bool) -> dict[str, Any]: ...
    def flatness(self) -> dict[str, Any]: ...


def halt(
    detail: Annotated[str, typer.Argument(help="Why, for everybody who is refused.")],
    symbol: SymbolOption = None,
    account: AccountOption = None,
    url: UrlOption = None,
    api_key: KeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Stop new orders on the platform, on one account, or of one symbol. Cancels still work."""
    settings = settings_or_exit({"home": home}, config)
    with told(), _desk(settings, account, url, api_key) as desk:
        desk.halt(detail, _symbol(symbol))
    typer.echo("trading is paused; `traderbot resume` lets it go on")


def resume(
    symbol: SymbolOption = None,
    account: AccountOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Take the second step without asking.")] = False,
    url: UrlOption = None,
    api_key: KeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Let trading go on, in two steps: ask, then confirm."""
    settings = settings_or_exit({"home": home}, config)
    with told(), _desk(settings, account, url, api_key) as desk:
        chosen = _symbol(symbol)
        code = desk.request(chosen)
        if not yes and not typer.confirm("Resume trading?"):
            typer.echo("trading stays paused")
            raise typer.Exit(1)
        desk.resume(code, chosen)
    typer.echo("trading goes on")


def kill_account(
    detail: Annotated[str, typer.Argument(help="Why, for everybody who is refused.")],
    account: Annotated[str, typer.Option("--account", help="Id of the account; see `traderbot accounts`.")],
    flatten: Annotated[
        bool, typer.Option("--flatten", help="Sell what it holds, buy back what it sold short.")
    ] = False,
    wait: Annotated[
        float, typer.Option("--wait", help="Seconds to wait for it to be flat.", min=0, max=86_400)
    ] = 0.0,
    url: UrlOption = None,
    api_key: KeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Stop an account: no new orders, open ones cancelled, positions closed on request.

    Ends with status 0 only where the account is flat.
    """
    settings = settings_or_exit({"home": home}, config)
    with told(), _desk(settings, account, url, api_key) as desk:
        left = desk.kill(detail, flatten)
        for refusal in left.pop("refused"):
            typer.echo(f"refused: {refusal}", err=True)
        until = time.monotonic() + wait
        while not left["flat"] and time.monotonic() < until:
            time.sleep(_LOOK_S)
            left = desk.flatness()
    for position in left["positions"]:
        at_work = f", {len(position['closing'])} orders at work" if position["closing"] else ""
        typer.echo(f"still held: {position['qty']} {position['symbol']}{at_work}")
    if left["open_orders"]:
        typer.echo(f"open orders: {left['open_orders']}")
    typer.echo("no new orders; the account is flat" if left["flat"] else "no new orders; NOT FLAT")
    if not left["flat"]:
        raise typer.Exit(1)


def _symbol(text: str | None) -> Symbol | None:
    return None if text is None else symbol_from(text, "--symbol")


@contextmanager
def _desk(settings: Settings, account: str | None, url: str | None, api_key: str | None) -> Iterator[Desk]:
    """The server that runs in the home, or the home itself where none does."""
    try:
        account_id = None if account is None else UUID(account)
    except ValueError:
        raise InvalidValue("--account", "the id of an account", account) from None
    if url is None:
        try:
            lock_home(settings.home).close()
        except ConfigurationError:
            url = url_of(settings)
    if url is None:
        with open_platform(settings, quiet=True) as platform:
            yield _Home(platform, account_id)
    else:
        login = read_login(settings)
        key = api_key or (None if login is None else login.api_key)
        if not key:
            raise ConfigurationError("traderbot runs in this home: give an admin's API key by --api-key")
        yield _Server(url, key, account_id)


class _Home:
    """Writes the journal of a home that nobody else has."""

    def __init__(self, platform: Platform, account_id: UUID | None) -> None:
        self._platform = platform
        self._account_id = account_id

    def halt(self, detail: str, symbol: Symbol | None) -> None:
        self._submit(PauseTrading(detail, symbol), halts.halt_platform(detail, symbol, meta=_META))

    def request(self, symbol: Symbol | None) -> str:
        code = secrets.token_hex(4)
        self._submit(RequestResume(code, symbol), halts.request_resume_platform(code, symbol, meta=_META))
        return code

    def resume(self, code: str, symbol: Symbol | None) -> None:
        self._submit(ResumeTrading(code, symbol), halts.resume_platform(code, symbol, meta=_META))

    def kill(self, detail: str, flatten: bool) -> dict[str, Any]:
        assert self._account_id is not None  # it is asked for
        outcome = self._platform.path.submit(kill(self._account_id, detail, flatten=flatten, meta=_META))
        return {"refused": [one.detail for one in outcome.refusals]} | self.flatness()

    def flatness(self) -> dict[str, Any]:
        assert self._account_id is not None
        with self._platform.database.read() as connection:
            account = load_account(connection, self._account_id)
        if account is None:
            raise NotFound("No such account.")
        found: dict[str, Any] = msgspec.to_builtins(flatness(account))
        return found

    def _submit(self, command: Command, on_platform: Work) -> None:
        account_id = self._account_id
        work = on_platform if account_id is None else Work(commands=[(account_id, command)], meta=_META)
        outcome = self._platform.path.submit(work)
        if outcome.refusal is not None:
            raise Conflict(outcome.refusal.detail)


class _Server(Server):
    """Asks a server that runs."""

    def __init__(self, url: str, key: str, account_id: UUID | None) -> None:
        super().__init__(url, key, account_id)
        self._halts = "/admin/halts" if account_id is None else "/risk/halt"

    def halt(self, detail: str, symbol: Symbol | None) -> None:
        self.post(self._halts, {"detail": detail, "symbol": symbol})

    def request(self, symbol: Symbol | None) -> str:
        code: str = self.post(f"{self._halts}/resume-request", {"symbol": symbol})["code"]
        return code

    def resume(self, code: str, symbol: Symbol | None) -> None:
        self.post(f"{self._halts}/resume", {"code": code, "symbol": symbol})

    def kill(self, detail: str, flatten: bool) -> dict[str, Any]:
        found = self.post("/risk/kill", {"detail": detail, "flatten": flatten})
        refused = [one["detail"] for one in found["refused"]]
        return {**found, "refused": refused}

    def flatness(self) -> dict[str, Any]:
        found: dict[str, Any] = self.get("/risk/kill")
        return found
