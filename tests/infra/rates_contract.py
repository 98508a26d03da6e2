"""What every store of rate limits does, in memory or in Valkey, held against a plain and slow reference."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traderbot.infra.limits.rates import SECOND, Ask, Decision, Policy, admitted

START = 1_767_600_000_000_000
POLICIES = (
    Policy("even", 100, 60 * SECOND),
    Policy("odd", 7, SECOND),
    Policy("slow", 1, 30 * SECOND, "bucket", 10),
    Policy("bursty", 3, 2 * SECOND, "bucket", 11),
    Policy("window", 5, SECOND, "window"),
    Policy("long", 9, 60 * SECOND, "window"),
)
"""Of both algorithms, with rates that do and do not divide."""


class Stand(ABC):
    """A store with a clock that the test sets."""

    @abstractmethod
    def set_clock(self, now: int) -> None: ...

    @abstractmethod
    def take(self, asks: Sequence[Ask], cost: int = 1) -> list[Decision]: ...

    @abstractmethod
    def peek(self, asks: Sequence[Ask]) -> list[Decision]: ...

    @abstractmethod
    def give_back(self, asks: Sequence[Ask], cost: int = 1) -> None: ...

    @abstractmethod
    def reset(self, asks: Sequence[Ask]) -> None: ...

    @abstractmethod
    def take_at_once(self, asks: Sequence[Ask], takers: int) -> list[bool]:
        """So many takers at the same moment, each once: who was let through."""


class Reference:
    """The definitions, word for word: tokens as fractions, a list of moments."""

    def __init__(self) -> None:
        self.tokens: dict[Ask, tuple[Fraction, int]] = {}
        self.moments: dict[Ask, list[int]] = {}

    def take(self, asks: Sequence[Ask], cost: int, now: int) -> list[Decision]:
        looks = [self._look(ask, now) for ask in asks]
        waits = [self._wait(ask, cost, now) for ask in asks]
        if not any(waits):
            for ask in asks:
                self._add(ask, cost, now)
        assert len(looks) == len(asks)
        return [self._decision(ask, wait, now) for ask, wait in zip(asks, waits, strict=True)]

    def peek(self, asks: Sequence[Ask], now: int) -> list[Decision]:
        for ask in asks:
            self._look(ask, now)
        return [self._decision(ask, self._wait(ask, 1, now), now) for ask in asks]

    def give_back(self, asks: Sequence[Ask], cost: int, now: int) -> None:
        for ask in asks:
            self._look(ask, now)
            if ask.policy.algorithm == "window":
                moments = self.moments[ask]
                self.moments[ask] = moments[: max(len(moments) - cost, 0)]
            else:
                self._add(ask, -cost, now)

    def _look(self, ask: Ask, now: int) -> None:
        policy = ask.policy
        if policy.algorithm == "window":
            moments = [min(at, now) for at in self.moments.get(ask, [])]
            self.moments[ask] = [at for at in moments if at > now - policy.period]
            return
        tokens, at = self.tokens.setdefault(ask, (Fraction(policy.burst), now))
        self.tokens[ask] = (tokens, min(at, now))

    def _tokens(self, ask: Ask, now: int) -> Fraction:
        tokens, at = self.tokens[ask]
        gained = Fraction((now - at) * ask.policy.quota, ask.policy.period)
        return min(tokens + gained, Fraction(ask.policy.burst))

    def _wait(self, ask: Ask, cost: int, now: int) -> int:
        policy = ask.policy
        if policy.algorithm == "window":
            moments = self.moments[ask]
            over = len(moments) + cost - policy.quota
            return moments[over - 1] + policy.period - now if over > 0 else 0
        missing = cost - self._tokens(ask, now)
        return ceil(missing * policy.period / policy.quota) if missing > 0 else 0

    def _add(self, ask: Ask, cost: int, now: int) -> None:
        if ask.policy.algorithm == "window":
            self.moments[ask] += [now] * cost
        else:
            self.tokens[ask] = (min(self._tokens(ask, now) - cost, Fraction(ask.policy.burst)), now)

    def _decision(self, ask: Ask, wait: int, now: int) -> Decision:
        policy = ask.policy
        if policy.algorithm == "window":
            moments = self.moments[ask]
            left, reset = policy.quota - len(moments), moments[-1] + policy.period - now if moments else 0
            return Decision(not wait, policy.quota, left, reset, wait)
        tokens = self._tokens(ask, now)
        reset = ceil((policy.burst - tokens) * policy.period / policy.quota)
        return Decision(not wait, policy.burst, floor(tokens), reset, wait)


_ASKS = st.lists(st.sampled_from(POLICIES), min_size=1, max_size=3, unique=True).flatmap(
    lambda policies: st.tuples(*[st.builds(Ask, st.just(one), st.sampled_from("ab")) for one in policies])
)
_MOVES = st.one_of(
    st.just(0),
    st.integers(0, 3 * SECOND),
    st.integers(0, 200 * SECOND),
    st.integers(-100 * SECOND, 0),
)
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["take", "take", "take", "take", "peek", "back"]), _ASKS, st.integers(1, 3), _MOVES
    ),
    max_size=25,
)


class RatesContract:
    """The suite; a store's test file gives `make`, which opens a new stand."""

    @pytest.fixture
    def make(self) -> Callable[[], AbstractContextManager[Stand]]:
        raise NotImplementedError

    def test_it_decides_as_the_definitions_say(
        self, make: Callable[[], AbstractContextManager[Stand]]
    ) -> None:
        @settings(max_examples=60, deadline=None)
        @given(_STEPS)
        def check(steps: list[tuple[str, tuple[Ask, ...], int, int]]) -> None:
            with make() as stand:
                reference, now = Reference(), START
                for kind, asks, cost, move in steps:
                    now += move
                    stand.set_clock(now)
                    if kind == "take":
                        assert stand.take(asks, cost) == reference.take(asks, cost, now)
                    elif kind == "peek":
                        assert stand.peek(asks) == reference.peek(asks, now)
                    else:
                        stand.give_back(asks, cost)
                        reference.give_back(asks, cost, now)

        check()

    @pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
    def test_a_burst_gets_the_quota_and_the_wait_is_exact(
        self, make: Callable[[], AbstractContextManager[Stand]], policy: Policy
    ) -> None:
        with make() as stand:
            stand.set_clock(START)
            ask = (Ask(policy, "user:123"),)
            answers = [stand.take(ask)[0] for _ in range(policy.most + 3)]
            assert [one.allowed for one in answers] == [True] * policy.most + [False] * 3
            assert [one.remaining for one in answers[: policy.most]] == list(range(policy.most))[::-1]
            wait = answers[-1].retry_us
            stand.set_clock(START + wait - 1)
            assert not stand.take(ask)[0].allowed
            stand.set_clock(START + wait)
            assert stand.take(ask)[0].allowed

    def test_nothing_is_taken_from_any_when_one_refuses(
        self, make: Callable[[], AbstractContextManager[Stand]]
    ) -> None:
        wide, tight, third = POLICIES[0], POLICIES[4], POLICIES[1]
        with make() as stand:
            stand.set_clock(START)
            asks = (Ask(wide, "u"), Ask(tight, "u"), Ask(third, "other"))
            assert [admitted(stand.take(asks)) for _ in range(9)] == [True] * 5 + [False] * 4
            assert [one.remaining for one in stand.peek(asks)] == [95, 0, 2]
            assert [one.allowed for one in stand.take(asks)] == [True, False, True]

    @pytest.mark.parametrize("algorithm", ["bucket", "window"])
    def test_takers_at_one_moment_get_the_quota_and_no_more(
        self, make: Callable[[], AbstractContextManager[Stand]], algorithm: str
    ) -> None:
        policy = Policy("many", 40, 60 * SECOND, "window" if algorithm == "window" else "bucket")
        other = Policy("more", 150, 60 * SECOND)
        with make() as stand:
            stand.set_clock(START)
            answers = stand.take_at_once((Ask(policy, "u"), Ask(other, "u")), 160)
            assert sum(answers) == 40
            assert stand.peek((Ask(other, "u"),))[0].remaining == 110

    @pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
    def test_a_clock_set_back_grants_nothing_and_locks_nobody_out(
        self, make: Callable[[], AbstractContextManager[Stand]], policy: Policy
    ) -> None:
        with make() as stand:
            ask = (Ask(policy, "u"),)
            stand.set_clock(START)
            for _ in range(policy.most):
                assert stand.take(ask)[0].allowed
            stand.set_clock(START - 86_400 * SECOND)
            refused = stand.take(ask)[0]
            assert not refused.allowed
            assert refused.retry_us <= policy.period
            stand.set_clock(START - 86_400 * SECOND + refused.retry_us)
            assert stand.take(ask)[0].allowed

    def test_a_window_keeps_its_count_under_another_quota(
        self, make: Callable[[], AbstractContextManager[Stand]]
    ) -> None:
        with make() as stand:
            stand.set_clock(START)
            before, after = (Policy("general", quota, 60 * SECOND, "window") for quota in (10, 6))
            for _ in range(5):
                stand.take((Ask(before, "u"),))
            assert [stand.take((Ask(after, "u"),))[0].allowed for _ in range(2)] == [True, False]
            assert stand.peek((Ask(before, "u"),))[0].remaining == 4

    def test_a_reset_forgets_one_key(self, make: Callable[[], AbstractContextManager[Stand]]) -> None:
        with make() as stand:
            stand.set_clock(START)
            for policy in POLICIES[3:5]:
                ann, bob = (Ask(policy, "ann"),), (Ask(policy, "bob"),)
                for _ in range(policy.most):
                    stand.take(ann)
                    stand.take(bob)
                stand.reset(ann)
                assert [stand.peek(one)[0].remaining for one in (ann, bob)] == [policy.most, 0]
