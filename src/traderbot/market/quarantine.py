"""The rows that an import left out, as a CSV file which a spreadsheet opens without running anything of it.

Source: OWASP, "CSV Injection".
"""

import re

import polars as pl

_FORMULA = r"^[=+\-@\t\r\n]"
_NUMBER = r"^[+-]?(\d[\d,]*(\.\d*)?|\.\d+)([eE][+-]?\d+)?$"


def quarantine_csv(rows: pl.DataFrame) -> bytes:
    """The rows as they came, but that an apostrophe stands before each text, and each heading, that would be
    taken for a formula. Numbers stay numbers.
    """
    safe = rows.with_columns(
        pl.when(pl.col(name).str.contains(_FORMULA) & ~pl.col(name).str.contains(_NUMBER))
        .then("'" + pl.col(name))
        .otherwise(pl.col(name))
        .alias(name)
        for name, kind in rows.schema.items()
        if kind == pl.String
    )
    headings = {name: f"'{name}" for name in safe.columns if re.match(_FORMULA, name)}
    return safe.rename(headings).write_csv().encode()
