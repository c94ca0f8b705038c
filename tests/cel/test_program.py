"""Budgets, limits, deadlines and bindings of compiled expressions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from webhook.cel import Budget, CompileError, Environment, EvaluationError, Program
from webhook.cel.ast import Literal, Tree
from webhook.cel.checker.results import Checked
from webhook.cel.errors import BudgetError
from webhook.cel.source import Source
from webhook.cel.types import BOOL, DYN, INT, NULL, STRING, ObjectType

OVER = "operation cancelled: actual cost limit exceeded"
ENVIRONMENT = Environment({"object": DYN})


class Clock:
    """A deadline that passes after it was asked a number of times."""

    def __init__(self, questions: int) -> None:
        self.questions = questions

    def expired(self) -> bool:
        self.questions -= 1
        return self.questions < 0


def evaluate(text: str, value: Any = None, budget: Budget | None = None) -> Any:
    return ENVIRONMENT.compile(text).evaluate({"object": value}, budget or Budget(10**9))


def test_cost_is_deducted_from_the_budget() -> None:
    budget = Budget(100)
    assert evaluate("object.a == 1", {"a": 1}, budget) is True
    assert budget.remaining == 97


def test_cost_of_a_failure_is_deducted_too() -> None:
    budget = Budget(100)
    with pytest.raises(EvaluationError, match="no such key: a"):
        evaluate("object.a + 1", {}, budget)
    assert budget.remaining == 97


NESTED = "object.all(a, object.all(b, object.all(c, a + b + c >= 0)))"
FAILING = "object.all(a, object.all(b, object.all(c, a.x == b + c)))"
DYNAMIC = "object.all(a, a.contains('xxxxxxxxxxxxxxxxxxxxxxxxx'))"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param(NESTED, list(range(1000)), id="three nested loops"),
        pytest.param(FAILING, list(range(100)), id="three nested loops full of errors"),
        pytest.param(DYNAMIC, ["x" * 1_000_000] * 10, id="a loop over long texts"),
        pytest.param(
            "object.matches('(a+)+$') && object.matches('(a+)+$')", "a" * 6_000_000, id="patterns"
        ),
        pytest.param("object.all(i, v, i + v >= 0)", list(range(400_000)), id="one long loop"),
    ],
)
def test_an_evaluation_ends_at_its_limit(text: str, value: Any) -> None:
    budget = Budget(10**9)
    with pytest.raises(BudgetError, match=OVER):
        evaluate(text, value, budget)
    assert budget.remaining < 10**9 - 1_000_000


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("object.all(x, x >= 0)", id="compiled"),
        pytest.param("object.all(x, x.y >= 0)", id="exact"),
    ],
)
def test_the_deadline_cuts_loops_off(text: str) -> None:
    with pytest.raises(BudgetError, match="operation interrupted"):
        evaluate(text, list(range(1000)), Budget(10**9, Clock(0)))
    with pytest.raises(EvaluationError) if "y" in text else _nothing():
        evaluate(text, list(range(1000)), Budget(10**9, Clock(1000)))


def test_short_loops_do_not_look_at_the_deadline() -> None:
    assert evaluate("object.all(x, x >= 0)", [1, 2], Budget(100, Clock(0))) is True


class _nothing:  # noqa: N801 - reads like a function
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


class Lazy(dict[str, Any]):
    """Variables that are computed when they are read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def __missing__(self, key: str) -> Any:
        self.read.append(key)
        if key == "bad":
            raise EvaluationError("no such key: x")
        if key != "good":
            raise KeyError(key)
        self[key] = 1
        return 1


LAZY = ObjectType("variables", {"good": INT, "bad": DYN, "other": DYN}, lazy=True)


@pytest.mark.parametrize(
    ("text", "expected", "read"),
    [
        ("variables.good + 1", 2, ["good"]),
        ("has(variables.good)", True, ["good"]),
        ("has(variables.other)", False, ["other"]),
        ("variables.?good.orValue(3)", 1, ["good"]),
        ("variables.?other.orValue(3)", 3, ["other"]),
        ("true || variables.bad", True, []),
        ("variables.bad || true", True, ["bad", "bad"]),
        ("variables.bad", "no such key: x", ["bad", "bad"]),
        ("has(variables.bad)", "no such key: x", ["bad", "bad"]),
        ("variables == dyn(1)", False, []),
    ],
)
def test_variables_are_computed_when_read(text: str, expected: Any, read: list[str]) -> None:
    environment = Environment({"variables": LAZY})
    variables = Lazy()
    try:
        found = environment.compile(text).evaluate({"variables": variables}, Budget(100))
    except EvaluationError as error:
        found = str(error)
    assert (found, variables.read) == (expected, read)


def test_what_bindings_raise_passes_through() -> None:
    class Needed(Exception):  # noqa: N818 - stands for a question to the cluster
        pass

    class Asking(dict[str, Any]):
        def __missing__(self, key: str) -> Any:
            raise Needed(key)

    environment = Environment({"variables": LAZY})
    with pytest.raises(Needed):
        environment.compile("variables.good == 1 || true").evaluate(
            {"variables": Asking()}, Budget(100)
        )


def test_a_missing_binding_is_an_error() -> None:
    with pytest.raises(EvaluationError, match=r"no such attribute\(s\): object"):
        ENVIRONMENT.compile("object").evaluate({}, Budget(100))


@pytest.mark.parametrize(
    ("text", "expect", "expected"),
    [
        ("true", (BOOL,), None),
        ("'a'", (STRING, NULL), None),
        ("object.a", (BOOL,), "must evaluate to bool but got dyn"),
        ("1", (STRING, NULL), "must evaluate to one of [string null_type] but got int"),
    ],
)
def test_the_type_of_the_result_must_be_expected(
    text: str, expect: tuple[Any, ...], expected: str | None
) -> None:
    if expected is None:
        assert ENVIRONMENT.compile(text, expect).result_type in expect
        return
    with pytest.raises(CompileError) as caught:
        ENVIRONMENT.compile(text, expect)
    assert str(caught.value) == expected


def test_issues_have_places() -> None:
    with pytest.raises(CompileError) as caught:
        ENVIRONMENT.compile("object.a +\n  nope")
    assert [(issue.line, issue.column) for issue in caught.value.issues] == [(2, 2)]


def test_programs_are_shared_between_threads() -> None:
    program = ENVIRONMENT.compile("object.map(x, x * 2).sum()")

    def run(size: int) -> Any:
        return program.evaluate({"object": list(range(size))}, Budget(10**6))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, range(1, 50))) == [n * (n - 1) for n in range(1, 50)]


class Bottomless:
    """A plan that is nested more deeply than Python allows."""

    id = 0

    def run(self, frame: object) -> Any:
        raise RecursionError


def test_too_deep_an_evaluation_is_an_error() -> None:
    checked = Checked(Tree(Literal(0, None), ((0, 0),)), {0: NULL})
    program = Program(Source("null"), checked, Bottomless(), None)
    with pytest.raises(BudgetError, match="nested too deeply"):
        program.evaluate({}, Budget(10))
