"""The connection to NATS and the stream that events are kept in; everything else of NATS builds on it."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from traderbot.model.errors import ConfigurationError, Unavailable

CONNECT_S = 3  # a server that does not answer within this is not there
DUPLICATE_WINDOW_S = 120


class NatsTrouble(Unavailable):
    """What keeps events from flowing, in words."""


class OtherJournal(NatsTrouble):
    """The stream does not hold a beginning of this journal."""


def nats_package() -> ModuleType:
    """nats-py. Errors: ConfigurationError where it is not installed."""
    try:
        import nats
        import nats.js.api
        import nats.js.errors
    except ImportError as error:
        raise ConfigurationError(
            "nats_url: NATS needs the package nats-py; install traderbot[nats]"
        ) from error
    return nats


async def connect(url: str, name: str, on_close: Callable[[], None]) -> Any:
    """A connection that is not mended when it breaks: whoever uses it looks anew where things stand first.

    url: of a server, or of several of one cluster with commas between. Errors: NatsTrouble.
    """
    met: list[Exception] = []

    async def closed() -> None:
        on_close()

    async def heard(error: Exception) -> None:
        met[:] = [error]

    package = nats_package()
    try:
        return await package.connect(
            url.split(","),
            name=name,
            allow_reconnect=False,
            connect_timeout=CONNECT_S,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            ping_interval=5,
            max_outstanding_pings=2,
            error_cb=heard,
            closed_cb=closed,
            pending_size=16 * 1024 * 1024,
        )
    except (OSError, TimeoutError, package.errors.Error) as error:
        raise NatsTrouble(f"NATS cannot be reached: {said(met[-1] if met else error)}") from error


def said(error: BaseException) -> str:
    """An error in words; some of the library's have none of their own."""
    return str(error).removeprefix("nats: ") or type(error).__name__


async def ensure_stream(context: Any, name: str, prefix: str, replicas: int) -> Any:
    """The stream, made where it is missing: files, nothing thrown away. One that is there keeps the limits
    that its operator gave it.

    Errors: NatsTrouble for one that would not keep events.
    """
    package = nats_package()
    api, errors = package.js.api, package.js.errors
    subjects = f"{prefix}.events.>"
    try:
        info = await context.stream_info(name)
    except errors.NotFoundError:
        return await context.add_stream(
            api.StreamConfig(
                name=name,
                description="Events of a traderbot journal, in its order.",
                subjects=[subjects],
                storage=api.StorageType.FILE,
                discard=api.DiscardPolicy.OLD,
                duplicate_window=DUPLICATE_WINDOW_S,
                num_replicas=replicas,
                allow_direct=True,
            )
        )
    config = info.config
    if subjects not in (config.subjects or []):
        raise NatsTrouble(f"stream {name}: expected the subjects {subjects}, it has {config.subjects}")
    if config.storage != api.StorageType.FILE:
        raise NatsTrouble(f"stream {name}: expected storage in files, it is in {config.storage}")
    return info


def keeps_everything(config: Any) -> bool:
    """Whether a stream has no limit by which it would lose its oldest messages."""
    unlimited = (None, 0, -1)
    return all(getattr(config, limit) in unlimited for limit in ("max_msgs", "max_bytes", "max_age"))
