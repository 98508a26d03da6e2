"""Strategies by name or out of a file of one's own."""

import importlib.util
import inspect
import sys
import traceback
from pathlib import Path

from traderbot.model.errors import InvalidValue
from traderbot.strategies.base import Strategy
from traderbot.strategies.catalogue import CATALOGUE, named
from traderbot.strategies.signals import SignalStrategy

_MODULE = "traderbot_strategy_"


def strategy_class(text: str) -> type[Strategy]:
    """The strategy of a name, or of a file as path/to/file.py or path/to/file.py:Class.

    The file's code is run. Errors: InvalidValue naming file and line.
    """
    path, _, name = text.partition(".py:")
    if not (text.endswith(".py") or name):
        return named(text)
    file = Path(path if text.endswith(".py") and not name else f"{path}.py")
    kinds = _kinds_in(file)
    if name:
        if name not in kinds:
            raise InvalidValue("strategy", f"a strategy of {file}: {', '.join(kinds) or 'it has none'}", name)
        return kinds[name]
    if len(kinds) != 1:
        told = f"one strategy in {file}" if not kinds else f"{file}:CLASS with one of {', '.join(kinds)}"
        raise InvalidValue("strategy", told)
    return next(iter(kinds.values()))


def to_send(kind: type[Strategy]) -> type[Strategy] | str:
    """What another process can take for a strategy: of a file's one its path and name, as that process has
    not loaded the file.
    """
    module = sys.modules.get(kind.__module__)
    if module is None or not kind.__module__.startswith(_MODULE):
        return kind
    return f"{module.__file__}:{kind.__name__}"


def received(sent: type[Strategy] | str) -> type[Strategy]:
    """The strategy that `to_send` gave. Errors: InvalidValue."""
    return strategy_class(sent) if isinstance(sent, str) else sent


def _kinds_in(file: Path) -> dict[str, type[Strategy]]:
    """The strategies that a file defines, by the names of their classes."""
    if not file.is_file():
        known = ", ".join(sorted(CATALOGUE))
        raise InvalidValue("strategy", f"one of {known}, or a file that is there", str(file))
    name = f"{_MODULE}{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file.resolve())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where inspect and pickle look for its classes
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise InvalidValue("strategy", f"a file that can be imported; {_told(file, error)}") from error
    return {
        kind.__name__: kind
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Strategy)
        if kind.__module__ == name and kind not in (Strategy, SignalStrategy)
    }


def _told(file: Path, error: BaseException) -> str:
    """Where in the file it went wrong, and what was said."""
    line: int | None = None
    if isinstance(error, SyntaxError):
        line = error.lineno
    else:
        own = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == str(file.resolve())
        ]
        line = own[-1] if own else None
    return f"{file.name} line {line}: {type(error).__name__}: {error}"
