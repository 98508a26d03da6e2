from pathlib import Path

import msgspec
import pytest

from traderbot.backtests.backtest import Backtest, BacktestResult
from traderbot.backtests.reporting import documents
from traderbot.model.errors import InvalidValue, NotFound

pytestmark = pytest.mark.domain


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> BacktestResult:
    return Backtest("moving-average", symbols="AAPL,IBM", home=tmp_path_factory.mktemp("home")).run()


def test_a_document_reads_back_the_same(result: BacktestResult, tmp_path: Path) -> None:
    (tmp_path / documents.FILE).write_text(result.to_json(), encoding="utf-8")
    assert documents.read(tmp_path) == result.document
    assert documents.read(tmp_path / documents.FILE) == result.document
    assert documents.encode(documents.read(tmp_path)).decode() == result.to_json()


def test_it_says_what_the_result_rests_on(result: BacktestResult) -> None:
    found = result.document
    assert found.data.sha256 == result.backtest.dataset.sha256
    assert found.data.symbols == ["AAPL", "IBM"]
    assert found.parameters == {"fast": 20, "slow": 50, "qty": "100"}
    assert found.costs["fees"].startswith("1 basis points")
    assert found.versions["traderbot"] == "0.1.0"


def test_plots_have_every_high_and_low_but_not_every_point(result: BacktestResult) -> None:
    line = result.document.curve
    assert len(line.times) <= 4_000
    assert max(line.equity) == pytest.approx(result.path.equity.max(), abs=0.01)
    assert min(line.drawdown) == pytest.approx(result.metrics["max_drawdown"], abs=1e-6)
    (apple, ibm) = result.document.prices
    assert apple.fills + ibm.fills == len(result.result.fills)
    assert len(result.document.drawdowns) == 10
    assert result.document.drawdowns[0].depth == result.metrics["max_drawdown"]


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff\xfe", b'{"format":"other"}'])
def test_files_that_are_no_results_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(InvalidValue, match=r"^file: expected a result.json"):
        documents.read(path)


def test_results_of_another_format_or_none_are_refused(result: BacktestResult, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(
        documents.encode(msgspec.structs.replace(result.document, format="traderbot-backtest/9"))
    )
    with pytest.raises(InvalidValue, match="of the format traderbot-backtest/1"):
        documents.read(path)
    with pytest.raises(NotFound, match="no result at"):
        documents.read(tmp_path / "none.json")
