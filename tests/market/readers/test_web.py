import logging
from collections.abc import Iterator

import pytest

from market.readers.vendors import Said, Vendor, serving
from traderbot.market.readers.web import ATTEMPTS, Web
from traderbot.model.errors import InvalidValue, NotFound, Unauthorized, Unavailable

pytestmark = pytest.mark.integration
SECRET = "a-key-nobody-may-see"
Answer = dict[str, int]


class At:
    """A clock that stands at 2024-01-02 00:00 UTC."""

    def now(self) -> int:
        return 1_704_153_600_000_000


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with serving(lambda _: Said({"answer": 42})) as vendor:
        yield vendor


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def web(vendor: Vendor, waits: list[float]) -> Iterator[Web]:
    with Web(vendor.url, keys={"x-key": SECRET}, sleep=waits.append, clock=At()) as web:
        yield web


@pytest.mark.parametrize(
    ("fault", "wait"),
    [
        (Said("", 429, {"retry-after": "7"}), 7.0),
        (Said("", 503, {"retry-after": "Tue, 02 Jan 2024 00:00:09 GMT"}), 9.0),
        (Said("", 418, {"retry-after": "0"}), 0.5),
        (Said("", 429, {"retry-after": "soon"}), 0.5),
        (Said("", 500), 0.5),
        (Said({"answer": 1}, cut=4), 0.5),
        (Said(b'{"answer": '), 0.5),
    ],
)
def test_what_may_pass_is_asked_again_after_the_wait_asked_for(
    vendor: Vendor, web: Web, waits: list[float], fault: Said, wait: float
) -> None:
    vendor.faults.append(fault)
    assert web.get("/x", {"a": 1}, Answer) == {"answer": 42}
    assert waits == [wait]
    assert [asked.query for asked in vendor.asked] == [{"a": "1"}] * 2


def test_each_further_wait_is_twice_as_long_and_the_last_failure_is_told(
    vendor: Vendor, web: Web, waits: list[float]
) -> None:
    vendor.faults += [Said("", 502)] * ATTEMPTS
    with pytest.raises(Unavailable, match=f"no answer in {ATTEMPTS} attempts: status 502"):
        web.get("/x", {}, Answer)
    assert waits == [0.5, 1, 2, 4, 8]


def test_nobody_waits_for_an_hour(vendor: Vendor, web: Web, waits: list[float]) -> None:
    vendor.faults.append(Said("", 429, {"retry-after": "3600"}))
    with pytest.raises(Unavailable, match="asks to wait for 3600 s"):
        web.get("/x", {}, Answer)
    assert waits == []


@pytest.mark.parametrize(
    ("status", "error"), [(401, Unauthorized), (403, Unauthorized), (404, NotFound), (400, InvalidValue)]
)
def test_a_refusal_is_final(vendor: Vendor, web: Web, status: int, error: type[Exception]) -> None:
    vendor.faults.append(Said("no such thing", status))
    with pytest.raises(error, match="no such thing"):
        web.get("/x", {}, Answer)
    assert len(vendor.asked) == 1


def test_an_answer_in_another_form_is_told(vendor: Vendor, web: Web) -> None:
    vendor.faults.append(Said({"answer": "many"}))
    with pytest.raises(Unavailable, match="another form than expected"):
        web.get("/x", {}, Answer)


def test_a_key_is_sent_and_never_shown(
    vendor: Vendor, web: Web, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    vendor.faults += [Said("", 500), Said(f"the key {SECRET} is wrong".encode(), 401)]
    with pytest.raises(Unauthorized) as found:
        web.get("/x", {}, Answer)
    assert [asked.headers["x-key"] for asked in vendor.asked] == [SECRET] * 2
    printed = capsys.readouterr()
    assert SECRET not in caplog.text + printed.out + printed.err + str(found.value) + repr(web)


@pytest.mark.parametrize("url", ["ftp://example.com", "example.com", "http://", "https://me:pw@example.com"])
def test_an_address_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(InvalidValue, match="url"):
        Web(url)


def test_nobody_there_is_told() -> None:
    with (
        Web("http://127.0.0.1:9", sleep=lambda _: None) as web,
        pytest.raises(Unavailable, match="ConnectError"),
    ):
        web.get("/x", {}, Answer)
