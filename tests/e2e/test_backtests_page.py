"""The page of backtests in a real browser: ask by keyboard, follow, look, compare, cancel."""

import re
from collections.abc import Iterator

import pytest

from e2e.demo import Demo, running
from e2e.test_browser import (  # noqa: F401 - the fixture browser
    CHROMIUM,
    PATIENCE_MS,
    Page,
    browser,
    expect,
    no_sideways_scroll,
    sign_in,
    sync_api,
    visit,
)
from traderbot.api.app import STATIC

pytestmark = [
    pytest.mark.browser,
    pytest.mark.integration,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(not (STATIC / "index.html").exists(), reason="the page is not built: make web"),
]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running(tmp_path_factory.mktemp("demo") / "home") as running_demo:
        yield running_demo


def run(page: "Page", **parameters: str) -> None:
    """Fill in the form and send it with the Enter key."""
    page.get_by_test_id("backtest-strategy").select_option("moving-average")
    for name, value in parameters.items():
        page.get_by_test_id(f"backtest-parameter-{name}").fill(value)
    page.get_by_test_id("backtest-symbols").fill("msft, ibm")
    page.get_by_test_id("backtest-start").fill("2003-01-02")
    page.get_by_test_id("backtest-symbols").press("Enter")


def judge_and_save(page: "Page") -> None:
    """Validate the result that is shown, read the verdict, save the report."""
    page.get_by_test_id("verdict-quick").check()
    page.get_by_test_id("verdict-ask").click()
    words = page.get_by_test_id("verdict-words")
    expect(words).to_contain_text(_told("^(promote|watch|reject)"), timeout=3 * PATIENCE_MS)
    expect(page.get_by_test_id("verdict-checks")).to_contain_text("deflated Sharpe ratio")
    badge = page.get_by_test_id("backtest-row").first.locator("[data-verdict]")
    expect(badge).to_have_attribute("data-verdict", str(words.get_attribute("data-verdict")))
    for name in ("report.html", "result.json", "trades.csv", "validation.json"):
        with page.expect_download() as saved:
            page.get_by_test_id(f"file-{name}").click()
        assert saved.value.suggested_filename == name
    assert no_sideways_scroll(page)


def test_costs_are_checked_at_their_field(demo: Demo, browser: "sync_api.Browser") -> None:  # noqa: F811
    with visit(browser, demo, width=420) as page:
        sign_in(page, demo)
        page.get_by_test_id("page-backtests").click()
        expect(page.get_by_test_id("backtest-data")).to_contain_text("demo")
        page.get_by_test_id("backtest-costs").locator("summary").click()
        page.get_by_test_id("backtest-impact").select_option("square_root")
        page.get_by_test_id("backtest-volatility").fill("2")
        page.get_by_test_id("backtest-submit").click()
        expect(page.locator(".field-error")).to_have_text("Give a number from 0 to 1.")
        page.get_by_test_id("backtest-volatility").fill("0.02")
        expect(page.locator(".field-error")).to_have_count(0)
        assert no_sideways_scroll(page)


def test_backtests_are_asked_for_followed_and_compared(
    demo: Demo,
    browser: "sync_api.Browser",  # noqa: F811
) -> None:
    with visit(browser, demo) as page:
        sign_in(page, demo)
        page.get_by_test_id("page-backtests").press("Enter")
        expect(page.get_by_test_id("page-backtests")).to_have_attribute("aria-current", "page")
        run(page, fast="0")
        expect(page.locator(".field-error")).to_have_count(1)
        rows = page.get_by_test_id("backtest-row")
        expect(rows).to_have_count(0)
        run(page, fast="10")
        expect(rows.first).to_have_attribute("data-status", "done")
        expect(page.get_by_test_id("course-chart").locator("canvas").first).to_be_visible()
        expect(page.get_by_test_id("course-chart")).to_have_attribute("aria-label", _told("Equity"))
        expect(page.get_by_test_id("backtest-metrics")).to_contain_text("deepest drawdown")
        expect(page.get_by_test_id("backtest-trade").first).to_be_visible()
        judge_and_save(page)
        run(page, fast="25")
        expect(rows).to_have_count(2)
        expect(rows.first).to_have_attribute("data-status", "done")
        for choose in page.get_by_test_id("backtest-choose").all():
            choose.focus()
            choose.press("Space")
        comparison = page.get_by_test_id("backtest-comparison")
        expect(comparison).to_contain_text("fast 25")
        expect(comparison).to_contain_text("fast 10")
        page.set_viewport_size({"width": 420, "height": 800})
        box = comparison.locator(".comparison tbody td").nth(1).bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 420  # the values of both are in view
        page.reload()  # the address says the page, the server has the list
        expect(page.get_by_test_id("backtests-page")).to_be_visible()
        expect(rows).to_have_count(2)
        page.get_by_test_id("page-terminal").click()
        expect(page.get_by_test_id("ticket-submit")).to_be_visible()


def test_one_that_runs_shows_its_progress_and_is_cancelled(
    demo: Demo,
    browser: "sync_api.Browser",  # noqa: F811
) -> None:
    with visit(browser, demo, width=360) as page:
        sign_in(page, demo)
        page.get_by_test_id("page-backtests").click()
        page.get_by_test_id("backtest-strategy").select_option("ai-forecast")
        page.get_by_test_id("backtest-submit").click()
        row = page.get_by_test_id("backtest-row").first
        expect(row.locator("progress")).to_have_attribute("value", _told(r"^0\.\d+"))
        assert no_sideways_scroll(page)
        row.get_by_role("button", name=_told("^Cancel")).click()
        expect(row).to_have_attribute("data-status", "cancelled")


def _told(pattern: str) -> "re.Pattern[str]":
    return re.compile(pattern)


def test_a_sweep_is_asked_for_read_and_its_best_validated(
    demo: Demo,
    browser: "sync_api.Browser",  # noqa: F811
) -> None:
    with visit(browser, demo, width=420) as page:
        sign_in(page, demo)
        page.get_by_test_id("page-backtests").click()
        page.get_by_test_id("to-sweeps").click()
        expect(page.get_by_test_id("sweep-strategy").locator("option")).not_to_have_count(0)
        assert "ai-forecast" not in page.get_by_test_id("sweep-strategy").inner_text()
        page.get_by_test_id("sweep-parameter-fast").fill("5:15:5")
        page.get_by_test_id("sweep-parameter-slow").fill("1, 40, 80")
        page.get_by_test_id("sweep-submit").click()
        expect(page.locator(".field-error")).to_have_text(_told("2 to"))
        page.get_by_test_id("sweep-parameter-slow").fill("40, 80")
        expect(page.get_by_test_id("sweep-count")).to_contain_text("6 combinations")
        page.get_by_test_id("backtest-symbols").fill("msft")
        page.get_by_test_id("sweep-submit").click()
        row = page.get_by_test_id("sweep-row").first
        expect(row).to_have_attribute("data-status", "done", timeout=3 * PATIENCE_MS)
        expect(page.get_by_test_id("sweep-map").locator("td")).to_have_count(6)
        sets = page.get_by_test_id("sweep-set")
        expect(sets).to_have_count(6)
        expect(sets.first).to_have_attribute("data-best", "true")
        page.get_by_test_id("sort-parameter.fast").click()
        expect(sets.first.locator("td").first).to_have_text("5")
        assert no_sideways_scroll(page)
        page.get_by_test_id("validate-best").click()
        words = page.get_by_test_id("verdict-words")
        expect(words).to_contain_text(_told("^(promote|watch|reject)"), timeout=6 * PATIENCE_MS)
        assert no_sideways_scroll(page)


def test_a_sweep_that_runs_is_cancelled(demo: Demo, browser: "sync_api.Browser") -> None:  # noqa: F811
    with visit(browser, demo) as page:
        sign_in(page, demo)
        page.goto(f"{demo.url}/#sweeps")
        page.get_by_test_id("sweep-parameter-fast").fill("2:60:1")
        page.get_by_test_id("sweep-parameter-slow").fill("61:90:1")
        page.get_by_test_id("sweep-submit").click()
        row = page.get_by_test_id("sweep-row").first
        row.get_by_role("button", name=_told("^Cancel")).click()
        expect(row).to_have_attribute("data-status", "cancelled")
