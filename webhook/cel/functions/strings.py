"""Library strings: cel-go's string extension in version 2 (no reverse, the old formatter).

Positions count code points. Texts that could not be read within one expression's cost are not
built at all: that ends as the cost limit does.
"""

from __future__ import annotations

import string
from typing import Any, Final

from webhook.cel.costs import traversal, units
from webhook.cel.errors import BudgetError, EvaluationError
from webhook.cel.functions.formatter import MAX_TEXT, FormatError, format_text
from webhook.cel.functions.go_text import WHITE_SPACE
from webhook.cel.library import Function, Library, Overload
from webhook.cel.runtime.texts import show
from webhook.cel.types import DYN, INT, STRING, ListType

_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_UPPER: Final = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)
_QUOTED: Final = str.maketrans(
    {
        "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
        "\\": "\\\\", '"': '\\"',
    }
)  # fmt: skip


def char_at(text: str, index: int) -> str:
    """Return the character at a position, "" at the end."""
    if not 0 <= index <= len(text):
        raise _out_of_range(index)
    return text[index : index + 1]


def _out_of_range(index: int) -> EvaluationError:
    return EvaluationError(f"index out of range: {index}")


def index_of(text: str, part: str, start: int = 0) -> int:
    """Return the first position of a part at or after `start`, or -1."""
    if start < 0:
        raise _out_of_range(start)
    return min(start, len(text)) if not part else text.find(part, start)


def last_index_of(text: str, part: str) -> int:
    """Return the last position of a part, or -1."""
    return text.rfind(part)


def last_index_of_before(text: str, part: str, start: int) -> int:
    """Return the last position of a part at or before `start`, or -1; -1 too beyond the end."""
    if start < 0:
        raise _out_of_range(start)
    if not part:
        return min(start, len(text))
    return -1 if start >= len(text) else text.rfind(part, 0, start + len(part))


def lower_ascii(text: str) -> str:
    """Return the text with A to Z in lower case."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


def upper_ascii(text: str) -> str:
    """Return the text with a to z in upper case."""
    return text.upper() if text.isascii() else text.translate(_UPPER)


def replace(text: str, old: str, new: str, limit: int = -1) -> str:
    """Replace the first `limit` occurrences, all if it is negative."""
    if len(new) > len(old):
        found = len(text) + 1 if not old else text.count(old)
        times = found if limit < 0 else min(limit, found)
        _check_length(len(text) + times * (len(new) - len(old)))
    return text.replace(old, new, limit)


def _check_length(length: int) -> None:
    if length > MAX_TEXT:
        raise BudgetError("operation cancelled: actual cost limit exceeded")


def split(text: str, separator: str, limit: int = -1) -> list[str]:
    """Split into at most `limit` parts, all if it is negative, none if it is 0."""
    if limit == 0:
        return []
    if separator:
        return text.split(separator, limit - 1 if limit > 0 else -1)
    if limit < 0 or limit >= len(text):
        return list(text)
    return [*text[: limit - 1], text[limit - 1 :]]


def substring(text: str, start: int) -> str:
    """Return the text from a position on."""
    if not 0 <= start <= len(text):
        raise _out_of_range(start)
    return text[start:]


def substring_range(text: str, start: int, end: int) -> str:
    """Return the text from a position to before another."""
    if start > end:
        raise EvaluationError(f"invalid substring range. start: {start}, end: {end}")
    for position in (start, end):
        if not 0 <= position <= len(text):
            raise _out_of_range(position)
    return text[start:end]


def trim(text: str) -> str:
    """Return the text without white space around it."""
    return text.strip(WHITE_SPACE)


def quote(text: str) -> str:
    """Return the text in double quotes, with the language's simple escapes."""
    return f'"{text.translate(_QUOTED)}"'


def join(parts: list[Any], separator: str = "") -> str:
    """Join texts; raise EvaluationError where an element is none."""
    for part in parts:
        if not isinstance(part, str):
            shown = "0" if part is None else show(part)  # Go prints its null as a number
            raise EvaluationError(f"join: invalid input: {shown}")
    _check_length(sum(map(len, parts)) + len(separator) * len(parts))
    return separator.join(parts)


def _format(text: str, arguments: list[Any]) -> str:
    try:
        return format_text(text, arguments)
    except FormatError as error:
        raise EvaluationError(str(error)) from None


def _receiver_units(_result: Any, text: Any, *_: Any) -> int:
    return units(text)


def _receiver_twice(_result: Any, text: Any, *_: Any) -> int:
    return units(text, 2)


def _receiver_traversal(_result: Any, receiver: Any, *_: Any) -> int:
    return traversal(receiver)


def _result_twice(result: Any, *_: Any) -> int:
    return units(result, 2)


_TEXTS: Final = ListType(STRING)

LIBRARY: Final = Library(
    "strings",
    (
        Function(
            "charAt",
            (Overload((STRING, INT), STRING, char_at, member=True),),
            examples=(
                ("'hello'.charAt(4)", '"o"'),
                ("'hello'.charAt(5)", '""'),
                ("'hello'.charAt(6)", "index out of range: 6"),
            ),
            documentation="The character at a position; at the end the empty string.",
        ),
        Function(
            "indexOf",
            (
                Overload((STRING, STRING), INT, index_of, member=True),
                Overload((STRING, STRING, INT), INT, index_of, member=True),
            ),
            cost=_receiver_traversal,
            examples=(
                ("'hello mellow'.indexOf('ello', 2)", "7"),
                ("'hello mellow'.indexOf('x')", "-1"),
                ("'abc'.indexOf('', 9)", "3"),
                ("'abc'.indexOf('a', -1)", "index out of range: -1"),
            ),
            documentation="The first position of a part, from a position on; -1 if there is none.",
        ),
        Function(
            "lastIndexOf",
            (
                Overload((STRING, STRING), INT, last_index_of, member=True),
                Overload((STRING, STRING, INT), INT, last_index_of_before, member=True),
            ),
            cost=_receiver_traversal,
            examples=(
                ("'hello mellow'.lastIndexOf('ello')", "7"),
                ("'hello mellow'.lastIndexOf('ello', 6)", "1"),
                ("'abc'.lastIndexOf('a', -1)", "index out of range: -1"),
            ),
            documentation="The last position of a part, at a position or before; else -1.",
        ),
        Function(
            "join",
            (
                Overload((_TEXTS,), STRING, join, member=True),
                Overload((_TEXTS, STRING), STRING, join, member=True),
            ),
            cost=_result_twice,
            examples=(
                ("['a', 'b'].join('-')", '"a-b"'),
                ("['a', 'b'].join()", '"ab"'),
                ("[].join('x')", '""'),
            ),
            documentation="The strings of a list as one, with a separator between them.",
        ),
        Function(
            "lowerAscii",
            (Overload((STRING,), STRING, lower_ascii, member=True),),
            cost=_receiver_units,
            examples=(("'TacoCÆt'.lowerAscii()", '"tacocÆt"'),),
            documentation="The string with A to Z in lower case.",
        ),
        Function(
            "upperAscii",
            (Overload((STRING,), STRING, upper_ascii, member=True),),
            cost=_receiver_units,
            examples=(("'TacoCÆt'.upperAscii()", '"TACOCÆT"'),),
            documentation="The string with a to z in upper case.",
        ),
        Function(
            "replace",
            (
                Overload((STRING, STRING, STRING), STRING, replace, member=True),
                Overload((STRING, STRING, STRING, INT), STRING, replace, member=True),
            ),
            cost=_receiver_twice,
            examples=(
                ("'hello hello'.replace('he', 'we', 1)", '"wello hello"'),
                ("'ab'.replace('', '_')", '"_a_b_"'),
                ("'ab'.replace('a', 'x', 0)", '"ab"'),
            ),
            documentation="The string with occurrences of a part replaced; all if n is negative.",
        ),
        Function(
            "split",
            (
                Overload((STRING, STRING), _TEXTS, split, member=True),
                Overload((STRING, STRING, INT), _TEXTS, split, member=True),
            ),
            cost=_receiver_twice,
            examples=(
                ("'a,b,c'.split(',', 2)", '["a", "b,c"]'),
                ("'a,b,c'.split(',', 0)", "[]"),
                ("'abc'.split('')", '["a", "b", "c"]'),
                ("''.split(',')", '[""]'),
            ),
            documentation="The parts between separators; at most n of them, all if n is negative.",
        ),
        Function(
            "substring",
            (
                Overload((STRING, INT), STRING, substring, member=True),
                Overload((STRING, INT, INT), STRING, substring_range, member=True),
            ),
            cost=_receiver_units,
            examples=(
                ("'tacocat'.substring(0, 4)", '"taco"'),
                ("'tacocat'.substring(7)", '""'),
                ("'tacocat'.substring(8)", "index out of range: 8"),
                ("'tacocat'.substring(2, 1)", "invalid substring range. start: 2, end: 1"),
            ),
            documentation="The string from a position on, or to before a second one.",
        ),
        Function(
            "trim",
            (Overload((STRING,), STRING, trim, member=True),),
            cost=_receiver_units,
            examples=(("'  \\ttrim\\n '.trim()", '"trim"'),),
            documentation="The string without Unicode white space at both ends.",
        ),
        Function(
            "strings.quote",
            (Overload((STRING,), STRING, quote, cost=_receiver_units),),
            since="1.29",
            examples=(("strings.quote('a\"b')", '"\\"a\\\\\\"b\\""'),),
            documentation="The string in double quotes, with escapes.",
        ),
        Function(
            "format",
            (
                Overload(
                    (STRING, ListType(DYN)),
                    STRING,
                    _format,
                    member=True,
                    cost=_receiver_units,
                    variadic=True,
                ),
            ),
            since="1.29",
            examples=(
                ('"%s is %d".format(["a", 1])', '"a is 1"'),
                ('"%.2f".format([3.14159])', '"3.14"'),
                ('"%f".format([1234567.5])', '"1,234,567.500000"'),
                ('"%e".format([1234.5])', '"1.234500×10⁰³"'),
                ('"%x".format(["hello"])', '"68656c6c6f"'),
                ('"%s".format([{"b": 1, "a": [1.5]}])', '"{\\"a\\":[1.500000], \\"b\\":1}"'),
            ),
            documentation="The string with its clauses (%s %d %f %e %b %x %X %o %%) filled in.",
        ),
    ),
)
