"""Turns what a vendor gave into a data set, by the same examination that a file goes through."""

import polars as pl

from traderbot.market.bars import DAY
from traderbot.market.calendars import zone_of
from traderbot.market.datasets import dataset_name
from traderbot.market.importer import ImportResult, Origin, accepted
from traderbot.market.quality import VALUES, Check, no_findings
from traderbot.market.readers.wanted import Fetched, Wanted
from traderbot.market.tabular import Parsed, Refused, Table


def import_fetched(fetched: Fetched, wanted: Wanted, *, name: str, calendar: str, now: int) -> ImportResult:
    """Check every row. A bar that has not closed by `now`, or trades outside the session, is left out.

    Errors: InvalidValue (name, calendar). A result without a data set says why in its report.
    """
    dataset_name(name)
    zone = zone_of(calendar)
    rows = fetched.rows.with_row_index("row", offset=1).with_columns(pl.col("row").cast(pl.Int64))
    raw = rows.with_columns(
        pl.from_epoch("moment", time_unit="us").dt.strftime("%Y-%m-%dT%H:%M:%SZ").alias("time")
    ).select("row", "symbol", "time", *VALUES)
    table = Table(raw, [])
    parsed = Parsed(_understood(rows, zone), no_findings(), wanted.time_frame, list(fetched.notes))
    origin = Origin(
        fetched.source,
        f"fetched: {fetched.source}",
        "as the vendor's terms say",
        fetched.actions,
        now,
    )
    if rows.is_empty():
        refusal = Refused(Check.NOTHING_USABLE, "the vendor has no bars of these symbols for these days")
        return accepted(origin, table, parsed, name, calendar, "open", refusal)
    return accepted(origin, table, parsed, name, calendar, "open")


def _understood(rows: pl.DataFrame, zone: str) -> pl.DataFrame:
    """The rows as quality.py expects them: with the exchange's clock and day."""
    local = pl.from_epoch("moment", time_unit="us").dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    frame = rows.with_columns(local.dt.replace_time_zone(None).dt.epoch("us").alias("naive"))
    day = (pl.col("naive") - pl.col("naive") % DAY).cast(pl.Datetime("us")).dt.date()
    return frame.with_columns(
        day.alias("date"), pl.lit(True).alias("understood"), *(pl.col(each).fill_nan(None) for each in VALUES)
    )
