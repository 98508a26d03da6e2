"""`traderbot accounts`, `as-of` and `export`, also while traderbot runs in the home."""

import csv
import io
from pathlib import Path

import pytest

from cli.desk import run, traded
from traderbot.infra.events.journal import read
from traderbot.trading.streams import account_stream

pytestmark = pytest.mark.integration


def test_accounts_are_listed_with_whose_they_are_while_traderbot_runs(tmp_path: Path) -> None:
    with traded(tmp_path) as (_, account_id, _orders):
        found = run(tmp_path, "accounts")
    assert found.exit_code == 0, found.output
    assert str(account_id) in found.output
    assert "demo@traderbot.local" in found.output


def test_an_account_is_shown_as_it_was(tmp_path: Path) -> None:
    with traded(tmp_path) as (platform, account_id, orders):
        with platform.database.read() as connection:
            events = read(connection, stream=account_stream(account_id))
        placed = next(e for e in events if getattr(e.event, "order_id", None) == orders[0])
    now = run(tmp_path, "as-of")
    assert now.exit_code == 0, now.output
    assert "MSFT" in now.output
    then = run(tmp_path, "as-of", "--account", str(account_id), "--position", str(placed.position))
    assert then.exit_code == 0, then.output
    assert "100000" in then.output
    assert str(orders[0]) in then.output  # it was open then
    assert str(orders[0]) not in now.output
    market = run(tmp_path, "as-of", "--market-time", "2005-01-03T20:00:00")
    assert market.exit_code == 0, market.output
    assert "MSFT" not in market.output
    for words in (
        ("--position", "1", "--recorded-at", "2005-01-03"), ("--recorded-at", "soon"), ("--account", "x"),
        ("--account", str(orders[0])),
    ):  # fmt: skip
        refused = run(tmp_path, "as-of", *words)
        assert refused.exit_code == 1
        assert "Traceback" not in refused.output


def test_gains_are_exported_as_csv(tmp_path: Path) -> None:
    with traded(tmp_path):
        pass
    printed = run(tmp_path, "export", "pnl")
    assert printed.exit_code == 0, printed.output
    (row,) = csv.DictReader(io.StringIO(printed.output))
    assert (row["symbol"], row["qty"], row["lot"]) == ("MSFT", "4", "1")
    file = tmp_path / "pnl.csv"
    assert run(tmp_path, "export", "pnl", "--output", str(file)).exit_code == 0
    assert file.read_bytes().decode().splitlines() == printed.output.splitlines()
    none = run(tmp_path, "export", "pnl", "--until", "2005-01-03")
    assert len(none.output.splitlines()) == 1


def test_a_home_without_a_database_is_told(tmp_path: Path) -> None:
    for words in (("accounts",), ("orders", "list"), ("as-of",), ("export", "pnl")):
        found = run(tmp_path / "typo", *words)
        assert (found.exit_code, "no database at" in found.output) == (1, True)
    assert not (tmp_path / "typo").exists()
