"""The tables that docs pages show, made from the code.

Write them into the pages with: PYTHONPATH=tests python tests/docs/tables.py
"""

import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi.routing import APIRoute
from pydantic import SecretStr
from sqlalchemy.dialects import sqlite

import traderbot.trading.tables
import traderbot.users.tables  # noqa: F401 - every table
from plans.queries import INDEX_FOR
from traderbot.api.app import MODULES, build_app
from traderbot.api.security import needs_of
from traderbot.bootstrap import Platform
from traderbot.event_map import build_bus, event_map
from traderbot.infra.settings import Settings
from traderbot.infra.storage.database import metadata
from traderbot.model.orders import TRANSITIONS
from traderbot.model.reasons import SENTENCES

DOCS = Path(__file__).resolve().parents[2] / "docs"


def transitions() -> str:
    """From which status an order may go to which."""
    rows = [
        f"| `{before}` | {', '.join(f'`{to}`' for to in sorted(following)) or 'nothing: it has ended'} |"
        for before, following in TRANSITIONS.items()
    ]
    return "\n".join(["| from | to |", "|---|---|", *rows])


def reasons() -> str:
    """The closed list of reasons with their sentences."""
    rows = [f"| `{reason.value}` | {sentence} |" for reason, sentence in SENTENCES.items()]
    return "\n".join(["| reason | sentence |", "|---|---|", *rows])


def event_consequences() -> str:
    """Which event has which reactions and handlers."""
    rows = [
        f"| `{name}` | {_listed(reactions)} | {_listed(handlers)} |"
        for name, reactions, handlers in event_map(build_bus(sqlite.dialect()))
    ]
    return "\n".join(
        ["| event | reactions, in its transaction | handlers, after it |", "|---|---|---|", *rows]
    )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def indexes() -> str:
    """Every index besides the keys, with what it holds and what it is for."""
    rows = []
    for table in sorted(metadata.tables.values(), key=lambda table: table.name):
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            columns = ", ".join(column.name for column in index.columns)
            where = index.dialect_options["postgresql"]["where"]
            only = "" if where is None else f"`{where}`"
            rows.append(f"| `{index.name}` | {columns} | {only} | {INDEX_FOR[str(index.name)]} |")
    return "\n".join(["| index | columns | only rows where | for |", "|---|---|---|---|", *rows])


def routes() -> str:
    """What each route of the API needs of its caller."""
    rows = []
    for module in MODULES:
        for route in module.router.routes:
            if isinstance(route, APIRoute):
                rows += [(f"{method} {route.path}", needs_of(route)) for method in sorted(route.methods)]
    rows.append(("GET /api/v1/ws (websocket)", "scope read"))
    rows.sort(key=lambda row: (row[0].partition(" ")[2], row[0]))
    return "\n".join(["| route | needs |", "|---|---|", *(f"| `{name}` | {needs} |" for name, needs in rows)])


@cache
def metric_families() -> tuple[tuple[str, str, tuple[str, ...], str], ...]:
    """Name, type, labels and meaning of each metric that a process with everything in it shows."""
    with TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder) / "home", nats_url=SecretStr("nats://127.0.0.1:1"))
        platform = Platform.open(settings)
        try:
            build_app(platform)
            registered = list(platform.metrics._collector_to_names)
            found = []
            for collector in registered:
                families = getattr(collector, "describe", collector.collect)() or collector.collect()
                for family in families:
                    labels = getattr(family, "_labelnames", None) or getattr(collector, "_labelnames", ())
                    name = f"{family.name}_total" if family.type == "counter" else family.name
                    found.append((name, family.type, tuple(labels), family.documentation))
        finally:
            platform.close()
    return tuple(sorted(found))


def metrics_shown() -> str:
    """Every metric."""
    rows = [
        f"| `{name}` | {kind} | {_listed(labels)} | {meaning} |"
        for name, kind, labels, meaning in metric_families()
    ]
    return "\n".join(["| metric | type | labels | meaning |", "|---|---|---|---|", *rows])


TABLES = {
    "transitions": ("orders.md", transitions),
    "reasons": ("limits.md", reasons),
    "event map": ("events.md", event_consequences),
    "indexes": ("database.md", indexes),
    "routes": ("roles.md", routes),
    "metrics": ("observability.md", metrics_shown),
}


def with_tables(page: str, text: str) -> str:
    """The text of a page with its tables as the code has them."""
    for name, (where, make) in TABLES.items():
        if where == page:
            block = f"<!-- {name} -->\n{make()}\n<!-- /{name} -->"
            text, found = re.subn(
                rf"<!-- {name} -->.*?<!-- /{name} -->", lambda _, block=block: block, text, flags=re.DOTALL
            )
            if found != 1:
                raise ValueError(f"docs/{page}: expected one place for the table {name}, found {found}")
    return text


if __name__ == "__main__":
    for page in {where for where, _ in TABLES.values()}:
        path = DOCS / page
        path.write_text(with_tables(page, path.read_text(encoding="utf-8")), encoding="utf-8")
