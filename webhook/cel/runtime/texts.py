"""Text forms of values, as Go prints them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from webhook.cel.values import (
    SECOND,
    Duration,
    ObjectValue,
    Optional,
    Timestamp,
    TypeValue,
    Uint,
)

if TYPE_CHECKING:
    from collections.abc import Callable

NONE_TEXT = "optional.none()"


def format_double(value: float) -> str:
    """Write a double in the form of Go's `%g` (shortest digits): 1e+06, 123456, 0.0001."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    sign, digits, exponent = _digits(value)
    if exponent < -4 or exponent >= 6:
        return sign + _scientific(digits, exponent)
    return sign + _positional(digits, exponent)


def format_fixed(value: float) -> str:
    """Write a finite double without exponent, with the shortest digits."""
    sign, digits, exponent = _digits(value)
    return sign + _positional(digits, exponent)


def _digits(value: float) -> tuple[str, str, int]:
    """Return sign, shortest digits and decimal exponent of d.ddd x 10^exponent."""
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    mantissa, _, power = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    if fraction == "0":
        fraction = ""
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return sign, "0", 0
    leading = len(whole + fraction) - len(digits)
    exponent = len(whole) - 1 - leading + int(power or 0)
    return sign, digits.rstrip("0") or "0", exponent


def _scientific(digits: str, exponent: int) -> str:
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _positional(digits: str, exponent: int) -> str:
    if exponent < 0:
        return "0." + "0" * (-exponent - 1) + digits
    if len(digits) <= exponent + 1:
        return digits + "0" * (exponent + 1 - len(digits))
    return f"{digits[: exponent + 1]}.{digits[exponent + 1 :]}"


def format_duration(value: Duration) -> str:
    """Write a duration as `string()` does: seconds as a double, `1.5s`."""
    whole, rest = divmod(abs(value.nanoseconds), SECOND)
    seconds = whole + rest / 1e9
    return f"{format_fixed(-seconds if value.nanoseconds < 0 else seconds)}s"


def format_timestamp(value: Timestamp) -> str:
    """Write a timestamp as RFC 3339 with its own zone and the fraction it has."""
    year, month, day, second = calendar(value.nanoseconds // SECOND + value.offset)
    hour, rest = divmod(second, 3600)
    minute, second = divmod(rest, 60)
    fraction = f".{value.nanoseconds % SECOND:09d}".rstrip("0").rstrip(".")
    return (
        f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}"
        f"{fraction}{_zone(value.offset)}"
    )


def _zone(offset: int) -> str:
    if offset == 0:
        return "Z"
    hours, minutes = divmod(abs(offset) // 60, 60)
    return f"{'-' if offset < 0 else '+'}{hours:02d}:{minutes:02d}"


def calendar(seconds: int) -> tuple[int, int, int, int]:
    """Return year, month, day and second of the day of a count of seconds since 1970.

    Works for every year, also outside of 1 to 9999, which time zones can reach.
    """
    days, second = divmod(seconds, 86400)
    days += 719468  # to 0000-03-01
    era, day_of_era = divmod(days, 146097)
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year_of_era + era * 400 + (month <= 2), month, day, second


def quote(text: str) -> str:
    """Write a string in quotes as Go's `strconv.Quote`."""
    body = (_ESCAPES.get(char) or (char if char.isprintable() else _escaped(char)) for char in text)
    return f'"{"".join(body)}"'


_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


def _escaped(char: str) -> str:
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def show(value: Any) -> str:
    """Write a value as it appears inside of error texts."""
    write = _WRITERS.get(type(value))
    return str(value) if write is None else write(value)


def _show_map(value: dict[Any, Any]) -> str:
    return "{" + ", ".join(f"{show(k)}: {show(v)}" for k, v in value.items()) + "}"


_WRITERS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "null",
    bool: lambda value: "true" if value else "false",
    Uint: lambda value: str(value.value),
    float: format_double,
    bytes: lambda value: value.decode("utf-8", "replace"),
    list: lambda value: f"[{', '.join(map(show, value))}]",
    dict: _show_map,
    Duration: format_duration,
    Timestamp: format_timestamp,
    Optional: lambda value: f"optional({show(value.content)})" if value.present else NONE_TEXT,
    TypeValue: lambda value: value.name,
    ObjectValue: lambda value: f"{value.cel_type_name}{show(value.fields)}",
}
