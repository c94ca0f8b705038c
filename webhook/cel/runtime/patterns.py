"""Regular expressions with RE2's meaning and Go's error texts.

RE2 decides what a pattern means. A pattern that is constant, means the same in Python's `re` and
cannot backtrack badly there may run in that. Compiled patterns are kept by their users, not here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import re2

from webhook.cel.errors import BudgetError, EvaluationError
from webhook.cel.runtime.native_patterns import native_pattern, native_test

if TYPE_CHECKING:
    from collections.abc import Callable

_GO_TEXTS: Final = {
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "unexpected )": "unexpected )",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid character class range": "invalid character class range",
    "invalid escape sequence": "invalid escape sequence",
    "trailing \\": "trailing backslash at end of expression",
    "invalid repetition size": "invalid repeat count",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
    "pattern too large - compile failed": "expression too large",
}
_UNANCHORED: Final = re2._Anchor.UNANCHORED  # noqa: SLF001 - for the call below
_MAX_MATCHES: Final = 200_000  # upstream charges nothing for them; a second is too long
_COUNT: Final = re.compile(r"\{([0-9]{1,9})(?:,([0-9]{0,9}))?\}$")
_ESCAPED: Final = re.compile(r"\\Q.*?(?:\\E|\Z)|\\.", re.DOTALL)
_NO_SPAN: Final = (-1, -1)


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = 16 << 20  # what is larger would take longer than 0.1 s to compile
    return options


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern in RE2. `span` finds the first match in encoded text from a position on."""

    span: Callable[[bytes, int], tuple[int, int] | None]

    def matches(self, text: str) -> bool:
        """Tell whether there is a match."""
        return self.span(_encode(text), 0) is not None

    def find(self, text: str) -> str:
        """Return the first match, "" if there is none."""
        data = _encode(text)
        found = self.span(data, 0)
        return "" if found is None else data[found[0] : found[1]].decode()

    def find_all(self, text: str, limit: int = -1) -> list[str]:
        """Return the matches, at most `limit` unless that is negative."""
        data = _encode(text)
        spans = _walk(lambda start: self.span(data, start), lambda at: _width(data, at), limit)
        return [data[start:end].decode() for start, end in spans]


@dataclass(frozen=True, slots=True)
class NativePattern:
    """The same in Python's `re`."""

    test: Callable[[str], re.Match[str] | None]
    expression: re.Pattern[str]

    def matches(self, text: str) -> bool:
        """Tell whether there is a match."""
        return self.test(text) is not None

    def find(self, text: str) -> str:
        """Return the first match, "" if there is none."""
        found = self.expression.search(text)
        return "" if found is None else found[0]

    def find_all(self, text: str, limit: int = -1) -> list[str]:
        """Return the matches, at most `limit` unless that is negative."""

        def span(start: int) -> tuple[int, int] | None:
            found = self.expression.search(text, start)
            return None if found is None else found.span()

        def width(at: int) -> int:
            return 1 if at < len(text) else 0

        return [text[start:end] for start, end in _walk(span, width, limit)]


def _walk(
    span: Callable[[int], tuple[int, int] | None], width: Callable[[int], int], limit: int
) -> list[tuple[int, int]]:
    """Go from match to match as Go's `regexp` does.

    Empty matches count, but for one right after another match. `width` is that of the character
    at a position, 0 at the end.
    """
    spans: list[tuple[int, int]] = []
    position, previous_end = 0, -1
    while len(spans) != limit:
        if len(spans) > _MAX_MATCHES:
            raise BudgetError("operation cancelled: actual cost limit exceeded")
        found = span(position)
        if found is None:
            break
        start, end = found
        step = end - position or width(position)
        if end > position or start != previous_end:
            spans.append(found)
        if not step:
            break
        position, previous_end = position + step, end
    return spans


def _width(data: bytes, position: int) -> int:
    """Return the length of the character at a position, 0 at the end."""
    if position >= len(data):
        return 0
    first = data[position]
    if first < 0xC0:
        return 1
    return 2 if first < 0xE0 else 3 if first < 0xF0 else 4


def compile_pattern(pattern: str) -> Pattern:
    """Compile a pattern; a bad one is an EvaluationError in Go's words."""
    if any(escape[0] == "\\C" for escape in _ESCAPED.finditer(pattern)):
        # RE2 knows it as any byte, Go does not.
        raise EvaluationError("error parsing regexp: invalid escape sequence: `\\C`")
    try:
        # The compiled object itself: the wrapper's search costs twice as much.
        search = re2.compile(_encode(pattern), _options())._regexp.Match  # noqa: SLF001
    except re2.error as error:
        raise EvaluationError(f"error parsing regexp: {_go_text(error, pattern)}") from None

    def span(data: bytes, start: int) -> tuple[int, int] | None:
        found: tuple[int, int] = search(_UNANCHORED, data, start, len(data))[0]
        return None if found == _NO_SPAN else found

    return Pattern(span)


def compile_constant(pattern: str) -> Pattern | NativePattern:
    """Compile a pattern that will be used often; a bad one is an EvaluationError as above."""
    compiled = compile_pattern(pattern)
    native, test = native_pattern(pattern), native_test(pattern)
    if native is None or test is None:
        return compiled
    return NativePattern(test.search, native)


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return the function that tells whether a text has a match of a pattern just met."""
    return compile_pattern(pattern).matches


def constant_matcher(pattern: str) -> Callable[[str], bool]:
    """Return the function that tells whether a text has a match of a constant pattern."""
    compiled = compile_pattern(pattern)
    native = native_test(pattern)
    if native is None:
        return compiled.matches
    search = native.search

    def matches(text: str) -> bool:
        return search(text) is not None

    return matches


def _go_text(error: re2.error, pattern: str) -> str:
    """Translate RE2's error to Go's words."""
    raw = error.args[0]
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
    if text.endswith(("(?<=", "(?<!")):
        # Go takes it for a named group, up to its `>`.
        start = pattern.find(text[-4:])
        end = pattern.find(">", start) + 1 or len(pattern)
        return f"invalid named capture: `{pattern[start:end]}`"
    count = _COUNT.search(text)
    if count is not None and max(int(count[1]), int(count[2] or "0")) > 1000:
        return f"invalid repeat count: `{count[0]}`"  # Go looks at it first
    ours = next((known for known in _GO_TEXTS if text.startswith(known)), text)
    detail = text.removeprefix(ours).removeprefix(": ")
    shown = detail.removesuffix("?") if ours == "invalid repetition size" else detail
    return f"{_GO_TEXTS.get(ours, ours)}: `{shown}`"
