"""What the commands share that only look: the account that is meant, and a table of figures."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy.engine import Connection

from traderbot.infra.clock import rfc3339
from traderbot.infra.events.texts import canonical
from traderbot.model.errors import InvalidValue, NotFound
from traderbot.trading import tables as t

AccountOption = Annotated[
    str | None,
    typer.Option("--account", help="Id of the account; not needed where the home has one only."),
]
_UNSEEN_WIDTH = 1_000  # of what goes to a file or another program
_MOMENT = "a date or time such as 2005-01-03 or 2005-01-03T21:00:00Z"


def chosen_account(connection: Connection, given: str | None) -> UUID:
    """The account of that id, or the only one. Errors: InvalidValue; NotFound."""
    ids: list[UUID] = list(
        connection.execute(sa.select(t.accounts.c.id).order_by(t.accounts.c.id).limit(2)).scalars()
    )
    if given is None:
        if len(ids) == 1:
            return ids[0]
        known = "no account" if not ids else "several accounts; see `traderbot accounts`"
        raise InvalidValue("--account", f"an id, as this home has {known}")
    try:
        account_id = UUID(given)
    except ValueError:
        raise InvalidValue("--account", "the id of an account", given) from None
    if connection.execute(sa.select(t.accounts.c.id).where(t.accounts.c.id == account_id)).first() is None:
        raise NotFound("No such account.")
    return account_id


def moment(text: str | None, option: str) -> int | None:
    """Microseconds of a date or time, UTC where it says no zone. Errors: InvalidValue."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidValue(option, _MOMENT, text) from None
    at = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    seconds = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (seconds.days * 86_400 + seconds.seconds) * 1_000_000 + seconds.microseconds


def shown(value: object) -> str:
    """A figure, an id or a word for a cell."""
    if value is None or value == "":
        return "-"
    if isinstance(value, Decimal):
        return canonical(value)
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(value))


def shown_time(at: int | None) -> str:
    return "-" if at is None else rfc3339(at)


def print_table(
    headings: tuple[str, ...], rows: Iterable[tuple[object, ...]], title: str | None = None
) -> None:
    """A table on stdout, as wide as it needs where nobody looks at a terminal."""
    table = Table(box=None, header_style="bold", title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(escape(shown(value)) for value in row))
    print_whole(table)


def print_whole(table: Table) -> None:
    """Print it without cutting a name, an id or a figure: as wide as it has to be, also where the terminal is
    narrower and breaks the lines itself.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=_UNSEEN_WIDTH)
    wanted = console.measure(table, options=console.options.update(width=_UNSEEN_WIDTH)).maximum
    if wanted > console.width:
        console = Console(width=wanted)
    console.print(table)


def print_facts(facts: dict[str, object]) -> None:
    """Names and values, one a line."""
    width = max(map(len, facts))
    for name, value in facts.items():
        typer.echo(f"{name:<{width}}  {shown(value)}")
