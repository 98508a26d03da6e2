import msgspec
import pytest

from backtests.validation.made import Trend, bars_of, subject, waves
from traderbot.backtests.validation.figures import figures
from traderbot.backtests.validation.procedure import QUICK, validate
from traderbot.backtests.validation.record import Record, about
from traderbot.backtests.validation.stability import Point

pytestmark = pytest.mark.domain


@pytest.fixture(scope="module")
def record() -> Record:
    made = subject(Trend, bars_of(waves(300, 3)), chosen={"length": 6}, grid={"length": [4, 6, 8]}, warm_up=8)
    return validate(made, about(Trend(), {"length": 6}), QUICK)


def _map(parts: list[str]) -> str:
    return next(part for part in parts if "Map of the parameters" in part)


def test_every_figure_has_its_heading_and_the_embargo_is_told(record: Record) -> None:
    parts = figures(record)
    headings = ("What 1 became", "All trials", "Map of the parameters", "Cross-validation")
    assert [part[4 : part.index("</h2>")] for part in parts] == list(headings)
    assert record.embargo == 8
    assert "embargo 8 rows" in parts[-1]
    assert '"scatter"' in _map(parts)  # of one parameter


def test_the_map_of_two_parameters_is_by_their_size_with_gaps_where_nothing_was_tried(record: Record) -> None:
    tried = [("10", "50", 0.5), ("9", "50", 0.25), ("10", "100", -0.5), ("10", "100", -0.25)]
    points = [Point({"fast": fast, "slow": slow, "kind": "x"}, found) for fast, slow, found in tried]
    found = _map(figures(msgspec.structs.replace(record, points=points)))
    assert '"x":["9","10"],"y":["50","100"],"z":[[0.25,0.5],[null,-0.375]]' in found


def test_where_nothing_varies_there_is_no_map(record: Record) -> None:
    parts = figures(msgspec.structs.replace(record, points=[Point({}, 0.1)]))
    assert len(parts) == 3
