from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from traderbot.market import datasets
from traderbot.market.bars import Bars, TimeFrame, make_bars
from traderbot.market.calendars import Sessions
from traderbot.market.datasets import (
    DamagedDataset,
    Dataset,
    Instrument,
    list_datasets,
    load,
    make_dataset,
    save,
)
from traderbot.model.errors import Conflict, InvalidValue, NotFound
from traderbot.model.membership import Spell, membership_of
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.integration
AAA = Symbol("AAA")
FILES = ("bars.parquet", "actions.parquet", "sessions.parquet", "dataset.json")


@pytest.fixture
def stored(dataset: Dataset, tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "small"
    save(dataset, folder)
    return folder


def test_what_is_stored_comes_back(dataset: Dataset, stored: Path) -> None:
    found = load(stored)
    assert found.sha256 == dataset.sha256
    assert len(found.sha256) == 64
    assert found.actions == dataset.actions
    assert found.instruments == dataset.instruments
    assert (found.name, found.calendar, found.timeframe) == ("small", "XNYS", TimeFrame.DAY)
    assert (found.source, found.licence, found.notes) == ("made up", "none", ("for tests",))
    assert list(found.bars) == ["AAA", "BBB"]
    for symbol, bars in dataset.bars.items():
        for column in ("times", "open", "high", "low", "close", "volume"):
            mine, theirs = getattr(bars, column), getattr(found.bars[symbol], column)
            assert mine.dtype == theirs.dtype
            assert np.array_equal(mine, theirs)
            assert not theirs.flags.writeable
    assert np.array_equal(found.sessions.closes, dataset.sessions.closes)
    assert (found.first_time, found.last_time) == (dataset.first_time, dataset.last_time)


prices = st.floats(1e-9, 9.2e9, allow_nan=False)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(prices, min_size=1, max_size=20), st.floats(0, 9.2e9))
def test_every_float_survives(
    january: Sessions, tmp_path_factory: pytest.TempPathFactory, closes: list[float], volume: float
) -> None:
    bars = make_bars(
        AAA, january.closes[: len(closes)], closes, closes, closes, closes, [volume] * len(closes)
    )
    made = make_dataset(
        "one",
        "XNYS",
        TimeFrame.DAY,
        [Instrument(AAA, "Ay", "XNYS")],
        {AAA: bars},
        (),
        january,
        source="",
        licence="",
    )
    folder = tmp_path_factory.mktemp("home") / "one"
    save(made, folder)
    assert load(folder).bars[AAA].close.tolist() == closes
    assert load(folder).sha256 == made.sha256


def test_order_of_the_parts_does_not_change_the_hash(dataset: Dataset) -> None:
    again = make_dataset(
        dataset.name,
        dataset.calendar,
        dataset.timeframe,
        reversed(dataset.instruments),
        dict(reversed(dataset.bars.items())),
        reversed(dataset.actions),
        dataset.sessions,
        source=dataset.source,
        licence=dataset.licence,
        notes=dataset.notes,
    )
    assert again.sha256 == dataset.sha256


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(FILES[:3]), st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_no_changed_byte_is_accepted(stored: Path, file: str, place: float, flip: int) -> None:
    path = stored / file
    before = path.read_bytes()
    changed = bytearray(before)
    changed[int(place * len(before))] ^= flip
    path.write_bytes(changed)
    try:
        with pytest.raises(DamagedDataset, match=file):
            load(stored)
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"XNYS"', '"XLON"'),
        ("made up", "made off"),
        ('"bars": 35', '"bars": 36'),
        ('"first": "2005-01-03"', '"first": "2005-01-04"'),
        ('"Bee"', '"Bea"'),
        ('"format": 1', '"format": 2'),
        ("{", ""),
    ],
)
def test_no_changed_header_is_accepted(stored: Path, old: str, new: str) -> None:
    path = stored / "dataset.json"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DamagedDataset, match=str(stored)):
        load(stored)


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_named(stored: Path, file: str) -> None:
    (stored / file).unlink()
    with pytest.raises(DamagedDataset, match=file):
        load(stored)


def test_a_price_changed_together_with_its_files_hash_is_still_found(stored: Path) -> None:
    path = stored / "bars.parquet"
    pl.read_parquet(path).with_columns(pl.col("close") + 0.01).write_parquet(path)
    header = msgspec.json.decode((stored / "dataset.json").read_bytes())
    header["files"]["bars.parquet"] = datasets._file_hash(path)
    (stored / "dataset.json").write_bytes(msgspec.json.encode(header))
    with pytest.raises(DamagedDataset, match="does not match its hash"):
        load(stored)


def test_a_stored_data_set_is_never_overwritten(dataset: Dataset, stored: Path) -> None:
    with pytest.raises(Conflict, match="exists already"):
        save(dataset, stored)
    assert load(stored).sha256 == dataset.sha256


def test_a_failure_leaves_nothing_behind(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(datasets, "_flush", full)
    with pytest.raises(OSError, match="No space"):
        save(dataset, tmp_path / "data" / "small")
    assert list((tmp_path / "data").iterdir()) == []


def test_the_second_of_two_writers_is_told(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "small"
    real = datasets._flush

    def overtaken(path: Path) -> None:
        if not folder.exists():
            monkeypatch.setattr(datasets, "_flush", real)
            save(dataset, folder)
        real(path)

    monkeypatch.setattr(datasets, "_flush", overtaken)
    with pytest.raises(Conflict, match="somebody else"):
        save(dataset, folder)
    assert load(folder).sha256 == dataset.sha256
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


def test_files_beside(dataset: Dataset, tmp_path: Path) -> None:
    save(dataset, tmp_path / "small", {"quarantine.csv": b"row,reason\n"})
    assert (tmp_path / "small" / "quarantine.csv").read_bytes() == b"row,reason\n"
    assert load(tmp_path / "small").sha256 == dataset.sha256


def test_list(dataset: Dataset, stored: Path) -> None:
    home = stored.parent.parent
    (home / "data" / "junk").mkdir()
    (home / "data" / "junk" / "dataset.json").write_text("{")
    (home / "data" / ".half.xyz").mkdir()
    (summary,) = list_datasets(home)
    assert (summary.name, summary.instruments, summary.bars) == ("small", 2, 35)
    assert (summary.first, summary.last) == (date(2005, 1, 3), date(2005, 1, 31))
    assert summary.sha256 == dataset.sha256
    assert list_datasets(home / "nowhere") == []


def test_unknown_things_are_not_found(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        load(tmp_path / "none")
    with pytest.raises(NotFound, match="ZZZ"):
        dataset.bars_of("ZZZ")


@pytest.mark.parametrize("name", ["", "..", "a/b", "Demo", "x" * 65, "-a", ".a", "a\n"])
def test_names_that_are_no_folders_are_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match="name"):
        datasets.dataset_name(name)


def test_instruments_and_bars_belong_together(
    dataset: Dataset, january: Sessions, rising: Callable[[Symbol, Sessions], Bars]
) -> None:
    def make(instruments: list[Instrument], bars: dict[Symbol, Bars], sessions: Sessions) -> Dataset:
        return make_dataset(
            "x", "XNYS", TimeFrame.DAY, instruments, bars, (), sessions, source="", licence=""
        )

    one = Instrument(AAA, "Ay", "XNYS")
    bars = rising(AAA, january)
    with pytest.raises(InvalidValue, match="instruments"):
        make([], {}, january)
    with pytest.raises(InvalidValue, match="instruments"):
        make([one, one], {AAA: bars}, january)
    with pytest.raises(InvalidValue, match="bars"):
        make([one], {AAA: bars.tail(0)}, january)
    with pytest.raises(InvalidValue, match="bars"):
        make([one], {AAA: dataset.bars[Symbol("BBB")]}, january)
    with pytest.raises(InvalidValue, match="sessions"):
        make([one], {AAA: bars}, january.between(date(2005, 1, 5), date(2005, 1, 31)))


def test_some_instruments_are_read_without_the_others(dataset: Dataset, stored: Path) -> None:
    found = load(stored, ["BBB"])
    assert list(found.bars) == ["BBB"]
    assert [one.symbol for one in found.instruments] == ["BBB"]
    assert np.array_equal(found.bars["BBB"].close, dataset.bars["BBB"].close)  # type: ignore[index]
    assert found.actions == ()
    assert found.sha256 == dataset.sha256
    assert load(stored, ["AAA"]).actions == dataset.actions


@pytest.mark.parametrize("wrong", [["NONE"], [], "AAA"])
def test_instruments_that_are_not_there_are_told(stored: Path, wrong: list[str]) -> None:
    with pytest.raises((NotFound, InvalidValue)):
        load(stored, wrong)


def test_bars_that_changed_are_found_in_what_is_read(dataset: Dataset, stored: Path) -> None:
    path = stored / "bars.parquet"
    changed = pl.col("close") + pl.when(pl.col("symbol") == "BBB").then(0.5).otherwise(0.0)
    pl.read_parquet(path).with_columns(changed).write_parquet(path)
    assert len(load(stored, ["AAA"]).bars) == 1
    with pytest.raises(DamagedDataset):
        load(stored, ["BBB"])
    with pytest.raises(DamagedDataset):
        load(stored)


def test_a_few_of_many_instruments_are_read_in_a_few_groups_of_rows(dataset: Dataset, tmp_path: Path) -> None:
    """Bytes read, as the kernel counts them, of two of 300 instruments with 1,000 bars each."""
    sessions = dataset.sessions
    times = sessions.closes[0] + 60_000_000 * np.arange(1000)
    names = [Symbol(f"S{number:03}") for number in range(300)]
    noise = 100 + np.random.default_rng(7).random((300, 1000))
    bars = {
        name: make_bars(name, times, row, row + 1, row - 1, row, row)
        for name, row in zip(names, noise, strict=True)
    }
    many = make_dataset(
        "many",
        "XNYS",
        TimeFrame.MINUTE,
        [Instrument(name, name, "XNYS") for name in names],
        bars,
        (),
        sessions,
        source="made up",
        licence="none",
    )
    save(many, tmp_path / "many")
    size = (tmp_path / "many" / "bars.parquet").stat().st_size
    before = _bytes_read()
    found = load(tmp_path / "many", ["S007", "S205"])
    assert _bytes_read() - before < size / 5
    assert np.array_equal(found.bars[names[205]].close, noise[205])


def _bytes_read() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("rchar"))


def test_who_belonged_to_the_index_is_kept_and_counts_in_the_hash(dataset: Dataset, tmp_path: Path) -> None:
    spells = [Spell(AAA, date(2005, 1, 3), date(2005, 1, 12)), Spell(Symbol("ZZZ"), date(2000, 1, 3))]
    membership = membership_of(spells)
    told = make_dataset(
        "small",
        "XNYS",
        TimeFrame.DAY,
        dataset.instruments,
        dataset.bars,
        dataset.actions,
        dataset.sessions,
        source="made up",
        licence="none",
        notes=["for tests"],
        membership=membership,
    )
    assert told.sha256 != dataset.sha256
    save(told, tmp_path / "told")
    assert load(tmp_path / "told").membership == membership
    assert load(tmp_path / "told", ["AAA"]).membership == membership
    (tmp_path / "told" / "membership.parquet").write_bytes(b"something else")
    with pytest.raises(DamagedDataset, match="membership"):
        load(tmp_path / "told")
