"""Failed sign-ins, counted."""

import pytest

from traderbot.infra.limits.rates import MemoryRates
from traderbot.users.attempts import Allowance, SignInAttempts
from traderbot.users.errors import TooManyAttempts
from users.desk import HandClock

pytestmark = pytest.mark.unit


def counted(per_account: int = 3, per_address: int = 5) -> tuple[SignInAttempts, HandClock]:
    clock = HandClock()
    return SignInAttempts(clock, Allowance(per_account, 10), Allowance(per_address, 2)), clock


def fails(attempts: SignInAttempts, email: str, address: str | None = None) -> bool:
    """Whether the attempt was let through."""
    try:
        attempts.begin(email, address)
    except TooManyAttempts:
        return False
    return True


def test_an_account_takes_so_many_failures_then_one_each_interval() -> None:
    attempts, clock = counted()
    assert [fails(attempts, "a") for _ in range(5)] == [True, True, True, False, False]
    clock.forward(seconds=9)
    assert not fails(attempts, "a")
    clock.forward(seconds=1)
    assert [fails(attempts, "a") for _ in range(2)] == [True, False]
    clock.forward(days=1)
    assert [fails(attempts, "a") for _ in range(4)] == [True, True, True, False]
    assert fails(attempts, "b")


def test_the_wait_is_told() -> None:
    attempts, clock = counted()
    for _ in range(3):
        attempts.begin("a", None)
    clock.forward(seconds=4)
    with pytest.raises(TooManyAttempts) as refused:
        attempts.begin("a", None)
    assert refused.value.retry_after_s == 6


def test_an_address_is_counted_over_all_accounts() -> None:
    attempts, _ = counted()
    assert [fails(attempts, str(number), "10.0.0.1") for number in range(7)] == [True] * 5 + [False] * 2
    assert fails(attempts, "x", "10.0.0.2")


def test_a_refused_attempt_counts_nowhere() -> None:
    attempts, _ = counted()
    for _ in range(3):
        attempts.begin("a", "10.0.0.1")
    for _ in range(10):
        assert not fails(attempts, "a", "10.0.0.1")
    assert [fails(attempts, str(number), "10.0.0.1") for number in range(3)] == [True, True, False]


def test_success_is_given_back() -> None:
    attempts, _ = counted()
    for _ in range(20):
        attempts.begin("a", "10.0.0.1")
        attempts.succeeded("a", "10.0.0.1")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("testclient", "testclient", True),
    ],
)
def test_addresses_of_one_network_share_a_count(one: str, other: str, *, same: bool) -> None:
    attempts, _ = counted(per_account=100, per_address=1)
    attempts.begin("a", one)
    assert fails(attempts, "a", other) is not same


def test_memory_is_bounded() -> None:
    clock = HandClock()
    rates = MemoryRates(clock.now, kept_max=2_000)
    attempts = SignInAttempts(clock, Allowance(3, 10), Allowance(5, 2), rates=rates)
    for number in range(25_000):
        attempts.begin(f"{number}@x.org", None)
        clock.at += 10_000
    assert len(rates) == 2_000


def test_this_machine_is_not_counted_as_an_address() -> None:
    """Behind a proxy here everybody looks alike: one guesser would keep them all out."""
    attempts, _ = counted(per_account=3, per_address=2)
    assert all(fails(attempts, f"somebody{number}@example.com", "127.0.0.1") for number in range(20))
