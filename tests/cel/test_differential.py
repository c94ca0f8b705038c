"""Random expressions, ours against cel-expr-python (Google's C++ engine); hostile input.

A small number of examples is tried each time; `FUZZ_SECONDS=60` goes on for that long with new
ones (scripts/fuzz).
"""

from __future__ import annotations

import math
import os
import resource
import time
from collections.abc import Callable
from typing import Any

from cel_expr_python import cel as google_cel  # type: ignore[import-untyped] # has no marker
from hypothesis import HealthCheck, Phase, assume, given, seed, settings

from tests.cel.random_expressions import (
    ANY_VALUES,
    HOSTILE_TEXTS,
    OBJECTS,
    expressions,
)
from webhook.cel import Budget, CompileError, Environment, EvaluationError, Uint
from webhook.cel.types import DYN
from webhook.cel.values import type_name

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
LIMIT = 10_000_000
EXAMPLES = 100
MOST_SECONDS = 3.0  # what the whole budget of one evaluation may take on a slow machine
MOST_KILOBYTES = 400_000

ENVIRONMENT = Environment({"object": DYN}, mutation=True)
THEIR_ENVIRONMENT = google_cel.NewEnv(variables={"object": google_cel.Type.DYN})
ERROR = "an error"

TYPES = {
    "BOOL": "bool",
    "INT": "int",
    "UINT": "uint",
    "DOUBLE": "double",
    "STRING": "string",
    "BYTES": "bytes",
    "NULL": "null_type",
    "LIST<DYN>": "list",
    "MAP<DYN, DYN>": "map",
}

COMMON = settings(
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),
)


def for_a_while(check: Callable[[], None]) -> None:
    """Run a test with a few examples, or with new ones until the time is over."""
    test = settings(COMMON, max_examples=EXAMPLES)(check)
    if not SECONDS:
        test()
        return
    end = time.monotonic() + SECONDS / 3
    number = time.time_ns()
    while time.monotonic() < end:
        number += 1
        seed(number)(test)()


def ours(text: str, value: Any) -> tuple[str, Any]:
    """Return type and value, or what kind of error there was."""
    try:
        found = ENVIRONMENT.compile(text).evaluate({"object": value}, Budget(LIMIT))
    except CompileError as error:
        return ERROR, str(error)
    except EvaluationError as error:
        return ERROR, str(error)
    return type_name(found), plain(found)


def plain(value: Any) -> Any:
    """Return a value with numbers that compare as theirs."""
    if isinstance(value, Uint):
        return value.value
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value


def theirs(text: str, value: Any) -> tuple[str, Any]:
    """Return the same of the other engine."""
    try:
        found = THEIR_ENVIRONMENT.compile(text).eval(data={"object": value})
    except RuntimeError as error:
        return ERROR, str(error)
    name = found.type().name()
    if name == "ERROR":
        return ERROR, found.value()
    result = found.plain_value()
    return TYPES[name], bytes(result) if isinstance(result, bytearray) else result


def same(one: Any, other: Any) -> bool:
    """Compare values; NaN is itself."""
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def test_other_engine_agrees() -> None:
    @given(text=expressions(), value=OBJECTS)
    def check(text: str, value: dict[str, Any]) -> None:
        mine, other = ours(text, value), theirs(text, value)
        assume(not set_aside(mine, other))
        assert mine[0] == other[0], (text, mine, other)
        assert mine[0] == ERROR or same(mine[1], other[1]), (text, mine, other)

    for_a_while(check)


# Where Kubernetes' engine is known to answer otherwise: our text, and why.
SET_ASIDE = (
    ("program instantiation failed: ", "a constant that cannot be converted is refused at once"),
    ("invalid timestamp argument", "the same, found by Kubernetes' own checks"),
    ("invalid duration argument", "the same, found by Kubernetes' own checks"),
    ("type conversion error from 'string'", "C++ skips spaces around numbers, Go does not"),
    ("NaN values cannot be ordered", "cel-go fails where C++ compares NaN to false"),
)


def set_aside(mine: tuple[str, Any], other: tuple[str, Any]) -> bool:
    """Tell whether a difference is one that Kubernetes' own engine shows as well."""
    if mine[0] != ERROR or other[0] == ERROR:
        return False
    return any(text in mine[1] for text, _ in SET_ASIDE)


def test_both_ways_of_evaluating_agree() -> None:
    """The compiled function and the step by step evaluation: value, error and cost."""

    @given(text=expressions(), value=OBJECTS)
    def check(text: str, value: dict[str, Any]) -> None:
        try:
            program = ENVIRONMENT.compile(text)
        except CompileError:
            return
        quick = outcome(program.evaluate, value)
        exact = outcome(program.evaluate_exactly, value)
        assert quick[1:] == exact[1:], text
        assert same(quick[0], exact[0]), text

    for_a_while(check)


def outcome(
    evaluate: Callable[[dict[str, Any], Budget], Any], value: dict[str, Any]
) -> tuple[Any, str, int]:
    """Return value or error, its type, and the cost."""
    budget = Budget(LIMIT)
    try:
        found = evaluate({"object": value}, budget)
    except EvaluationError as error:
        return str(error), ERROR, LIMIT - budget.remaining
    return plain(found), type_name(found), LIMIT - budget.remaining


def test_hostile_texts_get_an_answer_soon() -> None:
    """Any text on any value: a value or one of the two errors, in bounded time and memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    @given(text=HOSTILE_TEXTS, value=OBJECTS | ANY_VALUES)
    def check(text: str, value: Any) -> None:
        start = time.thread_time()
        ours(text, value)
        assert time.thread_time() - start < MOST_SECONDS, text

    for_a_while(check)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < MOST_KILOBYTES
