"""How the values of settings are written: amounts, rates, networks, origins."""

import ipaddress
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from traderbot.model.amounts import Money, money
from traderbot.model.errors import InvalidValue

_PLAIN = re.compile(r"[0-9]{1,13}(\.[0-9]{1,9})?", re.ASCII)
SECRET_BYTES_MIN = 32
PART_SIZE = 5_000_000
"""Positions a part of the journal has, where nothing else is set."""


def wrong(expected: str) -> PydanticCustomError:
    """What a validator raises: pydantic puts the setting's name in front."""
    return PydanticCustomError("setting", "{expected}", {"expected": expected})


def _positive_money(value: object) -> Money:
    """Money above zero, from text, int or Decimal."""
    expected = "a positive amount of money such as 100000 or 2500.50"
    try:
        amount = money(value)
    except InvalidValue:
        raise wrong(expected) from None
    if amount <= 0:
        raise wrong(expected)
    return amount


def between(lowest: str, highest: str) -> Callable[[object], Decimal]:
    """A check for an exact decimal from lowest to highest, written plainly, never a float."""
    expected = f"a plain decimal from {lowest} to {highest}"

    def check(value: object) -> Decimal:
        if isinstance(value, bool | float) or not isinstance(value, str | int | Decimal):
            raise wrong(expected)
        text = str(value)
        if _PLAIN.fullmatch(text) is None:
            raise wrong(expected)
        number = Decimal(text)
        if not Decimal(lowest) <= number <= Decimal(highest):
            raise wrong(expected)
        return number

    return check


def _origin_url(text: str) -> str:
    """An exact web origin. "*" and "null" are refused: either would hand any page the answers meant for
    one.
    """
    expected = "exact origins such as https://desk.example.com, without path; '*' and 'null' are not allowed"
    try:
        parts = urlsplit(text)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise wrong(expected) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or "*" in text:
        raise wrong(expected)
    if text != f"{parts.scheme}://{parts.hostname}{port}":
        raise wrong(expected)
    return text


def _comma_separated(value: object) -> object:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def long_enough(value: SecretStr) -> SecretStr:
    """A secret that is not too short."""
    if len(value.get_secret_value().encode()) < SECRET_BYTES_MIN:
        raise wrong(f"at least {SECRET_BYTES_MIN} characters, made by a generator of random text")
    return value


def expanded(value: Path) -> Path:
    """An absolute path, ~ seen through."""
    return value.expanduser().absolute()


_RATE = re.compile(r"([0-9]{1,7})/(second|minute|hour|day)", re.ASCII)
_ROLE_RATE = re.compile(r"(owner|admin|trader|viewer):(general|trading|risk)=([^=]+)", re.ASCII)


def rate(text: str) -> str:
    """A rate as it is written, such as 100/minute."""
    if _RATE.fullmatch(text) is None:
        raise wrong("a rate such as 100/minute, by second, minute, hour or day")
    return text


def _role_rate(text: str) -> str:
    found = _ROLE_RATE.fullmatch(text)
    if found is None or _RATE.fullmatch(found[3]) is None:
        raise wrong("ROLE:CLASS=RATE such as admin:general=1000/minute")
    return text


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        raise wrong("a network such as 10.0.0.0/8 or an address") from None


MoneySetting = Annotated[Money, BeforeValidator(_positive_money)]
Origins = Annotated[
    list[Annotated[str, AfterValidator(_origin_url)]], NoDecode, BeforeValidator(_comma_separated)
]

Rates = Annotated[
    list[Annotated[str, AfterValidator(_role_rate)]], NoDecode, BeforeValidator(_comma_separated)
]
Networks = Annotated[
    list[Annotated[str, AfterValidator(_network)]], NoDecode, BeforeValidator(_comma_separated)
]
