"""What is left to do once load has stopped: let everybody catch up, look for everything, tell it."""

from rich.console import Console
from rich.table import Table

from cluster.checks import Found, look, unhandled
from cluster.load import Load
from cluster.stack import Stack
from cluster.wire import until
from traderbot.infra.events.journal import last_position
from traderbot.infra.storage.database import Database

CAUGHT_UP_WITHIN_S = 60


def settled(cluster: Stack, load: Load, database: Database, console: Console) -> list[str]:
    """Wait until handlers and consumer have caught up, have every part leave, then look for everything.
    Prints a table. Returns: everything that is wrong.
    """
    wrong = _caught_up(cluster, database)
    wrong += cluster.leave()
    found = look(database, load.traders)
    with database.read() as connection:
        last = last_position(connection)
    until(lambda: cluster.outside.position() >= last or bool(wrong), CAUGHT_UP_WITHIN_S, "events published")
    seen = load.seen
    wrong += [*found.wrong, *cluster.outside.wrong(last)]
    wrong += [f"{text} ({times} times)" for text, times in seen.wrong.items()]
    if seen.stale:
        wrong.append(f"{len(seen.stale)} reads did not know the order just acknowledged")
    console.print(_table(load, found, cluster.outside.delays_s(), len(wrong)))
    return wrong


def _caught_up(cluster: Stack, database: Database) -> list[str]:
    """Errors are given back in words, for the rest to be looked for as well."""

    def behind() -> list[str]:
        with database.read() as connection:
            found = unhandled(connection)
            if cluster.outside.position() < last_position(connection) - SLACK:
                found.append("the consumer outside is behind")
        return found

    try:
        until(lambda: not behind(), CAUGHT_UP_WITHIN_S, "handlers and consumer catch up")
    except AssertionError as error:
        return [str(error), *behind()]
    return []


SLACK = 50  # events that a step or two, played meanwhile, may append


def _table(load: Load, found: Found, delays_s: list[float], wrong: int) -> Table:
    seen = load.seen
    table = Table(title="what was seen", show_header=False)
    table.add_column("what")
    table.add_column("figure", justify="right")
    for what, figure in (
        ("orders acknowledged", str(seen.acknowledged)),
        ("orders refused by the gate", str(sum(seen.refused.values()))),
        ("orders on record, the strategy's among them", str(found.placed.total())),
        ("requests sent again", str(sum(seen.failures.values()))),
        ("an order, seconds: median, 99%, slowest", quantiles(seen.seconds)),
        ("a read after one's own write, seconds", quantiles(seen.read_seconds)),
        ("reads after one's own write", str(len(seen.read_seconds))),
        ("of these, stale", str(len(seen.stale))),
        ("events", str(found.events)),
        ("steps played", str(len(found.steps))),
        ("signals of the strategy", str(found.signals.total())),
        ("from record to consumer over JetStream, seconds", quantiles(delays_s)),
        ("wrong", str(wrong)),
    ):
        table.add_row(what, figure)
    return table


def quantiles(values: list[float]) -> str:
    """Median, 99th percentile and largest."""
    if not values:
        return "-"
    ordered = sorted(values)
    return " ".join(
        f"{ordered[min(len(ordered) - 1, int(len(ordered) * part))]:.3f}" for part in (0.5, 0.99, 1)
    )
