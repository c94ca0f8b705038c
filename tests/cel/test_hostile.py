"""Texts and values made to hurt: an error or a value, soon, and never a crash."""

from __future__ import annotations

from typing import Any

import pytest

from webhook.cel import Budget, CompileError, Environment, EvaluationError
from webhook.cel.types import DYN

ENVIRONMENT = Environment({"object": DYN})


def nested(text: str, levels: int) -> Any:
    value: Any = text
    for _ in range(levels):
        value = [value]
    return value


OBJECT: dict[str, Any] = {
    "many": list(range(100_000)),
    "long": "a" * 1_000_000,
    "deep": nested("x", 900),
    "nan": float("nan"),
    "half": "\ud800x",
}
TOO_DEEP = "expression recursion limit exceeded: 250"
OVER = "operation cancelled: actual cost limit exceeded"


def loops(levels: int) -> str:
    text = "object"
    for level in range(levels):
        text = f"[1].map(x{level}, {text})"
    return text


def answer(text: str) -> Any:
    try:
        program = ENVIRONMENT.compile(text)
    except CompileError as error:
        return str(error).split("\n", maxsplit=1)[0].rsplit("<input>:", 1)[-1]
    try:
        return program.evaluate({"object": OBJECT}, Budget(10**7))
    except EvaluationError as error:
        return str(error)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("(" * 249 + "1" + ")" * 249, 1, id="249 parentheses"),
        pytest.param("(" * 250 + "1" + ")" * 250, f"-1:0: {TOO_DEEP}", id="250 parentheses"),
        pytest.param("size(" + "[" * 240 + "]" * 240 + ")", 1, id="240 lists"),
        pytest.param("!" * 1001 + "true", False, id="1001 negations"),
        pytest.param("+".join(["1"] * 250), 250, id="249 additions"),
        pytest.param("+".join(["1"] * 1000), f"-1:0: {TOO_DEEP}", id="999 additions"),
        pytest.param("||".join(["false"] * 2000), False, id="2000 alternatives"),
        pytest.param("object" + ".a" * 1000, f"-1:0: {TOO_DEEP}", id="1000 fields"),
        pytest.param("true ? 1 : " * 249 + "1", 1, id="249 choices"),
        pytest.param("true ? 1 : " * 250 + "1", f"-1:0: {TOO_DEEP}", id="250 choices"),
        pytest.param("9" * 5000, "1:1: invalid int literal", id="a number of 5000 digits"),
        pytest.param("1e999", "1:1: invalid double literal", id="a double out of range"),
        pytest.param(
            " " * 100_001,
            "-1:0: expression code point size exceeds limit: size: 100001, limit 100000",
            id="100,001 characters",
        ),
        pytest.param(
            "optional.of(1)" + ".optMap(v, v)" * 40,
            "-1:0: expression is too large: more than 150000 nodes",
            id="a target copied 2^40 times",
        ),
        pytest.param("object.long.matches('(a+)+b')", False, id="a pattern that backtracks"),
        pytest.param(
            "object.deep == object.deep",
            "expression is nested too deeply to evaluate",
            id="deep values",
        ),
        pytest.param(
            "object.half.matches('x') && bytes(object.half) == b'?x'",
            True,
            id="half a surrogate pair",
        ),
        pytest.param("{object.nan: 1}.size()", 1, id="NaN as a key"),
        pytest.param(
            "{object.many: 1}.size()",
            "lists and maps are no keys of maps here",
            id="a list as a key",
        ),
        pytest.param("object.many.map(x, x).size()", OVER, id="a long list mapped"),
        pytest.param("object.many.distinct()", OVER, id="a long list compared with itself"),
        pytest.param(
            "optional.of(object.many)" + ".optMap(v, v + v)" * 6 + ".value().size()",
            OVER,
            id="a list doubled again and again",
        ),
        pytest.param(
            "." * 5000,
            "1:2: Syntax error: mismatched input '.' expecting IDENTIFIER",
            id="5000 dots",
        ),
    ],
)
def test_hostile_input_gets_an_answer(text: str, expected: Any) -> None:
    assert answer(text) == expected


def test_more_loops_than_python_nests_are_evaluated() -> None:
    assert isinstance(answer(loops(60)), list)


def test_too_many_issues_are_counted() -> None:
    with pytest.raises(CompileError) as caught:
        ENVIRONMENT.compile(" + ".join(f"x{index}" for index in range(120)))
    assert str(caught.value).endswith("\n20 more errors were truncated")


def test_very_long_lines_are_not_shown() -> None:
    with pytest.raises(CompileError) as caught:
        ENVIRONMENT.compile("nope + '" + "a" * 20_000 + "'")
    assert "\n | " not in str(caught.value)
