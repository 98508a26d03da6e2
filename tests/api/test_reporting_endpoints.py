"""Sentiment and alerts from outside: posted, journaled once, in the inbox of those concerned."""

from typing import Any

import pytest

from api.live import Live, Person
from api.test_inbox_endpoints import until

pytestmark = pytest.mark.integration


def report(person: Person, status: int = 201, /, **changed: Any) -> Any:
    """Report a scored text, or the alert, with changes."""
    given = ALERT if changed.pop("alert", False) else SCORED
    return person.post("/events", {"event": given | changed}, status)


SCORED = {
    "type": "SentimentScored",
    "symbol": "MSFT",
    "source": "newsdesk",
    "source_id": "a",
    "score": 0.7,
    "confidence": 0.9,
    "published_at": "2005-01-03T12:00:00Z",
    "headline": "Good quarter",
}
ALERT = {
    "type": "MarketAlertRaised",
    "symbol": "MSFT",
    "source": "exchange",
    "source_id": "b",
    "kind": "trading_halt",
    "severity": "critical",
    "detail": "Halted for news",
}


def test_a_scored_text_reaches_those_who_want_the_instrument(ada: Person, bob: Person, admin: Person) -> None:
    ada.order()
    answer = report(admin, source_id="one")
    assert answer == {
        "type": "SentimentScored",
        "stream": "market:MSFT",
        "source": "newsdesk",
        "source_id": "one",
        "new": True,
    }
    told = until(ada, "sentiment_scored")[0]
    assert (told["body"], told["data"]["score"]) == ("Good quarter", 0.7)
    assert all(one["kind"] != "sentiment_scored" for one in bob.get("/inbox")["items"])


def test_an_alert_reaches_them_too_and_only_once(ada: Person, admin: Person) -> None:
    ada.order()
    assert report(admin, alert=True, source_id="two")["new"]
    assert not report(admin, alert=True, source_id="two")["new"]
    changed = report(admin, 409, alert=True, source_id="two", detail="something else")
    assert changed["code"] == "source_id_reused"
    report(admin, source_id="three")
    kinds = [one["kind"] for one in until(ada, "sentiment_scored")]
    assert kinds.count("market_alert") == 1


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"score": 1.01}, "score"),
        ({"score": "0.5"}, "score"),
        ({"confidence": -0.1}, "confidence"),
        ({"symbol": "not a symbol"}, "symbol"),
        ({"source": " "}, "source"),
        ({"source": "a\u202eb"}, "source"),
        ({"source_id": ""}, "source_id"),
        ({"source_id": "x" * 121}, "source_id"),
        ({"headline": "two\nlines"}, "headline"),
        ({"published_at": "yesterday"}, "published_at"),
        ({"more": 1}, "more"),
        ({"type": "OrderFilled"}, "type"),
    ],
)
def test_what_cannot_be_is_named(admin: Person, changed: dict[str, Any], field: str) -> None:
    assert field in str(report(admin, 422, **changed))


def test_an_alert_has_one_of_three_severities(admin: Person) -> None:
    assert "severity" in str(report(admin, 422, alert=True, severity="fatal"))


def test_only_administrators_report(live: Live, ada: Person) -> None:
    assert report(ada, 403)["code"] == "forbidden"
