"""Subjects and envelopes: what another language can rely on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderbot.infra.events.envelopes import journal_of, message_id, named_by, open_envelope, subject_of
from traderbot.model.errors import InvariantBroken

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("kind", "stream", "subject"),
    [
        ("OrderFilled", "account:0a-1", "traderbot.events.OrderFilled.account.0a-1"),
        ("RulesChanged", "rules", "traderbot.events.RulesChanged.rules.-"),
        ("SentimentScored", "market:BRK.B", "traderbot.events.SentimentScored.market.BRK%2EB"),
        ("SentimentScored", "market:*", "traderbot.events.SentimentScored.market.%2A"),
        ("SentimentScored", "market:-", "traderbot.events.SentimentScored.market.%2D"),
        ("SentimentScored", "market:", "traderbot.events.SentimentScored.market.%"),
    ],
)
def test_subjects(kind: str, stream: str, subject: str) -> None:
    assert subject_of("traderbot", kind, stream) == subject
    assert named_by(subject) == (kind, stream)


@given(st.text(st.characters(codec="utf-8"), max_size=20), st.text(st.characters(codec="utf-8")))
def test_every_stream_has_a_subject_of_its_own(family: str, name: str) -> None:
    stream = f"{family.replace(':', '') or 'x'}:{name}"
    subject = subject_of("traderbot", "OrderFilled", stream)
    assert named_by(subject) == ("OrderFilled", stream)
    assert subject.count(".") == 4
    assert not set(subject) & set(" \t\r\n*>")


def test_message_ids_name_their_journal() -> None:
    assert message_id("abc", 0, 7) == "abc-7"
    assert message_id("abc", 2, 7) == "abc.2-7"
    assert {journal_of("abc-7"), journal_of("abc.2-7")} == {"abc"}


@pytest.mark.parametrize("message", [b"", b"{}", b"[1]", b"\xff"])
def test_what_is_no_envelope_is_refused(message: bytes) -> None:
    with pytest.raises(InvariantBroken):
        open_envelope(message)
