"""Conversions between the basic types: the functions named like types.

Errors are upstream's: `type conversion error from 'string' to 'int'`.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

from webhook.cel.errors import EvaluationError
from webhook.cel.runtime.arithmetic import (
    MAX_SECONDS,
    MIN_SECONDS,
    checked_int,
    checked_timestamp,
    checked_uint,
)
from webhook.cel.runtime.texts import format_double, format_duration, format_timestamp
from webhook.cel.values import INT_MAX, INT_MIN, SECOND, UINT_MAX, Duration, Timestamp, Uint

_INT = re.compile(r"[+-]?[0-9]+\Z")
_UINT = re.compile(r"[0-9]+\Z")
# Go allows single underscores between digits. Nothing is given back, so that long texts fail fast.
_D, _H = r"[0-9]++(?:_[0-9]++)*+", r"[0-9a-fA-F]++(?:_[0-9a-fA-F]++)*+"
_DOUBLE = re.compile(
    rf"[+-]?(?:(?:{_D}\.?(?:{_D})?|\.{_D})(?:[eE][+-]?{_D})?|(?i:inf|infinity|nan))\Z"
)
_HEX_DOUBLE = re.compile(rf"[+-]?0[xX]_?(?:{_H}\.?(?:{_H})?|\.{_H})[pP][+-]?{_D}\Z")
_TRUE: Final = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_MAX_DIGITS: Final = 400


def identity(value: Any) -> Any:
    """Return the value itself."""
    return value


def _failed(target: str) -> EvaluationError:
    return EvaluationError(f"type conversion error from 'string' to '{target}'")


def string_to_bool(text: str) -> bool:
    """Read a bool as Go's `strconv.ParseBool`."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise _failed("bool")


def string_to_int(text: str) -> int:
    """Read a decimal int."""
    if _INT.match(text) and len(text) < _MAX_DIGITS and INT_MIN <= int(text) <= INT_MAX:
        return int(text)
    raise _failed("int")


def string_to_uint(text: str) -> Uint:
    """Read a decimal uint."""
    if _UINT.match(text) and len(text) < _MAX_DIGITS and int(text) <= UINT_MAX:
        return Uint(int(text))
    raise _failed("uint")


def string_to_double(text: str) -> float:
    """Read a double as Go's `strconv.ParseFloat`; what is too large fails."""
    if _HEX_DOUBLE.match(text):
        return _hex_double(text)
    if not _DOUBLE.match(text):
        raise _failed("double")
    value = float(text.replace("_", ""))
    if math.isinf(value) and "i" not in text.lower():
        raise _failed("double")
    return value


def _hex_double(text: str) -> float:
    try:
        return float.fromhex(text.replace("_", ""))
    except OverflowError:
        raise _failed("double") from None


def double_to_int(value: float) -> int:
    """Cut a double to an int."""
    if math.isnan(value) or value <= float(INT_MIN) or value >= float(INT_MAX):
        raise EvaluationError("integer overflow")
    return int(value)


def double_to_uint(value: float) -> Uint:
    """Cut a double to a uint."""
    if math.isnan(value) or value < 0 or value >= float(UINT_MAX):
        raise EvaluationError("unsigned integer overflow")
    return Uint(int(value))


def uint_to_int(value: Uint) -> int:
    """Turn a uint into an int."""
    return checked_int(value.value)


def int_to_uint(value: int) -> Uint:
    """Turn an int into a uint."""
    return checked_uint(value)


def uint_to_double(value: Uint) -> float:
    """Turn a uint into a double."""
    return float(value.value)


def duration_to_int(value: Duration) -> int:
    """Return the nanoseconds of a duration."""
    return value.nanoseconds


def timestamp_to_int(value: Timestamp) -> int:
    """Return the seconds since 1970."""
    return value.nanoseconds // SECOND


def int_to_timestamp(value: int) -> Timestamp:
    """Return the moment a count of seconds after 1970."""
    return checked_timestamp(value * SECOND)


def bool_to_string(value: bool) -> str:  # noqa: FBT001 - the value is the argument
    """Write a bool."""
    return "true" if value else "false"


def uint_to_string(value: Uint) -> str:
    """Write a uint."""
    return str(value.value)


def bytes_to_string(value: bytes) -> str:
    """Decode UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise EvaluationError("invalid UTF-8 in bytes, cannot convert to string") from None


def string_to_bytes(text: str) -> bytes:
    """Encode as UTF-8; half a surrogate pair, which JSON may hold, becomes a replacement."""
    return text.encode("utf-8", "replace")


double_to_string = format_double
duration_to_string = format_duration
timestamp_to_string = format_timestamp

_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
}
_PART = re.compile("([0-9]*+)(\\.[0-9]*+)?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)")


def string_to_duration(text: str) -> Duration:
    """Read a duration as Go's `time.ParseDuration`: signed decimals with units."""
    negative = text.startswith("-")
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return Duration(0)
    total = 0
    position = 0
    while position < len(rest):
        match = _PART.match(rest, position)
        if match is None or not (match[1] or (match[2] or ".") != "."):
            raise _failed(Duration.cel_type_name)
        total += _nanoseconds(match)
        position = match.end()
    limit = INT_MAX + 1 if negative else INT_MAX
    if not rest or total > limit:
        raise _failed(Duration.cel_type_name)
    return Duration(-total if negative else total)


def _nanoseconds(match: re.Match[str]) -> int:
    unit = _UNITS[match[3]]
    digits = match[1] or "0"
    if len(digits.lstrip("0")) > 19:
        return INT_MAX + 2
    fraction = (match[2] or ".")[1:].rstrip("0")
    # Go drops what is below one nanosecond.
    below: int = int(fraction[:18] or 0) * unit // 10 ** len(fraction[:18])
    return int(digits) * unit + below


_TIMESTAMP = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})T(\d{2}|\d):(\d{2}):(\d{2})([.,]\d+)?(?:Z|([+-])(\d{2}):(\d{2}))\Z",
    re.ASCII,
)
_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def string_to_timestamp(text: str) -> Timestamp:
    """Read a timestamp as Go's `time.Parse` with RFC 3339; the zone is kept for the text form."""
    match = _TIMESTAMP.match(text)
    if match is None:
        raise _failed(Timestamp.cel_type_name)
    year, month, day, hour, minute, second = (int(match[index]) for index in range(1, 7))
    zone_hours, zone_minutes = int(match[9] or 0), int(match[10] or 0)
    valid = (
        1 <= month <= 12
        and 1 <= day <= _days_of(year, month)
        and hour < 24
        and minute < 60
        and second < 60
        and zone_hours <= 24
        and zone_minutes < 60
    )
    if not valid:
        raise _failed(Timestamp.cel_type_name)
    offset = (zone_hours * 60 + zone_minutes) * 60
    offset = -offset if match[8] == "-" else offset
    seconds = (
        days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset
    )
    if not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise EvaluationError("timestamp overflow")
    fraction = (match[7] or ".")[1:10]
    return Timestamp(seconds * SECOND + int(fraction.ljust(9, "0")), offset)


def _days_of(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if month == 2 and leap else _DAYS[month - 1]


def days_from_civil(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01 to a date."""
    year -= int(month <= 2)
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146097 + day_of_era - 719468
