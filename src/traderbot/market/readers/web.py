"""Asks a vendor's HTTP API: waits as long as it is told to, tries again what may pass, shows no key."""

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Self, TypeVar

import httpx2
import msgspec
import structlog

from traderbot.infra.clock import Clock, WallClock
from traderbot.model.errors import InvalidValue, NotFound, TraderbotError, Unauthorized, Unavailable

ATTEMPTS = 6
WAIT_MAX = 120.0  # seconds; who is told to wait longer had better come back later
BACK_OFF = 0.5  # seconds before the second attempt; twice as long before each further one
_TIMEOUT = httpx2.Timeout(30.0, connect=10.0)
_BUSY = {408, 418, 425, 429}  # 418: how Binance says that too much was asked
_AGENT = "Mozilla/5.0 (compatible; traderbot)"  # Yahoo answers nobody else
_log = structlog.get_logger()

Answer = TypeVar("Answer")


class Web:
    """One vendor's API. keys: headers that nobody gets to see. Errors: InvalidValue for the address."""

    def __init__(
        self,
        base: str,
        *,
        keys: Mapping[str, str] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Clock | None = None,
    ) -> None:
        try:
            url = httpx2.URL(base)
        except httpx2.InvalidURL as error:
            raise InvalidValue("url", "an address such as https://data.example.com") from error
        if url.scheme not in ("http", "https") or not url.host or url.userinfo:
            raise InvalidValue("url", "an http or https address without a name and password in it")
        self.host = url.host
        self._secrets = [value for value in (keys or {}).values() if value]
        self._sleep, self._clock = sleep, clock or WallClock()
        headers = {"user-agent": _AGENT, "accept": "application/json", **(keys or {})}
        self._client = httpx2.Client(base_url=url, headers=headers, timeout=_TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, parameters: Mapping[str, str | int], kind: type[Answer]) -> Answer:
        """The answer to a question, in the form expected.

        Errors: Unavailable when the vendor cannot answer, or not in this form; Unauthorized, NotFound and
        InvalidValue when it does not want to.
        """
        fault = ""
        for attempt in range(ATTEMPTS):
            wait = BACK_OFF * 2**attempt
            try:
                response = self._client.get(path, params=dict(parameters))
                if response.is_success:
                    return msgspec.json.decode(response.content, type=kind, strict=False)
                if response.status_code not in _BUSY and response.status_code < 500:
                    raise self._refusal(response)
                fault = f"status {response.status_code}"
                wait = max(wait, self._told_to_wait(response))
            except msgspec.ValidationError as error:
                raise Unavailable(f"{self.host} answered in another form than expected: {error}") from error
            except (
                httpx2.TransportError,
                msgspec.DecodeError,
            ) as error:  # cut off, or no answer
                fault = type(error).__name__
            if wait > WAIT_MAX:
                raise Unavailable(f"{self.host} asks to wait for {wait:.0f} s ({fault}): try again later")
            if attempt < ATTEMPTS - 1:
                _log.info("vendor_asked_again", host=self.host, fault=fault, wait_s=wait)
                self._sleep(wait)
        raise Unavailable(f"{self.host} gave no answer in {ATTEMPTS} attempts: {fault}")

    def _told_to_wait(self, response: httpx2.Response) -> float:
        """Seconds that Retry-After asks for, as a number or as a date; 0 without it."""
        told = response.headers.get("retry-after", "").strip()
        if told.isdecimal():
            return float(told)
        try:
            return parsedate_to_datetime(told).timestamp() - self._clock.now() / 1e6
        except (TypeError, ValueError):
            return 0.0

    def _refusal(self, response: httpx2.Response) -> TraderbotError:
        said = response.text[:200]
        for secret in self._secrets:
            said = said.replace(secret, "***")
        what = f"{self.host} answered {response.status_code}: {said}".rstrip(": ")
        if response.status_code in (401, 403):
            return Unauthorized(f"{what} (are the keys right, and is the data in the plan?)")
        if response.status_code == 404:
            return NotFound(what)
        return InvalidValue("request", f"one that the vendor takes; {what}")
