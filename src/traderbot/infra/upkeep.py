"""What a database says of itself, and what keeps it in shape while others work in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.events.archives import archived_until
from traderbot.infra.events.journal import events, last_position, stream_heads
from traderbot.infra.storage.columns import metadata
from traderbot.infra.storage.database import Database
from traderbot.infra.storage.partitions import ensure_partitions

_A_TIME = 1000
_SPARE = 5  # a file of which one page in so many is free is written anew


class TableSize(NamedTuple):
    """A table with its indexes, all parts together. rows: on PostgreSQL an estimate; bytes: None where the
    database does not say; read_whole: how often it was read from end to end.
    """

    name: str
    rows: int
    bytes: int | None
    index_bytes: int | None
    read_whole: int | None


class IndexUse(NamedTuple):
    """An index, all parts together. used: how often since the counters were reset, None where none count."""

    name: str
    table: str
    bytes: int | None
    used: int | None


class Statistics(NamedTuple):
    """Of a whole database. cache_hits: fraction of pages found in memory; connections: by what they are for
    and do, those of all processes.
    """

    bytes: int
    cache_hits: float | None
    tables: list[TableSize]
    indexes: list[IndexUse]
    connections: dict[str, int]


def statistics(database: Database) -> Statistics:
    """Sizes and use of tables and indexes, the largest first; changes nothing."""
    with database.read() as connection:
        return _of_postgres(connection) if database.shared else _of_sqlite(connection)


def _of_postgres(connection: Connection) -> Statistics:
    tables = [TableSize(*row) for row in connection.execute(_TABLES)]
    indexes = [IndexUse(*row) for row in connection.execute(_INDEXES)]
    size = connection.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one()
    hits = connection.execute(_HITS).scalar()
    open_now = {f"{row[0]}, {row[1]}": row[2] for row in connection.execute(_CONNECTIONS)}
    return Statistics(size, None if hits is None else float(hits), tables, indexes, open_now)


def _of_sqlite(connection: Connection) -> Statistics:
    names = sorted(sa.inspect(connection).get_table_names())
    counts = {
        name: connection.execute(sa.select(sa.func.count()).select_from(sa.table(name))).scalar_one()
        for name in names
    }
    tables = [TableSize(name, rows, None, None, None) for name, rows in counts.items()]
    found = connection.execute(_SQLITE_INDEXES)
    indexes = [IndexUse(row.name, row.tbl_name, None, None) for row in found]
    size = _pragma(connection, "page_count") * _pragma(connection, "page_size")
    return Statistics(size, None, sorted(tables, key=lambda table: -table.rows), indexes, {})


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())


def broken_indexes(connection: Connection) -> list[str]:
    """Indexes that are not used because making them was broken off."""
    if connection.dialect.name != "postgresql":
        return []
    return list(connection.execute(_BROKEN).scalars())


def misplaced_events(connection: Connection) -> str | None:
    """What counting finds wrong with the journal, in words: a gap in the positions, or heads that count
    differently.
    """
    c = events.c.position
    query = sa.select(sa.func.count(), sa.func.min(c), sa.func.max(c)).where(c > archived_until(connection))
    count, first, last = connection.execute(query).one()
    if count and count != last - first + 1:
        return f"{last - first + 1 - count} of the positions {first} to {last} are missing"
    told = connection.execute(sa.select(sa.func.sum(stream_heads.c.version))).scalar() or 0
    if int(told) != (last or 0):
        return f"the last position is {last or 0}, but the streams have {told} events"
    return None


def make_parts_ahead(database: Database, size: int) -> int:
    """Make the parts of the journal that are missing ahead of its last position. Returns: how many."""
    with database.write() as connection:
        return len(ensure_partitions(connection, last_position(connection), size))


def forget(database: Database, step: Callable[[Connection, int], int]) -> int:
    """Remove what is kept for a time only, a thousand rows a transaction, so that no order waits for it.
    step: removes at most so many rows and says how many. Returns: how many in all.
    """
    total = 0
    while True:
        with database.write() as connection:
            done = step(connection, _A_TIME)
        total += done
        if done < _A_TIME:
            return total


def refresh(database: Database) -> list[str]:
    """Have the database gather its statistics and give back room, beside whoever works in it. Returns: what
    was done, in words.
    """
    with database.outside() as connection:
        if database.shared:
            for table in metadata.sorted_tables:
                name = connection.dialect.identifier_preparer.format_table(table)
                connection.exec_driver_sql(f"VACUUM (ANALYZE) {name}")
            return [f"vacuumed and analysed {len(metadata.sorted_tables)} tables"]
        return _refresh_sqlite(connection, Path(database.url.database or ""))


def _refresh_sqlite(connection: Connection, path: Path) -> list[str]:
    done = ["gathered statistics, moved the write-ahead log into the file"]
    connection.exec_driver_sql("PRAGMA analysis_limit=1000")
    connection.exec_driver_sql("ANALYZE")
    if _pragma(connection, "freelist_count") * _SPARE > _pragma(connection, "page_count"):
        before = path.stat().st_size
        connection.exec_driver_sql("VACUUM")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        done.append(f"gave back {before - path.stat().st_size} bytes")
    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return done


_TABLES = sa.text(
    """
SELECT coalesce(pg_partition_root(s.relid)::regclass::text, s.relname),
       sum(greatest(c.reltuples, s.n_live_tup, 0))::bigint, sum(pg_table_size(s.relid))::bigint,
       sum(pg_indexes_size(s.relid))::bigint, sum(s.seq_scan)::bigint
FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid AND c.relkind = 'r'
WHERE s.schemaname = current_schema() GROUP BY 1 ORDER BY 3 DESC, 1
"""
)
_INDEXES = sa.text(
    """
SELECT coalesce(pg_partition_root(s.indexrelid)::regclass::text, s.indexrelname),
       coalesce(pg_partition_root(s.relid)::regclass::text, s.relname),
       sum(pg_relation_size(s.indexrelid))::bigint, sum(s.idx_scan)::bigint
FROM pg_stat_user_indexes s WHERE s.schemaname = current_schema() GROUP BY 1, 2 ORDER BY 3 DESC, 1
"""
)
_HITS = sa.text(
    "SELECT blks_hit::float / nullif(blks_hit + blks_read, 0) FROM pg_stat_database"
    " WHERE datname = current_database()"
)
_CONNECTIONS = sa.text(
    "SELECT application_name, coalesce(state, 'background'), count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() GROUP BY 1, 2 ORDER BY 1, 2"
)
_BROKEN = sa.text("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid ORDER BY 1")
_SQLITE_INDEXES = sa.text(
    "SELECT name, tbl_name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY 2, 1"
)


def as_plain(found: Statistics) -> dict[str, Any]:
    """As JSON has it."""
    plain = found._asdict()
    plain["tables"] = [table._asdict() for table in found.tables]
    plain["indexes"] = [index._asdict() for index in found.indexes]
    return plain
