"""Variables of policies: order, types, laziness, memory, errors (kubernetes-cel.md 2.6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.builders import pod, request
from tests.policy.policies import Scripted, expression_of, judge, messages, policy, scripted
from webhook.cel import Budget, EvaluationError
from webhook.cel.types import (
    BOOL,
    DYN,
    STRING,
    TIMESTAMP,
    TYPE,
    ListType,
    MapType,
    OpaqueType,
    OptionalType,
    Type,
)
from webhook.policy import Policy
from webhook.policy.activation import Variables
from webhook.policy.environment import declared_type
from webhook.policy.model import Expression, Validation, Variable

POD = pod()
DENIED = "ValidatingAdmissionPolicy 'p' with binding 'b-p' denied request: "


def with_variables(check: str, message: str = "", **variables: str) -> Policy:
    named = [{"name": name, "expression": text} for name, text in variables.items()]
    said = {"messageExpression": message} if message else {"message": "m"}
    return policy(variables=named, validations=[{"expression": check, **said}])


ROWS: dict[str, tuple[Policy, list[str]]] = {
    "read": (with_variables("variables.a == 1", a="1"), []),
    "earlier ones": (with_variables("variables.b == 2", a="1", b="variables.a + 1"), []),
    "in a message": (
        with_variables("variables.a > 1", "'is ' + string(variables.a)", a="1"),
        ["is 1"],
    ),
    "an error shows where it is used": (
        with_variables("variables.e == 1", e="object.nothing"),
        [
            (
                "expression 'variables.e == 1' resulted in error: composited variable \"e\" fails to "
                "evaluate: no such key: nothing"
            )
        ],
    ),
    "an error that nobody uses": (with_variables("1 < 2", e="object.nothing"), []),
    "an error is absorbed": (with_variables("variables.e == 1 || 1 < 2", e="object.nothing"), []),
    "an error of an error": (
        with_variables("variables.f == 1", e="object.nothing", f="variables.e"),
        [
            (
                "expression 'variables.f == 1' resulted in error: composited variable \"f\" fails to "
                'evaluate: composited variable "e" fails to evaluate: no such key: nothing'
            )
        ],
    ),
    "one that does not compile is dyn": (
        with_variables("variables.b == 1", b="nothing"),
        [
            (
                "expression 'variables.b == 1' resulted in error: composited variable \"b\" fails to "
                "compile: compilation failed: ERROR: <input>:1:1: undeclared reference to 'nothing' "
                "(in container '')\n | nothing\n | ^"
            )
        ],
    ),
    "later ones are unknown": (
        with_variables("variables.a == 1", a="variables.b", b="1"),
        [
            (
                "expression 'variables.a == 1' resulted in error: composited variable \"a\" fails to "
                "compile: compilation failed: ERROR: <input>:1:10: undefined field 'b'\n"
                " | variables.b\n | .........^"
            )
        ],
    ),
    "a static type": (
        with_variables("variables.a == 'x'", a="1"),
        [
            (
                "compilation error: compilation failed: ERROR: <input>:1:13: found no matching "
                "overload for '_==_' applied to '(int, string)'\n | variables.a == 'x'\n"
                " | ............^"
            )
        ],
    ),
    "has() reads": (
        with_variables("has(variables.e)", e="object.nothing"),
        [
            (
                "expression 'has(variables.e)' resulted in error: composited variable \"e\" fails to "
                "evaluate: no such key: nothing"
            )
        ],
    ),
    "names with an escape sequence cannot be read": (
        with_variables("variables.a__dot__b == 1", a__dot__b="1"),
        ["expression 'variables.a__dot__b == 1' resulted in error: no such key: a__dot__b"],
    ),
    "names with underscores can": (with_variables("variables.a__b == 1", a__b="1"), []),
    "optional selection": (with_variables("variables.?a.orValue(2) == 1", a="1"), []),
    "index": (
        with_variables("variables['a'] == 1", a="1"),
        [
            (
                "compilation error: compilation failed: ERROR: <input>:1:10: found no matching "
                "overload for '_[_]' applied to '(kubernetes.variables, string)'\n"
                " | variables['a'] == 1\n | .........^"
            )
        ],
    ),
}


@pytest.mark.parametrize(("one", "expected"), ROWS.values(), ids=ROWS)
def test_variables(one: Policy, expected: list[str]) -> None:
    assert messages(judge(request(POD), one)) == [DENIED + text for text in expected]


def counted(value: Any) -> tuple[Variable, Scripted]:
    program = Scripted(value)
    return Variable("v", expression_of(program)), program


def reading(result: bool) -> Expression:
    """Return an expression that reads the variable `v` and gives this result."""

    def read(known: Any) -> Any:
        try:
            known["variables"]["v"]
        except EvaluationError:
            return result
        return result

    return scripted(read)


@pytest.mark.parametrize("value", [1, EvaluationError("no")], ids=["value", "error"])
def test_evaluated_once_for_each_stage(value: Any) -> None:
    variable, program = counted(value)
    validation = Validation(reading(result=False), "m", reading(result=False))
    one = replace(policy(), variables=(variable,), validations=(validation,) * 2)
    assert len(judge(request(POD), one).violations) == 2
    assert program.calls == 2


def test_not_evaluated_when_nobody_reads() -> None:
    variable, program = counted(1)
    judge(request(POD), replace(policy(), variables=(variable,)))
    assert program.calls == 0


def test_unknown_name() -> None:
    variables = Variables({}, {}, Budget(1))
    with pytest.raises(EvaluationError, match="no such key: x"):
        variables["x"]


TYPES: dict[str, tuple[Type, Type]] = {
    "scalar": (BOOL, BOOL),
    "timestamp": (TIMESTAMP, TIMESTAMP),
    "list": (ListType(STRING), ListType(STRING)),
    "map": (MapType(STRING, BOOL), MapType(STRING, BOOL)),
    "list of others": (ListType(OpaqueType("net.IP")), ListType(DYN)),
    "map of others": (MapType(STRING, OptionalType(BOOL)), MapType(STRING, DYN)),
    "optional": (OptionalType(BOOL), DYN),
    "opaque": (OpaqueType("kubernetes.Quantity"), DYN),
    "type": (TYPE, DYN),
    "dyn": (DYN, DYN),
}


@pytest.mark.parametrize(("found", "expected"), TYPES.values(), ids=TYPES)
def test_declared_type(found: Type, expected: Type) -> None:
    assert declared_type(found) == expected
