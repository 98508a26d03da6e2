"""The tables on the pages of the shipped strategies: parameters, and what each did on the demo's data.

Parameters are the presets, chosen by their sources before anything was run. Trading begins in 2007; the
years before are history. Baselines run over the same days with the same costs. Write the tables with:
PYTHONPATH=tests python tests/docs/strategies.py
"""

import re
from functools import cache
from pathlib import Path

import numpy as np

from traderbot.analytics.performance import Performance, measure
from traderbot.backtests.reporting.results import curve_of
from traderbot.backtests.runner import run
from traderbot.market.datasets import Dataset
from traderbot.market.demo import build_demo
from traderbot.model.account import AccountKind
from traderbot.model.amounts import money
from traderbot.strategies.catalogue import CATALOGUE, named
from traderbot.strategies.signals import SignalStrategy

PAGES = Path(__file__).resolve().parents[2] / "docs" / "strategies"
SYMBOLS = ("AAPL", "GOOG", "IBM", "MSFT")
START = int(np.datetime64("2007-01-01", "us").astype(np.int64))
SHIPPED = sorted(name for name, kind in CATALOGUE.items() if issubclass(kind, SignalStrategy))
BASELINES = ("buy-and-hold", "equal-weight")
COLUMNS = ("growth a year", "volatility", "Sharpe", "deepest fall", "executions", "fees")
HEAD = f"| | {' | '.join(COLUMNS)} |\n|---|{'---|' * len(COLUMNS)}"


@cache
def demo() -> Dataset:
    return build_demo()


@cache
def outcome(name: str, sides: str) -> tuple[Performance, int, str]:
    """Of 100,000 from 2007 on: its figures, its executions and its fees."""
    data = demo()
    bars = [data.bars_of(symbol).cursor() for symbol in data.bars if symbol in SYMBOLS]
    result = run(
        named(name)(**({"sides": sides} if sides else {})),
        bars,
        cash=money("100000", "cash"),
        actions=[action for action in data.actions if action.symbol in SYMBOLS],
        kind=AccountKind.MARGIN if sides == "both" else AccountKind.CASH,
        start=START,
    )
    curve = curve_of(result, bars).since(START)
    figures = measure(curve.times, curve.equity)
    return figures, len(result.fills), f"{result.account.balances.get('fees', 0):,.0f}"


def row(name: str, label: str, sides: str = "") -> str:
    figures, fills, fees = outcome(name, sides)
    assert figures.cagr is not None
    assert figures.volatility is not None
    sharpe = "-" if figures.sharpe is None else f"{figures.sharpe:.2f}"
    return (
        f"| {label} | {figures.cagr:.1%} | {figures.volatility:.1%} | {sharpe}"
        f" | {figures.max_drawdown:.1%} | {fills:,} | {fees} |"
    )


def results(name: str) -> str:
    rows = [row(name, f"`{name}`")]
    if "sides" in CATALOGUE[name].declared():
        rows.append(row(name, f"`{name}`, `sides=both`, margin account", "both"))
    rows += [row(other, f"`{other}`") for other in BASELINES if other != name]
    return "\n".join([HEAD, *rows])


def parameters(name: str) -> str:
    rows = [
        f"| `{each.name}` | `{str(each.initial).lower()}` | {each.expected} |"
        for each in CATALOGUE[name].declared().values()
    ]
    return "\n".join(["| parameter | preset | expected |", "|---|---|---|", *rows])


def overview() -> str:
    return "\n".join([HEAD, *(row(name, f"[`{name}`]({name}.md)") for name in SHIPPED)])


def with_tables(page: Path) -> str:
    """The text of a page with its tables as the code gives them."""
    text = page.read_text(encoding="utf-8")
    name = page.stem
    tables = (
        {"overview": overview}
        if name == "README"
        else {
            "parameters": lambda: parameters(name),
            "results": lambda: results(name),
        }
    )
    for label, make in tables.items():
        block = f"<!-- {label} -->\n{make()}\n<!-- /{label} -->"
        text, found = re.subn(
            rf"<!-- {label} -->.*?<!-- /{label} -->", lambda _, block=block: block, text, flags=re.DOTALL
        )
        if found != 1:
            raise ValueError(f"{page.name}: expected one place for the table {label}, found {found}")
    return text


def pages() -> list[Path]:
    return [PAGES / "README.md", *(PAGES / f"{name}.md" for name in SHIPPED)]


if __name__ == "__main__":
    for page in pages():
        page.write_text(with_tables(page), encoding="utf-8")
