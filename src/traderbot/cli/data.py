"""`traderbot data`: bring in and list data sets."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.progress import Progress
from rich.table import Table

from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.data_fetch import EveryOption, fetch_data, tell_report
from traderbot.cli.data_remove import remove_data
from traderbot.cli.looking import print_whole
from traderbot.cli.told import told
from traderbot.market.datasets import dataset_name, list_datasets
from traderbot.market.demo import ensure_demo
from traderbot.market.importer import import_file, store_import
from traderbot.market.membership import read_membership
from traderbot.model.errors import InvalidValue
from traderbot.model.membership import Membership

app = typer.Typer(help="Data sets of this home.", no_args_is_help=True)

ColumnOption = Annotated[
    list[str] | None,
    typer.Option("--column", help="What a column holds, such as close=settlement; again for others."),
]
MembershipOption = Annotated[
    list[Path] | None,
    typer.Option("--membership", help="CSV of who was in the index when; again for changes since."),
]


@app.command("import")
def import_data(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file of open, high, low, close, volume.")],
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the data set; the file's name without it.")
    ] = None,
    symbol: Annotated[
        str | None, typer.Option("--symbol", help="Symbol, for a file without such a column.")
    ] = None,
    calendar: Annotated[str, typer.Option("--calendar", help="Exchange calendar, such as XNYS.")] = "XNYS",
    sort: Annotated[
        bool, typer.Option("--sort", help="Sort rows that are out of order instead of refusing.")
    ] = False,
    stamped: Annotated[
        Literal["open", "close"],
        typer.Option("--stamped", help="Whether intraday times are a bar's open or its close."),
    ] = "open",
    every: EveryOption = False,
    membership: MembershipOption = None,
    column: ColumnOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Check a file of prices row by row and store what is sound; bad rows are set aside with their reason."""
    settings = settings_or_exit({"home": home}, config)
    with told():
        chosen = dataset_name(name or file.stem.lower().replace(" ", "-").replace(".", "-"))
        with Progress(transient=True) as bar:
            task = bar.add_task("reading", total=1.0)
            result = import_file(
                file,
                name=chosen,
                symbol=symbol,
                calendar=calendar,
                sort=sort,
                stamped=stamped,
                membership=_members(membership or ()),
                columns=_columns(column or ()),
                progress=lambda stage, share: bar.update(task, description=stage, completed=share),
            )
        tell_report(result.report, every)
        if result.dataset is None:
            raise typer.Exit(1)
        store_import(result, folder := settings.home / "data" / chosen)
    typer.echo(f"stored as {chosen} in {folder}; try: traderbot backtest run moving-average --data {chosen}")


def _columns(pairs: Sequence[str]) -> dict[str, str]:
    """What a column holds, and its name. Errors: InvalidValue."""
    found: dict[str, str] = {}
    for pair in pairs:
        wanted, equals, name = pair.partition("=")
        if not equals or not name or wanted in found:
            raise InvalidValue("--column", "what it holds and its name, once, such as close=settlement", pair)
        found[wanted.strip()] = name
    return found


def _members(tables: Sequence[Path]) -> Membership | None:
    """What the tables say together, the first one first."""
    members = None
    for table in tables:
        members = read_membership(table, members)
    return members


app.command("fetch")(fetch_data)
app.command("remove")(remove_data)


@app.command("list")
def list_data(home: HomeOption = None, config: FileOption = None) -> None:
    """List the data sets of this home."""
    settings = settings_or_exit({"home": home}, config)
    with told():
        ensure_demo(settings.home)
        found = list_datasets(settings.home)
    table = Table(box=None, header_style="bold")
    for heading in ("name", "instruments", "bars", "from", "to", "frame", "calendar", "source"):
        table.add_column(heading, overflow="fold")
    for one in found:
        cells = (
            one.name,
            one.instruments,
            f"{one.bars:,}",
            one.first,
            one.last,
            one.timeframe,
            one.calendar,
            one.source,
        )
        table.add_row(*(str(cell) for cell in cells))
    print_whole(table)
