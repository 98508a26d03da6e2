"""The page in a real browser against the real demo: the first minute of somebody new, and the demo user."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from e2e.demo import Demo, running
from traderbot.api.app import STATIC

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
Page, expect = sync_api.Page, sync_api.expect

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.integration,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(not (STATIC / "index.html").exists(), reason="the page is not built: make web"),
]
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)
QUIET = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running(tmp_path_factory.mktemp("demo") / "home", "--speed", "4") as running_demo:
        yield running_demo


@pytest.fixture(scope="module")
def browser() -> Iterator["sync_api.Browser"]:
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET])
        yield started
        started.close()


@contextmanager
def visit(browser: "sync_api.Browser", demo: Demo, width: int = 1280) -> Iterator["sync_api.Page"]:
    """A fresh visitor; whatever the page complains of on the console fails the test."""
    context = browser.new_context(viewport={"width": width, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    complaints: list[str] = []
    page.on(
        "console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(demo.url)
    yield page
    context.close()
    assert complaints == []


def sign_in(page: "sync_api.Page", demo: Demo) -> None:
    page.get_by_test_id("login-email").fill(demo.login["email"])
    page.get_by_test_id("login-password").fill(demo.login["password"])
    page.get_by_test_id("login-submit").click()
    expect(page.get_by_test_id("connection-state")).to_have_attribute("data-state", "live")


def go_to(page: "sync_api.Page", name: str) -> None:
    """Open one of the pages and wait until its panels are read: what comes in moves what is below it."""
    page.get_by_test_id(f"page-{name}").click()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)


def no_sideways_scroll(page: "sync_api.Page") -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_somebody_new_registers_and_trades(demo: Demo, browser: "sync_api.Browser") -> None:
    with visit(browser, demo) as page:
        page.get_by_test_id("switch-to-register").click()
        page.get_by_test_id("register-email").fill("new@example.com")
        page.get_by_test_id("register-password").fill("correct horse battery")
        page.get_by_test_id("register-submit").click()
        expect(page.get_by_test_id("equity-value")).to_contain_text("100,000")
        page.get_by_test_id("ticket-symbol").select_option("MSFT")
        page.get_by_test_id("ticket-qty").fill("10")
        page.get_by_test_id("ticket-submit").click()
        expect(page.get_by_test_id("ticket-accepted")).to_be_visible()
        row = page.get_by_test_id("order-row").first
        expect(row).to_have_attribute("data-status", "filled")
        expect(page.locator("[data-testid=position-row][data-symbol=MSFT]")).to_be_visible()
        expect(page.get_by_test_id("replay-toggle")).to_have_count(0)  # the replay is the administrator's


def test_the_demo_user_asks_why_and_pauses(demo: Demo, browser: "sync_api.Browser") -> None:
    with visit(browser, demo) as page:
        sign_in(page, demo)
        page.get_by_test_id("signal-why").first.click()
        drawer = page.get_by_test_id("why-drawer")
        expect(drawer.get_by_test_id("why-event").nth(1)).to_be_visible()
        expect(drawer).to_contain_text(re.compile("Approved"))
        page.get_by_test_id("why-close").click()
        condition, date = page.get_by_test_id("clock-condition"), page.get_by_test_id("clock-date")
        page.get_by_test_id("replay-toggle").click()
        expect(condition).to_have_text("paused")
        page.wait_for_timeout(500)
        stood = date.inner_text()
        page.wait_for_timeout(1_000)
        assert date.inner_text() == stood
        page.get_by_test_id("replay-toggle").click()
        expect(condition).to_have_text("playing")
        expect(date).not_to_have_text(stood)


def test_a_bracket_is_placed_and_a_pause_takes_two_steps_to_end(
    demo: Demo, browser: "sync_api.Browser"
) -> None:
    with visit(browser, demo) as page:
        page.get_by_test_id("switch-to-register").click()
        page.get_by_test_id("register-email").fill("bracket@example.com")
        page.get_by_test_id("register-password").fill("correct horse battery")
        page.get_by_test_id("register-submit").click()
        expect(page.get_by_test_id("equity-value")).to_contain_text("100,000")
        page.get_by_test_id("ticket-symbol").select_option("MSFT")
        page.get_by_test_id("ticket-qty").fill("10")
        page.get_by_test_id("ticket-tif").select_option("gtc")
        page.get_by_test_id("ticket-exits").check()
        page.get_by_test_id("ticket-take-profit").fill("60")
        page.get_by_test_id("ticket-stop-loss").fill("15")
        page.get_by_test_id("ticket-submit").click()
        expect(page.get_by_test_id("ticket-accepted")).to_be_visible()
        expect(page.locator("[data-testid=order-row][data-leg=stop_loss]")).to_be_visible()
        page.get_by_test_id("halt-toggle").click()
        expect(page.get_by_test_id("halt-banner")).to_be_visible()
        page.get_by_test_id("halt-toggle").click()
        expect(page.get_by_test_id("resume-dialog")).to_be_visible()
        page.get_by_test_id("resume-confirm").click()
        expect(page.get_by_test_id("halt-banner")).to_have_count(0)


def test_everything_is_closed_and_the_page_says_when_it_is_flat(
    demo: Demo, browser: "sync_api.Browser"
) -> None:
    with visit(browser, demo) as page:
        page.get_by_test_id("switch-to-register").click()
        page.get_by_test_id("register-email").fill("closing@example.com")
        page.get_by_test_id("register-password").fill("correct horse battery")
        page.get_by_test_id("register-submit").click()
        expect(page.get_by_test_id("equity-value")).to_contain_text("100,000")
        page.get_by_test_id("ticket-symbol").select_option("MSFT")
        page.get_by_test_id("ticket-qty").fill("10")
        page.get_by_test_id("ticket-submit").click()
        expect(page.get_by_test_id("position-row")).to_have_count(1)
        page.get_by_test_id("kill-open").click()
        expect(page.get_by_test_id("kill-dialog")).to_be_visible()
        page.get_by_test_id("kill-confirm").click()
        expect(page.get_by_test_id("kill-left")).to_contain_text("is flat")
        expect(page.get_by_test_id("halt-banner")).to_be_visible()


def test_a_phone_shows_it_without_sideways_scroll(demo: Demo, browser: "sync_api.Browser") -> None:
    with visit(browser, demo, width=360) as page:
        assert no_sideways_scroll(page)
        sign_in(page, demo)
        expect(page.get_by_test_id("equity-value")).to_be_visible()
        page.get_by_test_id("order-row").first.wait_for(state="attached")
        assert no_sideways_scroll(page)


def test_portfolio_and_risk_are_told_on_their_pages(demo: Demo, browser: "sync_api.Browser") -> None:
    with visit(browser, demo) as page:
        sign_in(page, demo)
        expect(page.get_by_test_id("position-row").first).to_be_visible()
        go_to(page, "portfolio")
        expect(page.get_by_test_id("performance-figures")).to_contain_text("time-weighted")
        expect(page.get_by_test_id("allocation")).to_contain_text("cash")
        page.get_by_text("Strategy", exact=True).click()
        expect(page.get_by_test_id("contribution")).to_contain_text("ai-forecast")
        page.get_by_test_id("performance-benchmark").select_option("IBM")
        expect(page.get_by_test_id("performance-figures")).to_contain_text("IBM held")
        with page.expect_download() as saved:
            page.get_by_test_id("file-statement.html").click()
        assert "<h1>Statement 2005-" in saved.value.path().read_text("utf-8")
        go_to(page, "risk")
        expect(page.get_by_test_id("risk-figures")).to_contain_text("Expected shortfall")
        page.get_by_test_id("risk-method").select_option("historical")
        expect(page.get_by_test_id("limits")).to_contain_text("max order value")
        page.get_by_test_id("limit-history").select_option("gross")
        expect(page.get_by_test_id("limit-now")).to_contain_text("not limited")
        expect(page.get_by_test_id("course-chart")).to_be_visible()
        expect(page.get_by_test_id("scenarios").first).to_contain_text("The financial crisis")
        page.get_by_test_id("shock-symbols").fill("MSFT")
        expect(page.get_by_test_id("shock-ask")).to_be_disabled()
        page.get_by_test_id("shock-symbols").fill("MSFT -20")
        page.get_by_test_id("shock-ask").click()
        expect(page.get_by_test_id("shock-profit")).to_contain_text("of equity")
        page.get_by_test_id("shock-market").fill("")
        page.get_by_test_id("shock-symbols").fill("MSFT -30")
        page.get_by_test_id("shock-name").fill("chips fall")
        page.get_by_test_id("shock-save").click()
        expect(page.get_by_test_id("shock-profit")).to_contain_text("chips fall: ")
        expect(page.get_by_test_id("factors")).to_contain_text(re.compile("size|not measured"))
        page.get_by_test_id("saved-delete").click()
        expect(page.get_by_test_id("saved-scenarios")).to_have_count(0)
    with visit(browser, demo, width=360) as page:
        sign_in(page, demo)
        for name in ("portfolio", "rebalancing", "risk", "alerts"):
            page.get_by_test_id(f"page-{name}").click()
            expect(page.get_by_test_id(f"{name}-page")).to_be_visible()
            page.wait_for_load_state("networkidle")
            assert no_sideways_scroll(page)
