"""The page of alerts in a real browser against the real demo: rules, webhooks, a second person's decision."""

import re

import pytest

from e2e.demo import Demo
from e2e.test_browser import (  # noqa: F401 - fixtures are used by name
    CHROMIUM,
    browser,
    demo,
    expect,
    go_to,
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


def test_a_rule_is_made_raises_is_seen_changed_and_deleted(
    demo: Demo,  # noqa: F811
    browser: "sync_api.Browser",  # noqa: F811
) -> None:
    with visit(browser, demo) as page:
        sign_in(page, demo)
        go_to(page, "alerts")
        page.get_by_test_id("rule-send").click()
        expect(page.get_by_test_id("rule-form")).to_contain_text("a symbol, such as MSFT")
        page.get_by_test_id("rule-name").fill("MSFT trades")
        page.get_by_test_id("rule-symbol").fill("msft")
        page.get_by_test_id("rule-threshold").fill("0.01")
        page.get_by_test_id("rule-send").click()
        row = page.get_by_test_id("rule-row")
        expect(row).to_contain_text("price of MSFT at or above 0.01")
        alert = page.get_by_test_id("alert-row")
        for _ in range(40):
            page.get_by_test_id("alerts-refresh").click()
            if alert.count():
                break
            page.wait_for_timeout(250)
        expect(alert).to_contain_text("MSFT")
        page.get_by_test_id("alert-seen").click()
        expect(alert).to_have_attribute("data-state", "acknowledged")
        page.get_by_test_id("rule-edit").click()
        expect(page.get_by_test_id("rule-threshold")).to_have_value("0.01")
        page.get_by_test_id("rule-threshold").fill("9000")
        page.get_by_test_id("rule-send").click()
        expect(row).to_contain_text("at or above 9000")
        page.get_by_test_id("rule-switch").click()
        expect(row).to_have_attribute("data-enabled", "false")
        page.get_by_test_id("rule-delete").click()
        expect(row).to_have_count(0)


def test_a_webhook_shows_its_secret_once_and_routes_are_chosen(
    demo: Demo,  # noqa: F811
    browser: "sync_api.Browser",  # noqa: F811
) -> None:
    with visit(browser, demo) as page:
        sign_in(page, demo)
        go_to(page, "alerts")
        page.get_by_test_id("webhook-name").fill("desk")
        page.get_by_test_id("webhook-url").fill("https://desk.example.com/alerts")
        page.get_by_test_id("webhook-add").click()
        expect(page.get_by_test_id("webhook-secret")).to_contain_text(re.compile("^whsec_"))
        page.get_by_test_id("route-critical-webhook").click()
        expect(page.get_by_test_id("route-critical-webhook")).to_be_checked()
        page.get_by_test_id("webhook-test").click()
        expect(page.get_by_test_id("deliveries")).to_contain_text("webhook:")
        page.get_by_test_id("webhook-delete").click()
        expect(page.get_by_test_id("webhook-row")).to_have_count(0)
    with visit(browser, demo) as page:
        sign_in(page, demo)
        go_to(page, "alerts")
        expect(page.get_by_test_id("route-info-inbox")).to_be_checked()
        expect(page.get_by_test_id("webhook-secret")).to_have_count(0)
        expect(page.get_by_test_id("waiting-limits")).to_contain_text("Nothing waits.")
