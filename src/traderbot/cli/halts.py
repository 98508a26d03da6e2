"""`traderbot halt` and `traderbot resume`: stop trading and let it go on, whether traderbot runs or not.

Where it runs in the home, its server is asked by an admin's API key; else the journal is written directly.
"""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Protocol
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen
from uuid import UUID

import typer

from traderbot.bootstrap import Platform
from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.opened import open_platform, told
from traderbot.cli.serve import read_login
from traderbot.cli.serving import url_of
from traderbot.infra.database import lock_home
from traderbot.infra.journal import Meta
from traderbot.infra.settings import Settings
from traderbot.model.commands import Command, PauseTrading, RequestResume, ResumeTrading
from traderbot.model.errors import ConfigurationError, Conflict, InvalidValue, Unavailable
from traderbot.model.symbols import Symbol
from traderbot.model.symbols import symbol as symbol_from
from traderbot.trading import halts
from traderbot.trading.work import Work

_WITHIN_S = 10
_META = Meta(actor="operator")
SymbolOption = Annotated[str | None, typer.Option("--symbol", help="Only this symbol.")]
AccountOption = Annotated[
    str | None, typer.Option("--account", help="Only this account; without it, the whole platform.")
]
UrlOption = Annotated[
    str | None, typer.Option("--url", help="Where traderbot serves; from the settings without it.")
]
KeyOption = Annotated[
    str | None,
    typer.Option("--api-key", envvar="API_KEY", help="An admin's API key; the demo's own without it."),
]


class Desk(Protocol):
    """Takes the three steps of a halt, of the platform or of one account. Errors: TraderbotError."""

    def halt(self, detail: str, symbol: Symbol | None) -> None: ...
    def request(self, symbol: Symbol | None) -> str: ...
    def resume(self, code: str, symbol: Symbol | None) -> None: ...


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

    def _submit(self, command: Command, on_platform: Work) -> None:
        account_id = self._account_id
        work = on_platform if account_id is None else Work(commands=[(account_id, command)], meta=_META)
        outcome = self._platform.path.submit(work)
        if outcome.refusal is not None:
            raise Conflict(outcome.refusal.detail)


class _Server:
    """Asks a server that runs."""

    def __init__(self, url: str, key: str, account_id: UUID | None) -> None:
        self._url = f"{url.rstrip('/')}/api/v1{'/admin/halts' if account_id is None else '/risk/halt'}"
        self._headers = {"X-API-Key": key, "Content-Type": "application/json"}
        if account_id is not None:
            self._headers["X-Account-Id"] = str(account_id)

    def halt(self, detail: str, symbol: Symbol | None) -> None:
        self._post("", {"detail": detail, "symbol": symbol})

    def request(self, symbol: Symbol | None) -> str:
        code: str = self._post("/resume-request", {"symbol": symbol})["code"]
        return code

    def resume(self, code: str, symbol: Symbol | None) -> None:
        self._post("/resume", {"code": code, "symbol": symbol})

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        if not self._url.startswith(("http://", "https://")):
            raise InvalidValue("--url", "an address such as http://127.0.0.1:8000")
        request = Request(self._url + path, json.dumps(body).encode(), self._headers, method="POST")  # noqa: S310 - checked above
        try:
            with urlopen(request, timeout=_WITHIN_S) as answer:  # noqa: S310 - checked above
                return json.load(answer)
        except HTTPError as error:
            raise Conflict(_detail(error)) from None
        except (URLError, TimeoutError, json.JSONDecodeError) as error:
            reason = getattr(error, "reason", error)
            raise Unavailable(f"{self._url}: {reason}; say by --url where traderbot serves") from None


def _detail(error: HTTPError) -> str:
    """What the server says is wrong."""
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the server answered {error.code}"
