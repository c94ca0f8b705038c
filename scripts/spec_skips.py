"""Why a case of cel-spec's suite may come out otherwise: the whole list, one reason per class.

Every reason is a fact about upstream or about the suite's notation; what it says about Kubernetes
was asked of Kubernetes' own engine (apiserver v0.37.2). A row is only looked at when a case
disagrees, and a row that no case needs is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from spec_suite import Case

NO_PROTOBUF = "needs protobuf messages, wrappers, enums or packages, which Kubernetes has not"


@dataclass(frozen=True, slots=True)
class Skip:
    """A class of cases: patterns that are searched for; an empty one says nothing.

    expected, found: in what the suite expects, and in what came out.
    package: in the name of the package in which the case looks up its names.
    same_place: whether both must be issues at the same line and column.
    """

    reason: str
    kinds: tuple[str, ...]
    path: str = ""
    text: str = ""
    expected: str = ""
    found: str = ""
    package: str = ""
    same_place: bool = False

    def holds(self, kind: str, case: Case, expected: str, found: str) -> bool:
        """Tell whether a case is of this class."""
        package = case.test.get("container", "")
        patterns = (self.path, self.text, self.expected, self.found, self.package)
        texts = (case.path, case.text, expected, found, package)
        if kind not in self.kinds or not all(map(re.search, patterns, texts)):
            return False
        return not self.same_place or _place(expected) == _place(found)


def _place(issue: str) -> list[str]:
    return issue.split(":")[:2]


_PROTOBUF_SUITES = "dynamic|enums|proto2|proto2_ext|proto3|wrappers|namespace"
_PROTOBUF_NAMES = (
    r"TestAllTypes|TestRequired|google\.protobuf\.|google\.expr\.|Proto2Message|GlobalEnum"
    r"|\bproto\.(has|get)Ext|\b(Value|Struct|ListValue|Any|Empty|Duration|Int\d+Value)\{"
)

SKIPS: tuple[Skip, ...] = (
    Skip(
        "the suite's parser stops at a nesting of 32 and after 4 repairs, Kubernetes' at 250",
        ("parse",),
        expected=r"recursion limit exceeded: 32|max recursion depth|lookahead limit exceeded",
    ),
    Skip(
        "the grammar tool's own words about a syntax error; the place is the same",
        ("parse",),
        expected=": Syntax error: ",
        found=": Syntax error: ",
        same_place=True,
    ),
    Skip(
        "the suite's parser has back-quoted names switched off, Kubernetes' has them",
        ("parse",),
        expected="unsupported syntax: '`'",
    ),
    Skip(NO_PROTOBUF, ("check", "value"), path=f"^conformance/({_PROTOBUF_SUITES})/"),
    Skip(NO_PROTOBUF, ("check", "value"), text=_PROTOBUF_NAMES),
    Skip(NO_PROTOBUF, ("check", "value"), package="."),
    Skip(
        "the suite's checker lacks a macro or library that Kubernetes has",
        ("check",),
        expected=r"undeclared reference to '(existsOne|sort|sortBy|namespace)'",
    ),
    Skip(
        "Kubernetes has not the libraries math, bindings, block and encoders",
        ("check", "value"),
        path="^(conformance/(math_ext|bindings_ext|block_ext|encoders_ext)|comprehension)/",
        text=r"\b(math|cel|base64)\.",
    ),
    Skip(
        "Kubernetes has another version of string.format, with its own texts",
        ("check", "value"),
        path="^conformance/string_ext/format(_errors)?/",
    ),
    Skip(
        "Kubernetes' cel-go gives the type optional_type a parameter",
        ("check",),
        text=r"\boptional_type\b",
    ),
    Skip(
        "Kubernetes refuses a constant key of a bad type before it evaluates anything",
        ("value",),
        path="/map_bad_key_type_",
    ),
    Skip(
        "cel-go accepts doubles and repetitions among the keys of a map literal",
        ("value",),
        path="/(map_key_float|map_value_repeat_key(_heterogeneous)?)$",
    ),
    Skip(
        "cel-go's optional selection finds nothing in null and numbers instead of failing",
        ("value",),
        path="/optionals/(map_null_entry_no_such_key|map_present_key_invalid_field)$",
    ),
    Skip(
        "Kubernetes' indexOf and lastIndexOf answer -1 for an offset past the end",
        ("value",),
        path="/(last)?indexof_out_of_range$",
    ),
    Skip(
        "cel-go's getMilliseconds of a duration is the whole of it in milliseconds",
        ("value",),
        text=r"\.getMilliseconds\(\)",
    ),
    Skip(
        "cel-go itself gives another type: the tree in the suite's package says so",
        ("value",),
        path="/legacy_nullable_types/",
    ),
)


def reason_to_skip(kind: str, case: Case, expected: str, found: str) -> str | None:
    """Return why a case that disagrees is no failure; None when it is one."""
    return next((row.reason for row in SKIPS if row.holds(kind, case, expected, found)), None)


def unused(reasons: Iterable[str]) -> list[str]:
    """Return the reasons of the table that nothing needed."""
    return sorted({row.reason for row in SKIPS} - set(reasons))
