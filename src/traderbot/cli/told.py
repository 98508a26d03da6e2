"""Errors as a person at the terminal reads them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from traderbot.infra.redaction import without_passwords
from traderbot.model.errors import TraderbotError


@contextmanager
def told() -> Iterator[None]:
    """Print a deliberate error on stderr and end with status 1; so too a database or disk that fails."""
    try:
        yield
    except Exception as error:
        words = _words(error)
        if words is None:
            raise
        typer.echo(without_passwords(words), err=True)
        raise typer.Exit(1) from None


def _words(error: Exception) -> str | None:
    """What a person is told of an error; None for one that is a mistake of ours."""
    if isinstance(error, TraderbotError):
        return error.detail
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}"
    pools = sys.modules.get("concurrent.futures.process")
    if pools is not None and isinstance(error, pools.BrokenProcessPool):
        return "a process that worked for this one was ended from outside, or for lack of memory; try again"
    databases = sys.modules.get("sqlalchemy")  # who never opened a database does not wait for its import
    if databases is not None and isinstance(error, databases.exc.DBAPIError):
        return f"database: {error.orig}"
    return None
