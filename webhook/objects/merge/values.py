"""How Go's `fmt` prints the values that do not fit a schema: the ends of upstream's messages.

Only what those messages hold; not a port of `fmt`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Foreign:
    """A value that JSON lacks, and that fits no schema; given by its three printed forms.

    `type_name` is Go's `%T`, `plain` its `%v`, `source` its `%#v`.
    """

    type_name: str
    plain: str
    source: str


_TYPE_NAMES = {
    bool: "bool",
    int: "int64",
    float: "float64",
    str: "string",
    list: "[]interface {}",
    dict: "map[string]interface {}",
}


def type_name(value: Any) -> str:
    """Return the form of `%T`."""
    if isinstance(value, Foreign):
        return value.type_name
    return _TYPE_NAMES.get(type(value), "<nil>")


def plain(value: Any) -> str:
    """Return the form of `%v`: `[a b]`, `map[a:1]`."""
    if isinstance(value, Foreign):
        return value.plain
    if isinstance(value, dict):
        pairs = (f"{key}:{plain(value[key])}" for key in sorted(value))
        return f"map[{' '.join(pairs)}]"
    if isinstance(value, list):
        return f"[{' '.join(map(plain, value))}]"
    if isinstance(value, str):
        return value
    return "<nil>" if value is None else number(value)


def source(value: Any) -> str:
    """Return the form of `%#v`: `[]interface {}{"a", 1}`."""
    if isinstance(value, Foreign):
        return value.source
    if isinstance(value, dict):
        pairs = (f"{quoted(key)}:{source(value[key])}" for key in sorted(value))
        return f"{type_name(value)}{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"{type_name(value)}{{{', '.join(map(source, value))}}}"
    if isinstance(value, str):
        return quoted(value)
    return "interface {}(nil)" if value is None else number(value)


def quoted(text: str) -> str:
    """Return a text in double quotes."""
    return json.dumps(text, ensure_ascii=False)


def number(value: Any) -> str:
    """Return a bool or a number as Go prints it: `true`, `3`, `1.5`, `1e+06`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    # The shortest digits that mean this double, in the form with an exponent from 1e6 on.
    texts = (f"{value:.{precision}g}" for precision in range(6, 18))
    text = next(one for one in texts if float(one) == value)
    return text if "e" in text or abs(value) < 1e6 else _with_exponent(text)


def _with_exponent(text: str) -> str:
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, _, fraction = digits.partition(".")
    mantissa = (whole[1:] + fraction).rstrip("0")
    return f"{sign}{whole[0]}{'.' if mantissa else ''}{mantissa}e+{len(whole) - 1:02d}"
