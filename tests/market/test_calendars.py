import subprocess
import sys
from datetime import UTC, date, datetime

import pytest

from traderbot.market.calendars import Sessions, is_session, session_close, sessions_between, zone_of
from traderbot.model.errors import InvalidValue, NotFound

pytestmark = pytest.mark.unit


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("day", "close"),
    [
        (date(2005, 1, 3), "2005-01-03T21:00:00"),  # winter: 16:00 in New York is 21:00 UTC
        (date(2005, 7, 5), "2005-07-05T20:00:00"),  # summer
        (date(2004, 11, 26), "2004-11-26T18:00:00"),  # the day after Thanksgiving closes at 13:00
        (date(2012, 7, 3), "2012-07-03T17:00:00"),  # the day before Independence Day, 13:00 in summer
        (date(2012, 12, 24), "2012-12-24T18:00:00"),
    ],
)
def test_closes_of_whole_and_half_days(day: date, close: str) -> None:
    assert session_close("XNYS", day) == micros(close)


@pytest.mark.parametrize(
    "day",
    [
        date(2005, 1, 1),
        date(2005, 1, 2),
        date(2004, 6, 11),  # mourning for President Reagan
        date(2001, 9, 12),
        date(2012, 10, 29),  # hurricane Sandy
    ],
)
def test_closed_days(day: date) -> None:
    assert not is_session("XNYS", day)
    with pytest.raises(NotFound):
        session_close("XNYS", day)


def test_a_span_of_sessions(january: Sessions) -> None:
    assert len(january) == 20
    assert january.close_of(date(2005, 1, 3)) == micros("2005-01-03T21:00:00")
    assert january.opens[0] == micros("2005-01-03T14:30:00")
    assert january.position(date(2005, 1, 4)) == 1
    assert january.position(date(2005, 1, 8)) is None
    assert january.position(date(2006, 1, 3)) is None
    assert (january.closes > january.opens).all()


def test_a_time_belongs_to_the_session_that_closes_next(january: Sessions) -> None:
    assert january.date_of(micros("2005-01-03T21:00:00")) == date(2005, 1, 3)
    assert january.date_of(micros("2005-01-03T21:00:01")) == date(2005, 1, 4)
    assert january.date_of(micros("2005-01-08T12:00:00")) == date(2005, 1, 10)
    assert january.date_of(micros("2006-01-01T00:00:00")) == date(2005, 1, 31)


def test_other_exchanges_have_their_own_days() -> None:
    assert is_session("XLON", date(2005, 1, 17))
    assert not is_session("XNYS", date(2005, 1, 17))  # Martin Luther King Jr. Day
    assert zone_of("XLON") == "Europe/London"


def test_years_that_the_calendar_does_not_know_hold_no_sessions() -> None:
    assert len(sessions_between("XSHG", date(1980, 1, 1), date(1989, 12, 31))) == 0
    known = sessions_between("XSHG", date(1980, 1, 1), date(1995, 12, 31))
    assert known.dates[0].item().year == 1990  # when the Shanghai Stock Exchange opened


def test_unknown_calendars_and_years_are_refused() -> None:
    with pytest.raises(InvalidValue, match="calendar"):
        sessions_between("NOPE", date(2005, 1, 1), date(2005, 1, 31))
    with pytest.raises(InvalidValue, match="first"):
        sessions_between("XNYS", date(1900, 1, 1), date(2005, 1, 31))


def test_the_calendar_library_is_not_imported_at_start() -> None:
    code = (
        "import sys, traderbot.market.demo, traderbot.market.sessions;"
        "assert not {'pandas', 'exchange_calendars', 'bokeh_sampledata'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})
