"""Errors as RFC 9457 problem+json: one shape for our own errors, the framework's and the unexpected ones."""

import http
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from traderbot.infra.storage.database import Database, DatabaseUnavailable, Trouble
from traderbot.model.errors import InvalidValue, TraderbotError

MEDIA_TYPE = "application/problem+json"
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 415: "unsupported_media_type"}
_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}
RETRY_AFTER_S = 2  # what a restart or a database's return takes at best
_ERRORS_SHOWN_MAX = 20
_REF = "#/components/schemas/{model}"
_FAULT = "something went wrong here; the operator's log has it under this request's id"

log = structlog.get_logger(__name__)


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    field: str = Field(description="Path of the field, parts joined by dots.", examples=["qty"])
    expected: str = Field(
        description="What would have been accepted.", examples=["a positive decimal with at most 9 places"]
    )


class Problem(BaseModel):
    """A problem as RFC 9457 has it, with a stable `code` to act on."""

    model_config = ConfigDict(
        json_schema_extra={"description": "An error (RFC 9457). Act on `code`; `detail` is for people."}
    )

    type: str = Field("about:blank", description="Always about:blank; the code says which problem it is.")
    title: str = Field(description="The HTTP status in words.", examples=["Not Found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(description="What happened, for a person.", examples=["no such order"])
    code: str = Field(description="Stable name of the problem.", examples=["not_found"])
    errors: list[FieldProblem] | None = Field(None, description="Each wrong field, where fields are wrong.")


def _title(status: int) -> str:
    """The status in the words of RFC 9110, which Python's own list has only from 3.13 on."""
    if status in _TITLES:
        return _TITLES[status]
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def problem_content(
    status: int, code: str, detail: str, errors: Sequence[Mapping[str, str]] = ()
) -> dict[str, Any]:
    """The problem as it travels."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": _title(status),
        "status": status,
        "detail": detail,
        "code": code,
    }
    if errors:
        body["errors"] = list(errors)
    return body


def problem_body(status: int, code: str, detail: str, errors: Sequence[Mapping[str, str]] = ()) -> bytes:
    """The problem as JSON bytes."""
    return msgspec.json.encode(problem_content(status, code, detail, errors))


def problem(
    status: int,
    code: str,
    detail: str,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The problem as a response."""
    body = problem_body(status, code, detail, errors)
    return Response(body, status_code=status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def problem_of(error: TraderbotError) -> dict[str, Any]:
    """The arguments of `problem` for one of our own errors. A 500 keeps its detail to the log: it is ours,
    not the caller's.
    """
    headers = dict(getattr(error, "headers", {}))
    errors = []
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="traderbot"'
    wait = getattr(error, "retry_after_s", RETRY_AFTER_S if error.status == 503 else None)
    if wait is not None:
        headers["Retry-After"] = str(wait)
    if isinstance(error, InvalidValue):
        errors.append({"field": _printable(error.field), "expected": error.expected})
    detail = error.detail if error.status != 500 else _FAULT
    return {
        "status": error.status,
        "code": error.code,
        "detail": _printable(detail),
        "errors": errors,
        "headers": headers,
    }


def from_error(error: TraderbotError) -> Response:
    """The problem of one of our own errors as a response."""
    return problem(**problem_of(error))


def unexpected_content() -> dict[str, Any]:
    """A fault of ours as it travels."""
    return problem_content(500, "internal_error", _FAULT)


def unexpected() -> Response:
    """The answer to a fault of ours: no stack, nothing of the message."""
    return problem(500, "internal_error", _FAULT)


def _printable(text: str) -> str:
    """Text that can be encoded: a lone surrogate from a path or query would break the answer itself."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _field_problem(error: Mapping[str, Any]) -> dict[str, str]:
    """One of pydantic's errors, never with the input: it may be a password."""
    parts = [str(part) for part in error["loc"]]
    if len(parts) > 1 and parts[0] in {"body", "query", "path", "header", "cookie"}:
        parts = parts[1:]
    kind = error["type"]
    if kind == "missing":
        expected = "to be given"
    elif kind == "extra_forbidden":
        expected = "no such field"
    elif kind == "string_too_short":
        expected = f"at least {error['ctx']['min_length']} characters"
    elif kind == "string_too_long":
        expected = f"at most {error['ctx']['max_length']} characters"
    elif kind.startswith("date"):
        expected = "a date such as 2013-02-08"
    else:
        expected = str(error["msg"]).removeprefix("Input should be ").removeprefix("Value error, ")
    return {"field": _printable(".".join(parts))[:200], "expected": _printable(expected)[:400]}


async def _on_own_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, TraderbotError)
    if error.status >= 500 and error.status != 503:
        log.error("request failed", code=error.code, detail=error.detail, exc_info=error)
    return from_error(error)


def invalid(found: Sequence[Any]) -> dict[str, Any]:
    """The arguments of `problem` for pydantic's errors."""
    errors = [_field_problem(one) for one in found[:_ERRORS_SHOWN_MAX]]
    detail = "; ".join(f"{one['field']}: expected {one['expected']}" for one in errors[:3])
    return {"status": 422, "code": "invalid_value", "detail": detail, "errors": errors}


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem(**invalid(error.errors()))


async def _on_database_error(request: Request, error: Exception) -> Response:
    """A database that cannot be reached, is full or has no connection free is a 503; a statement of ours that
    it does not understand is a fault of ours.
    """
    database: Database = request.app.state.platform.database
    if database.trouble(error) is Trouble.OTHER and not isinstance(error, sa.exc.TimeoutError):
        log.error("statement failed", error=str(error), exc_info=error)
        return unexpected()
    log.error("database failed", error=str(getattr(error, "orig", error)))
    return from_error(DatabaseUnavailable("The database cannot be reached; try again later."))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code in {204, 304}:
        return Response(status_code=error.status_code, headers=error.headers)
    code = _CODES.get(error.status_code, "http_error" if error.status_code < 500 else "internal_error")
    details = {404: "there is nothing at this address", 405: "this address does not take this method"}
    detail = details.get(error.status_code, str(error.detail))
    return problem(error.status_code, code, detail, headers=error.headers)


def install_problems(app: FastAPI) -> None:
    """Answer every error of the application by problem+json."""
    app.add_exception_handler(TraderbotError, _on_own_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    for kind in (sa.exc.DBAPIError, sa.exc.TimeoutError):
        app.add_exception_handler(kind, _on_database_error)
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        return _with_problems(describe())

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the description


def _with_problems(description: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI description with our Problem in place of the framework's validation errors."""
    schemas = description.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas.update(models_json_schema([(Problem, "serialization")], ref_template=_REF)[1]["$defs"])
    for path, operations in description.get("paths", {}).items():
        for operation in operations.values():
            described = operation.get("responses", {}).get("422", {}) if isinstance(operation, dict) else {}
            if "application/json" in described.get("content", {}):
                operation["responses"]["422"] = problem_responses(422)[422]
        if path.startswith("/api/"):
            for operation in operations.values():
                operation["responses"].setdefault("429", problem_responses(429)[429])
    return description


_DETAILS = {
    400: ("malformed_json", "the body names the same member twice in one object"),
    401: ("unauthorized", "a bearer token or an API key is needed"),
    403: ("forbidden", "this needs the scope manage"),
    404: ("not_found", "no such API key"),
    409: ("conflict", "an account cannot be opened with this e-mail address"),
    413: ("body_too_large", "the body is larger than 1000000 bytes"),
    415: ("unsupported_media_type", "expected a body of type application/json"),
    422: ("invalid_value", "qty: expected a positive decimal with at most 9 places"),
    429: (
        "rate_limited",
        "too many requests: the limit general is 100 in 60 seconds; ask again in 12 seconds",
    ),
    503: ("unavailable", "the platform is starting; try again in a moment"),
}


_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_LIMITED = {
    name: {"description": text, "schema": {"type": "string"}, "example": example}
    for name, text, example in (
        ("RateLimit-Policy", "The limits that the request falls under.", '"general";q=100;w=60'),
        ("RateLimit", "What is left of each, and the seconds until all of it is back.", '"general";r=0;t=57'),
    )
}
_HEADERS = {429: {**_RETRY_AFTER, **_LIMITED}, 503: _RETRY_AFTER}


def problem_responses(*statuses: int, **details: tuple[str, str]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI `responses` for these statuses, each with an example.

    details: another (code, detail) for a status, as `s404=("not_found", "no such order")`.
    """
    described: dict[int | str, dict[str, Any]] = {}
    if 401 in statuses and 403 not in statuses and "s401" not in details:  # known, and without the scope
        details = {"s403": ("forbidden", "this needs the scope trade"), **details}
        statuses = tuple(sorted({*statuses, 403}))
    for status in statuses:
        code, detail = details.get(f"s{status}", _DETAILS.get(status, ("error", "an error")))
        errors = (
            [{"field": "qty", "expected": "a positive decimal with at most 9 places"}]
            if status == 422
            else ()
        )
        example = msgspec.json.decode(problem_body(status, code, detail, errors))
        described[status] = {
            "description": _title(status),
            **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}},
        }
    return described
