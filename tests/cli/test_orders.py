"""`traderbot orders`: list and show, while traderbot runs in the home."""

from pathlib import Path

import pytest

from cli.desk import run, traded

pytestmark = pytest.mark.integration


def test_orders_are_listed_and_shown(tmp_path: Path) -> None:
    with traded(tmp_path) as (_, account_id, (bought, sold)):
        listed = run(tmp_path, "orders", "list", "--account", str(account_id))
        assert listed.exit_code == 0, listed.output
        assert listed.output.index(str(sold)) < listed.output.index(str(bought))
        assert str(sold) not in run(tmp_path, "orders", "list", "--limit", "0").output
        assert str(sold) not in run(tmp_path, "orders", "list", "--status", "open").output
        assert str(sold) not in run(tmp_path, "orders", "list", "--symbol", "IBM").output
        shown = run(tmp_path, "orders", "show", str(bought))
        assert shown.exit_code == 0, shown.output
        for word in ("OrderPlaced", "OrderFilled", "filled_avg_price", "MSFT"):
            assert word in shown.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("show", "nothing"), "No such order"),
        (("list", "--status", "weird"), "status"),
        (("list", "--symbol", "msft"), "--symbol"),
        (("list", "--account", "00000000-0000-0000-0000-000000000001"), "No such account"),
    ],
)
def test_what_is_not_there_is_told(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    with traded(tmp_path):
        found = run(tmp_path, "orders", *words)
    assert (found.exit_code, told in found.output) == (1, True)
