"""Regular expressions with RE2's meaning and Go's error texts.

RE2 decides what a pattern means. Compiled patterns are kept by their users, not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import re2

from webhook.cel.errors import EvaluationError

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
    "invalid UTF-8": "invalid UTF-8",
    "pattern too large - compile failed": "expression too large",
}


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 64 << 20
    return options


def compile_pattern(pattern: str) -> re2._Regexp:
    """Compile a pattern; a bad one is an EvaluationError in Go's words."""
    try:
        return re2.compile(pattern.encode("utf-8", "replace"), _options())
    except re2.error as error:
        raise EvaluationError(f"error parsing regexp: {_go_text(error)}") from None


def _go_text(error: re2.error) -> str:
    raw = error.args[0]
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
    for ours, theirs in _GO_TEXTS.items():
        if text.startswith(ours):
            detail = text[len(ours) :].removeprefix(":").strip()
            return f"{theirs}: `{detail}`" if detail else theirs
    return text


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return the function that tells whether a text has a match of the pattern."""
    search = compile_pattern(pattern).search

    def matches(text: str) -> bool:
        return search(text.encode("utf-8", "replace")) is not None

    return matches
