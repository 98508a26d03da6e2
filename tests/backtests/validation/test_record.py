from pathlib import Path

import msgspec
import pytest

from backtests.validation.made import Trend, bars_of, subject, waves
from traderbot.backtests.validation.procedure import QUICK, validate
from traderbot.backtests.validation.record import (
    FILE,
    Record,
    about,
    decoded,
    encoded,
    load,
    require,
    save,
)
from traderbot.backtests.validation.verdict import Standing, verdict
from traderbot.model.errors import Conflict, InvalidValue, NotFound
from traderbot.strategies.ai_forecast import AiForecast
from traderbot.strategies.loading import source_hash

pytestmark = pytest.mark.domain


@pytest.fixture(scope="module")
def record() -> Record:
    lengths = {"length": [4, 6, 8]}
    made = subject(Trend, bars_of(waves(1000, 3)), chosen={"length": 6}, grid=lengths, warm_up=8)
    return validate(made, about(Trend(length=6), {"length": 6}, "made", "1" * 64), QUICK)


def test_a_record_comes_back_from_its_file(record: Record, tmp_path: Path) -> None:
    path = save(record, tmp_path / "new" / "folder")
    assert path.name == FILE
    assert encoded(load(path)) == path.read_bytes() == encoded(record)


def test_files_that_are_no_record_are_refused(record: Record, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="traderbot backtest validate"):
        load(tmp_path / FILE)
    with pytest.raises(InvalidValue, match="validation"):
        decoded(b"{}")
    with pytest.raises(InvalidValue, match="format"):
        decoded(encoded(msgspec.structs.replace(record, format=9)))


def test_a_verdict_that_its_evidence_does_not_give_is_refused(record: Record) -> None:
    """Somebody who writes "promote" into the file has to invent the evidence as well."""
    better = msgspec.structs.replace(record.verdict, standing=Standing.PROMOTE, words="Promote.")
    with pytest.raises(InvalidValue, match="verdict"):
        decoded(encoded(msgspec.structs.replace(record, verdict=better)))


def test_promotion_asks_for_the_same_source_parameters_and_a_good_standing(record: Record) -> None:
    evidence = msgspec.structs.replace(record.evidence, capacity=1)
    watched = msgspec.structs.replace(record, evidence=evidence, verdict=verdict(evidence))
    assert watched.verdict.standing is Standing.WATCH
    require(watched, record.about, Standing.WATCH)
    with pytest.raises(Conflict, match="watch: Watch: capacity"):
        require(watched, record.about)
    with pytest.raises(Conflict, match="another parameters"):
        require(watched, about(Trend(length=7), {"length": 7}), Standing.WATCH)
    with pytest.raises(Conflict, match="another source"):
        require(watched, msgspec.structs.replace(record.about, source="0" * 64), Standing.WATCH)
    with pytest.raises(Conflict, match="another strategy"):
        require(watched, msgspec.structs.replace(record.about, strategy="other"), Standing.WATCH)
    require(watched, msgspec.structs.replace(record.about, data="newer"), Standing.WATCH)


def test_the_source_is_the_file_the_class_is_in() -> None:
    assert source_hash(Trend) == about(Trend(), {}).source
    assert source_hash(Trend) != source_hash(AiForecast)
    assert len(source_hash(type("Written", (), {"__module__": "nowhere"}))) == 64
