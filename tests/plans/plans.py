"""The plans that a database follows: PostgreSQL tells them, SQLite is asked of each statement that ran."""

import re
from collections.abc import Container, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any, NamedTuple

import sqlalchemy as sa

from plans.queries import GROWING
from traderbot.infra.storage.database import Database

TOLD = (
    "-c session_preload_libraries=auto_explain -c auto_explain.log_min_duration=0"
    " -c auto_explain.log_level=notice -c auto_explain.log_nested_statements=on"
)
SMALL = f"{TOLD} -c enable_seqscan=off"  # a table of three rows is otherwise read whole, index or not
_PART = re.compile(r"_(p\d+|rest)\b")
_SCAN = re.compile(
    r"^\s*(?:->\s+)?((?:Parallel )?(?:Seq Scan|Index Scan|Index Only Scan|Bitmap Heap Scan)\b.*)$"
)
_LAST = re.compile(
    r"Index Only Scan Backward using events_(p\d+|rest)_pkey\b"
)  # one entry: the last position


class Plan(NamedTuple):
    """A statement and how it was carried out. indexes: those that were used; ms: how long it took."""

    statement: str
    text: str
    indexes: frozenset[str]
    ms: float


class Recorder:
    """Collects the plans of every statement on a database's connections made after it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._told: list[Any] = []
        for engine in (database.readers, database.writer):
            sa.event.listen(engine, "connect", self._listen)

    def close(self) -> None:
        """Listen to no more connections."""
        for engine in (self._database.readers, self._database.writer):
            sa.event.remove(engine, "connect", self._listen)

    def _listen(self, driver: Any, _record: object) -> None:
        if self._database.shared:
            driver.add_notice_handler(lambda notice: self._told.append(notice.message_primary))
        else:
            driver.set_trace_callback(self._told.append)

    @contextmanager
    def recording(self) -> Iterator[list[Plan]]:
        """The plans of the block's statements, after it."""
        self._told.clear()
        found: list[Plan] = []
        yield found
        for text in dict.fromkeys(self._told):
            plan = _told_by_postgres(text) if self._database.shared else self._asked(text)
            if plan is not None:
                found.append(plan)

    def _asked(self, statement: str) -> Plan | None:
        if not statement.lstrip("( \n").upper().startswith(("SELECT", "WITH", "UPDATE", "DELETE", "INSERT")):
            return None
        with self._database.outside() as connection:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}").all()
            start = perf_counter()
            if statement.lstrip("( \n").upper().startswith(("SELECT", "WITH")):
                connection.exec_driver_sql(statement).all()
            taken = (perf_counter() - start) * 1000
        lines = [str(row[-1]) for row in rows]
        used = frozenset(
            name
            for line in lines
            for name in re.findall(r"INDEX (\w+)|(PRIMARY KEY)", line)
            for name in name
            if name
        )
        return Plan(statement, "\n".join(lines), used, taken)


def _told_by_postgres(text: str) -> Plan | None:
    found = re.match(r"duration: (.*?) ms  plan:\s*Query Text: (.*?)\n((?:\S.*\(cost=).*)", text, re.DOTALL)
    if found is None:
        return None
    used = frozenset(
        re.findall(r"(?:Index (?:Only )?Scan(?: Backward)? using|Bitmap Index Scan on) (\w+)", found[3])
    )
    return Plan(found[2], found[3], used, float(found[1]))


def whole_reads(plan: Plan, *, postgres: bool, large: Container[str] | None = None) -> list[str]:
    """The tables that grow and were read from end to end, by rows or by an index without a condition. large:
    only these tables and parts count.
    """
    found = _of_postgres(plan.text) if postgres else _of_sqlite(plan)
    return [told for name, told in found if large is None or name in large]


def _of_postgres(text: str) -> list[tuple[str, str]]:
    found, lines = [], text.splitlines()
    for number, line in enumerate(lines):
        scan = _SCAN.match(line)
        if scan is None:
            continue
        name = re.findall(r" on (\w+)", scan[1])[0]
        if _PART.sub("", name) not in GROWING:
            continue
        depth = len(line) - len(line.lstrip())
        below = []
        for following in lines[number + 1 :]:
            if len(following) - len(following.lstrip()) <= depth or "(cost=" in following:
                break
            below.append(following.strip())
        bounded = any(what.startswith(("Index Cond", "Recheck Cond")) for what in below)
        if _LAST.match(scan[1]) or (number and "Index" in scan[1] and _ends_early(lines[number - 1], below)):
            continue
        if "Seq Scan" in scan[1] or not bounded:
            found.append((name, scan[1].split("  (")[0]))
    return found


def _ends_early(above: str, below: list[str]) -> bool:
    """Whether a scan gives rows in the order that is wanted, all of them, until enough are there."""
    return above.lstrip(" ->").startswith("Limit ") and not any("Filter" in what for what in below)


def _of_sqlite(plan: Plan) -> list[tuple[str, str]]:
    lines = plan.text.splitlines()
    if len(lines) == 1 and "LIMIT " in plan.statement and "WHERE" not in plan.statement.upper():
        return []  # neither sorted nor filtered: it ends with the page
    found = [(re.match(_SCANNED, line), line) for line in lines]
    return [("orders" if match[1] == "leg" else match[1], line) for match, line in found if match]


_SCANNED = re.compile(rf"SCAN ({'|'.join(GROWING)}|leg)\b")
