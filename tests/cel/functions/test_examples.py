"""The examples in the tables of all libraries, run through the engine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from webhook.cel import Budget, CompileError, Environment, EvaluationError
from webhook.cel.functions import LIBRARIES, MUTATION_LIBRARIES
from webhook.cel.functions.authorizer import AUTHORIZER

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts"))

from vector_authorizer import make_authorizer  # type: ignore[import-not-found]
from vector_notation import write_value  # type: ignore[import-not-found]

MINE = {
    *("urls", "regex", "authorizer", "quantity", "strings", "sets", "ip", "cidr", "format"),
    *("semver", "list extension", "lists", "jsonpatch"),
}
ENVIRONMENT = Environment({"authorizer": AUTHORIZER}, mutation=True)
EXAMPLES = [
    pytest.param(expression, expected, id=f"{function.name}: {expression}")
    for library in (*LIBRARIES, *MUTATION_LIBRARIES)
    for function in library.functions
    for expression, expected in function.examples
]


@pytest.mark.parametrize(("expression", "expected"), EXAMPLES)
def test_examples_have_the_value_they_show(expression: str, expected: str) -> None:
    assert result(expression) == expected


def result(expression: str) -> str:
    try:
        program = ENVIRONMENT.compile(expression)
        value = program.evaluate({"authorizer": make_authorizer()}, Budget(10_000_000))
    except (CompileError, EvaluationError) as error:
        return str(error)
    return str(write_value(value))


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(function, id=f"{library.name}: {function.name}")
        for library in (*LIBRARIES, *MUTATION_LIBRARIES)
        if library.name in MINE
        for function in library.functions
    ],
)
def test_functions_are_shown_and_described(function: object) -> None:
    assert getattr(function, "examples", ()), "has no example"
    assert getattr(function, "documentation", ""), "has no description"
