"""Judges the CEL engine against cel-spec's suite: syntax trees, checked types, values.

Prints every disagreement, what was skipped and why, and as its last line one JSON object with a
pair [agreed, judged] for each of `parse`, `check` and `value`.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from webhook.cel import Budget, CompileError, Environment, EvaluationError, Program
from webhook.cel.checker.checker import check
from webhook.cel.declarations import Declarations, FunctionDeclaration
from webhook.cel.library import Overload
from webhook.cel.macros import GLOBAL_MACROS, MEMBER_MACROS
from webhook.cel.parser import parse
from webhook.cel.runtime.equality import equal
from webhook.cel.source import Issue, Source, show_all
from webhook.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DYN,
    INT,
    NULL,
    STRING,
    UINT,
    Type,
    describe,
)
from webhook.cel.values import type_name

sys.path.insert(0, str(Path(__file__).parent))

from spec_language import FUNCTIONS, TYPES, compile_language
from spec_skips import NO_PROTOBUF, reason_to_skip, unused
from spec_suite import Case, SuiteMissingError, read_suite
from spec_tree import OVERLOAD, write_kinds, write_types
from spec_values import NoCounterpartError, read_type, read_value
from vector_notation import write_value

LIMIT = 10**9
KINDS = ("parse", "check", "value")

_MEMBERS = {(one.name, one.arguments, True): one for one in MEMBER_MACROS if one.since < "1.32"}
_GLOBALS = {(one.name, one.arguments, False): one for one in GLOBAL_MACROS}

CHECKED_MACROS = _GLOBALS | _MEMBERS
"""Those of cel-spec's values: the language's and those of optional values."""

MACROS = {key: one for key, one in CHECKED_MACROS.items() if one.since == "1.0"}
"""The macros of the language itself: the suite's trees were made with no others."""

# What the tests of cel-go's checker declare beside what a case says.
CHECKER_VARIABLES = {
    "is": STRING,
    "ii": INT,
    "iu": UINT,
    "iz": BOOL,
    "ib": BYTES,
    "id": DOUBLE,
    "ix": NULL,
}
CHECKER_FUNCTIONS = {
    "fg_s": FunctionDeclaration("fg_s", (Overload((), STRING, print),)),
    "fi_s_s": FunctionDeclaration("fi_s_s", (Overload((STRING,), STRING, print, member=True),)),
}


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One aspect of one case that came out otherwise."""

    kind: str
    case: Case
    expected: str
    found: str

    def __str__(self) -> str:
        head = f"{self.kind}: {self.case.path}: {self.case.text!r}"
        return f"{head}\n  expected {self.expected}\n  found    {self.found}"


@dataclass(slots=True)
class Score:
    """Counts of agreements and of what was skipped, and the disagreements."""

    agreed: Counter[str] = field(default_factory=Counter)
    judged: Counter[str] = field(default_factory=Counter)
    skipped: Counter[tuple[str, str]] = field(default_factory=Counter)
    disagreements: list[Disagreement] = field(default_factory=list)

    def judge(self, kind: str, case: Case, expected: str, found: str) -> None:
        """Compare one aspect of one case, or count why it is skipped."""
        if expected != found:
            reason = reason_to_skip(kind, case, expected, found)
            if reason is not None:
                self.skipped[kind, reason] += 1
                return
            self.disagreements.append(Disagreement(kind, case, expected, found))
        self.judged[kind] += 1
        self.agreed[kind] += expected == found

    @property
    def unused(self) -> list[str]:
        """Return the reasons that no case needed."""
        return unused(reason for _, reason in self.skipped)

    def summary(self) -> dict[str, Any]:
        """Return the object of the last line."""
        pairs = {kind: [self.agreed[kind], self.judged[kind]] for kind in KINDS}
        return {**pairs, "skipped": self.skipped.total()}


def judge_case(score: Score, case: Case) -> None:
    """Judge all aspects of one case."""
    source = Source(case.text)
    issues: list[Issue] = []
    # The suite's parser has optional syntax switched off, as some of its errors show.
    optionals = "unsupported syntax '" not in case.error
    tree = parse(source, MACROS, issues, optionals=optionals)
    if tree is None:
        score.judge("parse", case, case.tree or first(case.error), first(show_all(source, issues)))
    else:
        score.judge("parse", case, case.tree or first(case.error), write_kinds(tree.root))
    if case.tree is not None and tree is not None:
        judge_types(score, case, source)
    if case.part == "conformance":
        judge_value(score, case)


def first(error: str) -> str:
    """Return the first issue of an error text: position and message.

    The grammar tool's recovery finds more in what is left; the sources have the tests' names.
    """
    found = re.match(r"ERROR: [^:]*:(-?\d+:\d+: .*)", error)
    return found[1] if found else error


def judge_types(score: Score, case: Case, source: Source) -> None:
    """Judge what the checker says about every node."""
    issues: list[Issue] = []
    tree = parse(source, CHECKED_MACROS if case.part == "conformance" else MACROS, issues)
    assert tree is not None
    try:
        checked = check(tree, source, declarations(case), issues)
    except NoCounterpartError:
        score.skipped["check", NO_PROTOBUF] += 1
        return
    found = positions(show_all(source, issues)) if issues else write_types(checked)
    if case.checked is None:
        score.judge("check", case, positions(case.error), found)
    else:
        score.judge("check", case, case.checked, with_overloads(found, case.checked))


def with_overloads(found: str, expected: str) -> str:
    """Put in the internal names of overloads, which only cel-go has."""
    pattern = re.escape(found).replace(re.escape(OVERLOAD), r"\^[@\w|.]+")
    return expected if re.fullmatch(pattern, expected) else found


def positions(error: str) -> str:
    """Return position and message of each issue of an error text."""
    return "\n".join(re.findall(r"^ERROR: [^:]*:(-?\d+:\d+: .*)$", error, re.MULTILINE))


def declarations(case: Case) -> Declarations:
    """Return what a case declares, beside all functions; raise NoCounterpartError."""
    variables, table = declared_variables(case), dict(FUNCTIONS)
    if case.part == "checking":
        variables, table = CHECKER_VARIABLES | variables, table | CHECKER_FUNCTIONS
    for entry in case.test.get("typeEnv", ()):
        if "function" in entry:
            name = entry["name"]
            own = tuple(read_overload(one) for one in entry["function"]["overloads"])
            before = table[name].overloads if name in table else ()
            table[name] = FunctionDeclaration(name, (*before, *own))
    return Declarations(variables, table, TYPES, cross_type_ordering=False)


def declared_variables(case: Case) -> dict[str, Type]:
    """Return the variables that a case declares."""
    return {
        entry["name"]: read_type(entry["ident"]["type"])
        for entry in case.test.get("typeEnv", ())
        if "ident" in entry
    }


def read_overload(written: Mapping[str, Any]) -> Overload:
    """Read an overload that a case declares; it is never called."""
    parameters = tuple(read_type(one) for one in written.get("params", ()))
    member = written.get("isInstanceFunction", False)
    return Overload(parameters, read_type(written["resultType"]), print, member=member)


def judge_value(score: Score, case: Case) -> None:
    """Judge value or error, in Kubernetes' environment."""
    try:
        expected, kind = expectation(case)
        found, found_kind = evaluate(case)
    except NoCounterpartError:
        score.skipped["value", NO_PROTOBUF] += 1
        return
    if kind is None:
        score.judge("value", case, shown(expected), shown_like(expected, found))
    else:
        pair = f"{shown(expected)} of type {kind}"
        score.judge("value", case, pair, f"{shown_like(expected, found)} of type {found_kind}")


def expectation(case: Case) -> tuple[Any, str | None]:
    """Return the expected value (or an error) and, where it is told, the static type."""
    test = case.test
    if "evalError" in test:
        return EvaluationError(test["evalError"]["errors"][0]["message"]), None
    if "typedResult" in test:
        typed = test["typedResult"]
        kind = describe(read_type(typed["deducedType"]))
        return read_value(typed["result"]) if "result" in typed else None, kind
    return read_value(test["value"]) if "value" in test else True, None


def evaluate(case: Case) -> tuple[Any, str]:
    """Return the value, or the error, and the static type."""
    if case.test.get("checkOnly"):
        return None, checked_type(case)
    bound = case.test.get("bindings", {})
    bindings = {name: read_value(one["value"]) for name, one in bound.items()}
    try:
        program = compile_case(case)
    except CompileError as error:
        return error, "none"
    kind = describe(program.result_type)
    try:
        return program.evaluate(bindings, Budget(LIMIT)), kind
    except EvaluationError as error:
        return error, kind


def checked_type(case: Case) -> str:
    """Return the static type of a case that is only checked, or what is wrong with it."""
    source, issues = Source(case.text), list[Issue]()
    tree = parse(source, CHECKED_MACROS, issues)
    assert tree is not None
    checked = check(tree, source, declarations(case), issues)
    return show_all(source, issues) or describe(checked.result_type)


def compile_case(case: Case) -> Program:
    """Compile in Kubernetes' environment, as the bare language where that refuses it."""
    variables = dict.fromkeys(case.test.get("bindings", ()), DYN) | declared_variables(case)
    try:
        return Environment(variables).compile(case.text)
    except CompileError:
        unchecked = case.test.get("disableCheck", False)
        return compile_language(case.text, variables, unchecked=unchecked)


def shown(value: Any) -> str:
    """Write a value, or say that it is an error."""
    return "an error" if isinstance(value, Exception) else write_value(value)


def shown_like(expected: Any, found: Any) -> str:
    """Write what was found; as the expected value where the suite takes the two for the same."""
    if isinstance(found, Exception):
        return "an error" if isinstance(expected, Exception) else f"an error: {found}"
    if isinstance(expected, Exception):
        return shown(found)
    both_nan = (
        isinstance(expected, float) and math.isnan(expected) and shown(found) == "double(NaN)"
    )
    same = type_name(expected) == type_name(found) and equal(expected, found)
    return shown(expected) if same or both_nan else shown(found)


def judge_suite(cases: Iterable[Case]) -> Score:
    """Judge all cases."""
    score = Score()
    for case in cases:
        judge_case(score, case)
    return score


def main() -> int:
    """Judge the suite; return 0 when nothing disagrees."""
    try:
        score = judge_suite(read_suite())
    except SuiteMissingError as error:
        print(f"Skipped: cel-spec's suite is not here: {error}")
        return 0
    for disagreement in score.disagreements:
        print(disagreement)
    for (kind, reason), count in sorted(score.skipped.items()):
        print(f"{kind}: {count} skipped: {reason}")
    for reason in score.unused:
        print(f"No case needs this reason any more: {reason}")
    print(json.dumps(score.summary()))
    return 1 if score.disagreements or score.unused else 0


if __name__ == "__main__":
    sys.exit(main())
