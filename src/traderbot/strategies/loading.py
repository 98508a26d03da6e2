"""Strategies by name or out of a file of one's own."""

import hashlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
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
        with _neighbours(file.resolve().parent):
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


class _Beside(MetaPathFinder):
    """Finds the modules of one folder, after everything that is installed."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if path is not None:
            return None  # of a package, which says itself where its parts are
        spec = PathFinder.find_spec(name, [self._folder])
        if spec is None or spec.origin is None:
            return None
        _found_beside.add(name)
        return spec


_found_beside: set[str] = set()


@contextmanager
def _neighbours(folder: Path) -> Iterator[None]:
    """A file that is loaded can import what lies beside it. What an earlier one found is forgotten: two
    folders may have modules of one name, and one that has changed is read again.
    """
    for name in list(sys.modules):
        if name.partition(".")[0] in _found_beside:
            del sys.modules[name]
    _found_beside.clear()
    importlib.invalidate_caches()
    finder = _Beside(folder)
    sys.meta_path.append(finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def _told(file: Path, error: BaseException) -> str:
    """Where in the file it went wrong, and what was said."""
    line: int | None = None
    if isinstance(error, SyntaxError):
        line, file = error.lineno, Path(error.filename or file)
    else:
        own = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == str(file.resolve())
        ]
        line = own[-1] if own else None
    return f"{file.name} line {line}: {type(error).__name__}: {error}"


def source_hash(kind: type) -> str:
    """Hash of the file a class is written in; of its name where there is none."""
    try:
        path = inspect.getsourcefile(kind)
    except TypeError:
        path = None
    if path is not None and Path(path).is_file():
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return hashlib.sha256(f"{kind.__module__}.{kind.__qualname__}".encode()).hexdigest()
