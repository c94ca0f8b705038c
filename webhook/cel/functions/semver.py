"""Library semver: semantic versions, by blang/semver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhook.cel.costs import units
from webhook.cel.errors import EvaluationError
from webhook.cel.functions.blang_semver import (
    Semver,
    SemverError,
    compare,
    parse_normalized,
    parse_semver,
)
from webhook.cel.library import Function, Library, Overload
from webhook.cel.types import BOOL, INT, STRING, OpaqueType, Type

if TYPE_CHECKING:
    from collections.abc import Callable

SEMVER: Final = OpaqueType("kubernetes.Semver")


def _parse(text: str, normalize: object = None) -> Semver:
    return parse_normalized(text) if normalize else parse_semver(text)


def _semver(text: str, normalize: object = None) -> Semver:
    try:
        return _parse(text, normalize)
    except SemverError as error:
        raise EvaluationError(str(error)) from None


def _is_semver(text: str, normalize: object = None) -> bool:
    try:
        _parse(text, normalize)
    except SemverError:
        return False
    return True


def _argument_units(_result: Any, text: Any, *_: Any) -> int:
    return units(text)


def _number(name: str, implementation: Callable[[Semver], int], example: str) -> Function:
    return Function(
        name,
        (Overload((SEMVER,), INT, implementation, member=True),),
        since="1.33",
        examples=((f"semver('1.2.3').{name}()", example),),
        documentation=f"The {name} number.",
    )


def _comparison(
    name: str,
    result: Type,
    holds: Callable[[int], Any],
    documentation: str,
    example: tuple[str, str],
) -> Function:
    return Function(
        name,
        (
            Overload(
                (SEMVER, SEMVER),
                result,
                lambda left, right: holds(compare(left, right)),
                member=True,
            ),
        ),
        since="1.33",
        examples=(example,),
        documentation=documentation,
    )


LIBRARY: Final = Library(
    "semver",
    (
        Function(
            "semver",
            (
                Overload((STRING,), SEMVER, _semver),
                Overload((STRING, BOOL), SEMVER, _semver),
            ),
            since="1.33",
            cost=_argument_units,
            examples=(
                ("semver('v1.2', true) == semver('1.2.0')", "true"),
                ("semver('1.2')", "No Major.Minor.Patch elements found"),
            ),
            documentation="A version; with true, a `v`, leading zeros and missing parts are mended.",
        ),
        Function(
            "isSemver",
            (
                Overload((STRING,), BOOL, _is_semver),
                Overload((STRING, BOOL), BOOL, _is_semver),
            ),
            since="1.33",
            cost=_argument_units,
            examples=(("isSemver('v1.0')", "false"), ("isSemver('v1.0', true)", "true")),
            documentation="Whether `semver` would accept the string.",
        ),
        _number("major", lambda it: it.major, "1"),
        _number("minor", lambda it: it.minor, "2"),
        _number("patch", lambda it: it.patch, "3"),
        _comparison(
            "isGreaterThan",
            BOOL,
            lambda order: order == 1,
            "Whether it is a later version than another.",
            ("semver('1.2.3').isGreaterThan(semver('1.2.3-rc.1'))", "true"),
        ),
        _comparison(
            "isLessThan",
            BOOL,
            lambda order: order == -1,
            "Whether it is an earlier version than another.",
            ("semver('1.2.3').isLessThan(semver('1.10.0'))", "true"),
        ),
        _comparison(
            "compareTo",
            INT,
            lambda order: order,
            "-1, 0 or 1: earlier than, equal to, later than another.",
            ("semver('1.2.3').compareTo(semver('2.0.0'))", "-1"),
        ),
    ),
    (SEMVER,),
)
