"""The engine as a library in its own right: what it imports, threads, re-entrance."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from webhook.cel import Budget, CompileError, Environment, EvaluationError, Program
from webhook.cel.types import BOOL, DYN, INT, ObjectType

ROOT = Path(__file__).parents[2]

LOADED = """
import json, sys
import webhook.cel
print(json.dumps([name for name in sys.modules]))
"""


def loaded() -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


def test_engine_needs_only_the_lowest_layer() -> None:
    ours = {name for name in loaded() if name.partition(".")[0] == "webhook"}
    parts = {".".join(name.split(".")[:2]) for name in ours}
    assert parts == {"webhook", "webhook.cel", "webhook.objects", "webhook.steps"}


def test_engine_needs_no_package_but_re2() -> None:
    foreign = {"celpy", "yaml", "orjson", "pydantic", "lightkube", "starlette", "sqlalchemy"}
    names = {name.partition(".")[0] for name in loaded()}
    assert "re2" in names
    assert not names & foreign


def imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module is not None
    }


def test_only_the_command_line_asks_for_a_second_opinion() -> None:
    users = {
        str(path.relative_to(ROOT / "webhook"))
        for path in (ROOT / "webhook").rglob("*.py")
        if "webhook.cel.second_opinion" in imports(path)
    }
    assert users, "nobody uses it"
    assert all(user.startswith(("cli/", "offline/")) for user in users)


LIST = list(range(1000))
ENVIRONMENT = Environment({"object": DYN})


@pytest.mark.parametrize(
    "text",
    [
        "object.all(a, object.all(b, object.all(c, a + b + c >= 0)))",
        "object.all(a, object.exists(b, object.exists_one(c, a * b == c)) || true)",
        "object.map(a, object.filter(b, object.exists(c, c > a + b))).size() > 0",
    ],
)
def test_three_nested_loops_end_within_the_budget(text: str) -> None:
    budget = Budget(10_000_000)
    with pytest.raises(EvaluationError, match="actual cost limit exceeded"):
        ENVIRONMENT.compile(text).evaluate({"object": LIST}, budget)
    # One evaluation takes its own limit, a tenth of the budget of all, and one step more.
    assert 8_900_000 <= budget.remaining < 9_000_000


TEXTS = (
    "object.n * object.n",
    "object.l.map(x, x + object.n).size() + object.n",
    "string(object.n) + 'x'",
    "object.l.all(x, x < object.n) ? object.n : 0",
    "object.s.matches('^a' + string(object.n))",
    "quantity(string(object.n) + 'k').asInteger()",
    "object.missing + object.n",
)


def answer(program: Program, number: int) -> Any:
    value = {"n": number, "l": list(range(number)), "s": f"a{number}"}
    budget = Budget(10**9)
    try:
        return program.evaluate({"object": value}, budget), budget.remaining
    except EvaluationError as error:
        return str(error), budget.remaining


def test_programs_and_environments_are_shared_between_threads() -> None:
    programs = [ENVIRONMENT.compile(text) for text in TEXTS]
    tasks = [(index, number) for number in range(60) for index in range(len(TEXTS))]
    expected = [answer(programs[index], number) for index, number in tasks]

    def both(task: tuple[int, int]) -> tuple[Any, Any]:
        index, number = task
        fresh = ENVIRONMENT.compile(TEXTS[index])
        return answer(programs[index], number), answer(fresh, number)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(both, tasks))
    finally:
        sys.setswitchinterval(interval)
    assert found == [(one, one) for one in expected]


class Variables(dict[str, Any]):
    """Variables that are evaluated when they are read, each by a program that may read others."""

    def __init__(self, programs: dict[str, Program], budget: Budget) -> None:
        super().__init__()
        self.programs = programs
        self.budget = budget

    def __missing__(self, name: str) -> Any:
        value = self.programs[name].evaluate({"variables": self}, self.budget)
        self[name] = value
        return value


def test_an_evaluation_may_evaluate_the_same_program() -> None:
    """`down` reads itself through another variable until the number is used up."""
    fields = ObjectType("variables", {"n": INT, "down": INT}, lazy=True)
    environment = Environment({"variables": fields})
    down = environment.compile("variables.n <= 0 ? 0 : 1 + variables.down")
    levels: list[int] = []

    class Down(dict[str, Any]):
        def __missing__(self, name: str) -> Any:
            levels.append(self["n"])
            return down.evaluate({"variables": Down(n=self["n"] - 1)}, Budget(10**6))

    assert down.evaluate({"variables": Down(n=20)}, Budget(10**6)) == 20
    assert levels == list(range(20, 0, -1))


def test_variables_read_each_other() -> None:
    fields = ObjectType("variables", {"a": INT, "b": INT, "c": BOOL}, lazy=True)
    environment = Environment({"variables": fields})
    texts = {
        "a": "2",
        "b": "variables.a * variables.a",
        "c": "variables.b == 4 && variables.a == 2",
    }
    programs = {name: environment.compile(text) for name, text in texts.items()}
    budget = Budget(1000)
    variables = Variables(programs, budget)
    assert programs["c"].evaluate({"variables": variables}, budget) is True
    assert variables == {"a": 2, "b": 4}


def test_environments_do_not_change_each_other() -> None:
    old, new = (Environment({"object": DYN}, version=version) for version in ("1.25", "1.37"))
    text = "quantity('1').isInteger()"
    assert new.compile(text).evaluate({}, Budget(100)) is True
    with pytest.raises(CompileError, match="undeclared reference to 'quantity'"):
        old.compile(text)
    assert new.compile(text).evaluate({}, Budget(100)) is True
