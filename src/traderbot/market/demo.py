"""The demo's data set: real daily prices of five companies, 2000 to 2013, out of an installed package, no
network needed.

Source: the package bokeh_sampledata, `_data/stocks.csv.gz`, 12,154 rows cut from Quandl's WIKI prices (public
domain): AAPL, IBM, MSFT 2000-03-01 to 2013-03-01, GOOG from 2004-08-19, FB from 2012-05-18; raw open, high,
low, close and volume, and a close adjusted for splits and dividends. All its days are sessions of XNYS and
none of its bars is faulty.

How splits and dividends are recovered, and how good that is. The factor f = adjusted / raw close is constant
but for steps on ex-dates. WIKI lowers the past by close / (close + dividend), with the close of the ex-date
itself, so a step q = f[i] / f[i-1] is a dividend of close[i] * (q - 1), or a split where q is a ratio of
small whole numbers and the raw price fell by about as much. The file's adjusted closes carry 13 digits (f is
otherwise constant to 1e-13), so the amounts come out to the cent: 3 splits (AAPL 2:1 on 2000-06-21 and
2005-02-28, MSFT 2:1 on 2003-02-18) and 92 dividends: 52 of IBM, one a quarter; 37 of MSFT from 2003 on; 3 of
AAPL from 2012-08-09. They agree with those declared, such as IBM's 0.18 and 0.20 of 2005, MSFT's 3.08 of
2004-11-15 (3.00 special and 0.08 regular) and AAPL's 2.65. Still they are marked as estimated, since they
come from prices and not from declarations. Where adjusted closes are rounded (to cents, say), steps within
the rounding's reach are taken for noise: a dividend may then be missed, none is invented.
"""

import gzip
import hashlib
import importlib.util
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from traderbot.market.bars import TimeFrame
from traderbot.market.calendars import NEW_YORK, sessions_between
from traderbot.market.datasets import (
    Dataset,
    Instrument,
    dataset_name,
    list_datasets,
    load,
    make_dataset,
    save,
)
from traderbot.market.importer import bars_by_symbol, place
from traderbot.market.quality import Severity, examine
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.bars import Floats
from traderbot.model.errors import ConfigurationError, Conflict, NotFound
from traderbot.model.meant import meant
from traderbot.model.symbols import Symbol

NAME = "demo"
INSTRUMENTS = (
    Instrument(Symbol("AAPL"), "Apple Inc.", "NASDAQ"),
    Instrument(Symbol("FB"), "Facebook, Inc.", "NASDAQ"),
    Instrument(Symbol("GOOG"), "Google Inc.", "NASDAQ"),
    Instrument(Symbol("IBM"), "International Business Machines Corporation", "NYSE"),
    Instrument(Symbol("MSFT"), "Microsoft Corporation", "NASDAQ"),
)
SCHEMA = {
    "Ticker": pl.String,
    "Date": pl.Date,
    "Open": pl.Float64,
    "High": pl.Float64,
    "Low": pl.Float64,
    "Close": pl.Float64,
    "Volume": pl.Float64,
    "Adj Close": pl.Float64,
}
NOISE = (
    1e-9  # a step of the factor smaller than this part is no action, however exact the adjusted closes are
)
RATIO_NOISE = 1e-6  # how near to a ratio of whole numbers the step of a split is
SHARES_MAX = 20  # a split gives at most so many new shares for one old, or one new for so many old
SPLIT_MIN = 1.2  # a smaller step is a dividend
SPLIT_MOVE = 1.5  # the raw price may move by this factor on the day of a split, beyond the split itself
CENT = Decimal("0.01")


def ensure_demo(home: Path) -> Dataset:
    """The demo data set in HOME/data/demo, built there when it is not yet.

    Errors: DamagedDataset when it was changed, ConfigurationError when the package is missing.
    """
    folder = home / "data" / NAME
    try:
        return load(folder)
    except NotFound:
        built = build_demo()
    try:
        save(built, folder)
    except Conflict:  # another process was building it as well
        return load(folder)
    return built


def stored(home: Path, name: str) -> Dataset:
    """The data set of a home, or the demo. Errors: NotFound, InvalidValue, DamagedDataset."""
    if name == NAME:
        return ensure_demo(home)
    folder = home / "data" / dataset_name(name)
    if not folder.is_dir():
        known = sorted({NAME, *(one.name for one in list_datasets(home))})
        raise NotFound(f"no data set {name}; there are {', '.join(known)}{meant(name, known)}")
    return load(folder)


def build_demo() -> Dataset:
    """The demo data set, made from the package's file. Errors: ConfigurationError."""
    content = _content()
    sha256 = hashlib.sha256(content).hexdigest()
    frame = pl.read_csv(content, schema=SCHEMA, row_index_name="index").sort("Ticker", "Date")
    rows = frame.select(
        (pl.col("index").cast(pl.Int64) + 2).alias("row"),
        pl.col("Ticker").alias("symbol"),
        pl.col("Date").alias("date"),
        pl.col("Date").cast(pl.Datetime("us")).to_physical().alias("moment"),
        *(pl.col(name).alias(name.lower()) for name in ("Open", "High", "Low", "Close", "Volume")),
        pl.lit(True).alias("understood"),
    )
    days: Any = (rows["date"].min(), rows["date"].max())
    sessions = sessions_between(NEW_YORK, *days)
    examined = examine(place(rows, sessions, TimeFrame.DAY, "open"), sessions, TimeFrame.DAY)
    left_out = examined.findings.filter(pl.col("severity") == Severity.QUARANTINE.value)["row"].n_unique()
    bars = bars_by_symbol(examined.clean)
    actions: list[CorporateAction] = []
    for symbol in bars:
        own = frame.filter(pl.col("Ticker") == symbol)
        closes, adjusted = own["Close"].to_numpy(), own["Adj Close"].to_numpy()
        actions += recover_actions(symbol, own["Date"].to_list(), closes, adjusted)
    return make_dataset(
        NAME,
        NEW_YORK,
        TimeFrame.DAY,
        [instrument for instrument in INSTRUMENTS if instrument.symbol in bars],
        {
            instrument.symbol: bars[instrument.symbol]
            for instrument in INSTRUMENTS
            if instrument.symbol in bars
        },
        actions,
        sessions,
        source=f"Quandl WIKI prices, stocks.csv of bokeh_sampledata, sha256 {sha256}",
        licence="public domain",
        notes=[
            "prices as traded; splits and dividends recovered from adjusted closes",
            f"{left_out} faulty rows left out",
        ],
    )


def recover_actions(
    symbol: Symbol, dates: list[date], closes: Floats, adjusted: Floats
) -> list[CorporateAction]:
    """Splits and dividends that explain how adjusted closes differ from raw ones, by ex-date.

    closes, adjusted: float64 (n,), positive, oldest first, one for each date.
    Returns: dividends to the cent and marked as estimated; nothing for steps that rounding could explain.
    """
    if len(dates) < 2:
        return []
    factor = adjusted / closes
    steps = factor[1:] / factor[:-1]
    noise = _noise(adjusted)
    found = []
    for index in np.flatnonzero(np.abs(steps - 1) > noise):
        step, day, close = float(steps[index]), dates[index + 1], float(closes[index + 1])
        ratio = _split_ratio(step, float(closes[index]) / close, RATIO_NOISE + float(noise[index]))
        if ratio is not None:
            split = CorporateAction(symbol, day, ActionKind.SPLIT, new=ratio.numerator, old=ratio.denominator)
            found.append(split)
            continue
        amount = Decimal(round(close * (step - 1) * 100)) * CENT
        if amount > 0:
            found.append(CorporateAction(symbol, day, ActionKind.DIVIDEND, amount, estimated=True))
    return found


def _split_ratio(step: float, fall: float, tolerance: float) -> Fraction | None:
    """New shares for one old, when the step is a small ratio that the raw price bears out."""
    near = Fraction(step).limit_denominator(SHARES_MAX)
    if not 0 < near.numerator <= SHARES_MAX or abs(step / float(near) - 1) > tolerance:
        return None
    borne_out = 1 / SPLIT_MOVE <= fall / step <= SPLIT_MOVE
    return near if borne_out and not 1 / SPLIT_MIN < step < SPLIT_MIN else None


def _noise(adjusted: Floats) -> Floats:
    """How far each step of the factor may be from 1 through nothing but the rounding of adjusted closes."""
    half = _resolution(adjusted) / 2
    off = np.divide(half, adjusted - half, out=np.full(len(adjusted), np.inf), where=adjusted > half)
    least = np.maximum(1 - off[:-1], 0)
    bound = np.divide(1 + off[1:], least, out=np.full(len(least), np.inf), where=least > 0)
    noise: Floats = NOISE + bound - 1
    return noise


def _resolution(values: Floats) -> float:
    """The step to which values are rounded: 0.01 for cents, down to 0.000001; zero when they are not."""
    for places in range(2, 7):
        scaled = values * 10.0**places
        if bool((np.abs(scaled - np.round(scaled)) < 1e-3).all()):
            return float(10.0**-places)
    return 0.0


def _content() -> bytes:
    """The file's bytes, unpacked, found without importing the package, which would pull pandas in."""
    spec = importlib.util.find_spec("bokeh_sampledata")
    folder = Path(spec.origin).parent if spec is not None and spec.origin else None
    path = folder / "_data" / "stocks.csv.gz" if folder else None
    if path is None or not path.is_file():
        raise ConfigurationError(
            "the demo's prices are missing: expected the package bokeh-sampledata 2026.1 or later"
        )
    return gzip.decompress(path.read_bytes())
