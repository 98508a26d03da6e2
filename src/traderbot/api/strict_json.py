"""Request bodies read as exact, unambiguous JSON: what lenient parsers guess at is refused, at a cost bounded
by the size.

Refused with 400: duplicate names, NaN and Infinity, nesting beyond 64, integers beyond 25 digits, numbers
beyond 64 characters, text that is not UTF-8, lone surrogates. Numbers with a fraction arrive as Decimal,
those with an exponent as Scientific, never as float. A body that is JSON but no object is a 422.
"""

import json
import re
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any, NoReturn

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from traderbot.model.errors import InvalidValue, TraderbotError

DEPTH_MAX = 64
MEMBERS_MAX = 100  # each unknown one costs an error to describe; no body here comes near
INTEGER_DIGITS_MAX = 25
NUMBER_LENGTH_MAX = 64
EXPONENT_MAX = 9_999


class Scientific(Decimal):
    """A number that was written with an exponent, which amounts of money and shares do not take."""


# One pass over the text; the possessive quantifiers and \Z keep an unclosed string from being scanned again
# and again.
_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|([\[{])|([\]}])', re.DOTALL)
_INNERMOST = re.compile(rb"\[\]|{}")
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'[]{}"\\'))
_STRUCTURE_MAX = 65_536
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class MalformedBody(TraderbotError):  # noqa: N818 - the field's word
    """The body is not JSON that can be read in exactly one way."""

    status = 400
    code = "malformed_json"


class UnsupportedMediaType(TraderbotError):  # noqa: N818 - the name of the HTTP status
    """The body is not declared as JSON; a web page may send other types across origins without asking
    first.
    """

    status = 415
    code = "unsupported_media_type"


def parse(body: bytes) -> Any:
    """The JSON value of the body. Numbers are int or Decimal. Errors: MalformedBody."""
    _check_depth(body)
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise MalformedBody("the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise MalformedBody(f"the body is not JSON: {error.msg} at character {error.pos}") from None
    if _SURROGATE_ESCAPE.search(body) and _has_lone_surrogate(value):
        raise MalformedBody("the body has half of a surrogate pair, which is no character")
    return value


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object of the body. Errors: MalformedBody; InvalidValue for another JSON value."""
    value = parse(body)
    if not isinstance(value, dict):
        raise InvalidValue("body", "a JSON object")
    return value


async def read_object(request: Request) -> dict[str, Any]:
    """The JSON object that a request carries, for routes without FastAPI. Errors: as `parse_object`;
    UnsupportedMediaType.
    """
    body = await request.body()
    require_json_type(request)
    return parse_object(body)


def require_json_type(request: Request) -> None:
    """Errors: UnsupportedMediaType unless the content type is application/json or application/*+json."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise UnsupportedMediaType("expected a body of type application/json")


class StrictRequest(Request):
    """A request whose `json()` is strict."""

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = parse_object(await self.body())
        return self._json


class StrictRoute(APIRoute):
    """A FastAPI route whose body is read strictly. Use it by `APIRouter(route_class=StrictRoute)`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        if self.body_field is None:
            return handler

        async def strict_handler(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            # Read here and not within FastAPI, which would turn every error into one vague 400.
            if await strict.body():
                require_json_type(strict)
                await strict.json()
            return await handler(strict)

        return strict_handler


def _check_depth(body: bytes) -> None:
    """Refuse deep nesting before the recursive parser sees it."""
    if body.count(b"[") + body.count(b"{") <= DEPTH_MAX or _is_plainly_shallow(body):
        return
    depth = 0
    for found in _BRACKETS.finditer(body):
        kind = found.lastindex
        if kind == 1:
            depth += 1
            if depth > DEPTH_MAX:
                raise MalformedBody(f"the body is nested deeper than {DEPTH_MAX} levels")
        elif kind == 2:
            depth -= 1


def _is_plainly_shallow(body: bytes) -> bool:
    """Whether a body without escapes, such as a long list of small objects, is no deeper than allowed: found
    by taking the innermost brackets away, level by level. False: not so simple.
    """
    kept = body.translate(None, _NOT_STRUCTURE)
    if b"\\" in kept or len(kept) > _STRUCTURE_MAX:
        return False
    brackets = b"".join(kept.split(b'"')[::2])
    for _ in range(DEPTH_MAX):
        brackets, taken = _INNERMOST.subn(b"", brackets)
        if not taken:
            break
    return not brackets


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(pairs) > MEMBERS_MAX:
        raise MalformedBody(f"the body has an object of more than {MEMBERS_MAX} members")
    if len(members) != len(pairs):
        raise MalformedBody("the body names the same member twice in one object")
    return members


def _integer(text: str) -> int:
    if len(text) - text.startswith("-") > INTEGER_DIGITS_MAX:
        raise MalformedBody(f"the body has an integer of more than {INTEGER_DIGITS_MAX} digits")
    return int(text)


def _decimal(text: str) -> Decimal:
    _, _, exponent = text.lower().partition("e")
    if len(text) > NUMBER_LENGTH_MAX or len(exponent) > 6 or abs(int(exponent or 0)) > EXPONENT_MAX:
        raise MalformedBody("the body has a number of absurd length or size")
    return Scientific(text) if exponent else Decimal(text)


def _no_constant(name: str) -> NoReturn:
    raise MalformedBody(f"the body has {name}, which is no JSON number")


def _has_lone_surrogate(value: Any) -> bool:
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            if _SURROGATE.search(part):
                return True
        elif isinstance(part, dict):
            waiting += part.keys()
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return False


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_decimal, parse_constant=_no_constant
)
