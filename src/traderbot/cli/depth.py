"""`traderbot depth`: what one order would have cost on a recorded order book."""

from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from traderbot.backtests.submitted.recording import Played, play_order
from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.told import told
from traderbot.infra.events.texts import canonical
from traderbot.market.level2 import read_level2
from traderbot.model import rounding
from traderbot.model.account import NOTHING
from traderbot.model.amounts import price, quantity
from traderbot.model.commands import PlaceOrder
from traderbot.model.errors import InvalidValue
from traderbot.model.orders import OrderType, Side, TimeInForce
from traderbot.trading.terms import costs_of

_SECOND = 1_000_000


def play_depth(
    file: Annotated[Path, typer.Argument(help="Recorded messages of one instrument, gzip, a line each.")],
    side: Annotated[Side, typer.Option("--side", help="buy or sell.")],
    qty: Annotated[str, typer.Option("--qty", help="How much, such as 12.5.")],
    limit: Annotated[
        str | None, typer.Option("--limit", help="Limit price; at the market without it.")
    ] = None,
    after: Annotated[float, typer.Option("--after", min=0, help="Seconds into the recording.")] = 0.0,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Place one order on a recorded order book and print each of its fills."""
    settings = settings_or_exit({"home": home}, config)
    with told():
        if not file.is_file():
            raise InvalidValue("FILE", "a file that is there", file)
        recording = read_level2(file)
        order = PlaceOrder(
            UUID(int=1),
            recording.symbol,
            side,
            quantity(qty),
            OrderType.MARKET if limit is None else OrderType.LIMIT,
            TimeInForce.GTC,
            None if limit is None else price(limit, "limit"),
        )
        played = play_order(recording, order, after=int(after * _SECOND), costs=costs_of(settings))
    _print(played, order, len(recording.observed))


def _print(played: Played, order: PlaceOrder, observed: int) -> None:
    console = Console()
    if played.refusal is not None:
        console.print(f"refused: {played.refusal.detail}")
        raise typer.Exit(1)
    table = Table(box=None, header_style="bold")
    for heading in ("after, ms", "levels", "quantity", "average", "furthest", "fee"):
        table.add_column(heading, justify="right")
    for at, group in groupby(played.fills, key=attrgetter("at")):
        fills = list(group)
        qty = sum((fill.qty for fill in fills), NOTHING)
        average = rounding.average_price(sum((fill.notional for fill in fills), NOTHING), qty)
        fee = sum((fill.fee for fill in fills), NOTHING)
        amounts = map(canonical, (qty, average, fills[-1].price, fee))
        table.add_row(str((at - played.placed_at) // 1000), str(len(fills)), *amounts)
    console.print(table)
    filled = sum((fill.qty for fill in played.fills), NOTHING)
    looks = f"{played.looks:,} looks; {observed:,} observations recorded"
    console.print(f"filled {canonical(filled)} of {order.qty:f} in {looks}")
    if played.average is not None:
        worse = played.average - played.middle if order.side is Side.BUY else played.middle - played.average
        cost = rounding.ratio(worse, played.middle)
        console.print(
            f"average {canonical(played.average)}, middle was {canonical(played.middle)}: {cost:.4%} worse"
        )
