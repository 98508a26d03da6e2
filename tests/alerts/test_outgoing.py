"""What is posted to addresses that others chose reaches nothing inside; tried against a real receiver."""

import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from alerts.receivers import LOOPBACK, certificate, receiver
from traderbot.alerts.outgoing import ANSWER_MAX, NotSent, admitted, checked_url, post, resolved
from traderbot.model.errors import InvalidValue

pytestmark = pytest.mark.integration

INSIDE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "169.254.170.2", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192",
    "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0",
    "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:db8::1",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_inside_are_refused(address: str) -> None:
    assert not admitted(address, [])


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are_admitted(address: str) -> None:
    assert admitted(address, [])


def test_settings_admit_their_networks_alone() -> None:
    assert admitted("127.0.0.1", LOOPBACK)
    assert not admitted("10.0.0.1", LOOPBACK)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "file:///etc/passwd", "https://", "https:///x",
        "https://user:pw@example.com/", "https://example.com@127.0.0.1/", "https://127.0.0.1/",
        "https://[::1]/", "https://169.254.169.254/latest/meta-data", "https://example.com/#x",
        "https://example.com:0/", "https://example.com:99999/", "https://exa mple.com/",
        "https://example.com\\@127.0.0.1/", "https://ex\nample.com/", "https://éxample.com/", "example.com",
        "https://example.com/" + "x" * 2000,
    ],
)  # fmt: skip
def test_what_is_no_address_for_a_webhook_is_refused(url: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        checked_url(url, [])
    assert refused.value.field == "url"


@pytest.mark.parametrize("name", ["localhost", "0x7f000001", "2130706433", "127.1", "0177.0.0.1"])
def test_a_name_is_judged_by_what_it_stands_for(name: str) -> None:
    with pytest.raises(NotSent):
        resolved(name, 443, [])


def test_a_name_with_one_address_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def several(*_: Any, **__: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 443)) for one in ("8.8.8.8", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", several)
    with pytest.raises(NotSent, match="not a public address"):
        resolved("two-faced.example.com", 443, [])


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that points elsewhere at its second look-up is not looked up a second time."""
    real, asked = socket.getaddrinfo, []

    def rebinding(host: Any, *rest: Any, **more: Any) -> Any:
        asked.append(host)
        return real("127.0.0.1" if host == "rebinding.example.com" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with receiver() as there:
        port = there.url.rpartition(":")[2]
        assert post(f"http://rebinding.example.com:{port}/x?a=1", b"{}", {}, LOOPBACK).status == 204
    assert asked.count("rebinding.example.com") == 1
    path, headers, body = there.requests[0]
    assert (path, body, headers["host"]) == ("/x?a=1", b"{}", f"rebinding.example.com:{port}")


def test_redirects_are_not_followed() -> None:
    with receiver() as inside, receiver() as there:
        there.status, there.location = 307, inside.url
        assert post(there.url, b"{}", {}, LOOPBACK).status == 307
        assert inside.requests == []


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as proxy, receiver() as there:
        for name in ("http_proxy", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        post(there.url, b"{}", {}, LOOPBACK)
        assert (len(proxy.requests), len(there.requests)) == (0, 1)


def test_a_long_answer_is_not_read_to_its_end() -> None:
    with receiver() as there:
        there.status, there.body = 500, b"x" * 1_000_000
        assert len(post(there.url, b"{}", {}, LOOPBACK).text) == ANSWER_MAX


def test_all_of_it_has_one_deadline() -> None:
    with receiver() as there:
        there.hold = threading.Event()
        with pytest.raises(NotSent, match=r"no answer within 0\.2 seconds"):
            post(there.url, b"{}", {}, LOOPBACK, seconds=0.2)
        there.hold.set()


def test_https_takes_a_certificate_for_the_name_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, trusted = certificate(tmp_path)
    with receiver(context) as there:
        with pytest.raises(NotSent, match="certificate"):
            post(there.url, b"{}", {}, LOOPBACK)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert post(there.url, b"{}", {}, LOOPBACK).status == 204
        with pytest.raises(NotSent, match="certificate"):
            post(there.url.replace("localhost", "127.0.0.1"), b"{}", {}, LOOPBACK)


def test_nobody_there_is_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(NotSent, match="refused"):
            post(f"http://127.0.0.1:{free.getsockname()[1]}", b"{}", {}, LOOPBACK)
