"""Times as files have them: dates, ISO 8601 date-times, epoch numbers."""

import polars as pl

from traderbot.market.bars import DAY, SECOND
from traderbot.market.calendars import FIRST_DATE, LAST_DATE, zone_of

_ISO = (
    r"^(\d{4})[-/](\d{1,2})[-/](\d{1,2})"
    r"(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|z|UTC|[+-]\d{2}:?\d{2}|[+-]\d{2})?)?$"
)
_EARLIEST = (FIRST_DATE.toordinal() - 719_163) * DAY  # 719163 is 1970-01-01
_LATEST = (LAST_DATE.toordinal() - 719_163) * DAY


def times_of(given: pl.Series, calendar: str) -> list[pl.Series]:
    """`naive` (the exchange's wall clock) and `moment` (UTC) in microseconds, null where there is no time."""
    kind = given.dtype
    if kind == pl.Date:
        parts = pl.DataFrame({"naive": given.cast(pl.Datetime("us")).to_physical(), "utc": None})
    elif isinstance(kind, pl.Datetime):
        physical = given.cast(pl.Datetime("us", kind.time_zone)).to_physical()
        parts = pl.DataFrame(
            {"naive": None, "utc": physical} if kind.time_zone else {"naive": physical, "utc": None}
        )
    elif kind.is_numeric():
        parts = _numeric_times(given.cast(pl.Float64 if kind.is_float() else pl.Int64, strict=False))
    else:
        text = given.cast(pl.String, strict=False).str.strip_chars()
        digits = text.str.contains(r"^\d{8,19}(\.\d+)?$").fill_null(False)
        parts = _numeric_times(_digits(text)) if digits.sum() * 2 > len(text) else _iso_times(text)
    parts = parts.select(pl.col("naive", "utc").cast(pl.Int64))
    known = parts["utc"].drop_nulls()
    if len(known) and not (known % DAY != 0).any():  # days marked by midnight in UTC, not moments
        parts = parts.select(pl.coalesce("naive", "utc").alias("naive"), pl.lit(None, pl.Int64).alias("utc"))
    zone = zone_of(calendar)
    inside = pl.coalesce("naive", "utc").is_between(_EARLIEST, _LATEST)
    parts = parts.select(pl.when(inside).then(pl.col(name)).alias(name) for name in ("naive", "utc"))
    local = pl.col("utc").cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(zone).dt.replace_time_zone(None)
    there = (
        pl.col("naive")
        .cast(pl.Datetime("us"))
        .dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    )
    both = parts.select(
        pl.coalesce(pl.col("naive"), local.to_physical()).alias("naive"),
        pl.coalesce(pl.col("utc"), there.dt.convert_time_zone("UTC").to_physical()).alias("moment"),
    )
    return [both["naive"], both["moment"].fill_null(both["naive"])]


def _digits(text: pl.Series) -> pl.Series:
    """Digits as whole numbers, so that nanoseconds stay exact; as floats where there are fractions."""
    return (
        text.cast(pl.Float64, strict=False)
        if text.str.contains(r"\.").any()
        else text.cast(pl.Int64, strict=False)
    )


def _numeric_times(numbers: pl.Series) -> pl.DataFrame:
    """Numbers as days written YYYYMMDD, or as an epoch in the unit that puts them between 1973 and 2100."""
    value = pl.col("value")
    frame = pl.DataFrame({"value": numbers})
    if numbers.drop_nulls().is_between(19_000_101, 21_001_231).all():
        day = value.cast(pl.Int64).cast(pl.String).str.to_date("%Y%m%d", strict=False)
        return frame.select(
            day.cast(pl.Datetime("us")).to_physical().alias("naive"), pl.lit(None, pl.Int64).alias("utc")
        )
    size = value.abs()
    micros = (
        pl.when(size < 1e11)
        .then(value * SECOND)
        .when(size < 1e14)
        .then(value * 1000)
        .when(size < 1e17)
        .then(value)
        .otherwise(value // 1000)
    )
    return frame.select(
        pl.lit(None, pl.Int64).alias("naive"), micros.cast(pl.Int64, strict=False).alias("utc")
    )


def _iso_times(text: pl.Series) -> pl.DataFrame:
    """ISO 8601 dates and date-times; day-first and month-first dates are ambiguous and not taken."""
    parts = (
        pl.DataFrame({"text": text}).select(pl.col("text").str.extract_groups(_ISO).alias("p")).unnest("p")
    )
    parts.columns = ["year", "month", "day", "hour", "minute", "second", "fraction", "zone"]
    whole = [pl.col(name).cast(pl.Int64, strict=False) for name in ("hour", "minute", "second")]
    hour, minute, second = (part.fill_null(0) for part in whole)
    year, month, number = (pl.col(name).cast(pl.Int32, strict=False) for name in ("year", "month", "day"))
    calendar_day = pl.concat_str(
        year.cast(pl.String),
        pl.lit("-"),
        month.cast(pl.String).str.zfill(2),
        pl.lit("-"),
        number.cast(pl.String).str.zfill(2),
    ).str.to_date("%Y-%m-%d", strict=False)
    fraction = pl.col("fraction").str.pad_end(9, "0").cast(pl.Int64, strict=False).fill_null(0) // 1000
    valid = (hour <= 23) & (minute <= 59) & (second <= 59)
    wall = (
        calendar_day.cast(pl.Datetime("us")).to_physical()
        + ((hour * 60 + minute) * 60 + second) * SECOND
        + fraction
    )
    wall = pl.when(valid).then(wall)
    zone = pl.col("zone").str.replace_all(":", "")
    sign = pl.when(zone.str.starts_with("-")).then(-1).otherwise(1)
    away = zone.str.slice(1, 2).cast(pl.Int64, strict=False) * 60 + zone.str.slice(3, 2).replace(
        "", "0"
    ).cast(pl.Int64, strict=False)
    shift = (sign * away.fill_null(0)) * 60 * SECOND
    return parts.select(
        pl.when(pl.col("zone").is_null()).then(wall).alias("naive"),
        pl.when(pl.col("zone").is_not_null()).then(wall - shift).alias("utc"),
    )
