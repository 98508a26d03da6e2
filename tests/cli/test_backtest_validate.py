from pathlib import Path

import pytest
from typer.testing import CliRunner

from traderbot.backtests.validation.record import FILE, load
from traderbot.backtests.validation.verdict import Standing
from traderbot.cli.backtest_validate import PAGE
from traderbot.cli.main import app

pytestmark = pytest.mark.integration


def validated(home: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["backtest", "validate", *arguments, "--home", str(home)])
    return result.exit_code, result.output


def test_a_strategy_is_validated_on_the_demo_data_and_the_verdict_is_kept(tmp_path: Path) -> None:
    code, said = validated(
        tmp_path,
        *("moving-average", "--symbols", "IBM", "--start", "2009-01-02", "--end", "2012-12-31", "--quick"),
        *("--param", "qty=200", "--grid", "fast=10,20", "--grid", "slow=40,50", "--tried", "500"),
        *("--out", str(tmp_path / "out")),
    )
    record = load(tmp_path / "out" / FILE)
    assert record.about.strategy == "moving-average"
    assert record.about.parameters == {"fast": "20", "qty": "200", "slow": "50"}
    assert record.evidence.trials == 504
    assert "drawn" not in said
    assert code == (1 if record.verdict.standing is Standing.REJECT else 0)
    assert record.verdict.words.split(":")[0] in said
    assert all(check.name.split()[0] in said for check in record.verdict.checks)
    html = (tmp_path / "out" / PAGE).read_text(encoding="utf-8")
    assert record.about.data_sha256 in html
    assert "<script src=" not in html  # nothing is fetched


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no-such"], "strategy: expected one of"),
        (["moving-average", "--param", "fast"], "expected name=value"),
        (["moving-average", "--param", "speed=3"], "--param: expected one of fast, slow, qty"),
        (["moving-average", "--param", "fasd=3"], "did you mean fast"),
        (["moving-average", "--grid", "fast=5", "--grid", "fast=6"], "--grid: expected each parameter once"),
        (["moving-average", "--param", "fast=60"], "fast: expected"),
        (["moving-average", "--param", "fast=quick"], "fast: expected a"),
        (["moving-average", "--start", "2030-01-01"], "start, end: expected a window"),
        (["moving-average", "--end", "2000-04-01"], "60 rows or more"),
        (["moving-average", "--symbols", "IBM", "--train", "3269", "--quick"], "folds: expected tests"),
        (["moving-average", "--trials", "0"], "trials: expected"),
        (["moving-average", "--symbols", "XYZ"], "no instrument XYZ"),
        (["moving-average", "--symbols", "IBN"], "did you mean IBM"),
        (["moving-average", "--data", "dmeo"], "did you mean demo"),
    ],
)
def test_what_cannot_be_validated_is_told_by_name(tmp_path: Path, arguments: list[str], told: str) -> None:
    code, said = validated(tmp_path, *arguments)
    assert code not in (0, None)
    assert told in said
    assert "Traceback" not in said


def test_a_grid_of_more_sets_than_are_played_is_said(tmp_path: Path) -> None:
    _, said = validated(
        tmp_path,
        *("moving-average-signal", "--symbols", "IBM", "--start", "2009-01-02", "--quick"),
        *("--grid", "fast=5:30:5", "--grid", "slow=40:100:10"),
    )
    assert "42 parameter sets, 25 of them drawn; --trials 42 plays them all" in said
