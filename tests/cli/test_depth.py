"""`traderbot depth` as a person runs it."""

import gzip
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from traderbot.cli.main import app

pytestmark = pytest.mark.integration


def recording(path: Path) -> Path:
    bids, asks = [["99", "5"]], [["101", "5"], ["102", "7"]]
    messages = [
        {"lastUpdateId": 10, "bids": bids, "asks": asks, "T": 1_000},
        {"data": {"e": "depthUpdate", "s": "XYZ", "T": 1_100, "U": 9, "u": 11, "pu": 8, "b": [], "a": []}},
        {"data": {"e": "depthUpdate", "s": "XYZ", "T": 1_300, "U": 12, "u": 12, "pu": 11, "b": [], "a": []}},
    ]
    with gzip.open(path, "wb") as file:
        for message in messages:
            file.write(b"1 " + msgspec.json.encode(message) + b"\n")
    return path


def run(tmp_path: Path, *args: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["depth", *args, "--home", str(tmp_path / "home")])
    return result.exit_code, result.output


def test_an_order_is_filled_level_by_level_and_its_price_compared(tmp_path: Path) -> None:
    file = recording(tmp_path / "book.gz")
    code, told = run(tmp_path, str(file), "--side", "buy", "--qty", "0.4")
    assert code == 0, told
    assert "filled 0.4 of 0.4" in told
    assert "middle was 100" in told


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["--side", "buy", "--qty", "0"], "qty"),
        (["--side", "buy", "--qty", "1", "--limit", "x"], "limit"),
        (["--side", "buy", "--qty", "1", "--after", "9"], "after"),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, args: list[str], named: str) -> None:
    code, told = run(tmp_path, str(recording(tmp_path / "book.gz")), *args)
    assert code != 0
    assert named in told


def test_a_file_that_is_none(tmp_path: Path) -> None:
    text = tmp_path / "text.gz"
    text.write_text("no gzip")
    for path in (text, tmp_path / "absent.gz"):
        code, told = run(tmp_path, str(path), "--side", "buy", "--qty", "1")
        assert code != 0
        assert "expected" in told
        assert "Traceback" not in told
