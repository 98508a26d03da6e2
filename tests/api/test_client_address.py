"""Whose address a request is counted under."""

import pytest

from traderbot.api.client_address import ClientAddresses

pytestmark = pytest.mark.unit


def told(peer: str | None, *headers: tuple[str, str], trusted: tuple[str, ...] = ()) -> str:
    scope = {
        "client": (peer, 1234) if peer else None,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }
    return ClientAddresses(trusted).of(scope)


X = "x-forwarded-for"
OURS = ("10.0.0.0/8", "fd00::/8")


@pytest.mark.parametrize(
    ("peer", "headers", "expected"),
    [
        ("203.0.113.5", [(X, "1.2.3.4")], "203.0.113.5"),  # no proxy of ours
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [(X, "1.2.3.4")], "1.2.3.4"),
        ("10.0.0.1", [(X, "6.6.6.6, 1.2.3.4")], "1.2.3.4"),  # the caller wrote the first
        ("10.0.0.1", [(X, "6.6.6.6, 1.2.3.4, 10.0.0.2")], "1.2.3.4"),  # two proxies of ours
        ("10.0.0.1", [(X, "6.6.6.6"), (X, "1.2.3.4")], "1.2.3.4"),  # two headers are one list
        ("10.0.0.1", [(X, "10.0.0.3, 10.0.0.2")], "10.0.0.3"),  # asked from within
        ("10.0.0.1", [(X, "1.2.3.4, nonsense")], "10.0.0.1"),
        ("10.0.0.1", [(X, "1.2.3.4, nonsense, 10.0.0.2")], "10.0.0.2"),
        ("10.0.0.1", [(X, "")], "10.0.0.1"),
        ("10.0.0.1", [(X, "1.2.3.4:5678")], "1.2.3.4"),
        ("10.0.0.1", [(X, "[2001:db8::1]:5678")], "2001:db8::1"),
        ("fd00::1", [(X, "2001:DB8::1")], "2001:db8::1"),
        ("::ffff:10.0.0.1", [(X, "1.2.3.4")], "1.2.3.4"),
        ("10.0.0.1", [("forwarded", 'for="[2001:db8::1]:99";proto=https, for=10.0.0.2')], "2001:db8::1"),
        ("10.0.0.1", [("forwarded", "For=1.2.3.4")], "1.2.3.4"),
        ("10.0.0.1", [("forwarded", "for=_hidden")], "10.0.0.1"),
        (None, [(X, "1.2.3.4")], "unknown"),
    ],
)
def test_the_nearest_address_that_no_proxy_of_ours_has(
    peer: str | None, headers: list[tuple[str, str]], expected: str
) -> None:
    assert told(peer, *headers, trusted=OURS) == expected


def test_without_trusted_proxies_nobody_is_believed() -> None:
    assert told("10.0.0.1", (X, "1.2.3.4")) == "10.0.0.1"


def test_ipv6_addresses_are_counted_by_their_network() -> None:
    addresses = ClientAddresses()
    assert addresses.network("2001:db8::1") == addresses.network("2001:db8::ffff") == "2001:db8::/64"
    assert addresses.network("1.2.3.4") == "1.2.3.4"
