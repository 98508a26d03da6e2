"""Strict bodies: parsed alone, through FastAPI and through a plain route, on a real port."""

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from traderbot.api.schemas_common import Body, MoneyIn, PriceIn, QuantityIn, SymbolIn
from traderbot.api.strict_json import (
    DEPTH_MAX,
    MalformedBody,
    StrictRoute,
    parse,
    parse_object,
    read_object,
)
from traderbot.model.errors import InvalidValue
from users.desk import make_app, serve

pytestmark = pytest.mark.integration

HOSTILE = [
    pytest.param(b'{"a":1,"a":2}', id="duplicate names"),
    pytest.param(b'{"a":{"b":1,"b":1}}', id="duplicate names, nested"),
    pytest.param(b'{"a":1,"\\u0061":2}', id="duplicate names, one escaped"),
    pytest.param(b'{"a":NaN}', id="NaN"),
    pytest.param(b'{"a":Infinity}', id="Infinity"),
    pytest.param(b'{"a":-Infinity}', id="-Infinity"),
    pytest.param(b'{"a":' + b"[" * 65 + b"]" * 65 + b"}", id="65 levels"),
    pytest.param(b"[" * 100_000, id="100k levels, open"),
    pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, id="100k objects"),
    pytest.param(b'{"a":' + b"9" * 5_000 + b"}", id="5,000 digits"),
    pytest.param(b'{"a":' + b"9" * 26 + b"}", id="26 digits"),
    pytest.param(b'{"a":1e99999}', id="exponent of 99999"),
    pytest.param(b'{"a":1e' + b"9" * 5_000 + b"}", id="exponent of 5,000 digits"),
    pytest.param(b'{"a":0.' + b"1" * 5_000 + b"}", id="5,000 places"),
    pytest.param(b'{"a":"\\ud800"}', id="lone high surrogate"),
    pytest.param(b'{"a":["\\udfff"]}', id="lone low surrogate"),
    pytest.param(b'{"\\ud800":1}', id="lone surrogate in a name"),
    pytest.param(b'{"a":"\xff"}', id="invalid UTF-8"),
    pytest.param(b'{"a":"\xed\xa0\x80"}', id="surrogate in UTF-8"),
    pytest.param(b'\xef\xbb\xbf{"a":1}', id="byte order mark"),
    pytest.param('{"a":1}'.encode("utf-16"), id="UTF-16"),
    pytest.param(b"{'a':1}", id="single quotes"),
    pytest.param(b'{"a":1,}', id="trailing comma"),
    pytest.param(b'{"a":01}', id="leading zero"),
    pytest.param(b'{"a":1}{"a":2}', id="two values"),
    pytest.param('{"a":\u0661}'.encode(), id="Arabic digit"),
    pytest.param(b'{"a":"\n"}', id="raw line break"),
    pytest.param(b"", id="nothing"),
]


class Order(Body):
    symbol: SymbolIn | None = None
    qty: QuantityIn | None = None
    price: PriceIn | None = None
    amount: MoneyIn | None = None
    count: int | None = None


router = APIRouter(route_class=StrictRoute)


@router.post("/order")
def order(body: Order) -> dict[str, Any]:
    return {name: None if value is None else str(value) for name, value in body}


async def plain(request: Request) -> JSONResponse:
    return JSONResponse({name: str(value) for name, value in (await read_object(request)).items()})


@pytest.fixture(scope="module")
def client() -> Iterator[httpx2.Client]:
    app = make_app(None, router)
    app.router.routes.append(Route("/plain", plain, methods=["POST"]))
    with (
        serve(app) as url,
        httpx2.Client(base_url=url, headers={"content-type": "application/json"}) as session,
    ):
        yield session


@pytest.mark.parametrize("body", HOSTILE)
def test_ambiguous_json_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        parse(body)


@pytest.mark.parametrize("body", HOSTILE[:-1])
@pytest.mark.parametrize("path", ["/order", "/plain"])
def test_ambiguous_json_is_a_400_on_both_kinds_of_route(
    client: httpx2.Client, path: str, body: bytes
) -> None:
    answer = client.post(path, content=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "malformed_json"


def test_an_object_of_countless_members_is_refused_cheaply() -> None:
    body = "{" + ",".join(f'"k{number}":1' for number in range(80_000)) + "}"
    with pytest.raises(MalformedBody, match="more than 100 members"):
        parse(body.encode())


def test_numbers_stay_exact() -> None:
    value = parse_object(
        b'{"a":12345678901234567.89,"b":1234567890123456789012345,"c":0.1,"d":1e400,"e":[1.10]}'
    )
    assert value == {
        "a": Decimal("12345678901234567.89"),
        "b": 1234567890123456789012345,
        "c": Decimal("0.1"),
        "d": Decimal("1e400"),
        "e": [Decimal("1.10")],
    }
    assert type(value["b"]) is int
    assert str(value["e"][0]) == "1.10"


def test_64_levels_and_brackets_within_text_are_fine() -> None:
    assert parse(b"[" * 64 + b"]" * 64)
    assert parse(b'{"a":"' + b'[{\\"' * 1_000 + b'"}')["a"] == '[{"' * 1_000
    assert parse(b"[" + b"[],{}," * 1_000 + b"1]")[-1] == 1


def test_a_surrogate_pair_is_one_character() -> None:
    assert parse(b'{"a":"\\ud83d\\ude00","b":"\\\\ud800"}') == {"a": "\U0001f600", "b": "\\ud800"}


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"null", b"true"])
def test_json_that_is_no_object_is_a_422(client: httpx2.Client, body: bytes) -> None:
    with pytest.raises(InvalidValue):
        parse_object(body)
    for path in ("/order", "/plain"):
        assert client.post(path, content=body).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        b'"' + b'\\"' * 500_000,
        b"[" * 65 + b'"' + b'\\"' * 450_000,
        b'{"a":"' + b"\\" * 900_000,
        b"{" * 1_000_000,
    ],
    ids=["escaped quotes", "brackets, then escaped quotes", "backslashes", "brackets"],
)
def test_a_megabyte_of_malice_is_refused_in_one_pass(body: bytes) -> None:
    began = time.process_time()
    with pytest.raises(MalformedBody):
        parse(body)
    assert time.process_time() - began < 5  # quadratic scanning would take minutes


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_other_types_are_a_415(client: httpx2.Client, kind: str) -> None:
    for path in ("/order", "/plain"):
        answer = client.post(path, content=b'{"qty":"1"}', headers={"content-type": kind})
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_a_missing_body_is_a_422(client: httpx2.Client) -> None:
    answer = client.post("/order")
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "body", "expected": "to be given"}]


BAD_AMOUNTS = [
    '"0"', "0", "-1", '"-1"', '"-0"', "-0", "-0.0", '"NaN"', '"Infinity"', '"inf"', "1e308", "1e400",
    '"1e400"',
    '"1e200000"', '"1E5"', '"0.' + "1" * 30 + '"', "0." + "1" * 30, '"1_0"', '" 5 "', '"5\\n"', '"+5"',
    '".5"', '"5."',
    '"\u0661\u0662"', '"\uff15"', "true", "false", "[]", "{}", '["1"]', '""', '"0x10"', '"1,000"',
    '"9200000001"',
    "1234567890123456789012345", '"1\\u0000"', '"' + "9" * 5_000 + '"',
]  # fmt: skip


@pytest.mark.parametrize("field", ["qty", "price"])
@pytest.mark.parametrize("text", BAD_AMOUNTS, ids=lambda text: text[:24])
def test_bad_amounts_are_a_422_that_names_the_field(client: httpx2.Client, field: str, text: str) -> None:
    answer = client.post("/order", content=f'{{"{field}":{text}}}'.encode())
    assert answer.status_code == 422
    (wrong,) = answer.json()["errors"]
    assert wrong["field"] == field
    assert "decimal" in wrong["expected"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('"10"', "10"),
        ("10", "10"),
        ("1.5", "1.5"),
        ("0.123456789", "0.123456789"),
        ("9199999999.123456789",) * 2,
    ],
)
def test_good_amounts_are_kept_digit_by_digit(client: httpx2.Client, text: str, kept: str) -> None:
    assert client.post("/order", content=f'{{"qty":{text}}}'.encode()).json()["qty"] == kept


def test_a_number_that_floats_would_change_is_exact_or_refused(client: httpx2.Client) -> None:
    assert (
        client.post("/order", content=b'{"amount":1234567890123.45}').json()["amount"] == "1234567890123.45"
    )
    assert client.post("/order", content=b'{"amount":12345678901234567.89}').status_code == 422


@pytest.mark.parametrize(
    "text",
    [
        '"' + "A" * 10_000 + '"',
        '"AA\\u0000"',
        '"\u202eAAPL"',
        '"\u0410APL"',
        '"../x"',
        '"A\' OR 1=1"',
        '"aapl"',
        '""',
        "1",
        "true",
    ],
    ids=ascii,
)
def test_bad_symbols_are_a_422(client: httpx2.Client, text: str) -> None:
    answer = client.post("/order", content=f'{{"symbol":{text}}}'.encode())
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "symbol")


@pytest.mark.parametrize("text", ["true", '"1"', "1.0", "1.5", "[]"])
def test_true_is_not_one_and_text_is_no_number(client: httpx2.Client, text: str) -> None:
    assert client.post("/order", content=f'{{"count":{text}}}'.encode()).status_code == 422


@pytest.mark.parametrize("name", ["is_admin", "status", "filled_qty", "account_id"])
def test_unknown_fields_are_a_422(client: httpx2.Client, name: str) -> None:
    answer = client.post("/order", json={"qty": "1", name: "x"})
    assert (answer.status_code, answer.json()["errors"]) == (
        422,
        [{"field": name, "expected": "no such field"}],
    )


plain_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**24), 10**24) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=30,
)


@given(plain_json, st.booleans())
def test_what_is_unambiguous_is_read_as_by_the_standard_library(value: Any, ascii_only: bool) -> None:
    assert parse(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_never_crash(body: bytes) -> None:
    try:
        parse(body)
    except MalformedBody:
        return
    assert json.loads(body) is not NotImplemented


def nested(depth: int, width: int = 1) -> bytes:
    """A list of objects, each so deep that the whole has this depth."""
    inner = b'{"a":' * (depth - 1) + b"1" + b"}" * (depth - 1)
    return b"[" + b",".join([inner] * width) + b"]"


def test_depth_is_counted_exactly_in_wide_bodies_too() -> None:
    for width in (1, 40, 3_000):
        assert parse(nested(DEPTH_MAX, width))
        with pytest.raises(MalformedBody, match="deeper"):
            parse(nested(DEPTH_MAX + 1, width))


def test_brackets_in_texts_do_not_count() -> None:
    wide = b"[" + b",".join([b'{"a":"[{[{","b\\"[":"\\\\"}'] * 200) + b"]"
    plain = b"[" + b",".join([b'{"a":"[{[{"}'] * 200) + b"]"
    for body in (wide, plain):
        assert len(parse(body)) == 200
