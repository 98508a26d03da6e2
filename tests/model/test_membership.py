from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from traderbot.backtests.runner import run
from traderbot.model.bars import Bar
from traderbot.model.errors import InvalidValue
from traderbot.model.membership import Spell, membership_of
from traderbot.model.symbols import Symbol
from traderbot.strategies.base import Context, Strategy
from traderbot.strategies.cross_sectional_momentum import CrossSectionalMomentum
from traderbot.strategies.equal_weight import EqualWeight
from traderbot.strategies.signals import frame_of

pytestmark = pytest.mark.domain
A, B, C = Symbol("A"), Symbol("B"), Symbol("C")
FOUND = membership_of(
    [Spell(B, date(2015, 3, 23)), Spell(A, date(2000, 1, 3), date(2010, 1, 4)), Spell(A, date(2012, 1, 3))]
)


def at(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * 1_000_000  # type: ignore[misc]


@pytest.mark.parametrize(
    ("day", "members"),
    [
        (date(1999, 12, 31), set()),
        (date(2000, 1, 3), {A}),
        (date(2010, 1, 3), {A}),
        (date(2010, 1, 4), set()),
        (date(2012, 1, 3), {A}),
        (date(2015, 3, 22), {A}),
        (date(2015, 3, 23), {A, B}),
    ],
)
def test_a_member_belongs_from_its_first_day_up_to_the_one_it_is_out(day: date, members: set[Symbol]) -> None:
    assert FOUND.members(day) == members
    assert FOUND.members_at(at(day.year, day.month, day.day, 21)) == members


def test_midnight_belongs_to_the_day_before() -> None:
    assert FOUND.members_at(at(2015, 3, 23)) == {A}
    assert FOUND.members_at(at(2015, 3, 23) + 1) == {A, B}


def test_the_mask_is_the_members_of_every_time() -> None:
    days = [(1999, 1, 4, 21), (2009, 1, 5, 21), (2010, 1, 4, 21), (2015, 3, 23), (2016, 1, 4, 21)]
    times = np.array([at(*day) for day in days])
    mask = FOUND.mask((C, B, A), times)
    for row, time in zip(mask, times.tolist(), strict=True):
        members = FOUND.members_at(time)
        assert row.tolist() == [name in members for name in (C, B, A)]


def test_nonsense_is_refused() -> None:
    with pytest.raises(InvalidValue, match="at least one"):
        membership_of([])
    with pytest.raises(InvalidValue, match="end_date"):
        Spell(A, date(2010, 1, 4), date(2010, 1, 4))
    with pytest.raises(InvalidValue, match="spells of A that do not overlap"):
        membership_of([Spell(A, date(2010, 1, 4)), Spell(A, date(2011, 1, 4))])


def test_only_members_are_proposed_and_who_leaves_is_sold() -> None:
    """Of three that trade all the time, B joins in the second half of the time and A leaves then."""
    names = tuple(Symbol(name) for name in "ABC")
    times = np.arange(1, 241) * 86_400_000_000
    turn = date(1970, 1, 1) + timedelta(days=120)
    start = date(1960, 1, 4)
    membership = membership_of([Spell(names[0], start, turn), Spell(names[1], turn), Spell(names[2], start)])
    rise = 1 + np.arange(240) / 1000
    bars = [Bar(name, times, *([rise * number] * 5)) for number, name in enumerate(names, 1)]
    momentum = CrossSectionalMomentum(lookback=10, skip=2, share=0.5, every="bar")
    for strategy in (EqualWeight(every="bar"), momentum):
        seen = strategy.targets(frame_of(bars, None, membership))
        assert np.nansum(seen[:120, 1]) == 0, strategy.name
        assert seen[119, 0] > 0, strategy.name
        assert np.nansum(seen[121:, 0]) == 0, strategy.name
        assert seen[121, 0] == 0, strategy.name
        result = run(strategy, bars, membership=membership)
        assert result.account.quantity(names[0]) == 0
        first = {name: next((fill.at for fill in result.fills if fill.symbol == name), 0) for name in names}
        assert first[names[1]] == 0 or first[names[1]] >= times[119], strategy.name


class Asks(Strategy):
    name = "asks"

    def on_start(self, ctx: Context) -> None:
        self.seen: list[frozenset[Symbol]] = []

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        self.seen.append(ctx.members())


def test_a_strategy_can_ask_who_belongs_to_the_index_today() -> None:
    name, other = Symbol("A"), Symbol("B")
    close = np.array([10.0, 10.0])
    bar = Bar(name, np.array([1, 2]) * 86_400_000_000, close, close, close, close, close)
    membership = membership_of(
        [Spell(name, date(1960, 1, 4), date(1970, 1, 2)), Spell(other, date(1970, 1, 2))]
    )
    asks = Asks()
    run(asks, [bar], membership=membership)
    assert asks.seen == [{name}, {other}]
    run(asks, [bar])
    assert asks.seen == [{name}, {name}], "without a table all instruments of the run belong to it"
