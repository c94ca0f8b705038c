"""The CEL engines for Python, and cel-go as Kubernetes uses it, on the same validations, in one run.

One request is one Deployment and 25 validations of it. Each engine gets the decoded JSON and may
convert it once per request. What an expression costs is its own time, measured on an object that
is converted already, and a 25th of all else that a request takes. The engines are measured in
turn, several times; the fastest round counts, since what is slower is the machine's doing.
"""

import argparse
import copy
import gc
import hashlib
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cel as rust_cel
import celpy
import yaml
from cel_expr_python import cel as google_cel
from rich.console import Console
from rich.table import Table

from webhook.cel import Budget, Environment, EvaluationError
from webhook.cel.types import DYN

HERE = Path(__file__).parent
REVIEW = HERE / "data" / "review.json"
GO_MODULE = HERE / "cel_go"
BUDGET = 10_000_000
OURS = "ours"
GOALS = {"cel-expr-python": 0.5, "cel-python": 0.01, "cel-go": 5.0}
GO_COUNT = 400


@dataclass(slots=True)
class Times:
    """Seconds: of each expression, and of all else that one request takes."""

    expressions: list[float]
    rest: float = 0.0

    def of(self, index: int) -> float:
        """Return what one expression costs with its share of the rest."""
        return self.expressions[index] + self.rest / len(self.expressions)

    def fastest(self, other: "Times") -> "Times":
        """Combine two measurements."""
        pairs = zip(self.expressions, other.expressions, strict=True)
        return Times([min(pair) for pair in pairs], min(self.rest, other.rest))


@dataclass(slots=True)
class Engine:
    """An engine, with the expressions compiled that it can compile.

    convert: makes of the object what `evaluations` take.
    count: how many requests one measurement evaluates.
    """

    name: str
    convert: Callable[[Any], Any]
    evaluations: list[Callable[[Any], Any] | None]
    count: int
    wrong: set[int] = field(default_factory=set)

    def answer(self, index: int, value: Any) -> bool | None:
        """Return whether an object passes a validation; None for an error."""
        evaluate = self.evaluations[index]
        if evaluate is None:
            return None
        try:
            return bool(evaluate(self.convert(value)))
        except (*ERRORS, EvaluationError):
            return None

    def measure(self, value: Any) -> Times:
        """Time requests, and each expression alone on an object that is converted already."""
        known = [one for one in self.evaluations if one is not None]
        ready = self.convert(value)
        for evaluate in known:
            evaluate(ready)
        times = [self._time(evaluate, ready) for evaluate in self.evaluations]
        start = time.perf_counter()
        for _ in range(self.count):
            ready = self.convert(value)
            for evaluate in known:
                evaluate(ready)
        whole = (time.perf_counter() - start) / self.count
        return Times(times, max(0.0, whole - sum(times)))

    def _time(self, evaluate: Callable[[Any], Any] | None, ready: Any) -> float:
        if evaluate is None:
            return 0.0
        start = time.perf_counter()
        for _ in range(self.count):
            evaluate(ready)
        return (time.perf_counter() - start) / self.count


ERRORS = (celpy.CELEvalError, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)
"""What the other engines raise where an expression fails, or cannot be compiled by them."""


def ours(expressions: Sequence[str]) -> Engine:
    environment = Environment({"object": DYN})
    programs = [environment.compile(text) for text in expressions]

    def evaluation(index: int) -> Callable[[Any], Any]:
        evaluate = programs[index].evaluate
        return lambda ready: evaluate(*ready)

    def convert(value: Any) -> Any:
        return {"object": value}, Budget(BUDGET)

    return Engine(OURS, convert, list(map(evaluation, range(len(programs)))), 400)


def cel_python(expressions: Sequence[str]) -> Engine:
    environment = celpy.Environment()

    def compiled(text: str) -> Callable[[Any], Any]:
        return environment.program(environment.compile(text)).evaluate

    evaluations = [attempt(compiled, text) for text in expressions]
    return Engine("cel-python", lambda value: {"object": celpy.json_to_cel(value)}, evaluations, 3)


def cel_expr_python(expressions: Sequence[str]) -> Engine:
    environment = google_cel.NewEnv(variables={"object": google_cel.Type.DYN})

    def compiled(text: str) -> Callable[[Any], Any]:
        evaluate = environment.compile(text).eval
        return lambda ready: checked(evaluate(ready).value())

    def checked(value: Any) -> Any:
        if not isinstance(value, bool):
            raise TypeError(value)  # it returns errors as values
        return value

    evaluations = [attempt(compiled, text) for text in expressions]
    convert = environment.Activation
    return Engine("cel-expr-python", lambda value: convert({"object": value}), evaluations, 200)


def common_expression_language(expressions: Sequence[str]) -> Engine:
    def compiled(text: str) -> Callable[[Any], Any]:
        return rust_cel.compile(text).execute

    evaluations = [attempt(compiled, text) for text in expressions]
    convert = rust_cel.Context
    name = "common-expression-language"
    return Engine(name, lambda value: convert({"object": value}), evaluations, 40)


def attempt(compiled: Callable[[str], Callable[[Any], Any]], text: str) -> Any:
    try:
        return compiled(text)
    except ERRORS:
        return None


@dataclass(slots=True)
class GoEngine:
    """The process that runs cel-go; it has its own clock."""

    process: subprocess.Popen[str]
    answers: list[list[Any]]
    wrong: set[int] = field(default_factory=set)
    name: str = "cel-go"

    def answer(self, index: int, number: int) -> Any:
        """Return what an expression gave for an object; None for an error."""
        return self.answers[index][number]

    def measure(self, _: Any) -> Times:
        """Ask for one measurement; the object needs no conversion there."""
        return Times([nanoseconds / 1e9 for nanoseconds in ask(self.process, str(GO_COUNT))])


def ask(process: subprocess.Popen[str], line: str) -> Any:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def cel_go(expressions: Sequence[str], objects: Sequence[Any], stack: ExitStack) -> GoEngine | None:
    if shutil.which("go") is None:
        print("Go is not installed, so cel-go is left out", file=sys.stderr)
        return None
    try:
        binary = build_go()
    except subprocess.CalledProcessError:
        print("cel-go's benchmark cannot be built, so cel-go is left out", file=sys.stderr)
        return None
    process = subprocess.Popen(
        [str(binary)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    stack.enter_context(process)
    task = json.dumps({"expressions": expressions, "objects": objects})
    return GoEngine(process, ask(process, task))


def build_go() -> Path:
    """Build the Go program once for each state of its sources."""
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum", "main.go"):
        digest.update((GO_MODULE / name).read_bytes())
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    binary = home / "propylon" / f"cel-go-{digest.hexdigest()[:16]}"
    if not binary.exists():
        print("building cel-go's benchmark (once, about a minute)", file=sys.stderr)
        command = ["go", "build", "-trimpath", "-o", str(binary), "."]
        subprocess.run(command, cwd=GO_MODULE, check=True)
    return binary


def read_expressions() -> dict[str, str]:
    """Return the validations' expressions by the names of their policies."""
    found = {}
    for path in sorted((HERE / "policies").glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            for validation in document["spec"].get("validations", ()):
                found[document["metadata"]["name"]] = validation["expression"]
    return found


def read_objects() -> list[Any]:
    """Return the Deployment, and one that no validation may allow."""
    good = json.loads(REVIEW.read_text())["request"]["object"]
    bad = copy.deepcopy(good)
    bad["spec"] = {}
    bad["metadata"]["labels"] = {}
    return [good, bad]


def compile_times(expressions: Sequence[str]) -> list[float]:
    """Return the seconds that compiling each expression takes, the fastest of three."""
    environment = Environment({"object": DYN})
    environment.compile("true")
    times = []
    for text in expressions:
        rounds = []
        for _ in range(3):
            start = time.perf_counter()
            environment.compile(text)
            rounds.append(time.perf_counter() - start)
        times.append(min(rounds))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="measurements of each engine")
    rounds = parser.parse_args().rounds
    named = read_expressions()
    names, expressions = list(named), list(named.values())
    objects = read_objects()
    with ExitStack() as stack:
        makers = (ours, cel_python, cel_expr_python, common_expression_language)
        engines: list[Any] = [make(expressions) for make in makers]
        for engine in engines:
            judge(engine, objects)
        go = cel_go(expressions, objects, stack)
        if go is not None:
            judge(go, range(len(objects)))
            engines.append(go)
        times = measure(engines, objects[0], rounds)
    wrong = {engine.name: engine.wrong for engine in engines}
    report(names, times, wrong, compile_times(expressions))


def judge(engine: Any, objects: Sequence[Any]) -> None:
    """Note which expressions an engine answers wrongly: true and not true is right."""
    for index in range(len(engine.answers if isinstance(engine, GoEngine) else engine.evaluations)):
        good, bad = (engine.answer(index, one) for one in objects)
        if good is not True or bad is True:
            engine.wrong.add(index)
            if isinstance(engine, Engine):
                engine.evaluations[index] = None


def measure(engines: Sequence[Any], value: Any, rounds: int) -> dict[str, Times]:
    """Measure the engines in turn."""
    best: dict[str, Times] = {}
    gc.collect()
    gc.freeze()
    for _ in range(rounds):
        for engine in engines:
            found = engine.measure(value)
            before = best.get(engine.name)
            best[engine.name] = found if before is None else before.fastest(found)
    return best


def ratio(times: dict[str, Times], wrong: dict[str, set[int]], other: str) -> float | None:
    """Return the geometric mean of our time divided by theirs."""
    if other not in times:
        return None
    mine, theirs = times[OURS], times[other]
    both = set(range(len(mine.expressions))) - wrong[OURS] - wrong[other]
    return math.exp(statistics.fmean(math.log(mine.of(i) / theirs.of(i)) for i in both))


def report(
    names: Sequence[str],
    times: dict[str, Times],
    wrong: dict[str, set[int]],
    compiling: Sequence[float],
) -> None:
    table = Table("microseconds", *times)
    for column in table.columns[1:]:
        column.justify = "right"
    for index, name in enumerate(names):
        table.add_row(name, *(cell(times[one], wrong[one], index) for one in times))
    totals = [sum(one.expressions) + one.rest for one in times.values()]
    table.add_row("one request", *(f"{total * 1e6:,.1f}" for total in totals), end_section=True)
    ratios = {name: ratio(times, wrong, name) for name in times if name != OURS}
    shown = ("" if one == OURS else f"{ratios[one]:.4f}" for one in times)
    table.add_row("ours divided by it", *shown)
    Console(width=120).print(table)
    for name, indices in wrong.items():
        if indices:
            listed = ", ".join(names[index] for index in sorted(indices))
            print(f"left out, not answered rightly by {name}: {listed}")
    for name, goal in GOALS.items():
        if (found := ratios.get(name)) is not None and found >= goal:
            print(f"goal missed: {found:.4f} of {name}, below {goal} is wanted")
    result = {
        "bench": "cel",
        **{f"vs_{name.replace('-', '_')}": rounded(found) for name, found in ratios.items()},
        "request_us": round(totals[0] * 1e6, 2),
        "compile_ms": round(statistics.median(compiling) * 1000, 3),
        "compile_ms_slowest": round(max(compiling) * 1000, 3),
        "expressions": len(names),
    }
    print(json.dumps({"vs_cel_go": None, **result}))


def cell(times: Times, wrong: set[int], index: int) -> str:
    return "wrong" if index in wrong else f"{times.of(index) * 1e6:,.2f}"


def rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}")


main()
