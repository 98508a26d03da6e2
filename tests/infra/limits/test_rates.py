"""Rate limits in memory."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager

import pytest

from infra.rates_contract import POLICIES, START, RatesContract, Stand
from traderbot.infra.limits.rates import SECOND, Ask, Decision, Limiter, MemoryRates, Policy, admitted, policy
from traderbot.model.errors import InvalidValue

pytestmark = pytest.mark.unit


class _Memory(Stand):
    def __init__(self) -> None:
        self.now = START
        self.rates = MemoryRates(lambda: self.now)

    def set_clock(self, now: int) -> None:
        self.now = now

    def take(self, asks: Sequence[Ask], cost: int = 1) -> list[Decision]:
        return self.rates.take(asks, cost)

    def peek(self, asks: Sequence[Ask]) -> list[Decision]:
        return self.rates.peek(asks)

    def give_back(self, asks: Sequence[Ask], cost: int = 1) -> None:
        self.rates.give_back(asks, cost)

    def reset(self, asks: Sequence[Ask]) -> None:
        self.rates.reset(asks)

    def take_at_once(self, asks: Sequence[Ask], takers: int) -> list[bool]:
        with ThreadPoolExecutor(8) as threads:
            return list(threads.map(lambda _: admitted(self.rates.take(asks)), range(takers)))


class TestMemoryRates(RatesContract):
    @pytest.fixture
    def make(self) -> Callable[[], AbstractContextManager[Stand]]:
        @contextmanager
        def opened() -> Iterator[Stand]:
            yield _Memory()

        return opened


def test_a_limiter_tells_what_remains() -> None:
    limiter = Limiter(policy("general", "100/minute"))
    assert limiter.remaining("user:123") == 100
    decision = limiter.take("user:123", cost=40)
    assert (decision.allowed, decision.limit, decision.remaining) == (True, 100, 60)
    assert limiter.remaining("user:123") == 60
    assert limiter.remaining("user:124") == 100
    refused = limiter.take("user:123", cost=61)
    assert (refused.allowed, refused.remaining) == (False, 60)
    assert 59 < refused.retry_after_s <= 60
    limiter.give_back("user:123", 10)
    assert limiter.remaining("user:123") == 70
    limiter.reset("user:123")
    assert limiter.peek("user:123").reset_after_s == 0


@pytest.mark.parametrize("cost", [0, -1, 101])
def test_a_cost_that_no_wait_makes_possible_is_refused(cost: int) -> None:
    with pytest.raises(InvalidValue, match="cost: expected a whole number from 1 to 100"):
        Limiter(policy("general", "100/minute")).take("u", cost)


@pytest.mark.parametrize("text", ["0/minute", "-1/minute", "1/week", "1", "1.5/minute", "", "１/minute"])
def test_a_rate_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="expected a rate such as 100/minute"):
        policy("general", text)


def test_small_quotas_are_windows_and_large_ones_buckets() -> None:
    assert policy("general", "500/minute").algorithm == "window"
    assert policy("general", "501/minute").algorithm == "bucket"
    assert policy("general", "100/minute", "bucket").algorithm == "bucket"


def test_the_largest_rate_counts_exactly_in_valkeys_numbers() -> None:
    """Its script counts in doubles, whole up to 2 ** 53; what does not fit is rounded against the caller."""
    largest = policy("general", "9999999/day")
    assert largest.cap < 2**53
    assert largest.unit * largest.quota >= largest.rate * largest.period


def test_keys_are_bounded_and_none_that_owes_is_forgotten() -> None:
    clock = [START]
    rates = MemoryRates(lambda: clock[0], kept_max=100)
    for kind in (Policy("b", 2, 60 * SECOND), Policy("w", 2, 60 * SECOND, "window")):
        owing = [(Ask(kind, f"owing{number}"),) for number in range(90)]
        for ask in owing:
            assert admitted(rates.take(ask, 2))
        assert sum(admitted(rates.take((Ask(kind, f"new{number}"),))) for number in range(1000)) == 12
        assert not any(admitted(rates.take(ask)) for ask in owing)
        clock[0] += 61 * SECOND
        assert all(admitted(rates.take((Ask(kind, f"later{number}"),))) for number in range(1000)) is False
        clock[0] += 61 * SECOND
    assert len(rates) <= 2 * 101


def test_those_that_owe_nothing_make_room() -> None:
    clock = [START]
    rates = MemoryRates(lambda: clock[0], kept_max=100)
    for kind in POLICIES[3:5]:
        for number in range(2000):
            assert admitted(rates.take((Ask(kind, str(number)),)))
            clock[0] += SECOND // 10
    assert len(rates) == 200


def test_a_share_is_one_at_least() -> None:
    shared = policy("general", "100/minute").share(8)
    assert (shared.quota, shared.burst, shared.algorithm) == (12, 12, "window")
    assert policy("general", "3/minute").share(8).quota == 1
