"""The network address of whoever is asking, behind proxies that are trusted and nobody else."""

import ipaddress
from collections.abc import Sequence

from starlette.types import Scope

from traderbot.users.attempts import network_of

_HOPS_MAX = 20
_KEPT_MAX = 10_000


class ClientAddresses:
    """Tells a caller's address. trusted: networks of the proxies whose word is taken.

    Only a peer in these networks is listened to. Of X-Forwarded-For the rightmost address counts that is no
    trusted proxy itself: what stands left of it was written by the caller. Without that header, the same of
    Forwarded (RFC 7239).
    """

    def __init__(self, trusted: Sequence[str] = ()) -> None:
        self._trusted = [ipaddress.ip_network(network) for network in trusted]
        self._networks: dict[str, str] = {}

    def of(self, scope: Scope) -> str:
        """The address as text; "unknown" where the server does not tell its peer."""
        client = scope.get("client")
        peer = str(client[0]) if client else "unknown"
        if not self._trusted or not self._is_trusted(peer):
            return peer
        hops = _listed(scope, b"x-forwarded-for") or [
            _forwarded_for(part) for part in _listed(scope, b"forwarded")
        ]
        nearest = peer
        for hop in reversed(hops[-_HOPS_MAX:]):
            address = _plain(hop)
            if address is None:
                return nearest  # what a proxy writes is an address; left of anything else all is hearsay
            nearest = address
            if not self._is_trusted(address):
                return address
        return nearest

    def network(self, address: str) -> str:
        """What a limit counts the address under, as `network_of`, remembered."""
        known = self._networks.get(address)
        if known is None:
            if len(self._networks) >= _KEPT_MAX:
                self._networks.clear()
            known = self._networks[address] = network_of(address)
        return known

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = getattr(parsed, "ipv4_mapped", None)
        return any((mapped or parsed) in network for network in self._trusted)


def _listed(scope: Scope, name: bytes) -> list[str]:
    """The values of all headers of this name, in order."""
    return [
        part.strip()
        for found, value in scope["headers"]
        if found == name
        for part in value.decode("latin-1").split(",")
    ]


def _forwarded_for(element: str) -> str:
    """The `for` of one element of a Forwarded header."""
    for pair in element.split(";"):
        name, _, value = pair.strip().partition("=")
        if name.lower() == "for":
            return value.strip('"')
    return ""


def _plain(hop: str) -> str | None:
    """The address of a hop without port and brackets; None for what is no address."""
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    try:
        return str(ipaddress.ip_address(hop))
    except ValueError:
        return None
