"""Rate limits: token bucket and exact sliding window, several asked at once, kept in this process.

`infra/limits/shared_rates.py` keeps the same limits in Valkey, for all processes. All arithmetic is in
integers. A bucket's debt is counted in parts of a token so fine that a refill of each microsecond is whole.
Source: the generic cell rate algorithm, ITU-T I.371, written as a debt that shrinks, so that a clock that is
set back grants nothing and refuses nobody for long.
"""

import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

import msgspec

from traderbot.model.errors import InvalidValue

Algorithm = Literal["bucket", "window"]
SECOND = 1_000_000
PERIODS = {"second": SECOND, "minute": 60 * SECOND, "hour": 3600 * SECOND, "day": 86_400 * SECOND}
WINDOW_QUOTA_MAX = 500
"""Up to this quota a rate is kept as an exact window: one number for each request in it."""
_EXACT = 2**52  # what Valkey's script, which counts in doubles, adds up without rounding
_KEPT_MAX = 50_000
_LOOKED_AT = 8  # oldest keys looked at when there is no room
_REST = "*"  # no caller's key: they are names, addresses and ids


@dataclass(frozen=True, slots=True)
class Policy:
    """How much of something each key may have. period: microseconds. burst: of a bucket, how much at once.

    A window admits `quota` in any stretch of `period`, exactly. A bucket holds `burst` and gets `quota` back
    each period, evenly: in a stretch of T it admits at most burst + quota * T / period.
    """

    name: str
    quota: int
    period: int
    algorithm: Algorithm = "bucket"
    burst: int = 0
    spelled: str = field(init=False)
    unit: int = field(init=False)
    rate: int = field(init=False)
    cap: int = field(init=False)
    described: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        if self.quota < 1 or self.period < 1:
            raise InvalidValue("policy", "a quota of one and a period of a microsecond at least")
        most = self.burst if self.burst > 0 else self.quota
        if self.algorithm == "window":
            most = self.quota
        divisor = math.gcd(self.quota, self.period)
        unit, rate = self.period // divisor, self.quota // divisor
        if unit * most >= _EXACT:  # whole microseconds for a token instead, rounded against the caller
            unit, rate = -(-self.period // self.quota), 1
        for name, value in (("burst", most), ("unit", unit), ("rate", rate), ("cap", unit * most)):
            object.__setattr__(self, name, value)
        described = f'"{self.name}";q={self.quota};w={-(-self.period // SECOND)}'
        object.__setattr__(self, "described", described)  # each answer says it
        spelled = f"{self.name}:{self.algorithm[0]}:{self.period}"
        object.__setattr__(
            self, "spelled", spelled if self.algorithm == "window" else f"{spelled}:{self.quota}:{most}"
        )

    @property
    def most(self) -> int:
        """The largest cost that can ever be taken at once."""
        return self.burst

    def share(self, processes: int) -> "Policy":
        """What one of so many processes may admit by itself; one at least."""
        parts = max(processes, 1)
        return Policy(
            self.name,
            max(self.quota // parts, 1),
            self.period,
            self.algorithm,
            max(self.burst // parts, 1),
        )


def policy(name: str, text: str, algorithm: Algorithm | None = None) -> Policy:
    """The policy of a rate such as 100/minute: a window up to 500, else a bucket. Errors: InvalidValue."""
    number, _, unit = text.partition("/")
    if not (number.isascii() and number.isdecimal() and len(number) <= 7 and unit in PERIODS and int(number)):
        raise InvalidValue(name, "a rate such as 100/minute, by second, minute, hour or day", text)
    quota = int(number)
    chosen = algorithm or ("window" if quota <= WINDOW_QUOTA_MAX else "bucket")
    return Policy(name, quota, PERIODS[unit], chosen)


class Ask(NamedTuple):
    """One limit that a request falls under, and whose it is."""

    policy: Policy
    key: str


class Decision(msgspec.Struct, frozen=True, gc=False):
    """What one limit says. reset_us: microseconds until all of it is there again; retry_us: until what was
    asked for is.
    """

    allowed: bool
    limit: int
    remaining: int
    reset_us: int
    retry_us: int

    @property
    def reset_after_s(self) -> float:
        return self.reset_us / SECOND

    @property
    def retry_after_s(self) -> float:
        return self.retry_us / SECOND


Asks = Sequence[Ask]
Decisions = list[Decision]


def admitted(decisions: Sequence[Decision]) -> bool:
    """Whether every limit allowed it; else nothing was taken from any."""
    return all([one.allowed for one in decisions])  # noqa: C419 - a list is the faster of the two here


def check_cost(asks: Asks, cost: int) -> None:
    """Errors: InvalidValue for a cost that no wait makes possible."""
    for ask in asks:
        if not 1 <= cost <= ask.policy.most:
            raise InvalidValue("cost", f"a whole number from 1 to {ask.policy.most}", cost)


def monotonic() -> int:
    """Microseconds of a clock that nobody sets."""
    return time.monotonic_ns() // 1000


class _Table(Protocol):
    """The keys of one policy. Used under the lock of its owner."""

    def look(self, policy: Policy, key: str, now: int, cost: int) -> tuple[str, int, int]:
        """The key that is counted, what it has used (as `settle` takes it), and microseconds to wait."""

    def settle(self, policy: Policy, key: str, used: int, now: int, cost: int, wait: int) -> Decision: ...

    def give_back(self, policy: Policy, key: str, now: int, cost: int) -> None: ...

    def forget(self, key: str) -> None: ...

    def __len__(self) -> int: ...


class _Buckets:
    """What each key owes and when that was so, least recently used first."""

    def __init__(self, policy: Policy, kept_max: int) -> None:
        self._policy = policy
        self._unit, self._rate, self._cap = policy.unit, policy.rate, policy.cap
        self._kept_max = kept_max
        self._owed: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def look(self, policy: Policy, key: str, now: int, cost: int) -> tuple[str, int, int]:
        found = self._owed.get(key)
        if found is None:
            if len(self._owed) >= self._kept_max and cost and not self._made_room(now):
                key = _REST
                found = self._owed.get(key)
            if found is None:
                return key, 0, 0
        owed, at = found
        if now >= at:
            owed -= (now - at) * self._rate
            if owed < 0:
                owed = 0
        else:
            self._owed[key] = (owed, now)
        over = owed + cost * self._unit - self._cap
        return key, owed, (-(-over // self._rate) if over > 0 else 0)

    def settle(self, policy: Policy, key: str, used: int, now: int, cost: int, wait: int) -> Decision:
        owed = used
        if cost:
            owed += cost * self._unit
            self._owed[key] = (owed, now)
            self._owed.move_to_end(key)
        remaining = (self._cap - owed) // self._unit
        return Decision(not wait, self._policy.burst, remaining, -(-owed // self._rate), wait)

    def give_back(self, policy: Policy, key: str, now: int, cost: int) -> None:
        key, owed, _ = self.look(policy, key, now, 0)
        if key in self._owed:
            self._owed[key] = (max(owed - cost * self._unit, 0), now)

    def forget(self, key: str) -> None:
        self._owed.pop(key, None)

    def __len__(self) -> int:
        return len(self._owed)

    def _made_room(self, now: int) -> bool:
        """Whether one of the oldest keys owed nothing, and is gone; those that owe go to the back."""
        for _ in range(_LOOKED_AT):
            key, (owed, at) = next(iter(self._owed.items()))
            if key != _REST and (now - at) * self._rate >= owed:
                del self._owed[key]
                return True
            self._owed.move_to_end(key)
        return False


class _Windows:
    """When each key took, oldest first, one number for each token; kept where the quota changes."""

    def __init__(self, policy: Policy, kept_max: int) -> None:
        self._period = policy.period
        self._kept_max = kept_max
        self._taken: OrderedDict[str, deque[int]] = OrderedDict()

    def look(self, policy: Policy, key: str, now: int, cost: int) -> tuple[str, int, int]:
        taken = self._taken.get(key)
        if taken is None:
            if len(self._taken) >= self._kept_max and cost and not self._made_room(now):
                key = _REST
                taken = self._taken.get(key)
            if taken is None:
                return key, 0, 0
        if taken and taken[-1] > now:  # the clock was set back: what is later than now, was now
            taken = self._taken[key] = deque(min(at, now) for at in taken)
        edge = now - self._period
        while taken and taken[0] <= edge:
            taken.popleft()
        used = len(taken)
        over = used + cost - policy.quota
        return key, used, (taken[over - 1] - edge if 0 < over <= used else 0)

    def settle(self, policy: Policy, key: str, used: int, now: int, cost: int, wait: int) -> Decision:
        taken = self._taken.get(key)
        if cost:
            if taken is None:
                taken = self._taken[key] = deque()
            if cost == 1:
                taken.append(now)
            else:
                taken.extend([now] * cost)
            self._taken.move_to_end(key)
        reset = taken[-1] + self._period - now if taken else 0
        return Decision(not wait, policy.quota, policy.quota - used - cost, reset, wait)

    def give_back(self, policy: Policy, key: str, now: int, cost: int) -> None:
        key, used, _ = self.look(policy, key, now, 0)
        for _ in range(min(cost, used)):
            self._taken[key].pop()

    def forget(self, key: str) -> None:
        self._taken.pop(key, None)

    def __len__(self) -> int:
        return len(self._taken)

    def _made_room(self, now: int) -> bool:
        """As of buckets."""
        for _ in range(_LOOKED_AT):
            key, taken = next(iter(self._taken.items()))
            if key != _REST and (not taken or taken[-1] <= now - self._period):
                del self._taken[key]
                return True
            self._taken.move_to_end(key)
        return False


class MemoryRates:
    """Limits of this process alone, for any thread. now: microseconds of a clock.

    Keys are bounded for each policy. A key that still owes is never forgotten; when all of them do, those
    that are new share one.
    """

    def __init__(self, now: Callable[[], int] = monotonic, kept_max: int = _KEPT_MAX) -> None:
        self._now = now
        self._kept_max = kept_max
        self._tables: dict[str, _Table] = {}
        self._lock = threading.Lock()

    def take(self, asks: Asks, cost: int = 1) -> Decisions:
        """Take from all of these limits, or from none where one refuses. A key is asked for once a policy."""
        now = self._now()
        wait_max = 0
        looked = []
        with self._lock:
            for policy, key in asks:
                table = self._tables.get(policy.spelled) or self._table(policy)
                key, used, wait = table.look(policy, key, now, cost)
                if wait > wait_max:
                    wait_max = wait
                looked.append((table, policy, key, used, wait))
            taken = 0 if wait_max else cost
            return [
                table.settle(policy, key, used, now, taken, wait) for table, policy, key, used, wait in looked
            ]

    def peek(self, asks: Asks) -> Decisions:
        """What each limit would say to one more; takes nothing."""
        now = self._now()
        with self._lock:
            found = []
            for policy, key in asks:
                table = self._table(policy)
                key, used, _ = table.look(policy, key, now, 0)
                _, _, wait = table.look(policy, key, now, 1)
                found.append(table.settle(policy, key, used, now, 0, wait))
            return found

    def give_back(self, asks: Asks, cost: int = 1) -> None:
        """Take nothing after all."""
        now = self._now()
        with self._lock:
            for policy, key in asks:
                self._table(policy).give_back(policy, key, now, cost)

    def reset(self, asks: Asks) -> None:
        """Forget what these keys have taken."""
        with self._lock:
            for policy, key in asks:
                self._table(policy).forget(key)

    def __len__(self) -> int:
        return sum(map(len, self._tables.values()))

    def _table(self, policy: Policy) -> _Table:
        table = self._tables.get(policy.spelled)
        if table is None:
            made = _Windows if policy.algorithm == "window" else _Buckets
            table = self._tables[policy.spelled] = made(policy, self._kept_max)
        return table


class Limiter:
    """One policy over any keys, in this process.

    limiter.take("user:123").allowed, limiter.remaining("user:123").
    """

    def __init__(self, policy: Policy, rates: MemoryRates | None = None) -> None:
        self.policy = policy
        self._rates = MemoryRates() if rates is None else rates

    def take(self, key: str, cost: int = 1) -> Decision:
        """Take, or be refused and take nothing. Errors: InvalidValue for a cost beyond the policy."""
        asks = (Ask(self.policy, key),)
        check_cost(asks, cost)
        return self._rates.take(asks, cost)[0]

    def peek(self, key: str) -> Decision:
        """What one more would be answered; takes nothing."""
        return self._rates.peek((Ask(self.policy, key),))[0]

    def remaining(self, key: str) -> int:
        """How much can be taken now."""
        return self.peek(key).remaining

    def give_back(self, key: str, cost: int = 1) -> None:
        """Take nothing after all."""
        self._rates.give_back((Ask(self.policy, key),), cost)

    def reset(self, key: str) -> None:
        """Forget what the key has taken."""
        self._rates.reset((Ask(self.policy, key),))
