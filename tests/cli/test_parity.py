"""`traderbot parity`: the same trades, a difference with its cause, JSON, a page, and what is refused."""

import json
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner

from replay.floor import demo_login, floor, play
from traderbot.cli.main import app
from traderbot.infra.ids import new_id
from traderbot.model.commands import PlaceOrder
from traderbot.model.orders import OrderType, Side, TimeInForce
from traderbot.model.symbols import Symbol
from traderbot.trading.assignments import Assigned
from traderbot.trading.work import Work

pytestmark = pytest.mark.integration


def said(home: Path, *arguments: str) -> tuple[int, str]:
    words = ["parity", *arguments, "--home", str(home)]
    result = CliRunner().invoke(app, words, env={"COLUMNS": "250"})
    return result.exit_code, result.output + (result.stderr if result.stderr_bytes else "")


def traded(home: Path, *, by_hand: bool) -> UUID:
    with floor(home) as platform:
        _, account_id = demo_login(platform)
        values = {"fast": "5", "slow": "20"}
        platform.trade_by(Assigned(account_id, "moving-average", "moving-average", values))
        play(platform, 40)
        if by_hand:
            order = PlaceOrder(
                new_id(),
                Symbol("MSFT"),
                Side.BUY,
                Decimal(3),
                OrderType.MARKET,
                TimeInForce.DAY,  # type: ignore[arg-type]
            )
            platform.path.submit(Work([(account_id, order)]))
        play(platform, 40)
    return UUID(str(account_id))


def test_the_same_trades_are_said_and_end_well(tmp_path: Path) -> None:
    account_id = traded(tmp_path, by_hand=False)
    code, output = said(tmp_path)
    assert code == 0, output
    assert output.startswith("Parity: the session made the trades of the backtest")
    assert "moving-average fast=5 qty=100 slow=20" in output or "fast=5" in output
    code, output = said(tmp_path, str(account_id), "--from", "2005-02-01", "--to", "2005-03-31", "--json")
    told = json.loads(output)
    assert (code, told["same"], told["account"]) == (0, True, str(account_id))
    assert told["last"] < 1_112_400_000_000_000, "no later than the day that was asked for"
    assert set(map(Decimal, told["causes"].values())) == {Decimal("0.00")}


def test_a_difference_is_told_on_a_page_and_by_the_status(tmp_path: Path) -> None:
    traded(tmp_path / "home", by_hand=True)
    page = tmp_path / "parity.html"
    code, output = said(tmp_path / "home", "--html", str(page))
    assert code == 3, output
    assert "No parity" in output
    assert "manual orders" in output
    assert "ordered by others" in output
    text = page.read_text()
    assert "manual orders" in text
    assert "http" not in text.replace("http-equiv", "")
    code, output = said(
        tmp_path / "home", "--source", "moving-average", "--param", "fast=4", "--param", "slow=20"
    )
    assert (code, "signal" in output) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--from", "yesterday"], "--from: expected a date or time"),
        (["--to", "2004-01-02"], "two steps or more in which moving-average traded"),
        (["--param", "fast=5"], "--param: expected a --source"),
        (["--html", "page.txt"], "a file that ends in .html"),
        (["--strategy", "breakout"], "no strategy breakout has traded"),
        (["00000000-0000-0000-0000-000000000000"], "No such account."),
        (["--source", "nowhere"], "strategy: expected one of"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(home: Path, arguments: list[str], words: str) -> None:
    code, output = said(home, *arguments)
    assert code == 1
    assert words in output
    assert "Traceback" not in output


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    traded(home, by_hand=False)
    return home
