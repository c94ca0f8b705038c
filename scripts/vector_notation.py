"""Writes values in the notation of the vectors."""

from __future__ import annotations

import json
import math
from typing import Any

from webhook.cel.functions.authorizer import (
    Authorizer,
    Decision,
    GroupCheck,
    PathCheck,
    ResourceCheck,
)
from webhook.cel.runtime.texts import format_timestamp
from webhook.cel.values import (
    SECOND,
    Duration,
    ObjectValue,
    Optional,
    Timestamp,
    TypeValue,
    Uint,
    type_name,
)


def write_type(value: Any) -> str:
    """Return the runtime type of a value."""
    return type_name(value)


def write_string(text: str) -> str:
    """Write a JSON string as Go does, with the characters of HTML escaped."""
    encoded = json.dumps(text, ensure_ascii=False)
    for char in "<>&\u2028\u2029":
        encoded = encoded.replace(char, f"\\u{ord(char):04x}")
    return encoded


def write_double(value: float) -> str:
    """Write a double as Go's `%v`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    from webhook.cel.runtime.texts import format_double  # noqa: PLC0415

    return format_double(value)


def write_duration(value: Duration) -> str:
    """Write a duration as Go's `Duration.String`: 1h0m0s, 1.5ms."""
    nanoseconds = abs(value.nanoseconds)
    sign = "-" if value.nanoseconds < 0 else ""
    if nanoseconds == 0:
        return "0s"
    for unit, name in ((1000, "ns"), (10**6, "µs"), (SECOND, "ms")):
        if nanoseconds < unit:
            return f"{sign}{_decimal(nanoseconds, unit // 1000 or 1)}{name}"
    minutes, rest = divmod(nanoseconds, 60 * SECOND)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, SECOND)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{sign}{hours}h{text}" if hours else f"{sign}{text}"


def _decimal(amount: int, unit: int) -> str:
    whole, rest = divmod(amount, unit)
    digits = len(str(unit)) - 1
    fraction = f"{rest:0{digits}d}".rstrip("0") if digits else ""
    return f"{whole}.{fraction}" if fraction else str(whole)


def write_value(value: Any) -> str:  # noqa: C901, PLR0911, PLR0912 - one case for each type
    """Write a value."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Uint():
            return f"{value.value}u"
        case float():
            return f"double({write_double(value)})"
        case str():
            return write_string(value)
        case bytes():
            return f"b{_quoted_bytes(value)}"
        case list():
            return f"[{', '.join(map(write_value, value))}]"
        case dict():
            entries = (f"{write_value(k)}: {write_value(v)}" for k, v in value.items())
            return "{" + ", ".join(sorted(entries)) + "}"
        case Optional():
            return (
                f"optional.of({write_value(value.content)})" if value.present else "optional.none()"
            )
        case Duration():
            return f"duration({write_duration(value)})"
        case Timestamp():
            return f"timestamp({format_timestamp(value)})"
        case TypeValue():
            return f"type({value.name})"
        case ObjectValue():
            return f"{value.cel_type_name}({write_go(value)})"
        case PathCheck() | GroupCheck() | ResourceCheck() | Authorizer() | Decision():
            return f"{type_name(value)}(no such overload)"  # upstream cannot print them
        case _:
            return f"{type_name(value)}({value})"


def write_go(value: Any) -> str:
    """Write a value inside of an object as Go's `%v`."""
    match value:
        case None:
            return "<nil>"
        case bool() | float() | Uint():
            return write_value(value).removeprefix("double(").rstrip("u)")
        case ObjectValue(cel_type_name="JSONPatch"):
            texts = (value.fields.get(name, "") for name in ("op", "from", "path"))
            return f"&{{{' '.join(texts)} {write_go(value.fields.get('value'))}}}"
        case ObjectValue():
            return write_go(value.fields)
        case dict():
            return f"map[{' '.join(f'{k}:{write_go(v)}' for k, v in sorted(value.items()))}]"
        case list():
            return f"[{' '.join(map(write_go, value))}]"
        case _:
            return str(value)


def _quoted_bytes(value: bytes) -> str:
    from webhook.cel.functions.go_text import quote_bytes  # noqa: PLC0415

    return quote_bytes(value)
