"""Start the whole platform as several processes on this machine and drive load through it.

Run: python -m cluster.run SECONDS
"""

import asyncio
import sys
import time

from rich.console import Console

from cluster.faults import flowing, settled
from cluster.load import Load
from cluster.stack import stack
from traderbot.infra.database import Database

TRADERS = 16


def main() -> None:
    console = Console()
    with stack() as cluster:
        began = time.monotonic()
        cluster.start()
        console.print(
            f"up after {time.monotonic() - began:.1f} s: {', '.join(cluster.parts)}, behind {cluster.url}"
        )
        load = Load(cluster.url, TRADERS)
        asyncio.run(load.sign_up())
        database = Database(cluster.database_url)
        began = time.monotonic()
        with flowing(load):
            time.sleep(float(sys.argv[1]))
        seconds = time.monotonic() - began
        console.print(
            f"{TRADERS} traders, {load.seen.acknowledged / seconds:,.0f} orders a second acknowledged"
        )
        wrong = settled(cluster, load, database, console)
        database.close()
        for name in ("replica-1", "replica-2", "worker-1", "worker-2", "relay"):
            status = cluster.parts[name].stop()
            if status:
                wrong.append(f"{name} left with {status}")
    for line in wrong[:20]:
        console.print(line, style="red", markup=False)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
