"""A strategy's own fault, told with its file, its line and the bar it was shown."""

import inspect
import traceback
from datetime import UTC, datetime
from pathlib import Path

from traderbot.model.errors import TraderbotError
from traderbot.strategies.base import Strategy
from traderbot.strategies.signals import AT_ROW, SignalStrategy

_SECOND = 1_000_000
_DETAIL_MAX = 400


class StrategyFailed(TraderbotError):  # noqa: N818 - what happened
    """A strategy raised, or asked for or concluded what cannot be."""

    status = 422
    code = "strategy_failed"


class TimeIsUp(SystemExit):
    """Raised where a strategy is when its time is over: `except Exception` does not keep it from ending."""


def bar_in_words(time: int) -> str:
    """The bar that a market stands at, microseconds UTC."""
    if time <= 0:
        return "before the first bar"
    return f"at the bar of {datetime.fromtimestamp(time // _SECOND, UTC):%Y-%m-%d %H:%M} UTC"


def error_in_words(error: BaseException) -> str:
    """Its kind and its text, which a strategy may have made unreadable; half of a surrogate pair is no text
    that can be sent.
    """
    kind = type(error).__name__
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 - of the strategy's own class
        return kind
    return f"{kind}: {said}".encode(errors="backslashreplace").decode()


def failure_of(strategy: Strategy, time: int, error: BaseException) -> StrategyFailed | None:
    """What is told where code of the strategy's file had a hand in the error; None where it had none, and
    where memory ran out.

    time: of the market, microseconds UTC.
    """
    line = None if isinstance(error, MemoryError) else _line_in(strategy, error)
    if line is None:
        return None
    said = error_in_words(error)
    if isinstance(error, TraderbotError):
        said = error.detail
    elif isinstance(error, TimeIsUp):
        said = str(error)
    when = bar_in_words(time)
    if time <= 0 and isinstance(strategy, SignalStrategy):
        when = next((note for note in getattr(error, "__notes__", ()) if note.startswith(AT_ROW)), when)
    return StrategyFailed(f"{strategy.name}, {line}, {when}: {said}"[:_DETAIL_MAX])


def _line_in(strategy: Strategy, error: BaseException) -> str | None:
    """The innermost line of the strategy's own files that the error went through."""
    files = {_file_of(kind) for kind in type(strategy).__mro__ if kind not in SignalStrategy.__mro__} - {""}
    found = [
        frame for frame in traceback.extract_tb(error.__traceback__) if _resolved(frame.filename) in files
    ]
    return f"{Path(found[-1].filename).name} line {found[-1].lineno}" if found else None


def _file_of(kind: type) -> str:
    try:
        return _resolved(inspect.getfile(kind))
    except (TypeError, OSError):  # made by hand
        return ""


def _resolved(path: str) -> str:
    return str(Path(path).resolve())
