"""Failed sign-ins, counted per account and per address, so that guessing is slow and nobody is locked out for
long.
"""

import ipaddress
import threading
from collections import OrderedDict
from dataclasses import dataclass

from traderbot.infra.clock import Clock
from traderbot.users.errors import TooManyAttempts

_SECOND = 1_000_000
_KEPT_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many failures at once, and one more each interval. interval_s: seconds."""

    at_once: int
    interval_s: int


PER_ACCOUNT = Allowance(at_once=10, interval_s=30)
PER_ADDRESS = Allowance(at_once=50, interval_s=5)


_NEAR = frozenset({"127.0.0.1", "::1"})


class SignInAttempts:
    """Counts attempts when they begin, so that parallel guesses count too, and gives back those that succeed.

    Kept in memory, bounded, the least recent forgotten first; per process. An account that nobody has
    is counted like any other. Source: the generic cell rate algorithm, ITU-T I.371.
    """

    def __init__(
        self, clock: Clock, per_account: Allowance = PER_ACCOUNT, per_address: Allowance = PER_ADDRESS
    ) -> None:
        self._clock = clock
        self._allowances = (per_account, per_address)
        self._full_again_at: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, email: str, address: str | None) -> None:
        """Count one attempt. Errors: TooManyAttempts, and then nothing is counted."""
        now = self._clock.now()
        keys = self._keys(email, address)
        with self._lock:
            waits = [self._wait(key, allowance, now) for key, allowance in keys]
            if max(waits) > 0:
                raise TooManyAttempts(-(-max(waits) // _SECOND))
            for key, allowance in keys:
                self._full_again_at[key] = (
                    max(self._full_again_at.get(key, 0), now) + allowance.interval_s * _SECOND
                )
                self._full_again_at.move_to_end(key)
            while len(self._full_again_at) > _KEPT_MAX:
                self._full_again_at.popitem(last=False)

    def succeeded(self, email: str, address: str | None) -> None:
        """Give the attempt back."""
        with self._lock:
            for key, allowance in self._keys(email, address):
                if key in self._full_again_at:
                    self._full_again_at[key] -= allowance.interval_s * _SECOND

    def _wait(self, key: str, allowance: Allowance, now: int) -> int:
        owed = max(self._full_again_at.get(key, 0) - now, 0)
        return owed - (allowance.at_once - 1) * allowance.interval_s * _SECOND

    def _keys(self, email: str, address: str | None) -> list[tuple[str, Allowance]]:
        per_account, per_address = self._allowances
        keys = [(f"account {email}", per_account)]
        if address is not None and address not in _NEAR:  # a proxy here would make all callers look like one
            keys.append((f"address {_network(address)}", per_address))
        return keys


def _network(address: str) -> str:
    """The address, or its /64 for IPv6, where one person commands all of it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
