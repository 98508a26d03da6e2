"""`traderbot statement` and `tax`, also while traderbot runs in the home."""

from pathlib import Path

import pytest

from cli.desk import run, traded

pytestmark = pytest.mark.integration


def test_a_statement_is_shown_and_written_while_traderbot_runs(tmp_path: Path) -> None:
    page, rows, folder = (tmp_path / name for name in ("out/january.html", "january.csv", "all"))
    with traded(tmp_path) as (_, account_id, _orders):
        shown = run(tmp_path, "statement", "2005-01")
        written = run(tmp_path, "statement", "2005-01", "--output", str(page))
        run(tmp_path, "statement", "2005-01", "--output", str(rows))
        every = run(tmp_path, "statement", "--every", "day", "--output", str(folder))
        again = run(tmp_path, "statement", "--every", "day", "--output", str(folder))
    assert shown.exit_code == 0, shown.output
    for words in ("2005-01", "cash at the end", "deposit", "MSFT"):
        assert words in shown.output
    assert "january.html written" in written.output
    assert "<h1>Statement 2005-01</h1>" in page.read_text("utf-8")
    assert rows.read_text("utf-8").startswith("time,kind,symbol")
    assert every.exit_code == 0, every.output
    pages = sorted(folder.iterdir())
    assert all(one.name.startswith(f"{account_id}-2005-01-") for one in pages)
    assert every.output.count(" written") == len(pages)
    assert "no day has ended that is not in" in again.output


def test_a_tax_year_is_shown_and_written(tmp_path: Path) -> None:
    page = tmp_path / "tax.html"
    with traded(tmp_path) as (_, account_id, _orders):
        shown = run(tmp_path, "tax", "2005")
        run(tmp_path, "tax", "2005", "--no-wash-sales", "--output", str(page))
    assert shown.exit_code == 0, shown.output
    assert str(account_id) in shown.output
    assert "the account has closes up to 2005-01" in shown.output
    assert "Wash sales are not matched." in page.read_text("utf-8")


def test_what_cannot_be_is_told(tmp_path: Path) -> None:
    with traded(tmp_path):
        pass
    for words, told in (
        (("statement",), "--every"),
        (("statement", "2005-01", "--every", "month"), "--every"),
        (("statement", "--every", "month"), "--output"),
        (("statement", "soon"), "a period such as"),
        (("statement", "2005", "--output", "x.pdf"), ".html or .csv"),
        (("tax", "2005", "--output", "x.pdf"), ".html or .csv"),
        (("tax", "2005", "--account", "x"), "--account"),
    ):
        refused = run(tmp_path, *words)
        assert refused.exit_code == 1
        assert told in refused.output
        assert "Traceback" not in refused.output
