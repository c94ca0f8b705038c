"""The version 2 formatter behind `fmt.format(list)`, quirks included.

Clauses are parsed here for both users: `format_text` fills them with values, the checker asks
`clauses` and `accepts` to refuse wrong literals ahead. Numbers are grouped by thousands, as
upstream prints with the locale en_US.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from webhook.cel.errors import BudgetError
from webhook.cel.functions.go_text import quote
from webhook.cel.runtime.texts import format_double, format_duration, format_timestamp
from webhook.cel.values import Duration, Timestamp, Uint, type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Node = TypeVar("Node")

_DEFAULT_PRECISION: Final = 6
_MAX_INT: Final = 2**63 - 1
# Go's printer gives up on numbers that grow past this while it reads them, and says so in place.
_PRINTER_LIMIT: Final = 10_000_009
_NO_VERB: Final = "%!(NOVERB)"
_END: Final = "unexpected end of string"
# A longer text costs more than one expression may spend on anything that reads it.
MAX_TEXT: Final = 10_000_000

_SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_NOT_FINITE: Final = frozenset({"NaN", "Infinity", "-Infinity"})

# What each clause takes, and how upstream refuses the rest.
_TAKES: Final = {
    "s": (
        frozenset(
            {"string", "bool", "bytes", "int", "uint", "double", "null_type", "type", "list", "map"}
            | {"google.protobuf.Timestamp", "google.protobuf.Duration"}
        ),
        (
            "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, "
            "types, durations, and timestamps"
        ),
    ),
    "d": (frozenset({"int", "uint"}), "decimal clause can only be used on integers"),
    "f": (frozenset({"double", "string"}), "fixed-point clause can only be used on doubles"),
    "e": (frozenset({"double", "string"}), "scientific clause can only be used on doubles"),
    "b": (
        frozenset({"int", "uint", "bool"}),
        "only integers and bools can be formatted as binary",
    ),
    "x": (
        frozenset({"int", "uint", "string", "bytes"}),
        "only integers, byte buffers, and strings can be formatted as hex",
    ),
    "o": (frozenset({"int", "uint"}), "octal clause can only be used on integers"),
}


class FormatError(ValueError):
    """A format string or one of its arguments is wrong; `str()` is upstream's text."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One `%` clause, with the plain text before it; the last one of a string has no verb."""

    before: str
    verb: str = ""
    precision: int | None = None


def clauses(text: str) -> Iterator[Clause]:
    """Take a format string apart; raise FormatError when the wrong clause is reached."""
    before, position = "", 0
    while True:
        percent = text.find("%", position)
        if percent < 0:
            yield Clause(before + text[position:])
            return
        before += text[position:percent]
        if text.startswith("%%", percent):
            before, position = before + "%", percent + 2
            continue
        verb, precision, position = _parse_clause(text, percent + 1)
        yield Clause(before, verb, precision)
        before = ""


def _parse_clause(text: str, position: int) -> tuple[str, int | None, int]:
    """Return verb, precision and the position after the clause."""
    if position >= len(text):
        # Upstream asks for the argument first; `format_text` has its own check for that.
        raise FormatError(_END)
    precision = None
    if text[position] == ".":
        precision, position = _parse_precision(text, position + 1)
    verb = text[position]
    if verb.lower() not in _TAKES or verb in "SDFEBO":
        shown = chr(verb.encode("utf-8", "surrogatepass")[0])  # upstream prints the first byte
        raise _bad_clause(f'unrecognized formatting clause "{shown}"')
    return verb, precision, position + 1


def _parse_precision(text: str, start: int) -> tuple[int, int]:
    end = start
    while end < len(text) and text[end] in "0123456789":
        end += 1
    if end == len(text):
        raise _bad_precision("could not find end of precision specifier")
    digits = text[start:end]
    significant = digits.lstrip("0")
    failed = f"error while converting precision to integer: strconv.Atoi: parsing {quote(digits)}"
    if not digits:
        raise _bad_precision(f"{failed}: invalid syntax")
    if len(significant) > 19 or int(significant or "0") > _MAX_INT:
        raise _bad_precision(f"{failed}: value out of range")
    return int(significant or "0"), end


def _bad_precision(message: str) -> FormatError:
    return _bad_clause(f"error while parsing precision: {message}")


def _bad_clause(message: str) -> FormatError:
    return FormatError(f"could not parse formatting clause: {message}")


def accepts(verb: str, kind: str) -> bool:
    """Tell whether a clause takes values of a runtime type, by the type's name."""
    return kind in _TAKES[verb.lower()][0]


def refusal(verb: str, kind: str) -> str:
    """Return upstream's text for a value of a type that the clause does not take."""
    return f"error during formatting: {_TAKES[verb.lower()][1]}, was given {kind}"


def check_literals(
    text: str, arguments: Sequence[Node], refused: Callable[[str, Node], tuple[Node, str] | None]
) -> tuple[Node | None, str] | None:
    """Find what is wrong with a constant format string and the elements of its literal list.

    refused: called with a verb and an element; returns the part of the element that the clause
        does not take and the name of its type, None if there is no such part.
    Returns the element to blame, None for the whole call, and upstream's text.
    """
    index = -1
    try:
        for index, clause in enumerate(clauses(text)):
            wrong = _check_clause(clause, index, arguments, refused)
            if wrong is not None:
                return wrong
    except FormatError as error:
        # A missing argument is found before what is wrong with the clause, but for its missing end.
        missing = index + 1 >= len(arguments) and str(error) != _END
        return None, f"index {index + 1} out of range" if missing else str(error)
    if index >= len(arguments):
        return None
    counts = f"(expected {index}, got {len(arguments)})"
    return None, f"too many arguments supplied to string.format {counts}"


def _check_clause(
    clause: Clause,
    index: int,
    arguments: Sequence[Node],
    refused: Callable[[str, Node], tuple[Node, str] | None],
) -> tuple[Node | None, str] | None:
    if not clause.verb:
        return None
    if index >= len(arguments):
        return None, f"index {index} out of range"
    wrong = refused(clause.verb, arguments[index])
    return None if wrong is None else (wrong[0], refusal(clause.verb, wrong[1]))


def format_text(text: str, arguments: list[Any]) -> str:
    """Fill the clauses with the arguments; raise FormatError with upstream's text."""
    parts: list[str] = []
    length = index = 0
    clause_iterator = clauses(text)
    while True:
        clause = _next_clause(clause_iterator, index, arguments)
        parts.append(clause.before)
        if not clause.verb:
            return "".join(parts)
        parts.append(_format_value(clause, arguments[index]))
        length += len(parts[-1])
        if length > MAX_TEXT:
            raise BudgetError("operation cancelled: actual cost limit exceeded")
        index += 1


def _next_clause(iterator: Iterator[Clause], index: int, arguments: list[Any]) -> Clause:
    """Return the next clause; a missing argument is found before what is wrong with the clause."""
    try:
        clause = next(iterator)
    except FormatError:
        if index < len(arguments):
            raise
        raise FormatError(f"index {index} out of range") from None
    if clause.verb and index >= len(arguments):
        raise FormatError(f"index {index} out of range")
    return clause


def _format_value(clause: Clause, value: Any) -> str:
    kind = type_name(value)
    if not accepts(clause.verb, kind) or (
        clause.verb in "fe" and kind == "string" and value not in _NOT_FINITE
    ):
        raise FormatError(refusal(clause.verb, kind))
    return _VERBS[clause.verb](value, clause.precision)


def _format_string(value: Any) -> str:
    """Write a value for `%s`."""
    if isinstance(value, str):
        return value
    if isinstance(value, Timestamp):
        return format_timestamp(value)
    if isinstance(value, Duration):
        return format_duration(value)
    if isinstance(value, float):
        return format_double(value)
    return _format_nested(value)


def _format_nested(value: Any) -> str:
    """Write a value inside of a list or map, text not yet in quotes."""
    writer = _NESTED.get(type_name(value))
    if writer is None:
        raise _failed(f"no formatting function for {type_name(value)}")
    return writer(value)


def _failed(message: str) -> FormatError:
    return FormatError(f"error during formatting: {message}")


def _quoted(value: Any) -> str:
    """Write a value inside of a list or map so that it reads as a literal."""
    written = _format_nested(value)
    if isinstance(value, bytes):
        return f"b{quote(written)}"
    if isinstance(value, str) or (isinstance(value, float) and not math.isfinite(value)):
        return quote(written)
    return written


def _format_list(value: list[Any]) -> str:
    return f"[{', '.join(map(_quoted, value))}]"


def _format_map(value: dict[Any, Any]) -> str:
    """Write a map with its entries sorted by the text of their keys."""
    entries = []
    for key, item in value.items():
        if type_name(key) not in {"string", "bool", "int", "uint"}:
            raise _failed(f"no formatting function for map key of type {type_name(key)}")
        entries.append((_quoted(key), _quoted(item)))
    entries.sort(key=lambda entry: entry[0])
    return "{" + ", ".join(f"{key}:{item}" for key, item in entries) + "}"


def _format_bytes(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        message = quote("invalid UTF-8 in bytes, cannot convert to string")
        raise _failed(f"could not convert argument {message} to string") from None


def _format_double(value: float) -> str:
    return f"{value:.6f}" if math.isfinite(value) else format_double(value)


_NESTED: Final[dict[str, Callable[[Any], str]]] = {
    "string": str,
    "bool": lambda value: "true" if value else "false",
    "bytes": _format_bytes,
    "int": str,
    "uint": lambda value: str(value.value),
    "double": _format_double,
    "null_type": lambda _: "null",
    "type": lambda value: value.name,
    "google.protobuf.Timestamp": lambda value: f"timestamp({quote(format_timestamp(value))})",
    "google.protobuf.Duration": lambda value: f"duration({quote(format_duration(value))})",
    "list": _format_list,
    "map": _format_map,
}


def _number(value: Any) -> float:
    return float(value)  # also of the three texts that are let through


def _format_fixed(value: Any, precision: int | None) -> str:
    """Write with thousands grouped; the printer keeps eight bits of the precision."""
    number, digits = _number(value), _DEFAULT_PRECISION if precision is None else precision
    if digits > _PRINTER_LIMIT:
        return _NO_VERB
    if not math.isfinite(number):
        return _not_finite(number)
    sign = "-" if number < 0 else ""
    return f"{sign}{abs(number):,.{digits & 0xFF}f}"


def _format_scientific(value: Any, precision: int | None) -> str:
    """Write as `1.234500×10⁰³`; what looks like the precision is the width, in sixteen bits."""
    number, width = _number(value), _DEFAULT_PRECISION if precision is None else precision
    if width > _PRINTER_LIMIT:
        return _NO_VERB
    if not math.isfinite(number):
        return _not_finite(number).rjust(width & 0xFFFF)
    mantissa, _, exponent = f"{abs(number):.6e}".partition("e")
    sign = "-" if number < 0 else ""
    power = exponent.removeprefix("+").translate(_SUPERSCRIPTS)
    return f"{sign}{mantissa}×10{power}".rjust(width & 0xFFFF)


def _not_finite(number: float) -> str:
    if math.isnan(number):
        return "NaN"
    return "∞" if number > 0 else "-∞"


def _integer(value: Any) -> int:
    return value.value if isinstance(value, Uint) else int(value)


def _format_hex(value: Any) -> str:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass").hex()
    return value.hex() if isinstance(value, bytes) else f"{_integer(value):x}"


_VERBS: Final[dict[str, Callable[[Any, int | None], str]]] = {
    "s": lambda value, _: _format_string(value),
    "d": lambda value, _: str(_integer(value)),
    "f": _format_fixed,
    "e": _format_scientific,
    "b": lambda value, _: f"{_integer(value):b}",
    "x": lambda value, _: _format_hex(value),
    "X": lambda value, _: _format_hex(value).upper(),
    "o": lambda value, _: f"{_integer(value):o}",
}
