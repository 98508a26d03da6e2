"""Slow queries: each reading statement that takes longer than the limit is logged, with the database's plan.

The plan is asked for afterwards, on a connection of its own and at most once a second, so that a slow
database is not made slower. Values of parameters are never logged: they are people's.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from time import monotonic, perf_counter
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine

_log = structlog.get_logger()
_PLAN_EVERY_S = 1.0
_READS = ("SELECT", "WITH")
_EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}
_LITERAL = re.compile(r"'(?:[^']|'')*'")


class SlowQueries:
    """Watches one engine's reading statements. explainer: makes the connections that plans are asked on."""

    def __init__(self, engine: Engine, explainer: Engine, limit_ms: float) -> None:
        self._explainer = explainer
        self._limit_ms = limit_ms
        self._explain = _EXPLAIN[engine.dialect.name]
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="slow-query-plan")
        self._turn = Lock()
        self._next_plan = 0.0
        sa.event.listen(engine, "before_cursor_execute", self._before)
        sa.event.listen(engine, "after_cursor_execute", self._after)

    def close(self) -> None:
        """Log what is still to be explained."""
        self._worker.shutdown()

    def _before(
        self, _connection: Any, _cursor: Any, _sql: str, _values: Any, context: Any, _many: bool
    ) -> None:
        context.began = perf_counter()

    def _after(self, _on: Any, cursor: Any, sql: str, values: Any, context: Any, many: bool) -> None:
        taken_ms = (perf_counter() - context.began) * 1000
        if taken_ms < self._limit_ms or many or not sql.lstrip("( \n").upper().startswith(_READS):
            return
        found = {"statement": " ".join(sql.split()), "milliseconds": round(taken_ms, 1)}
        if cursor.rowcount >= 0:
            found["rows"] = cursor.rowcount
        if self._may_explain():
            told = structlog.contextvars.get_contextvars()
            self._worker.submit(self._log_with_plan, sql, values, {**told, **found})
        else:
            _log.warning("slow_query", **found)

    def _may_explain(self) -> bool:
        with self._turn:
            now = monotonic()
            due = now >= self._next_plan
            if due:
                self._next_plan = now + _PLAN_EVERY_S
        return due

    def _log_with_plan(self, sql: str, values: Any, found: dict[str, Any]) -> None:
        try:
            plan = self._plan(sql, values)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the plan, the query was slow
            plan = f"none: {type(error).__name__}"
        _log.warning("slow_query", **found, plan=plan)

    def _plan(self, sql: str, values: Any) -> str:
        with self._explainer.connect() as connection:
            rows = connection.exec_driver_sql(self._explain + sql, values)
            return "\n".join(_without_values(str(row[-1])) for row in rows)


def _without_values(line: str) -> str:
    """A line of a plan; PostgreSQL writes the parameters into the conditions."""
    return _LITERAL.sub("?", line)
