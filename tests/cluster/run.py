"""Start the whole platform as several processes on this machine and drive load through it.

Run: python -m cluster.run SECONDS
"""

import asyncio
import sys
import time

from rich.console import Console

from cluster.load import Load, flowing
from cluster.settling import quantiles, settled
from cluster.stack import stack
from cluster.watch import Watch
from traderbot.infra.logs import configure_logs
from traderbot.infra.storage.database import Database

TRADERS = 16


def run(seconds: float, console: Console) -> list[str]:
    """Load for so long. Returns: everything that was wrong."""
    with stack() as cluster:
        began = time.monotonic()
        cluster.start()
        parts = ", ".join(cluster.parts)
        console.print(f"up after {time.monotonic() - began:.1f} s: {parts}, behind {cluster.url}")
        load = Load(cluster.url, TRADERS)
        asyncio.run(load.sign_up())
        database = Database(cluster.database_url)
        watch = Watch(database)
        watch.start()
        began = time.monotonic()
        with flowing(load):
            time.sleep(seconds)
        took = time.monotonic() - began
        watch.stop()
        console.print(f"{TRADERS} traders: {load.seen.acknowledged / took:,.0f} orders a second acknowledged")
        console.print(f"oldest order not yet in an inbox, seconds: {quantiles(watch.waits_s)}")
        wrong = settled(cluster, load, database, console)
        database.close()
        return wrong + cluster.complaints()


def main() -> None:
    console = Console()
    configure_logs("error", "console")
    wrong = run(float(sys.argv[1]), console)
    for line in wrong[:20]:
        console.print(line, style="red", markup=False)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
