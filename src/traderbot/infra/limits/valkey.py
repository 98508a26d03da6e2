"""Connections to Valkey (or Redis): the one place that makes them, and what keeps one that is gone or frozen
from slowing anybody down.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog
from pydantic import SecretStr

from traderbot.infra.limits.rates import monotonic
from traderbot.model.errors import ConfigurationError

if TYPE_CHECKING:
    from redis import Redis as BlockingRedis
    from redis.asyncio import Redis

TIMEOUT_S = 0.05
CONNECTIONS_MAX = 64
_RESTS_US = 500_000
_NOT_INSTALLED = "valkey_url: the package redis is not installed; install traderbot[valkey]"
_NO_ADDRESS = "valkey_url: expected an address such as redis://HOST:PORT/0"

_log = structlog.get_logger()


def connect(
    url: SecretStr | str, *, timeout_s: float = TIMEOUT_S, connections_max: int = CONNECTIONS_MAX, **more: Any
) -> "Redis":
    """A client of the server at this address, for one event loop; nothing is sent yet.

    It waits no longer than timeout_s, neither for a connection nor for an answer, and tries nothing twice:
    whoever asks goes on without.
    Errors: ConfigurationError where the package or a usable address is missing.
    """
    try:
        from redis.asyncio import BlockingConnectionPool, Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ImportError:
        raise ConfigurationError(_NOT_INSTALLED) from None
    text = url.get_secret_value() if isinstance(url, SecretStr) else url
    try:
        pool = BlockingConnectionPool.from_url(
            text,
            max_connections=connections_max,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
            **more,
        )
    except ValueError:
        raise ConfigurationError(_NO_ADDRESS) from None
    return Redis.from_pool(pool)


def connect_blocking(url: SecretStr | str, *, timeout_s: float = TIMEOUT_S) -> "BlockingRedis":
    """As `connect`, for a thread. Errors: ConfigurationError."""
    try:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError:
        raise ConfigurationError(_NOT_INSTALLED) from None
    text = url.get_secret_value() if isinstance(url, SecretStr) else url
    try:
        return Redis.from_url(
            text,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError:
        raise ConfigurationError(_NO_ADDRESS) from None


def failures() -> tuple[type[BaseException], ...]:
    """What a call raises when the server is gone, frozen, starting or full.

    A connection that went away while nobody read from it makes uvloop raise a plain RuntimeError.
    """
    from redis.exceptions import RedisError

    return (RedisError, OSError, TimeoutError, RuntimeError)


async def healthy(client: "Redis") -> bool:
    """Whether the server answers now."""
    try:
        answer = client.ping()
        return bool(answer if isinstance(answer, bool) else await answer)
    except failures():
        return False


class Breaker:
    """Open after a failure: nobody asks the server then, but for one probe each half second.

    Many requests may be waiting when the server goes; each waits once, no other starts to.
    """

    def __init__(self, what: str, now: Callable[[], int] = monotonic) -> None:
        self._what = what
        self._now = now
        self._next_probe = 0
        self.open = False

    def failed(self, error: BaseException) -> None:
        """The server did not answer."""
        if not self.open:
            _log.warning("valkey_gone", what=self._what, error=type(error).__name__)
        self.open = True
        self._next_probe = self._now() + _RESTS_US

    def answered(self) -> None:
        """The server answers."""
        if self.open:
            _log.warning("valkey_back", what=self._what)
        self.open = False

    def probe_due(self) -> bool:
        """Whether it is time to ask an open breaker's server again; true once each half second."""
        now = self._now()
        if not self.open or now < self._next_probe:
            return False
        self._next_probe = now + _RESTS_US
        return True
