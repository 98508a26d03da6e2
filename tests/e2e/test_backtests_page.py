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
        expect(rows.first).to_have_attribute("data-status", "done", timeout=PATIENCE_MS)
        expect(page.get_by_test_id("course-chart").locator("canvas").first).to_be_visible()
        expect(page.get_by_test_id("course-chart")).to_have_attribute("aria-label", _told("Equity"))
        expect(page.get_by_test_id("backtest-metrics")).to_contain_text("max drawdown")
        expect(page.get_by_test_id("backtest-trade").first).to_be_visible()
        run(page, fast="25")
        expect(rows).to_have_count(2)
        expect(rows.first).to_have_attribute("data-status", "done", timeout=PATIENCE_MS)
        for choose in page.get_by_test_id("backtest-choose").all():
            choose.focus()
            choose.press("Space")
        comparison = page.get_by_test_id("backtest-comparison")
        expect(comparison).to_contain_text("fast 25")
        expect(comparison).to_contain_text("fast 10")
        page.reload()  # the address says the page, the server has the list
        expect(page.get_by_test_id("backtests-page")).to_be_visible(timeout=PATIENCE_MS)
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
        expect(row.locator("progress")).to_have_attribute("value", _told(r"^0\.\d+"), timeout=PATIENCE_MS)
        assert no_sideways_scroll(page)
        row.get_by_role("button", name=_told("^Cancel")).click()
        expect(row).to_have_attribute("data-status", "cancelled", timeout=PATIENCE_MS)


def _told(pattern: str) -> "re.Pattern[str]":
    return re.compile(pattern)
