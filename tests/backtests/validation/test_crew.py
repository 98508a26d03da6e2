import msgspec
import pytest

from backtests.validation import made as data
from traderbot.backtests.validation import crew as crews
from traderbot.backtests.validation.crew import ALONE, Together, crew_of
from traderbot.backtests.validation.procedure import QUICK, validate
from traderbot.backtests.validation.record import About, encoded
from traderbot.backtests.validation.subject import Maker, Subject, returns_with
from traderbot.model.errors import InvalidValue
from traderbot.strategies.catalogue import CATALOGUE

pytestmark = pytest.mark.domain

ABOUT = About("made", "0" * 64, {}, "made", "0" * 64)


def of(name: str, **chosen: object) -> Subject:
    """A shipped strategy, which other processes know."""
    kind = CATALOGUE[name]
    made = data.subject(
        kind,
        data.bars_of(data.waves(400, 3)),
        chosen={**kind(**chosen).values()},
        grid={"fast": [2, 3, 4], "slow": [8, 12]},
        warm_up=kind(**chosen).warm_up,
    )
    return msgspec.structs.replace(made, make=Maker(kind))


def test_processes_come_to_the_same_verdict_to_the_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    made, seen = of("moving-average", fast=3, slow=8), []
    expected = encoded(validate(made, ABOUT, QUICK))
    monkeypatch.setattr(crews, "_WORTH_S", -1.0)  # as if a run took long
    each = Together.each
    monkeypatch.setattr(Together, "each", lambda *given: seen.append(given[2]) or each(*given))
    assert encoded(validate(made, ABOUT, QUICK, jobs=2)) == expected
    assert len(seen) == 6  # each kind of work was theirs


def test_what_is_quick_or_known_here_only_stays_here(monkeypatch: pytest.MonkeyPatch) -> None:
    with crew_of(of("moving-average-signal", fast=3, slow=8), 2) as crew:
        assert crew is ALONE
    monkeypatch.setattr(crews, "_WORTH_S", -1.0)
    with crew_of(data.subject(data.Trend, data.bars_of(data.walk(60, 1))), 2) as crew:
        assert crew is ALONE  # made by a function of the test


def test_what_a_process_refuses_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crews, "_WORTH_S", -1.0)
    made = of("moving-average", fast=3, slow=8)
    with crew_of(made, 1) as alone, crew_of(made, 2) as crew:
        for each in (alone, crew):
            found = each.each(made, returns_with, [(made.chosen,), ({"fast": 9, "slow": 8},)])
            assert len(next(found)) == len(made.rows)
            with pytest.raises(InvalidValue) as refused:
                next(found)
            assert refused.value.field == "fast"


@pytest.mark.parametrize("jobs", [0, -1, 257])
def test_jobs_are_counted(jobs: int) -> None:
    with pytest.raises(InvalidValue, match="jobs"), crew_of(of("moving-average", fast=3, slow=8), jobs):
        pass
