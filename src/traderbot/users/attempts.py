"""Failed sign-ins, counted per account and per address, so that guessing is slow and nobody is locked out for
long.
"""

import ipaddress
from dataclasses import dataclass
from typing import Protocol

from traderbot.infra.clock import Clock
from traderbot.infra.limits.rates import SECOND, Ask, Asks, Decisions, MemoryRates, Policy, admitted
from traderbot.users.errors import TooManyAttempts

_KEPT_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many failures at once, and one more each interval. interval_s: seconds."""

    at_once: int
    interval_s: int


PER_ACCOUNT = Allowance(at_once=10, interval_s=30)
PER_ADDRESS = Allowance(at_once=50, interval_s=5)


NEAR = frozenset({"127.0.0.1", "::1"})
"""This machine: a proxy here that is not trusted would make all callers look like one."""


class Rates(Protocol):
    """Limits that a worker thread may ask, of this process or of all."""

    def take(self, asks: Asks, cost: int = 1) -> Decisions: ...

    def give_back(self, asks: Asks, cost: int = 1) -> None: ...


class SignInAttempts:
    """Counts attempts when they begin, so that parallel guesses count too, and gives back those that succeed.

    rates: where they are counted; without, in this process. An account that nobody has is counted like any
    other.
    """

    def __init__(
        self,
        clock: Clock,
        per_account: Allowance = PER_ACCOUNT,
        per_address: Allowance = PER_ADDRESS,
        *,
        rates: Rates | None = None,
    ) -> None:
        self._account = _policy("sign-in account", per_account)
        self._address = _policy("sign-in address", per_address)
        self.rates: Rates = MemoryRates(clock.now, _KEPT_MAX) if rates is None else rates

    def begin(self, email: str, address: str | None) -> None:
        """Count one attempt. Errors: TooManyAttempts, and then nothing is counted."""
        decisions = self.rates.take(self._asks(email, address))
        if not admitted(decisions):
            raise TooManyAttempts(-(-max(one.retry_us for one in decisions) // SECOND))

    def succeeded(self, email: str, address: str | None) -> None:
        """Give the attempt back."""
        self.rates.give_back(self._asks(email, address))

    def _asks(self, email: str, address: str | None) -> list[Ask]:
        asks = [Ask(self._account, email)]
        if address is not None and address not in NEAR:
            asks.append(Ask(self._address, network_of(address)))
        return asks


def _policy(name: str, allowance: Allowance) -> Policy:
    return Policy(name, 1, allowance.interval_s * SECOND, "bucket", allowance.at_once)


def network_of(address: str) -> str:
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
