"""Costs and limits on the command line are those of Python, checked by name, and shown in the report."""

import html
import json
from decimal import Decimal
from pathlib import Path

import pytest

from cli.test_backtest import called
from traderbot.backtests.backtest import Backtest
from traderbot.cli.backtest_terms import AskedCosts, Limits, impact_of
from traderbot.market.demo import ensure_demo
from traderbot.model.amounts import Money
from traderbot.model.errors import InvalidValue
from traderbot.model.rules import Rules
from traderbot.simulation.costs import Costs
from traderbot.simulation.fees import FeeSchedule
from traderbot.simulation.slippage import SquareRootImpact, VolumeShareImpact

pytestmark = pytest.mark.integration

NOTHING = AskedCosts(None, None, None, None, None, None, None)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("home")
    ensure_demo(found)
    return found


def test_what_is_not_asked_stays_as_it_is_set() -> None:
    costs, rules = Costs(slippage=Decimal("0.001")), Rules(collar=Decimal("0.5"))
    assert NOTHING.over(costs, rules) == (costs, rules)


def test_costs_of_the_command_line_are_those_of_python_and_in_the_report(home: Path, tmp_path: Path) -> None:
    asked = {
        "--fee-rate": "0.002",
        "--fee-per-share": "0.01",
        "--fee-minimum": "1.5",
        "--slippage": "0.003",
        "--participation": "0.05",
        "--impact": "volume-share:price_impact=0.2,limit=0.02",
        "--latency": "250000",
    }
    arguments = [part for pair in asked.items() for part in pair]
    out = tmp_path / "out"
    code, said = called(
        home, "run", "moving-average", "--symbols", "IBM", "--slippage", "0.003", "--out", str(out)
    )
    assert code == 0, said
    costs = Costs(
        Decimal("0.002"),
        Decimal("0.003"),
        Decimal("0.05"),
        FeeSchedule(Decimal("0.002"), Decimal("0.01"), Money(Decimal("1.5"))),
        VolumeShareImpact(Decimal("0.2"), Decimal("0.02")),
        250_000,
    )
    everything = tmp_path / "everything"
    code, said = called(
        home, "run", "moving-average", "--symbols", "IBM", *arguments, "--out", str(everything)
    )
    assert code == 0, said
    stored = json.loads((everything / "result.json").read_bytes())
    here = Backtest("moving-average", symbols="IBM", costs=costs, home=home).run()
    assert stored["amounts"]["fees"] == str(here.document.amounts["fees"])
    assert stored["amounts"]["equity"] == str(here.equity)
    assert stored["costs"]["slippage"].startswith("30 basis points")
    assert "2%" in stored["costs"]["volume"]
    page = (everything / "report.html").read_text()
    for name in ("fees", "slippage", "volume", "latency"):
        assert stored["costs"][name] in html.unescape(page)
    cheaper = json.loads((out / "result.json").read_bytes())
    assert Decimal(cheaper["amounts"]["fees"]) > Decimal(stored["amounts"]["fees"])  # fees are below zero


def test_impact_has_a_name_and_figures() -> None:
    assert impact_of("square-root:volatility=0.02,coefficient=2") == SquareRootImpact(
        Decimal("0.02"), Decimal(2)
    )
    assert impact_of("volume-share") == VolumeShareImpact()


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--fee-rate", "2", "--fee-rate: expected a decimal from 0 to 1"),
        ("--fee-rate", "1e-4", "--fee-rate: expected a decimal"),
        ("--fee-per-share", "a cent", "--fee-per-share: expected a decimal"),
        ("--fee-minimum", "-1", "minimum: expected nothing or more"),
        ("--slippage", "1", "slippage: expected a fraction below 1"),
        ("--participation", "0", "participation: expected a fraction above 0"),
        ("--latency", "-5", "latency: expected microseconds, none below 0"),
        ("--impact", "gravity", "--impact: expected volume-share or square-root"),
        ("--impact", "square-root", "--impact: expected volume-share or square-root"),
        ("--impact", "volume-share:limit=x", "--impact: expected volume-share or square-root"),
        ("--impact", "volume-share:limit=0", "limit: expected a fraction above 0"),
        ("--time-limit", "0", "--time-limit: expected 1 to 86400 seconds"),
        ("--memory-limit", "1", "--memory-limit: expected 64 to"),
    ],
)
def test_what_cannot_be_is_refused_by_name(home: Path, option: str, value: str, told: str) -> None:
    code, said = called(home, "run", "moving-average", option, value)
    assert code == 1
    assert told in said.replace("\n", "")


def test_limits_hold_for_what_comes_with_the_platform_where_they_are_asked_for() -> None:
    assert Limits.of(None, None).asked is False
    assert Limits.of(5, None)[::2] == (5, True)
    with pytest.raises(InvalidValue, match="--memory-limit"):
        Limits.of(5, 0)


def test_a_file_that_loops_is_stopped_from_the_command_line(home: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from traderbot.strategies.base import Strategy\n\n\nclass Mine(Strategy):\n    name = 'mine'\n\n"
        "    def on_bar(self, ctx, bar):\n        while True:\n            pass\n"
    )
    code, said = called(home, "run", str(tmp_path / "mine.py"), "--time-limit", "1")
    assert code == 1
    assert "mine, mine.py line" in said
    assert "at the bar of 2000-03-01 21:00 UTC: stopped after 1 s (--time-limit)" in said.replace("\n", " ")
