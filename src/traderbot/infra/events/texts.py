"""The stored text of an event, and the hash over it: the journal's docstring spells both."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import cache, lru_cache
from hashlib import sha256
from types import UnionType
from typing import Any, NewType, Union, get_args, get_origin
from uuid import UUID

import msgspec

from traderbot.infra.events.upcasts import UPCASTS
from traderbot.model.errors import InvariantBroken
from traderbot.model.events import EVENT_TYPES, Event

encode_json = msgspec.json.Encoder().encode


@lru_cache(maxsize=10_000)  # amounts come again and again; equal ones have one text
def canonical(value: Decimal) -> str:
    """The one text of an amount: positional, without trailing zeros, 0 without a sign."""
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


_PLAIN = (str, int, float, UUID, date, Enum, type(None))


def _classes(annotation: Any) -> set[Any]:
    """The classes a field's annotation allows, seen through aliases and unions."""
    if isinstance(annotation, NewType):
        return _classes(annotation.__supertype__)
    if get_origin(annotation) in (UnionType, Union):
        return set().union(*map(_classes, get_args(annotation)))
    return {get_origin(annotation) or annotation}


@cache
def _with_amounts(kind: type[Event]) -> tuple[str, ...]:
    """The fields of an event that are amounts or may have some inside."""
    fields = msgspec.structs.fields(kind)
    return tuple(f.encode_name for f in fields if not all(issubclass(c, _PLAIN) for c in _classes(f.type)))


def _plain(value: Any) -> Any:
    """The value with its amounts as canonical texts, for an encoder that would write 1E+2 or 1.50."""
    if isinstance(value, Decimal):
        return canonical(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


@cache
def _textual(kind: type[Event]) -> Callable[[Event], Any]:
    """A function that makes of an event the struct that its text is encoded from: the same fields in the same
    order, amounts as their canonical texts. Cheaper than a dictionary of the fields on the way.
    """
    fields = msgspec.structs.fields(kind)
    struct = msgspec.defstruct(
        f"{kind.__name__}Text", [(f.name, Any, f.default) for f in fields], omit_defaults=True
    )
    amounts = [i for i, f in enumerate(fields) if _classes(f.type) <= {Decimal, type(None)}]
    inside = set(_with_amounts(kind))
    nested = [i for i, f in enumerate(fields) if f.encode_name in inside and i not in amounts]
    as_tuple = msgspec.structs.astuple

    def textual(event: Event) -> Any:
        row: list[Any] = list(as_tuple(event))
        for i in amounts:
            if row[i] is not None:
                row[i] = canonical(row[i])
        for i in nested:
            if row[i] is not None and row[i] != ():
                row[i] = _plain(msgspec.to_builtins(row[i], builtin_types=(Decimal,)))
        return struct(*row)

    return textual


def encode_event(event: Event) -> str:
    """The stored text of an event."""
    return encode_json(_textual(type(event))(event)).decode()


def decode_event(kind: str, data: str, schema: int | None = None) -> Event:
    """The event of a stored text. schema: the version of its shape that it was stored in, today's if not
    given; an older one is brought up to today's. Errors: InvariantBroken for a type or a version this program
    does not know, or a text that does not fit it.
    """
    known = EVENT_TYPES.get(kind)
    try:
        if known is None or schema not in (None, known.schema):
            kind, plain = UPCASTS.today(kind, 1 if schema is None else schema, msgspec.json.decode(data))
            return msgspec.convert(plain, EVENT_TYPES[kind], strict=False)
        return msgspec.json.decode(data, type=known)
    except msgspec.MsgspecError as error:
        raise InvariantBroken(f"event of type {kind} cannot be read: {error}") from error


def chain_hash(
    stream: str,
    version: int,
    kind: str,
    schema_version: int,
    data: str,
    meta: str,
    effective_at: int | None,
    recorded_at: int,
    prev_hash: bytes,
) -> bytes:
    """SHA-256 of one link, as the module's docstring spells it."""
    link = [1, stream, version, kind, schema_version, data, meta, effective_at, recorded_at, prev_hash.hex()]
    return sha256(encode_json(link)).digest()
