import re

import msgspec
import pytest

from backtests.validation.made import Peeking, Trend, bars_of, subject, walk, waves
from traderbot.backtests.validation.page import page
from traderbot.backtests.validation.procedure import QUICK, validate
from traderbot.backtests.validation.record import about

pytestmark = pytest.mark.domain


def test_the_page_has_all_of_it_and_fetches_nothing() -> None:
    made = subject(Trend, bars_of(waves(400, 3)), chosen={"length": 6}, grid={"length": [4, 6, 8]}, warm_up=8)
    record = validate(made, about(Trend(), {"length": 6}, "<made>", "1" * 64), QUICK)
    html = page(record)
    assert html.startswith("<!doctype html>")
    for check in record.verdict.checks:
        assert check.name in html
    assert html.count('id="figure-') == 4
    assert "&lt;made&gt;" in html
    assert "<made>" not in html
    assert not re.search(r'<(script|link|img)[^>]+(src|href)="http', html)
    assert "10 times the money" in html


def test_the_page_of_a_cheat_names_the_bar_and_has_no_figures() -> None:
    record = validate(subject(Peeking, bars_of(walk(200, 1))), about(Peeking(), {}), QUICK)
    html = page(msgspec.structs.replace(record))
    assert "Reject: looks ahead" in html
    assert "at the bar of 2000-" in html
    assert 'id="figure-0"' not in html
