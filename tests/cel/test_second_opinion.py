"""The second opinion: cel-python's answer compared with ours."""

from __future__ import annotations

from typing import Any

import pytest

from webhook.cel import Budget, Duration, Environment, EvaluationError, Timestamp, Uint
from webhook.cel.second_opinion import Opinion, _CannotTellError, _from_celpy, second_opinion
from webhook.cel.types import DYN

BINDINGS: dict[str, Any] = {
    "object": {"a": 1, "l": [1.5, None, True, "x"], "b": b"x", "u": Uint(3)},
    "moment": Timestamp(0),
}

# Both implementations evaluate these and agree.
AGREED = [
    "object.a + 1 == 2",
    "object.l",
    "object.u",
    "object.b",
    "{'a': [1.5], 'b': [2.0]}",
    "null",
    "b'abc' + b'd'",
    "'a' + 'b'",
    "[1] + [2]",
    "2.5 * 2.0",
    "timestamp('2024-01-01T00:00:00.5Z')",
    "timestamp('2024-01-01T00:00:00+02:00')",
    "duration('1.5s')",
    "type(1)",
    "type('a')",
    "1 / 0",
    "object.missing",
    "object.l.exists(x, x == 'x')",
]


@pytest.mark.parametrize("expression", AGREED)
def test_second_opinion_agrees(expression: str) -> None:
    opinion = second_opinion(expression, BINDINGS, ours(expression))
    assert opinion.agrees is True, opinion


def ours(expression: str) -> Any:
    program = Environment({"object": DYN, "moment": DYN}).compile(expression)
    try:
        return program.evaluate(BINDINGS, Budget(10_000_000))
    except EvaluationError as error:
        return error


OTHERS: dict[str, tuple[str, Any, Opinion]] = {
    "another value": ("1 + 1", 3, Opinion(agrees=False, text="2 (int)")),
    "another type": ("1 + 1", 2.0, Opinion(agrees=False, text="2 (int)")),
    "a value for an error": (
        "true || 1 / 0 == 1",
        EvaluationError("x"),
        Opinion(agrees=False, text="no error, but true"),
    ),
    "an error for a value": (
        "1 / 0",
        1,
        Opinion(agrees=False, text="an error: modulus or divide by zero"),
    ),
    "optional syntax": ("object.?a", 1, Opinion(agrees=None, text="cannot parse it")),
    "bound type that it cannot hold": ("moment", Timestamp(0), Opinion(None, "does not know")),
    "Kubernetes' library": ("quantity('1')", 1, Opinion(None, "does not know a name: ")),
    "a type that we have not": ("type(type(1))", 1, Opinion(None, "gives a value that cannot")),
    "beyond it": ("[1].all(i, v, i < v)", True, Opinion(None, "stumbles: ValueError: ")),
}


@pytest.mark.parametrize(("expression", "outcome", "expected"), OTHERS.values(), ids=OTHERS)
def test_second_opinion_differs_or_cannot_tell(
    expression: str, outcome: Any, expected: Opinion
) -> None:
    opinion = second_opinion(expression, BINDINGS, outcome)
    assert opinion.agrees is expected.agrees
    assert opinion.text.startswith(expected.text)


def test_durations_are_compared_by_value() -> None:
    assert second_opinion("duration('1s')", {}, Duration(10**9)).agrees is True
    assert second_opinion("duration('1s')", {}, Duration(10**9 + 1)).agrees is False


def test_what_it_returns_may_have_no_counterpart() -> None:
    with pytest.raises(_CannotTellError):
        _from_celpy(object())
