"""The tables that docs pages show, made from the code.

Write them into the pages with: PYTHONPATH=tests python tests/docs/tables.py
"""

import re
from pathlib import Path

from fastapi.routing import APIRoute

from traderbot.api.app import MODULES
from traderbot.api.security import needs_of
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


TABLES = {
    "transitions": ("orders.md", transitions),
    "reasons": ("limits.md", reasons),
    "routes": ("roles.md", routes),
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
