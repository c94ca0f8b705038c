"""What the parts of an expression evaluated to."""

from __future__ import annotations

from typing import Any

import pytest

from webhook.cel import Environment, EvaluationError
from webhook.cel.types import DYN

OBJECT = {"n": 3, "m": {"a": "x"}, "l": [1, 2, 3], "x-y": 5}


def parts(text: str) -> dict[str, list[Any]]:
    explanation = Environment({"object": DYN}).compile(text).explain({"object": OBJECT})
    return {part.text: [shown(value) for value in part.values] for part in explanation.parts}


def shown(value: Any) -> Any:
    return f"error: {value}" if isinstance(value, EvaluationError) else value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "object.n > 5 && object.m.a == 'x'",
            {
                "object.n > 5 && object.m.a == 'x'": [False],
                "object.n > 5": [False],
                "object.n": [3],
                "object": [],
                "object.m.a == 'x'": [],
                "object.m.a": [],
                "object.m": [],
            },
        ),
        (
            "object.l.all(v, v < 3)",
            {
                "object.l.all(v, v < 3)": [False],
                "object.l": [[1, 2, 3]],
                "object": [],
                "v < 3": [True, True, False],
                "v": [1, 2, 3],
            },
        ),
        (
            "has(object.nope) ? object.nope : size([object.`x-y`, (object.n)])",
            {
                "has(object.nope) ? object.nope : size([object.`x-y`, (object.n)])": [2],
                "has(object.nope)": [False],
                "object": [],
                "object.nope": [],
                "size([object.`x-y`, (object.n)])": [2],
                "[object.`x-y`, (object.n)]": [[5, 3]],
                "object.`x-y`": [5],
                "object.n": [3],
            },
        ),
        (
            "object.nope.x",
            {
                "object.nope.x": ["error: no such key: nope"],
                "object.nope": ["error: no such key: nope"],
                "object": [],
            },
        ),
    ],
)
def test_parts_have_their_values(text: str, expected: dict[str, list[Any]]) -> None:
    assert parts(text) == expected


def test_an_explanation_says_value_and_cost() -> None:
    program = Environment({"object": DYN}).compile("object.n + 1")
    explanation = program.explain({"object": OBJECT})
    assert (explanation.value, explanation.cost) == (4, 3)


def test_an_explanation_of_too_much_ends() -> None:
    program = Environment({"object": DYN}).compile("object.all(a, object.all(b, a + b >= 0))")
    explanation = program.explain({"object": list(range(1000))})
    assert str(explanation.value) == "operation cancelled: actual cost limit exceeded"
    assert max(len(part.values) for part in explanation.parts) == 100
