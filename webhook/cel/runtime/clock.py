"""Calendar fields of timestamps, in UTC or another time zone, and units of durations."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from webhook.cel.errors import EvaluationError
from webhook.cel.runtime.conversions import days_from_civil
from webhook.cel.runtime.texts import calendar, quote
from webhook.cel.values import SECOND, Duration, Timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

_NUMBER = re.compile(r"[+-]?[0-9]{1,18}\Z")


def _number(text: str) -> int:
    if not _NUMBER.match(text):
        raise EvaluationError(f"strconv.Atoi: parsing {quote(text)}: invalid syntax")
    return int(text)


@lru_cache(maxsize=64)
def _zone_named(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return None


def offset_of(zone: str, seconds: int) -> int:
    """Return the offset from UTC, in seconds, of a zone at a moment: IANA name or `+hh:mm`."""
    hours, colon, minutes = zone.partition(":")
    if colon:
        return _fixed_offset(zone, hours, minutes)
    if zone in ("", "UTC", "Local"):  # API servers run in UTC
        return 0
    found = _zone_named(zone)
    if found is None:
        raise EvaluationError(f"unknown time zone {zone}")
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=_within(seconds))
    offset = moment.astimezone(found).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def _within(seconds: int) -> int:
    """Keep a moment a day inside of what Python's calendar can shift."""
    return min(max(seconds, -62135510400), 253402214400)


def _fixed_offset(zone: str, hours: str, minutes: str) -> int:
    hour, minute = _number(hours), _number(minutes)
    return 60 * (hour * 60 - minute if zone.startswith("-") else hour * 60 + minute)


def _day_of_year(seconds: int) -> int:
    year, month, day, _ = calendar(seconds)
    return days_from_civil(year, month, day) - days_from_civil(year, 1, 1)


FIELDS: Final[dict[str, Callable[[int], int]]] = {
    "getFullYear": lambda seconds: calendar(seconds)[0],
    "getMonth": lambda seconds: calendar(seconds)[1] - 1,
    "getDayOfYear": _day_of_year,
    "getDayOfMonth": lambda seconds: calendar(seconds)[2] - 1,
    "getDate": lambda seconds: calendar(seconds)[2],
    "getDayOfWeek": lambda seconds: (seconds // 86400 + 4) % 7,
    "getHours": lambda seconds: seconds % 86400 // 3600,
    "getMinutes": lambda seconds: seconds % 3600 // 60,
    "getSeconds": lambda seconds: seconds % 60,
}
"""Fields of a local time given as seconds since 1970."""


def field_in_utc(name: str) -> Callable[[Timestamp], int]:
    """Make the accessor of a field in UTC."""
    field = FIELDS[name]

    def read(moment: Timestamp) -> int:
        return field(moment.nanoseconds // SECOND)

    return read


def field_in_zone(name: str) -> Callable[[Timestamp, str], int]:
    """Make the accessor of a field in a time zone."""
    field = FIELDS[name]

    def read(moment: Timestamp, zone: str) -> int:
        seconds = moment.nanoseconds // SECOND
        return field(seconds + offset_of(zone, seconds))

    return read


def milliseconds(moment: Timestamp) -> int:
    """Return the milliseconds within the second."""
    return moment.nanoseconds % SECOND // 1_000_000


def milliseconds_in_zone(moment: Timestamp, zone: str) -> int:
    """Return the milliseconds within the second; the zone must be known."""
    offset_of(zone, moment.nanoseconds // SECOND)
    return milliseconds(moment)


def whole(unit: int) -> Callable[[Duration], int]:
    """Make the accessor of a duration in whole units of nanoseconds, cut toward zero."""

    def count(span: Duration) -> int:
        amount = abs(span.nanoseconds) // unit
        return amount if span.nanoseconds >= 0 else -amount

    return count
