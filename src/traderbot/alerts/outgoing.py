"""One POST to an address that somebody else chose, such that it reaches nothing inside: server-side request
forgery is kept out by the address that is connected to, not by the name.

The name is resolved once, every address it has must be public, and the connection goes to the one that was
checked, so that a name cannot point elsewhere a moment later. Redirects are not followed, proxies of the
environment are not used, little of the answer is read, and all of it has one deadline.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from traderbot.model.errors import InvalidValue, TraderbotError

SECONDS = 10.0
ANSWER_MAX = 4096
URL_MAX = 2000
_EXPECTED = "an https address such as https://desk.example.com/alerts, without user and fragment"
_INSIDE = tuple(
    ipaddress.ip_network(one)
    for one in (
        "168.63.129.16",  # global by number: the platform service of Azure
        "192.0.0.0/24",  # of protocols, among them the metadata of Oracle's cloud
        "192.88.99.0/24",
        "2001::/23",
        "2002::/16",
        "3fff::/20",
    )
)  # what `ipaddress` takes for global, in this version of Python or another
_UNICAST = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotSent(TraderbotError):  # noqa: N818 - what happened, as the other errors say it
    """Nothing was taken: the address is refused, nobody answers, or the answer is no."""

    code = "not_sent"


class Answer(NamedTuple):
    """status: of HTTP; text: the beginning of what was said."""

    status: int
    text: str


def is_public(address: Address) -> bool:
    """Whether an address is one of the internet's, also seen through addresses that carry another."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address not in _UNICAST:
            return False
    special = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not special and not any(address in one for one in _INSIDE)


def admitted(text: str, networks: Sequence[str]) -> bool:
    """Whether an address may be reached: public, or of networks that the settings name."""
    return is_listed(text, networks) or is_public(_parsed(text))


def is_listed(text: str, networks: Sequence[str]) -> bool:
    """Whether an address is of networks that the settings name."""
    return any(_parsed(text) in ipaddress.ip_network(one) for one in networks)


def _parsed(text: str) -> Address:
    """An address without the zone of a link-local one."""
    return ipaddress.ip_address(text.partition("%")[0])


def checked_url(url: str, networks: Sequence[str]) -> SplitResult:
    """The parts of a URL that may be one. Errors: InvalidValue."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidValue("url", _EXPECTED) from None
    plain = not url.isprintable() or not url.isascii() or any(one in url for one in " \\")
    if (
        len(url) > URL_MAX
        or plain
        or not parts.hostname
        or port == 0
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise InvalidValue("url", _EXPECTED)
    if parts.scheme != "https" and not (parts.scheme == "http" and networks):
        raise InvalidValue("url", _EXPECTED)
    try:
        literal = ipaddress.ip_address(parts.hostname)
    except ValueError:
        return parts
    if not admitted(str(literal), networks):
        raise InvalidValue("url", "an address that is public")
    return parts


def resolved(host: str, port: int, networks: Sequence[str]) -> str:
    """The address that a name stands for. Errors: NotSent where any address of it is not to be reached."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotSent(f"{host} cannot be resolved") from None
    addresses = [str(one[4][0]) for one in found]
    for address in addresses:
        if not admitted(address, networks):
            raise NotSent(f"{host} is not a public address")
    return addresses[0]


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was checked, under the name it was found by."""

    def __init__(self, host: str, port: int, address: str, tls: ssl.SSLContext | None) -> None:
        if tls is not None:
            self.default_port = http.client.HTTPS_PORT
        super().__init__(host, port, timeout=SECONDS)
        self._address = address
        self._tls = tls
        self.late = False

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), self.timeout)
        if self._tls is None:
            self.sock = plain
            return
        # assigned before the handshake, so that the deadline can cut that off as well
        secure = self._tls.wrap_socket(plain, server_hostname=self.host, do_handshake_on_connect=False)
        self.sock = secure
        secure.do_handshake()

    def cut(self) -> None:
        """End it, from another thread. What was cut off may look like a short answer."""
        self.late = True
        if self.sock is not None:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:  # it has ended by itself
                return


def post(
    url: str, body: bytes, headers: Mapping[str, str], networks: Sequence[str], seconds: float = SECONDS
) -> Answer:
    """Errors: NotSent; InvalidValue for a URL that is none."""
    parts = checked_url(url, networks)
    assert parts.hostname is not None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = resolved(parts.hostname, port, networks)
    if parts.scheme == "http" and not is_listed(address, networks):
        raise NotSent("plain http is for the networks of the settings only")
    tls = ssl.create_default_context() if parts.scheme == "https" else None
    connection = _Pinned(parts.hostname, port, address, tls)
    deadline = threading.Timer(seconds, connection.cut)
    deadline.daemon = True
    deadline.start()
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, dict(headers))
        answer = connection.getresponse()
        said = answer.read(ANSWER_MAX)
    except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
        if not connection.late:
            raise NotSent(f"{parts.hostname}: {_reason(error)}") from error
    finally:
        deadline.cancel()
        connection.close()
    if connection.late:
        raise NotSent(f"{parts.hostname}: no answer within {seconds:g} seconds")
    return Answer(answer.status, said.decode("utf-8", "replace"))


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"its certificate or TLS is refused ({error.reason or type(error).__name__})"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or type(error).__name__
