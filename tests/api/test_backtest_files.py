"""Reports over a real port: the page, the document, the round trips."""

import csv
import io
import json
from pathlib import Path

import pytest

from api.live import Live, Person
from api.test_backtests_endpoints import ASKED, done, live  # noqa: F401 - the fixture live
from traderbot.backtests.backtest import Backtest
from traderbot.backtests.reporting.documents import read

pytestmark = pytest.mark.integration


def test_a_report_is_that_of_the_same_run_in_python(
    live: Live,  # noqa: F811
    ada: Person,
    tmp_path: Path,
) -> None:
    backtest = done(ada, end=f"{ASKED['end']}T23:59:59Z")
    address = f"/api/v1/backtests/{backtest['id']}/report"
    content = ada.client.get(address, params={"format": "json"})
    assert content.headers["content-disposition"] == 'attachment; filename="result.json"'
    (tmp_path / "result.json").write_bytes(content.content)
    document = read(tmp_path / "result.json")  # as `traderbot backtest report` reads it
    names = ("parameters", "symbols", "start", "end", "cash")
    here = Backtest(
        "moving-average",
        data="demo",
        home=live.platform.settings.home,
        **{name: ASKED[name] for name in names},
    ).run()
    assert document.amounts["equity"] == here.equity
    assert document.metrics == here.document.metrics
    page = ada.client.get(address)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-disposition"] == 'attachment; filename="report.html"'
    assert "moving-average on demo" in page.text
    assert "plot-drawdown" in page.text
    rows = list(csv.DictReader(io.StringIO(ada.client.get(address, params={"format": "csv"}).text)))
    trades = ada.get(f"/backtests/{backtest['id']}/trades", limit=500)["items"]
    assert [row["net"] for row in rows] == [trade["net"] for trade in trades]
    assert rows[0]["entry_at"] == trades[0]["entry_at"]


def test_reports_are_ones_own_and_of_what_is_done(ada: Person, bob: Person) -> None:
    backtest = done(ada)
    for kind in ("html", "json", "csv"):
        assert bob.get(f"/backtests/{backtest['id']}/report", 404, format=kind)["code"] == "not_found"
    assert ada.get(f"/backtests/{backtest['id']}/report", 422, format="xls")["code"] == "invalid_value"


def test_assumptions_name_the_costs(ada: Person) -> None:
    impact = {"model": "volume_share", "price_impact": "0.2", "limit": "0.05"}
    changed = {"fee_bps": "0", "fee_per_share": "0.01", "fee_minimum": "2.5", "slippage_bps": "5"}
    found = done(ada, **changed, impact=impact, latency_ms=1500)
    told = found["assumptions"]
    assert told["fees"].endswith("0.01 a share, at least 2.5 an order")
    assert told["slippage"].startswith("5 basis points")
    assert "0.2 times the squared share" in told["impact"]
    assert told["latency"] == "1500 milliseconds"
    report = ada.client.get(f"/api/v1/backtests/{found['id']}/report", params={"format": "json"})
    assert json.loads(report.content)["costs"] == told
    trades = ada.get(f"/backtests/{found['id']}/trades", limit=500)["items"]
    assert {trade["fees"] for trade in trades if trade["exit_at"] is not None} == {"5"}  # two orders each
