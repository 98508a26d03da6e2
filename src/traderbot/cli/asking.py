"""Ask a server that runs, as the person whose API key it is."""

import json
from typing import Annotated, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import typer

from traderbot.cli.serve import read_login
from traderbot.cli.serving import url_of
from traderbot.infra.settings import Settings
from traderbot.model.errors import ConfigurationError, Conflict, InvalidValue, Unavailable

_WITHIN_S = 10
UrlOption = Annotated[
    str | None, typer.Option("--url", help="Where traderbot serves; from the settings without it.")
]
OwnKeyOption = Annotated[
    str | None, typer.Option("--api-key", envvar="API_KEY", help="Your API key; the demo's own without it.")
]


class Server:
    """Requests to one server. account_id: on behalf of which account, where the key has several.

    Errors: InvalidValue for an address that is none; Conflict with what the server says is wrong; Unavailable
    where there is no answer.
    """

    def __init__(self, url: str, key: str, account_id: object = None) -> None:
        if not url.startswith(("http://", "https://")):
            raise InvalidValue("--url", "an address such as http://127.0.0.1:8000")
        self._url = f"{url.rstrip('/')}/api/v1"
        self._headers = {"X-API-Key": key, "Content-Type": "application/json"}
        if account_id is not None:
            self._headers["X-Account-Id"] = str(account_id)

    def get(self, path: str, **query: object) -> Any:
        given = {name: value for name, value in query.items() if value is not None}
        return self.ask("GET", path + (f"?{urlencode(given)}" if given else ""))

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return self.ask("POST", path, body)

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = Request(self._url + path, content, self._headers, method=method)  # noqa: S310 - checked above
        try:
            with urlopen(request, timeout=_WITHIN_S) as answer:  # noqa: S310 - checked above
                return json.load(answer)
        except HTTPError as error:
            raise Conflict(_detail(error)) from None
        except (URLError, TimeoutError, json.JSONDecodeError) as error:
            reason = getattr(error, "reason", error)
            raise Unavailable(f"{self._url}: {reason}; say by --url where traderbot serves") from None


def server_of(settings: Settings, url: str | None, api_key: str | None) -> Server:
    """The server of a home, by the key given or the demo's own. Errors: ConfigurationError without a key."""
    login = read_login(settings)
    key = api_key or (None if login is None else login.api_key)
    if not key:
        raise ConfigurationError("say by --api-key, or API_KEY in the environment, whose request it is")
    return Server(url or url_of(settings), key)


def _detail(error: HTTPError) -> str:
    """What the server says is wrong."""
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the server answered {error.code}"
