"""Library regex: find and findAll; `matches` is a standard function.

A constant pattern is compiled once. The texts of errors are Go's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhook.cel.costs import pattern_units
from webhook.cel.errors import EvaluationError, no_such_overload
from webhook.cel.library import Function, Library, Overload
from webhook.cel.runtime.patterns import Pattern, compile_constant, compile_pattern
from webhook.cel.types import INT, STRING, ListType

if TYPE_CHECKING:
    from collections.abc import Callable


def _compiled(pattern: str) -> Pattern:
    try:
        return compile_pattern(pattern)
    except EvaluationError as error:
        raise EvaluationError(f"Illegal regex: {error}") from None


def _find(text: str, pattern: str) -> str:
    return _compiled(pattern).find(text)


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    return _compiled(pattern).find_all(text, limit)


def _find_constant(pattern: str) -> Callable[[Any], str]:
    found = compile_constant(pattern).find

    def find(text: Any) -> str:
        if not isinstance(text, str):
            raise no_such_overload()
        return found(text)

    return find


def _find_all_constant(pattern: str) -> Callable[..., list[str]]:
    found = compile_constant(pattern).find_all

    def find_all(text: Any, limit: Any = -1) -> list[str]:
        if not isinstance(text, str) or type(limit) is not int:
            raise no_such_overload()
        return found(text, limit)

    return find_all


def _pattern_cost(_result: Any, text: Any, pattern: Any, *_: Any) -> int:
    return pattern_units(text, pattern)


_TEXTS: Final = ListType(STRING)

LIBRARY: Final = Library(
    "regex",
    (
        Function(
            "find",
            (Overload((STRING, STRING), STRING, _find, member=True, specialize=_find_constant),),
            cost=_pattern_cost,
            examples=(
                ("'abc 123'.find('[0-9]+')", '"123"'),
                ("'abc 123'.find('[0-9]*')", '""'),
                ("'abc'.find('xyz')", '""'),
            ),
            documentation="The first match of a regular expression (RE2), empty if there is none.",
        ),
        Function(
            "findAll",
            (
                Overload(
                    (STRING, STRING), _TEXTS, _find_all, member=True, specialize=_find_all_constant
                ),
                Overload(
                    (STRING, STRING, INT),
                    _TEXTS,
                    _find_all,
                    member=True,
                    specialize=_find_all_constant,
                ),
            ),
            cost=_pattern_cost,
            examples=(
                ("'123 abc 456'.findAll('[0-9]+')", '["123", "456"]'),
                ("'123 abc 456'.findAll('[0-9]*')", '["123", "", "", "", "", "456"]'),
                ("'123 abc 456'.findAll('[0-9]+', 1)", '["123"]'),
                ("'123'.findAll('[0-9]', 0)", "[]"),
            ),
            documentation="All matches, at most n if n is not negative.",
        ),
    ),
)
