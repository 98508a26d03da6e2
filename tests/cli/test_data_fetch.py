"""`traderbot data fetch`: from a vendor's API to a stored data set, and no key in what is printed."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from market.readers.vendors import Asked, Said, serving
from traderbot.cli.main import app
from traderbot.market.datasets import load

pytestmark = pytest.mark.integration
DAY = 86_400_000
KEYS = {"APCA_API_KEY_ID": "key-of-mine", "APCA_API_SECRET_KEY": "secret-of-mine"}


def run(home: Path, *words: str, keys: dict[str, str] | None = None) -> Any:
    env = {"COLUMNS": "200", "APCA_API_KEY_ID": "", "APCA_API_SECRET_KEY": "", **(keys or {})}
    return CliRunner().invoke(app, ["data", "fetch", *words, "--home", str(home)], env=env)


def klines(asked: Asked) -> Said:
    start, end = int(asked.query["startTime"]), int(asked.query["endTime"])
    moments = range(-(-start // DAY) * DAY, end + 1, DAY)
    return Said([[at, "10", "11", "9", "10.5", "3", at + DAY - 1] for at in moments])


def alpaca(asked: Asked) -> Said:
    if asked.path == "/v1/corporate-actions":
        paid = {"symbol": "AAPL", "ex_date": "2024-01-03", "rate": 0.24}
        return Said({"corporate_actions": {"cash_dividends": [paid]}, "next_page_token": None})
    if asked.headers["apca-api-secret-key"] != KEYS["APCA_API_SECRET_KEY"]:
        return Said({"message": "forbidden."}, 403)
    days = [f"2024-01-0{day}T05:00:00Z" for day in (2, 3, 4)]
    bars = [{"t": day, "o": 10, "h": 11, "l": 9, "c": 10.5, "v": 100} for day in days]
    return Said({"bars": {"AAPL": bars}, "next_page_token": None})


def test_bars_of_an_exchange_are_stored_under_its_calendar(tmp_path: Path) -> None:
    days = ("--start", "2024-03-09", "--end", "2024-03-11")
    with serving(klines) as vendor:
        found = run(tmp_path, "binance", "BTCUSDT", *days, "--url", vendor.url)
        again = run(tmp_path, "binance", "BTCUSDT", *days, "--url", vendor.url)
    assert found.exit_code == 0, found.output
    assert "stored as binance-1d in" in found.output
    stored = load(tmp_path / "data" / "binance-1d")
    assert (stored.calendar, len(stored.bars_of("BTCUSDT"))) == ("24/7", 3)
    assert again.exit_code == 1
    assert "no data set has yet" in again.output


def test_alpaca_is_asked_with_the_keys_of_the_environment(tmp_path: Path) -> None:
    words = ("alpaca", "AAPL", "--start", "2024-01-02", "--end", "2024-01-04", "--name", "mine")
    with serving(alpaca) as vendor:
        none = run(tmp_path, *words, "--url", vendor.url)
        wrong = run(tmp_path, *words, "--url", vendor.url, keys={**KEYS, "APCA_API_SECRET_KEY": "other-one"})
        right = run(tmp_path, *words, "--url", vendor.url, keys=KEYS)
    assert (none.exit_code, wrong.exit_code, right.exit_code) == (1, 1, 0)
    assert "APCA_API_KEY_ID" in none.output
    assert "answered 403" in wrong.output
    assert not [word for word in ("of-mine", "other-one") if word in wrong.output + right.output]
    stored = load(tmp_path / "data" / "mine")
    assert len(stored.bars_of("AAPL")) == 3
    assert [str(action.amount) for action in stored.actions] == ["0.24"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["yahoo", "aapl", "--start", "2024-01-02"], "symbols: expected a ticker"),
        (["yahoo", "AAPL", "--start", "2024-01-02", "--end", "2024-01-01"], "start, end"),
        (["yahoo", "AAPL", "--start", "2024-01-02", "--calendar", "NOPE"], "calendar"),
        (["yahoo", "AAPL", "--start", "2024-01-02", "--url", "nowhere"], "url"),
        (["ccxt", "BTC-USDT", "--start", "2024-01-02"], "ccxt"),
        (["nobody", "AAPL", "--start", "2024-01-02"], "nobody"),
    ],
)
def test_what_cannot_be_asked_is_told(tmp_path: Path, words: list[str], told: str) -> None:
    found = run(tmp_path, *words)
    assert found.exit_code != 0
    assert told in found.output
