"""Corners of the engine that no recorded answer reaches."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from webhook.cel import (
    Budget,
    CompileError,
    Duration,
    Environment,
    EvaluationError,
    Timestamp,
    Uint,
)
from webhook.cel.ast import Comprehension, Literal, Tree
from webhook.cel.checker.checker import check
from webhook.cel.checker.unify import assignable_all
from webhook.cel.declarations import Declarations
from webhook.cel.errors import PanicError
from webhook.cel.functions.list_extension import sort_by_keys
from webhook.cel.functions.standard import never
from webhook.cel.macros import GLOBAL_MACROS, MEMBER_MACROS
from webhook.cel.nodes import NodeFactory
from webhook.cel.parser import parse
from webhook.cel.runtime.equality import equal, find, missing
from webhook.cel.runtime.texts import quote, show
from webhook.cel.source import Issue, Source
from webhook.cel.types import DYN, INT, STRING, TYPE, ListType, Type, TypeParam, describe
from webhook.cel.values import Optional, TypeValue, type_name

OBJECT = {"n": 1, "s": "text", "b": True, "m": {"a": 1}, "l": [3, 1]}
FAILED = "program instantiation failed"
ENVIRONMENT = Environment({"object": DYN}, mutation=True)


def answer(text: str, environment: Environment = ENVIRONMENT) -> Any:
    try:
        return environment.compile(text).evaluate({"object": OBJECT}, Budget(10**7))
    except (CompileError, EvaluationError) as error:
        return str(error).split("\n", maxsplit=1)[0].rsplit("<input>:", 1)[-1]


def loops(levels: int) -> str:
    text = "object"
    for level in range(levels):
        text = f"[1].map(x{level}, {text})"
    return text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(1 < 2) == object.b", True),
        ("object.m.map(k, object.m[k])", [1]),
        ("[?object.n]", "cannot initialize optional list element from non-optional value 1"),
        ("has(dyn(optional.of({'a': 1})).a)", True),
        ("has(optional.of({'a': 1}).a) && 1 / 0 == 1", "division by zero"),
        ("[?optional.of(1), ?optional.none()] == [1] && 1 / 0 == 1", "division by zero"),
        ("[int].map(t, t)", "program instantiation failed: reference to undefined type: t"),
        ("optional.unwrap([dyn(optional.of(1)), dyn(1)])", "value 1 is not optional"),
        ("object.n.matches(object.s)", "no such overload: matches"),
        ("dyn(timestamp(0)).matches(object.s)", "no such overload"),
        ("object.s.matches(object.n)", "no such overload"),
        ("optional.of(Object{a: {'k': 1}}).optMap(v, v.a).value()", {"k": 1}),
        ("optional.of({'a': [1]}).optMap(v, v.a.map(x, x)).optMap(w, w).value()", [1]),
        ("object.in.x", "1:8: Syntax error: no viable alternative at input '.in'"),
        ("99999999999999999999u", "1:1: invalid uint literal"),
        ("timestamp(0).getHours('\\u0001\\u00ad\\U000e0001\\n:00')", (
            'strconv.Atoi: parsing "\\x01\\u00ad\\U000e0001\\n": invalid syntax'
        )),
        ("object.contains('" + "x" * 20_000 + "') || true", True),
    ],
)  # fmt: skip
def test_corners(text: str, expected: Any) -> None:
    assert answer(text) == expected


def test_syntax_errors_are_told_one_after_another() -> None:
    with pytest.raises(CompileError) as caught:
        ENVIRONMENT.compile("1 +* 2 && 3 +* 4")
    assert [(one.line, one.column) for one in caught.value.issues] == [(1, 3), (1, 13)]
    with pytest.raises(CompileError) as caught:
        ENVIRONMENT.compile("!* 2 || -")
    assert [(one.line, one.column) for one in caught.value.issues] == [(1, 1), (1, 9)]


def test_loops_too_deep_for_the_interpreter_are_refused() -> None:
    """The limit is that of a server; other tests may have raised it."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    try:
        assert answer(loops(200)) == "-1:0: expression recursion limit exceeded: 250"
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("object[?'a']", "1:7: unsupported syntax '[?'"),
        ("[?object]", "1:2: unsupported syntax '?'"),
        ("object.?a", "1:7: unsupported syntax '.?'"),
        ("object.a.optMap(x, x)", "1:16: undeclared reference to 'optMap' (in container '')"),
        ("1 < 1.5", "1:3: found no matching overload for '_<_' applied to '(int, double)'"),
        ("[1].all(x, x < 1.5)", True),
        ("'a'.format([1])", "1:11: undeclared reference to 'format' (in container '')"),
        ("[1, 'a']", "1:5: expected type 'int' but found 'string'"),
        (
            "duration('x')",
            f"{FAILED}: type conversion error from 'string' to 'google.protobuf.Duration'",
        ),
    ],
)  # fmt: skip
def test_old_versions_know_less(text: str, expected: Any) -> None:
    assert answer(text, Environment({"object": DYN}, version="1.27")) == expected


def test_more_than_the_limit_in_one_call_is_told_exactly() -> None:
    budget = Budget(10**9)
    text = f"object.contains('{'x' * 2_000}')"
    with pytest.raises(EvaluationError, match="actual cost limit exceeded"):
        ENVIRONMENT.compile(text).evaluate({"object": "a" * 60_000}, budget)
    assert 10**9 - budget.remaining == 1_200_001


def test_a_step_must_fit_the_accumulator() -> None:
    make = NodeFactory()
    over, initial = make.list_of(make.literal(1)), make.literal(0)
    condition = make.literal(value=True)
    root = Comprehension(
        make.new_id(0, 0),
        over,
        "x",
        "",
        "a",
        initial,
        condition,
        make.literal("s"),
        make.ident("a"),
    )
    issues: list[Issue] = []
    check(Tree(root, tuple(make.ranges)), Source(""), Declarations({}, {}, {}), issues)
    assert [issue.message for issue in issues] == ["expected type 'int' but found 'string'"]


def test_a_failed_attempt_at_types_leaves_no_trace() -> None:
    subs: dict[str, Type] = {"A": INT}
    assert not assignable_all(subs, (DYN, STRING), (TypeParam("A"), INT))
    assert subs == {"A": INT}


def test_copies_of_nodes_have_ids_of_their_own() -> None:
    macros = {(m.name, m.arguments, False): m for m in GLOBAL_MACROS}
    macros |= {(m.name, m.arguments, True): m for m in MEMBER_MACROS}
    text = "f([?a, 1], {?'k': b.c[2]}, T{?x: -1}, has(a.b), l.all(x, x)).optMap(v, v)"
    tree = parse(Source(text), macros, [])
    assert tree is not None
    assert len(tree.ranges) > 60


def test_operators_of_the_planners_are_never_called() -> None:
    with pytest.raises(EvaluationError, match="no such overload"):
        never()


def test_sorting_by_what_is_no_list_is_upstreams_panic() -> None:
    with pytest.raises(PanicError):
        sort_by_keys([1], 1)


class Names(dict[str, Any]):
    """A dict of another class, as lazy variables are."""


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (Names(a=1), {"a": 1.0}, True),
        ({"a": True}, Names(a=1), False),
        (Names(a=1), [1], False),
        (True, 1, False),
        (Uint(1), 1.0, True),
        (Uint(1), "1", False),
        (Timestamp(0, 60), Timestamp(0), True),
    ],
)
def test_equality(one: Any, other: Any, expected: bool) -> None:
    assert equal(one, other) is expected


def test_equal_moments_are_one_key() -> None:
    assert len({Timestamp(0, 60), Timestamp(0), Timestamp(1)}) == 2


@pytest.mark.parametrize(("key", "found"), [(1, True), (True, False), (1.0, True), (99, False)])
def test_keys_of_large_maps(key: Any, found: bool) -> None:
    assert missing(find({number: number for number in range(50)}, key)) is not found


def test_bools_and_numbers_are_different_keys_of_small_maps() -> None:
    assert missing(find({"a": 1, 1: 2}, True))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (False, "false"),
        (b"\xff", "\ufffd"),
        ([1, Uint(2)], "[1, 2]"),
        ({"a": 1.5}, "{a: 1.5}"),
        (Duration(1_500_000_000), "1.5s"),
        (Timestamp(0), "1970-01-01T00:00:00Z"),
        (Optional(1), "optional(1)"),
        (Optional(None, present=False), "optional.none()"),
        (TypeValue("int"), "int"),
        ("a", "a"),
    ],
)
def test_texts_of_values_in_errors(value: Any, expected: str) -> None:
    assert show(value) == expected


def test_quoting_escapes() -> None:
    assert quote('a"\\\t\u0007\x01é\u00ad\U000e0001') == '"a\\"\\\\\\t\\a\\x01é\\u00ad\\U000e0001"'


def test_runtime_types_of_strange_values() -> None:
    assert type_name(Names()) == "map"
    with pytest.raises(TypeError, match="set is not a value of the language"):
        type_name(set())


def test_types_have_two_texts() -> None:
    assert (str(ListType(TypeParam("A"))), describe(ListType(TypeParam("A")))) == (
        "list(<A>)",
        "list(A)",
    )
    assert (str(TYPE), str(INT)) == ("type", "int")


def test_a_literal_of_an_unknown_class_counts_as_uint() -> None:
    make = NodeFactory()
    root = Literal(make.new_id(0, 0), Uint(1))
    checked = check(Tree(root, tuple(make.ranges)), Source(""), Declarations({}, {}, {}), [])
    assert str(checked.result_type) == "uint"
