import re
import shutil
from pathlib import Path

import msgspec
import pytest

from traderbot.backtests.backtest import Backtest, BacktestResult
from traderbot.backtests.reporting import reports
from traderbot.strategies.moving_average import MovingAverageCrossover

pytestmark = pytest.mark.domain
CHROMIUM = next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
HOSTILE = "</script><img src=x onerror=alert(1)><a href='http://example.com'>"


class Hostile(MovingAverageCrossover):
    """</style><script>document.title = "taken"</script>"""

    name = HOSTILE


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> BacktestResult:
    return Backtest("moving-average", home=tmp_path_factory.mktemp("home")).run()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    found = Backtest(Hostile(), symbols="IBM", home=tmp_path_factory.mktemp("home")).run().document
    names = [HOSTILE]
    worse = msgspec.structs.replace(
        found,
        parameters={HOSTILE: HOSTILE},
        benchmark=HOSTILE,
        data=msgspec.structs.replace(found.data, name=HOSTILE, symbols=names, notes=names, said=names),
        prices=[msgspec.structs.replace(one, symbol=HOSTILE) for one in found.prices],
        trades=[msgspec.structs.replace(one, symbol=HOSTILE) for one in found.trades],
        refused={HOSTILE: 1},
    )
    return reports.page(worse) + reports.summary(worse)


def without_plotly(page: str) -> str:
    """The page without the library, the longest of its scripts."""
    return page.replace(max(re.findall(r"<script.*?</script>", page, re.DOTALL), key=len), "")


def test_the_page_shows_figures_beside_the_benchmark_and_what_it_rests_on(result: BacktestResult) -> None:
    page = without_plotly(reports.page(result.document))
    for title in ("Performance", "Trading", "Return of each month", "Deepest drawdowns", "Assumptions"):
        assert f"<h2>{title}</h2>" in page
    assert result.backtest.dataset.sha256 in page
    for label, own, held in reports.beside(result.document):
        assert f"<tr><td>{label}</td><td>{own}</td><td>{held}</td></tr>" in page
    assert page.count("<tr><td>2004</td>") == 1
    assert page.count('class="plotly-graph-div"') == 9
    assert ">nan" not in page.lower()


def test_many_trades_are_folded_away(result: BacktestResult) -> None:
    found = result.document
    assert len(found.trades) > reports.OPEN_MAX
    assert "<details><summary>" in without_plotly(reports.page(found))
    few = msgspec.structs.replace(found, trades=found.trades[: reports.OPEN_MAX])
    assert "<details open><summary>" in without_plotly(reports.page(few))


def test_plotly_is_in_it_once(result: BacktestResult) -> None:
    assert reports.page(result.document).count("plotly.js v") == 1


def test_nothing_that_came_from_outside_is_markup(hostile: str) -> None:
    rest = without_plotly(hostile)
    assert "<img" not in rest
    assert "<a href='http" not in rest
    assert "taken" in rest
    assert '<script>document.title = "taken"' not in rest
    assert "&lt;img src=x onerror=alert(1)&gt;" in rest


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, reports.PERCENT, "–"),
        (0.12345, reports.PERCENT, "12.35%"),
        (-1234.5, reports.MONEY, "-1,234.50"),
        (3.0, reports.COUNT, "3"),
        (1725.0, reports.DAYS, "1,725 days"),
        (0.716, reports.NUMBER, "0.72"),
    ],
)
def test_figures_read_as_people_write_them(value: float | None, kind: str, text: str) -> None:
    assert reports.shown(value, kind) == text


@pytest.mark.browser
@pytest.mark.integration
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_without_a_network_and_without_complaints(
    result: BacktestResult, hostile: str, tmp_path: Path, scheme: str
) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    (tmp_path / "good.html").write_text(reports.page(result.document), encoding="utf-8")
    (tmp_path / "hostile.html").write_text(hostile, encoding="utf-8")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(color_scheme=scheme)
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        for name, plots in (("good", 9), ("hostile", 5)):
            address = (tmp_path / f"{name}.html").as_uri()
            page.goto(address)
            page.locator(".plotly-graph-div .main-svg").first.wait_for(timeout=20_000)
            page.wait_for_function("document.querySelectorAll('.js-plotly-plot').length >= " + str(plots))
            assert [url for url in asked if url != address and not url.startswith("data:")] == []
            asked.clear()
            assert page.title() != "taken"
        assert page.locator("img[src=x], a[href^='http://example']").count() == 0
        assert page.locator("h1").inner_text() == HOSTILE
        browser.close()
    assert said == []
