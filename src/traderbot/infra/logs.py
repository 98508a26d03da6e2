"""Logs: structured lines by structlog, for people or as JSON, with secrets hidden and control characters made
visible.
"""

import logging
import re
import sys
from collections.abc import Callable, MutableMapping
from functools import lru_cache
from typing import Any, TextIO

import structlog

from traderbot.infra.events.journal import Meta
from traderbot.infra.redaction import HIDDEN, without_passwords

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_SECRET_NAME = re.compile(r"passw|secret|token|authorization|api[_-]?key|cookie|credential", re.IGNORECASE)
_SECRET_VALUE = re.compile(
    r"\btb_[A-Za-z0-9_-]{20,}|\btbr_[A-Za-z0-9_-]{20,}|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]+"
)
_LENGTH_MAX = 2_000

Event = MutableMapping[str, Any]


def visible(text: str) -> str:
    """The text with line breaks, escape codes and direction marks written out, so that no value can forge a
    log line.
    """
    return _UNSAFE.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


def caused_by(meta: Meta) -> dict[str, str]:
    """What a log line says of the request behind an event or a command; threads of their own do not know."""
    said = {"request_id": meta.request, "correlation_id": meta.correlation, "trace": meta.trace}
    return {name: value for name, value in said.items() if value}


def hide_secrets(_logger: object, _method: str, event: Event) -> Event:
    """Hide values whose name or shape says that they are credentials."""
    for name, value in event.items():
        if _names_a_secret(name):
            event[name] = HIDDEN
        elif isinstance(value, str):
            if "tb" in value or "eyJ" in value:
                event[name] = _SECRET_VALUE.sub(HIDDEN, value)
            if "//" in value:
                event[name] = without_passwords(str(event[name]))
    return event


@lru_cache(maxsize=1024)
def _names_a_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def make_visible(_logger: object, _method: str, event: Event) -> Event:
    """Escape control characters in names and values, and cut what is too long for a line."""
    for name, value in list(event.items()):
        if name == "exception":  # rendered by us from a traceback; its line breaks are wanted
            event[name] = "\n".join(visible(line) for line in str(value).split("\n"))
        elif isinstance(value, str):
            event[name] = visible(value[:_LENGTH_MAX])
        elif not isinstance(value, int | float | bool | None):
            event[name] = visible(str(value)[:_LENGTH_MAX])
    return event


def _with_instance(name: str) -> Callable[[object, str, Event], Event]:
    """A processor that says which of several processes it is."""

    def say(_logger: object, _method: str, event: Event) -> Event:
        event["instance"] = name
        return event

    return say


def configure_logs(
    level: str = "info", style: str = "console", stream: TextIO | None = None, instance: str = ""
) -> None:
    """Send structlog and the standard library's loggers (uvicorn's among them) through one chain to stderr.

    level: debug, info, warning or error. style: console or json. instance: told in JSON lines.
    """
    target = stream or sys.stderr
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if style == "json" and instance:
        shared.append(_with_instance(instance))
    last: list[Any] = [structlog.processors.format_exc_info, make_visible, hide_secrets]
    renderer: Any = structlog.processors.JSONRenderer()
    if style == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=target.isatty(), exception_formatter=_as_it_is)
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, *last, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=target),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(threshold)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "alembic", "sqlalchemy"):
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = True
        logger.setLevel(max(threshold, logging.WARNING))  # their news of every start is no news


def _as_it_is(stream: TextIO, exc_info: Any) -> None:
    structlog.dev.plain_traceback(stream, exc_info)
