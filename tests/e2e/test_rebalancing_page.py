"""The page of rebalancing in a real browser against the real demo: proposed, approved, done, planned."""

import pytest

from e2e.demo import Demo
from e2e.test_browser import (  # noqa: F401 - fixtures are used by name
    CHROMIUM,
    browser,
    demo,
    expect,
    go_to,
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


def register(page: "sync_api.Page") -> None:
    """Somebody whose account nobody else trades."""
    page.get_by_test_id("switch-to-register").click()
    page.get_by_test_id("register-email").fill("rebalancer@example.com")
    page.get_by_test_id("register-password").fill("correct horse battery")
    page.get_by_test_id("register-submit").click()
    expect(page.get_by_test_id("connection-state")).to_have_attribute("data-state", "live")


def test_from_a_proposal_to_what_is_held(
    demo: Demo,  # noqa: F811
    browser: "sync_api.Browser",  # noqa: F811
) -> None:
    with visit(browser, demo) as page:
        register(page)
        go_to(page, "rebalancing")
        page.get_by_test_id("rebalance-by").select_option("weights")
        page.get_by_test_id("rebalance-propose").click()
        expect(page.get_by_test_id("rebalancing-page")).to_contain_text("AAPL 30, MSFT 25")
        page.get_by_test_id("rebalance-weights").fill("aapl 30, msft 25")
        page.get_by_test_id("rebalance-propose").click()
        expect(page.get_by_test_id("proposal-status")).to_have_text("proposed")
        expect(page.get_by_test_id("proposal-line")).to_have_count(2)
        expect(page.get_by_test_id("proposal-risk")).to_contain_text("Value at risk")
        expect(page.get_by_test_id("frontier")).to_contain_text("After")
        page.get_by_test_id("proposal-approve").click()
        expect(page.get_by_test_id("proposal-status")).to_have_text("done", timeout=60_000)
        page.get_by_test_id("plan-set").click()
        expect(page.get_by_test_id("plan")).to_contain_text("at the start of each month")
        page.get_by_test_id("plan-drop").click()
        expect(page.get_by_test_id("plan")).to_have_count(0)
        expect(page.get_by_test_id("proposal-row").first).to_have_attribute("data-status", "done")
        page.set_viewport_size({"width": 390, "height": 800})
        assert no_sideways_scroll(page)
        page.set_viewport_size({"width": 1280, "height": 800})
        page.get_by_test_id("page-terminal").click()
        expect(page.get_by_test_id("position-row").first).to_be_visible()
