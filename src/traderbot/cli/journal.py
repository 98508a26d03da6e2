"""`traderbot audit export|replay|why`: read the journal; also while traderbot runs in the home."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
import typer
from sqlalchemy.engine import Connection

from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.opened import look_into
from traderbot.infra.events.archives import Row
from traderbot.infra.events.archiving import write_file
from traderbot.infra.events.events_query import EventQuery
from traderbot.infra.events.journal import last_position, stored_rows
from traderbot.infra.events.texts import canonical
from traderbot.model.errors import InvalidValue, NotFound
from traderbot.trading import tables as t
from traderbot.trading.accounts import load_account
from traderbot.trading.as_of import AccountState, state_at
from traderbot.trading.placers import Placer
from traderbot.trading.why import explain_order


def install(app: typer.Typer) -> None:
    """Add these commands to those of the audit."""
    for name, command in (("export", export), ("replay", replay), ("why", why)):
        app.command(name)(command)


def export(
    out: Annotated[Path, typer.Option("--out", help="A file: .jsonl or .parquet.")],
    stream: Annotated[list[str] | None, typer.Option("--stream", help="Only these.")] = None,
    kind: Annotated[list[str] | None, typer.Option("--type", help="Only these types.")] = None,
    correlation: Annotated[str | None, typer.Option("--correlation", help="Only of this name.")] = None,
    after: Annotated[int, typer.Option("--after", help="Only above this position.")] = 0,
    since: Annotated[datetime | None, typer.Option("--since", help="Recorded later than this, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option("--until", help="Recorded before this, UTC.")] = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Write events to a file, oldest first: as JSON lines, or in the journal's own columns."""
    if out.suffix not in (".jsonl", ".parquet"):
        raise typer.BadParameter("--out: expected a name ending in .jsonl or .parquet")
    wanted = EventQuery(
        tuple(stream) if stream else None,
        tuple(kind or ()),
        correlation,
        recorded_after=_moment(since),
        recorded_until=_moment(until),
    )
    settings = settings_or_exit({"home": home}, config)
    count = 0

    def rows(connection: Connection) -> Iterator[Row]:
        nonlocal count
        for row in stored_rows(connection, after):
            if _fits(row, wanted):
                count += 1
                yield Row(*row)

    with look_into(settings) as connection:
        if out.suffix == ".parquet":
            write_file(rows(connection), out)
        else:
            with out.open("wb") as file:
                for row in rows(connection):
                    file.write(msgspec.json.encode(_plain(row)) + b"\n")
    typer.echo(f"{count:,} events written to {out}")


def _fits(row: Any, wanted: EventQuery) -> bool:
    return (
        (wanted.streams is None or row.stream in wanted.streams)
        and (not wanted.types or row.type in wanted.types)
        and (wanted.correlation is None or row.correlation == wanted.correlation)
        and wanted.fits(row)
    )


def _moment(time: datetime | None) -> int | None:
    """Microseconds; a time without a zone is UTC."""
    if time is None:
        return None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1_000_000)


def _plain(row: Any) -> dict[str, Any]:
    """As the published schema has it: data and metadata are the stored bytes."""
    return {
        "position": row.position,
        "stream": row.stream,
        "version": row.version,
        "type": row.type,
        "schema_version": row.schema_version,
        "data": msgspec.Raw(row.data.encode()),
        "metadata": msgspec.Raw(row.metadata.encode()),
        "effective_at": row.effective_at,
        "recorded_at": row.recorded_at,
        "prev_hash": row.prev_hash.hex(),
        "hash": row.hash.hex(),
    }


def replay(
    account: Annotated[str | None, typer.Option("--account", help="Only this account.")] = None,
    position: Annotated[int | None, typer.Option("--position", help="Up to here.")] = None,
    at: Annotated[datetime | None, typer.Option("--at", help="As recorded by then, UTC.")] = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Fold the journal up to a position and show the accounts as they were; up to its end, compare them with
    those in use.
    """
    settings = settings_or_exit({"home": home}, config)
    differ, known = False, _moment(at)
    with look_into(settings) as connection:
        for account_id in _accounts(connection, account):
            try:
                then = state_at(connection, account_id, position=position, recorded_at=known)
            except NotFound:
                continue
            typer.echo(_line(then))
            newest = then.position == last_position(connection)
            if newest and load_account(connection, account_id) != then.account:
                typer.echo(f"{account_id}: its tables are not the fold of its events", err=True)
                differ = True
    if differ:
        raise typer.Exit(1)


def _accounts(connection: Connection, account: str | None) -> list[UUID]:
    if account is None:
        return list(connection.execute(sa.select(t.accounts.c.id).order_by(t.accounts.c.id)).scalars())
    return [_id(account, "account")]


def _id(text: str, field: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidValue(field, "an id", text) from None


def _line(then: AccountState) -> str:
    account = then.account
    held = ", ".join(
        f"{canonical(one.qty)} {symbol}" for symbol, one in sorted(account.positions.items()) if one.qty
    )
    money = f"cash {canonical(account.cash)}, held {canonical(account.held)}"
    return (
        f"{account.id} version {then.version}: {money}, {len(account.orders)} open orders; {held or 'flat'}"
    )


def why(
    order: Annotated[str, typer.Argument(help="The order's id.")],
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Print everything that led to an order and became of it."""
    settings = settings_or_exit({"home": home}, config)
    with look_into(settings) as connection:
        order_id = _id(order, "order")
        owner = connection.execute(sa.select(t.orders.c.account_id).where(t.orders.c.id == order_id)).scalar()
        if owner is None:
            raise NotFound("No such order.")
        found = explain_order(connection, owner, order_id)
    if found.strategy is not None:
        typer.echo(_placed_by(found.strategy))
    for link in found.chain:
        typer.echo(f"{link.position:>10,}  {link.title}\n            {link.detail} ({link.actor})")


def _placed_by(placer: Placer) -> str:
    source = "" if placer.source in (None, placer.name) else f" from {placer.source}"
    code = "" if placer.sha256 is None else f", code sha256 {placer.sha256}"
    given = " ".join(f"{name}={value}" for name, value in (placer.parameters or {}).items())
    return f"placed by the strategy {placer.name}{source}{code}" + (f", {given}" if given else "")
