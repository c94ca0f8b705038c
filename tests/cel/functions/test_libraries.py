"""Implementations in the library tables, called without the engine; and what calls cost."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from webhook.cel.errors import BudgetError, EvaluationError, PanicError
from webhook.cel.functions import LIBRARIES, MUTATION_LIBRARIES, strings
from webhook.cel.functions import list_extension as extension
from webhook.cel.functions.authorizer import (
    Authorizer,
    Decision,
    PathCheck,
    ResourceCheck,
    ServiceAccount,
)
from webhook.cel.functions.formatter import FormatError, check_literals, format_text
from webhook.cel.functions.named_formats import FORMATS
from webhook.cel.values import ABSENT, Duration, Timestamp, TypeValue, Uint

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook.cel.library import Function, Overload

TOO_COSTLY = "operation cancelled: actual cost limit exceeded"
BIG = 6_000_000


def function_of(name: str, library: str | None = None) -> Function:
    return next(
        function
        for known in (*LIBRARIES, *MUTATION_LIBRARIES)
        for function in known.functions
        if function.name == name and library in {None, known.name}
    )


def overload_of(name: str, arity: int, library: str | None = None) -> Overload:
    overloads = function_of(name, library).overloads
    return next(it for it in overloads if len(it.arguments) == arity)


def call(name: str, *values: Any, library: str | None = None) -> Any:
    return overload_of(name, len(values), library).implementation(*values)


def fails(implementation: Callable[..., Any], *values: Any) -> str:
    with pytest.raises((EvaluationError, FormatError)) as caught:
        implementation(*values)
    return str(caught.value)


# Strings

TEXTS: list[tuple[Callable[..., Any], tuple[Any, ...], Any]] = [
    (strings.char_at, ("hello", 4), "o"),
    (strings.char_at, ("hello", 5), ""),
    (strings.index_of, ("hello mellow", "ello", 2), 7),
    (strings.index_of, ("hello", "x"), -1),
    (strings.index_of, ("hello", "l", 30), -1),
    (strings.index_of, ("hello", "", 30), 5),
    (strings.last_index_of, ("hello mellow", "ello"), 7),
    (strings.last_index_of, ("", "a"), -1),
    (strings.last_index_of_before, ("hello mellow", "ello", 6), 1),
    (strings.last_index_of_before, ("abc", "c", 3), -1),
    (strings.last_index_of_before, ("abc", "", 9), 3),
    (strings.lower_ascii, ("TacoCÆt",), "tacocÆt"),
    (strings.upper_ascii, ("TacoCÆt",), "TACOCÆT"),
    (strings.replace, ("hello hello", "he", "we", 1), "wello hello"),
    (strings.replace, ("ab", "", "_"), "_a_b_"),
    (strings.replace, ("ab", "", "_", 2), "_a_b"),
    (strings.replace, ("ab", "a", "xy", 0), "ab"),
    (strings.replace, ("abab", "ab", "c"), "cc"),
    (strings.split, ("a,b,c", ",", 2), ["a", "b,c"]),
    (strings.split, ("a,b,c", ",", 0), []),
    (strings.split, ("a,b,c", ",", -1), ["a", "b", "c"]),
    (strings.split, ("abc", ""), ["a", "b", "c"]),
    (strings.split, ("abc", "", 2), ["a", "bc"]),
    (strings.split, ("abc", "", 9), ["a", "b", "c"]),
    (strings.split, ("", ","), [""]),
    (strings.split, ("", ""), []),
    (strings.substring, ("tacocat", 7), ""),
    (strings.substring_range, ("tacocat", 0, 4), "taco"),
    (strings.trim, ("  \ttrim\n\u2028",), "trim"),
    (strings.trim, ("\u200bx\x1c",), "\u200bx\x1c"),
    (strings.quote, ('a"\x07\x00',), '"a\\"\\a\x00"'),
    (strings.join, (["a", "b"], "-"), "a-b"),
    (strings.join, ([],), ""),
]


@pytest.mark.parametrize(("implementation", "values", "expected"), TEXTS)
def test_texts_are_worked_on(
    implementation: Callable[..., Any], values: tuple[Any, ...], expected: Any
) -> None:
    assert implementation(*values) == expected


BAD_TEXTS: list[tuple[Callable[..., Any], tuple[Any, ...], str]] = [
    (strings.char_at, ("hello", 6), "index out of range: 6"),
    (strings.char_at, ("hello", -1), "index out of range: -1"),
    (strings.index_of, ("hello", "l", -1), "index out of range: -1"),
    (strings.last_index_of_before, ("hello", "l", -1), "index out of range: -1"),
    (strings.substring, ("tacocat", 8), "index out of range: 8"),
    (strings.substring_range, ("abc", 2, 1), "invalid substring range. start: 2, end: 1"),
    (strings.substring_range, ("abc", 1, 9), "index out of range: 9"),
    (strings.join, (["a", 1],), "join: invalid input: 1"),
    (strings.join, (["a", None],), "join: invalid input: 0"),
    (strings.replace, ("a" * 5_000_000, "a", "bcd"), TOO_COSTLY),
    (strings.replace, ("a" * 5_000_000, "", "bc"), TOO_COSTLY),
    (strings.join, (["a" * BIG] * 2,), TOO_COSTLY),
    (format_text, ("%s%s", ["a" * BIG] * 2), TOO_COSTLY),
]


@pytest.mark.parametrize(("implementation", "values", "message"), BAD_TEXTS)
def test_texts_out_of_range_are_errors(
    implementation: Callable[..., Any], values: tuple[Any, ...], message: str
) -> None:
    assert fails(implementation, *values) == message


# The formatter

VALUES: list[tuple[str, Any, str]] = [
    ("%s", "a\n", "a\n"),
    ("%s", True, "true"),
    ("%s", False, "false"),
    ("%s", b"abc", "abc"),
    ("%s", 1, "1"),
    ("%s", Uint(2), "2"),
    ("%s", 1e6, "1e+06"),
    ("%s", None, "null"),
    ("%s", TypeValue("int"), "int"),
    ("%s", Duration(1_500_000_000), "1.5s"),
    ("%s", Timestamp(0, 3600), "1970-01-01T01:00:00+01:00"),
    ("%s", [1, "a\n", 2.5, None, b"x", math.inf], '[1, "a\\n", 2.500000, null, b"x", "+Inf"]'),
    ("%s", {"b": 1, "a": [True], 2: Uint(3)}, '{"a":[true], "b":1, 2:3}'),
    ("%s", [Duration(0), Timestamp(0)], '[duration("0s"), timestamp("1970-01-01T00:00:00Z")]'),
    ("%d", -5, "-5"),
    ("%d", Uint(5), "5"),
    ("%f", 1234567.5, "1,234,567.500000"),
    ("%.2f", 3.14159, "3.14"),
    ("%.0f", 2.5, "2"),
    ("%f", -0.0, "0.000000"),
    ("%.2f", -0.001, "-0.00"),
    ("%f", math.inf, "∞"),
    ("%f", "-Infinity", "-∞"),
    ("%f", math.nan, "NaN"),
    ("%.99999999f", 1.5, "%!(NOVERB)"),
    ("%e", 1234.5, "1.234500×10⁰³"),
    ("%e", -1e-5, "-1.000000×10⁻⁰⁵"),
    ("%.20e", 1234.5, "       1.234500×10⁰³"),
    ("%e", math.inf, "     ∞"),
    ("%.99999999e", 1.5, "%!(NOVERB)"),
    ("%b", 5, "101"),
    ("%b", True, "1"),
    ("%b", -5, "-101"),
    ("%x", 26, "1a"),
    ("%X", 26, "1A"),
    ("%x", "hello", "68656c6c6f"),
    ("%X", b"\xff", "FF"),
    ("%x", -26, "-1a"),
    ("%o", -8, "-10"),
    ("%%%s%%", "x", "%x%"),
]


@pytest.mark.parametrize(("text", "value", "expected"), VALUES)
def test_value_is_formatted(text: str, value: Any, expected: str) -> None:
    assert format_text(text, [value]) == expected


FORMAT_ERRORS: list[tuple[str, list[Any], str]] = [
    ("%s", [], "index 0 out of range"),
    ("%s %s", [1], "index 1 out of range"),
    ("%", [], "index 0 out of range"),
    ("%", [1], "unexpected end of string"),
    ("%z", [1], 'could not parse formatting clause: unrecognized formatting clause "z"'),
    ("%é", [1], 'could not parse formatting clause: unrecognized formatting clause "Ã"'),
    ("%S", [1], 'could not parse formatting clause: unrecognized formatting clause "S"'),
    (
        "%.5",
        [1],
        ("could not parse formatting clause: error while parsing precision: "
        "could not find end of precision specifier"),
    ),
    (
        "%.d",
        [1],
        ("could not parse formatting clause: error while parsing precision: error while "
        'converting precision to integer: strconv.Atoi: parsing "": invalid syntax'),
    ),
    (
        "%.9223372036854775808d",
        [1],
        ("could not parse formatting clause: error while parsing precision: error while "
        "converting precision to integer: strconv.Atoi: parsing "
        '"9223372036854775808": value out of range'),
    ),
    (
        "%d",
        [1.5],
        "error during formatting: decimal clause can only be used on integers, was given double",
    ),
    (
        "%f",
        ["x"],
        ("error during formatting: fixed-point clause can only be used on doubles, "
        "was given string"),
    ),
    (
        "%s",
        [ABSENT],
        ("error during formatting: string clause can only be used on strings, bools, bytes, ints, "
        "doubles, maps, lists, types, durations, and timestamps, was given optional_type"),
    ),
    ("%s", [[ABSENT]], "error during formatting: no formatting function for optional_type"),
    (
        "%s",
        [{1.5: 1}],
        "error during formatting: no formatting function for map key of type double",
    ),
    (
        "%s",
        [b"\xff"],
        ('error during formatting: could not convert argument "invalid UTF-8 in bytes, cannot '
        'convert to string" to string'),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "values", "message"), FORMAT_ERRORS)
def test_formatting_fails_in_upstreams_words(text: str, values: list[Any], message: str) -> None:
    assert fails(format_text, text, values) == message


def refused(verb: str, argument: str) -> tuple[str, str] | None:
    return (argument, "double") if verb == "d" and argument == "1.5" else None


LITERALS: list[tuple[str, list[str], tuple[str | None, str] | None]] = [
    ("%s%%", ["1"], None),
    ("", [], None),
    ("%s", [], (None, "index 0 out of range")),
    ("%s%z", ["1"], (None, "index 1 out of range")),
    ("%s%", ["1"], (None, "unexpected end of string")),
    (
        "%z",
        ["1"],
        (None, 'could not parse formatting clause: unrecognized formatting clause "z"'),
    ),
    (
        "%s",
        ["1", "2"],
        (None, "too many arguments supplied to string.format (expected 1, got 2)"),
    ),
    (
        "%s%d",
        ["1", "1.5"],
        (
            "1.5",
            ("error during formatting: decimal clause can only be used on integers, "
            "was given double"),
        ),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "arguments", "expected"), LITERALS)
def test_literals_are_checked_ahead(
    text: str, arguments: list[str], expected: tuple[str | None, str] | None
) -> None:
    assert check_literals(text, arguments, refused) == expected


# Lists and sets

NAN = math.nan
LISTS: list[tuple[str, tuple[Any, ...], Any]] = [
    ("isSorted", (["a", "b", "b"],), True),
    ("isSorted", ([3, 1],), False),
    ("isSorted", ([1, "a"],), True),
    ("isSorted", ([],), True),
    ("min", ([2.0, 1, 3],), 1),
    ("min", ([1.0, NAN],), 1.0),
    ("max", ([1, 3, 2],), 3),
    ("sum", ([1, 2, 3],), 6),
    ("indexOf", ([1, 2, 2.0], 2),  1),
    ("indexOf", ([1], 5), -1),
    ("lastIndexOf", ([1, 2, 2, 3], 2), 2),
    ("lastIndexOf", ([], 2), -1),
    ("includes", ([1, 2], 2.0), True),
    ("includes", ("abc", "a"), False),
    ("slice", ([1, 2, 3], 1, 3), [2, 3]),
    ("flatten", ([[1, 2], [3], 4],), [1, 2, 3, 4]),
    ("flatten", ([1, [2, [3, [4]]]], 2), [1, 2, 3, [4]]),
    ("flatten", ([[1]], 0), [[1]]),
    ("flatten", ([1], 10**18), [1]),
    ("lists.range", (3,), [0, 1, 2]),
    ("distinct", (["b", "b", "c"],), ["b", "c"]),
    ("distinct", ([1, 1.0, True, Uint(1), 2],), [1, True, 2]),
    ("reverse", ([1, 2],), [2, 1]),
    ("sort", ([3, 1, 2],), [1, 2, 3]),
    ("sort", ([],), []),
    ("sort", ([Uint(2), Uint(1)],), [Uint(1), Uint(2)]),
    ("sort", ([Duration(2), Duration(1)],), [Duration(1), Duration(2)]),
    ("sort", ([2.5, 0.5],), [0.5, 2.5]),
    ("@sortByAssociatedKeys", (["aa", "b"], [2, 1]), ["b", "aa"]),
    ("sets.contains", ([1, 2, 3], [2]), True),
    ("sets.contains", ([], [1]), False),
    ("sets.contains", ([1], [1.0]), True),
    ("sets.equivalent", ([1], [1, 1]), True),
    ("sets.equivalent", ([1], [1, 2]), False),
    ("sets.intersects", (["a", "b"], ["b"]), True),
    ("sets.intersects", ([1], [2]), False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "values", "expected"), LISTS)
def test_lists_are_worked_on(name: str, values: tuple[Any, ...], expected: Any) -> None:
    library = "lists" if name in {"indexOf", "lastIndexOf"} else None
    assert call(name, *values, library=library) == expected


def test_nan_stays_where_insertion_leaves_it() -> None:
    found = extension.sort([2.0, 0.5, NAN, 0.25, NAN])
    assert [str(number) for number in found] == ["0.5", "2.0", "nan", "0.25", "nan"]


BAD_LISTS: list[tuple[str, tuple[Any, ...], str]] = [
    ("isSorted", ([[1]],), "no such overload"),
    ("min", ([],), "min called on empty list"),
    ("max", ([],), "max called on empty list"),
    ("min", ([None],), "no such overload"),
    ("sum", ([1, 2.5],), "no such overload"),
    ("sum", ([2**63 - 1, 1],), "integer overflow"),
    ("slice", ([1, 2], 0, 5), "cannot slice(0, 5), list is length 2"),
    (
        "slice",
        ([1, 2], 2, 1),
        "cannot slice(2, 1), start index must be less than or equal to end index",
    ),
    ("slice", ([1], -1, 0), "cannot slice(-1, 0), negative indexes not supported"),
    ("flatten", ([[1]], -1), "level must be non-negative"),
    ("flatten", ("x",), "no such overload: string.flatten()"),
    ("flatten", ({"a": 1}, 1), "no such overload: map(dyn, dyn).flatten(int)"),
    ("flatten", ([1], "x"), "no such overload: list(dyn).flatten(string)"),
    ("flatten", ([[0] * 1000] * 1001,), TOO_COSTLY),
    ("lists.range", (-1,), "lists.range: size must be non-negative, got -1"),
    ("lists.range", (10**6 + 1,), "lists.range: size 1000001 exceeds maximum allowed (1000000)"),
    ("distinct", ([0] * 708,), TOO_COSTLY),
    ("sort", ("x",), "no such overload"),
    ("sort", ([None],), "list elements must be comparable"),
    ("@sortByAssociatedKeys", (1, [1]), "no such overload: @sortByAssociatedKeys"),
    (
        "@sortByAssociatedKeys",
        ([1], "x"),
        "internal error: interface conversion: keys are not traits.Lister",
    ),
    ("sort", ([1, 2.0],), "list elements must have the same type"),
    ("sets.contains", ([0] * 1001, [1] * 1000), TOO_COSTLY),
]


@pytest.mark.parametrize(("name", "values", "message"), BAD_LISTS)
def test_lists_fail_in_upstreams_words(name: str, values: tuple[Any, ...], message: str) -> None:
    assert fails(overload_of(name, len(values)).implementation, *values) == message


def test_texts_that_nobody_could_read_end_the_evaluation() -> None:
    with pytest.raises(BudgetError):
        strings.join(["a" * BIG] * 2)


# Other libraries

OTHERS: list[tuple[str, tuple[Any, ...], str]] = [
    ("quantity", ("x",), "quantities must match the regular expression"),
    ("url", ("",), 'URL parse error during conversion from string: parse "": empty url'),
    ("semver", ("1",), "No Major.Minor.Patch elements found"),
    ("ip", ("x",), 'IP Address "x" parse error during conversion from string: ParseAddr("x")'),
    ("ip", ("fe80::1%eth0",), 'IP address "fe80::1%eth0" with zone value is not allowed'),
    ("ip", ("::ffff:1.2.3.4",), 'IPv4-mapped IPv6 address "::ffff:1.2.3.4" is not allowed'),
    (
        "cidr",
        ("bad",),
        ("network address parse error during conversion from string: network address parse error "
        "during conversion from string: netip.ParsePrefix(\"bad\"): no '/'"),
    ),
    (
        "cidr",
        ("::ffff:1.2.3.4/96",),
        "network address parse error during conversion from string: IPv4-mapped IPv6 address",
    ),
    ("find", ("x", "("), "Illegal regex: error parsing regexp: missing closing ): `(`"),
    ("findAll", ("x", "("), "Illegal regex: error parsing regexp: missing closing ): `(`"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "values", "message"), OTHERS)
def test_bad_text_is_refused(name: str, values: tuple[Any, ...], message: str) -> None:
    assert fails(overload_of(name, len(values)).implementation, *values).startswith(message)


def test_quantities_out_of_reach_are_an_error() -> None:
    huge = call("quantity", "1e2000000000")
    assert fails(overload_of("add", 2).implementation, huge, 1) == "quantity is too large"


CONSTANTS: list[tuple[str, int, tuple[Any, ...], Any]] = [
    ("find", 2, ("a1",), "1"),
    ("findAll", 2, ("a1b2",), ["1", "2"]),
    ("findAll", 3, ("a1b2", 1), ["1"]),
]


@pytest.mark.parametrize(("name", "arity", "values", "expected"), CONSTANTS)
def test_constant_pattern_is_compiled_ahead(
    name: str, arity: int, values: tuple[Any, ...], expected: Any
) -> None:
    specialize = overload_of(name, arity).specialize
    assert specialize is not None
    ready = specialize("[0-9]")
    assert ready(*values) == expected
    assert fails(ready, 1) == "no such overload"


def test_findall_wants_an_int_limit() -> None:
    specialize = overload_of("findAll", 3).specialize
    assert specialize is not None
    assert fails(specialize("x"), "x", True) == "no such overload"


# The authorizer

ASKED: list[tuple[PathCheck | ResourceCheck, str]] = []


def answer(check: PathCheck | ResourceCheck, verb: str) -> Decision:
    ASKED.append((check, verb))
    return Decision(allowed=verb == "get", reason="because", error="boom" if verb == "x" else None)


def test_resource_check_carries_all_it_was_given() -> None:
    ASKED.clear()
    check: Any = call("resource", call("group", Authorizer(answer), "apps"), "deployments")
    for name in ("subresource", "namespace", "name", "fieldSelector", "labelSelector"):
        check = call(name, check, name.upper())
    decision = call("check", check, "get")
    expected = [
        (
            ResourceCheck(
                Authorizer(answer),
                "apps",
                "deployments",
                subresource="SUBRESOURCE",
                namespace="NAMESPACE",
                name="NAME",
                field_selector="FIELDSELECTOR",
                label_selector="LABELSELECTOR",
            ),
            "get",
        )
    ]
    assert expected == ASKED
    accessors = ("allowed", "reason", "errored", "error")
    assert [call(name, decision) for name in accessors] == [True, "because", False, ""]


def test_failed_check_says_so() -> None:
    decision = call("check", call("path", Authorizer(answer), "/healthz"), "x")
    accessors = ("allowed", "reason", "errored", "error")
    assert [call(name, decision) for name in accessors] == [False, "because", True, "boom"]


def test_service_account_has_its_groups() -> None:
    account = call("serviceAccount", Authorizer(answer), "default", "sa.1").service_account
    assert account == ServiceAccount("default", "sa.1")
    assert account.username == "system:serviceaccount:default:sa.1"
    assert account.groups == ("system:serviceaccounts", "system:serviceaccounts:default")


BAD_CHECKS: list[tuple[str, tuple[Any, ...], str]] = [
    ("path", (Authorizer(answer), " \t"), "path must not be empty"),
    ("resource", (None, "\u00a0"), "resource must not be empty"),
    ("serviceAccount", (Authorizer(answer), "a", "B"), "Invalid service account name"),
    ("serviceAccount", (Authorizer(answer), "a.b", "b"), "Invalid service account namespace"),
]


@pytest.mark.parametrize(("name", "values", "message"), BAD_CHECKS)
def test_blank_checks_are_errors(name: str, values: tuple[Any, ...], message: str) -> None:
    assert fails(overload_of(name, len(values)).implementation, *values) == message


# Costs

FAILED = EvaluationError("x")
IPV4, PREFIX = call("ip", "10.0.0.1"), call("cidr", "10.0.0.0/24")
# name, arity, result, arguments, cost
COSTS: list[tuple[str, int, Any, tuple[Any, ...], int]] = [
    ("lowerAscii", 1, "", ("a" * 11,), 2),
    ("replace", 3, "", ("a" * 11, "a", "b"), 3),
    ("split", 2, [], (FAILED, ","), 1),
    ("join", 1, "a" * 11, (["x"],), 3),
    ("indexOf", 2, 0, ("a" * 19, "a"), 1),
    ("strings.quote", 1, "", ("a" * 11,), 2),
    ("sum", 1, 0, ([1, "a" * 20],), 3),
    ("slice", 3, [1, 2], ([1, 2, 3], 0, 2), 13),
    ("slice", 3, FAILED, ([1], 5, 6), 12),
    ("flatten", 1, [], ([[1], [2]],), 13),
    ("flatten", 2, [], ([[1], [2]], 3), 17),
    ("flatten", 2, FAILED, ([[1], [2]], -1), 13),
    ("sort", 1, [], ([3, 2, 1],), 29),
    ("sort", 1, [], (["b", "a"],), 19),
    ("sort", 1, [], ([],), 11),
    ("@sortByAssociatedKeys", 2, [], (["aa", "b"], [2, 1]), 19),
    ("lists.range", 1, [0, 1, 2], (3,), 14),
    ("sets.contains", 2, True, ([1, 2], [1, 2, 3]), 7),
    ("sets.equivalent", 2, True, ([1, 2], [1, 2, 3]), 13),
    ("find", 2, "", ("a" * 20, "abcde"), 6),
    ("url", 1, None, ("a" * 21,), 3),
    ("quantity", 1, None, ("1",), 1),
    ("semver", 2, None, ("a" * 11, True), 2),
    ("ip", 1, None, ("a" * 11,), 2),
    ("ip.isCanonical", 1, None, ("a" * 11,), 3),
    ("containsIP", 2, True, (PREFIX, "a" * 11), 3),
    ("containsCIDR", 2, True, (PREFIX, "a" * 11), 5),
    ("validate", 2, None, (FORMATS["uuid"], "a" * 10), 36),
    ("validate", 2, None, (FAILED, "a"), 1),
    ("jsonpatch.escapeKey", 1, None, ("a" * 11,), 2),
    ("check", 2, None, (None, "get"), 350_000),
    ("fieldSelector", 2, None, (None, "a" * 11), 312),
]


@pytest.mark.parametrize(("name", "arity", "result", "values", "expected"), COSTS)
def test_call_costs_what_upstream_charges(
    name: str, arity: int, result: Any, values: tuple[Any, ...], expected: int
) -> None:
    function = function_of(name, "strings" if name == "indexOf" else None)
    cost = overload_of(name, arity).cost or function.cost
    assert cost is not None
    assert cost(result, *values) == expected


@pytest.mark.parametrize(
    ("name", "arity", "values"), [("flatten", 2, ([1], "x")), ("distinct", 1, ("abc",))]
)
def test_cost_of_what_upstream_cannot_count_ends_the_evaluation(
    name: str, arity: int, values: tuple[Any, ...]
) -> None:
    cost = overload_of(name, arity).cost
    assert cost is not None
    with pytest.raises(PanicError):
        cost(FAILED, *values)


def test_address_of_a_network_costs_one() -> None:
    cost = overload_of("ip", 1, "cidr").cost
    assert cost is not None
    assert cost(IPV4, PREFIX) == 1


def test_missing_formats_are_absent() -> None:
    assert call("format.named", "nope") is ABSENT
    assert call("format.named", "uuid").content is FORMATS["uuid"]
