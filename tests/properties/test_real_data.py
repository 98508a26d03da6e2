"""Every kind of order on real prices: the books agree with the run at every fill, to the last digit."""

import os
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from properties.real_data import AnyOrder, check_run
from traderbot.backtests.runner import Result, run
from traderbot.market.demo import build_demo
from traderbot.model.account import AccountKind
from traderbot.model.bars import Bar
from traderbot.model.border import price_from_float
from traderbot.model.events import OrderPlaced
from traderbot.model.symbols import Symbol
from traderbot.simulation.costs import Costs

pytestmark = pytest.mark.integration
SHARED = Path(os.environ.get("TRADERBOT_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
SP500 = SHARED / "sp500_daily" / "sp500_2013-02-08_2018-02-07.parquet"
WHOLE = "WHOLE_SP500" in os.environ  # all 505 stocks
D = Decimal


@cache
def demo() -> Any:
    return build_demo()


def marks_of(bars: list[Bar]) -> dict[str, Decimal]:
    return {bar.symbol: price_from_float(bar.close) for bar in bars if bar.index >= 0}


def checked(seed: int, bars: list[Bar], often: float, **given: Any) -> tuple[Result, int]:
    result = run(AnyOrder(seed, often), bars, **given)
    return result, check_run(result.account, result.events, marks_of(bars), result.equity)


@pytest.mark.parametrize("kind", list(AccountKind))
@pytest.mark.parametrize("seed", [1, 2])
def test_thirteen_years_of_the_demo(kind: AccountKind, seed: int) -> None:
    dataset = demo()
    bars = [columns.cursor() for columns in dataset.bars.values()]
    result, executions = checked(seed, bars, 12, actions=dataset.actions, cash=D(200_000), kind=kind)
    kinds = {event.type for event in result.events if isinstance(event, OrderPlaced)}
    assert len(kinds) == 5, "every type of order was placed"
    assert executions > 100


@cache
def stocks() -> dict[Symbol, Bar]:
    """The stocks of the file whose bars are sound."""
    if not SP500.exists():
        pytest.skip(f"the shared data folder is absent: {SHARED}")
    frame = pl.read_parquet(SP500).drop_nulls().filter(pl.col("volume") > 0, pl.col("high") >= pl.col("low"))
    found = {}
    for (name,), rows in frame.sort("Name", "date").group_by(["Name"], maintain_order=True):
        known_at = (
            rows["date"].str.to_date().cast(pl.Datetime("us")).to_physical().to_numpy() + 75_600_000_000
        )
        columns = [rows[column].to_numpy().astype(np.float64) for column in ("open", "high", "low", "close")]
        volumes = rows["volume"].to_numpy().astype(np.float64)
        found[Symbol(str(name))] = Bar(Symbol(str(name)), known_at, *columns, volumes)
    return found


@pytest.mark.shared_data
@pytest.mark.parametrize("kind", list(AccountKind))
def test_five_years_of_many_stocks(kind: AccountKind) -> None:
    names = list(stocks())
    chosen = names if WHOLE else names[:: len(names) // 25]
    bars = [stocks()[name] for name in chosen]
    costs = Costs(participation=D("0.01"))
    _, executions = checked(3, bars, 6, cash=D(1_000_000), kind=kind, costs=costs)
    assert executions > 500
