"""Trading calendars: which days an exchange trades, and when each session opens and closes, half days
included.

The calendar library takes over a second to import, so it is imported only when sessions have to be looked up:
data sets carry the sessions they span, and a start of the platform reads those.
"""

import warnings
from datetime import date
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from traderbot.model.bars import Times
from traderbot.model.errors import InvalidValue, NotFound

NEW_YORK = "XNYS"
FIRST_DATE = date(1950, 1, 1)
LAST_DATE = date(2099, 12, 31)

Dates = npt.NDArray[np.datetime64]


class Sessions(msgspec.Struct, frozen=True, eq=False):
    """The sessions of a span of days, oldest first.

    dates:  datetime64[D] (n,), the exchange's own days.
    opens:  int64 (n,), microseconds UTC.
    closes: int64 (n,), microseconds UTC, later than opens, strictly increasing.
    """

    dates: Dates
    opens: Times
    closes: Times

    def __len__(self) -> int:
        return len(self.dates)

    def position(self, day: date) -> int | None:
        """Where `day` stands among the sessions, None when it is not one of them."""
        wanted = np.datetime64(day, "D")
        index = int(self.dates.searchsorted(wanted))
        return index if index < len(self.dates) and self.dates[index] == wanted else None

    def close_of(self, day: date) -> int:
        """Close of the session on `day`, microseconds UTC. Errors: NotFound when `day` is no session here."""
        index = self.position(day)
        if index is None:
            raise NotFound(f"{day} is not a trading session")
        return int(self.closes[index])

    def date_of(self, time: int) -> date:
        """Day of the session that `time` belongs to: the first to close at or after it, or else the last."""
        index = min(int(self.closes.searchsorted(time, "left")), len(self.dates) - 1)
        return as_date(self.dates[index])

    def dates_of(self, times: Times) -> Dates:
        """`date_of` for an array of times."""
        indices = np.minimum(self.closes.searchsorted(times, "left"), len(self.dates) - 1)
        found: Dates = self.dates[indices]
        return found

    def between(self, first: date, last: date) -> "Sessions":
        """The sessions from `first` to `last`, both included."""
        start = int(self.dates.searchsorted(np.datetime64(first, "D"), "left"))
        stop = int(self.dates.searchsorted(np.datetime64(last, "D"), "right"))
        return Sessions(self.dates[start:stop], self.opens[start:stop], self.closes[start:stop])


def as_date(day: np.datetime64) -> date:
    """A numpy day as a Python date."""
    plain = day.astype("datetime64[D]").item()
    if not isinstance(plain, date):
        raise InvalidValue("date", "a day, not a missing value")
    return plain


def sessions_between(calendar: str, first: date, last: date) -> Sessions:
    """Sessions of the exchange from `first` to `last`, both included; empty when there is none.

    calendar: an ISO 10383 exchange code such as XNYS.
    Errors: InvalidValue for an unknown calendar, or a date outside 1950 to 2099.
    """
    for field, day in (("first", first), ("last", last)):
        if not FIRST_DATE <= day <= LAST_DATE:
            raise InvalidValue(field, f"a date from {FIRST_DATE} to {LAST_DATE}", day)
    return _all_sessions(calendar, first.year, max(first.year, last.year)).between(first, last)


def session_close(calendar: str, day: date) -> int:
    """Close of one session, microseconds UTC, half days right. Errors: InvalidValue, NotFound."""
    return sessions_between(calendar, day, day).close_of(day)


def is_session(calendar: str, day: date) -> bool:
    """Whether the exchange trades on `day`. Errors: InvalidValue."""
    return len(sessions_between(calendar, day, day)) == 1


@lru_cache(maxsize=64)
def zone_of(calendar: str) -> str:
    """The exchange's time zone, such as America/New_York. Errors: InvalidValue for an unknown calendar."""
    return str(_build(calendar, None, None).tz)


@lru_cache(maxsize=16)
def _all_sessions(calendar: str, first_year: int, last_year: int) -> Sessions:
    """Sessions of whole years, cut to the years that the calendar library knows of this exchange."""
    first, last = date(first_year, 1, 1), date(last_year, 12, 31)
    try:
        built = _build(calendar, first, last)
    except ValueError:  # holidays of this exchange are not recorded that far back or ahead
        any_years = _build(calendar, None, None)
        earliest, latest = any_years.bound_min(), any_years.bound_max()
        first = first if earliest is None else max(first, earliest.date())
        last = last if latest is None else min(last, latest.date())
        if first >= last:
            nothing = np.empty(0, np.int64)
            return Sessions(np.empty(0, "datetime64[D]"), nothing, nothing)
        built = _build(calendar, first, last)
    dates = built.sessions.to_numpy().astype("datetime64[D]")
    return Sessions(dates, _micros(built.opens), _micros(built.closes))


def _micros(series: Any) -> Times:
    """A pandas series of UTC timestamps as int64 microseconds."""
    stamps: Times = series.dt.tz_convert(None).to_numpy().astype("datetime64[us]").astype(np.int64)
    return stamps


def _build(calendar: str, first: date | None, last: date | None) -> Any:
    """The library's calendar. Errors: InvalidValue for its name, ValueError for years it does not know."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library trips over pandas' announcements of its next version
        from exchange_calendars import get_calendar
        from exchange_calendars.errors import InvalidCalendarName

        try:
            if first is None or last is None:
                return get_calendar(calendar)
            return get_calendar(calendar, start=first.isoformat(), end=last.isoformat())
        except InvalidCalendarName as error:
            raise InvalidValue("calendar", "the code of an exchange such as XNYS", calendar) from error
