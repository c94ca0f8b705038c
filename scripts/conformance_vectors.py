"""Judges the CEL engine against vectors: expressions with the answers of upstream's own engine.

`main` prints every disagreement and, as its last line, one JSON object with `lines` and for each
of `verdict`, `value`, `static`, `error` and `cost` a pair [agreed, judged].
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webhook.cel.budget import Budget
from webhook.cel.environment import Environment
from webhook.cel.errors import CompileError, EvaluationError
from webhook.cel.types import DYN, OpaqueType, Type
from webhook.cel.values import INT_MAX, INT_MIN
from webhook.policy.environment import NAMESPACE, REQUEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

sys.path.insert(0, str(Path(__file__).parent))

from vector_authorizer import make_authorizer
from vector_notation import write_type, write_value

LIMIT = 10**9
KINDS = ("verdict", "value", "static", "error", "cost")

# Texts that hold a Go-ism without meaning for a user: the class of the error is enough there.
GO_TEXTS: tuple[tuple[str, str], ...] = (
    ("a Go value printed by %v in random order or with Go's syntax", r"map\["),
    ("a panic of upstream's own", r"internal error: "),
)


GO_POINTER = r"\b0x[0-9a-f]{5,}\b"


@dataclass(slots=True)
class Answer:
    """What the engine says to one line."""

    compile_error: str | None = None
    error: str | None = None
    value: str | None = None
    kind: str | None = None
    static: str | None = None
    cost: int | None = None

    @property
    def verdict(self) -> str:
        """Return which of the three ways it went."""
        if self.compile_error is not None:
            return "compile error"
        return "value" if self.error is None else "error"


@dataclass(slots=True)
class Score:
    """Counts of agreements, and the disagreements in words."""

    lines: int = 0
    agreed: Counter[str] = field(default_factory=Counter)
    judged: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    disagreements: list[str] = field(default_factory=list)

    def judge(self, kind: str, line: dict[str, Any], expected: object, found: object) -> None:
        """Compare one aspect of one line."""
        self.judged[kind] += 1
        if expected == found:
            self.agreed[kind] += 1
            return
        self.disagreements.append(
            f"{kind}: {line['expr']!r}{_setting(line)}\n  expected {expected}\n  found    {found}"
        )

    def summary(self) -> dict[str, Any]:
        """Return the object of the last line."""
        pairs = {kind: [self.agreed[kind], self.judged[kind]] for kind in KINDS}
        return {"lines": self.lines, **pairs}


def _setting(line: dict[str, Any]) -> str:
    return f" (version {line['version']})" if "version" in line else ""


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read a `.jsonl` or `.jsonl.gz` file."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    for line in text.split("\n"):
        if line.strip():
            yield json.loads(line, parse_int=_number)


def _number(text: str) -> int | float:
    """Read an integer; what an int cannot hold is a double, as upstream decodes JSON."""
    value = int(text)
    return value if INT_MIN <= value <= INT_MAX else float(value)


class Judge:
    """Answers lines; keeps the environments, which many lines share."""

    def __init__(self, default_object: Any, authorizer: Any) -> None:
        self.default_object = default_object
        self.authorizer = authorizer
        self.environments: dict[tuple[Any, ...], Environment] = {}

    def environment(self, line: dict[str, Any]) -> Environment:
        """Return the environment that a line asks for."""
        flags = ("version", "noAuthorizer", "noParams", "noPatchTypes")
        key = tuple(line.get(flag) for flag in flags)
        if key not in self.environments:
            variables: dict[str, Type] = {"object": DYN, "oldObject": DYN}
            variables |= {"request": REQUEST, "namespaceObject": NAMESPACE}
            if not line.get("noParams"):
                variables["params"] = DYN
            if not line.get("noAuthorizer"):
                variables["authorizer"] = OpaqueType("kubernetes.authorization.Authorizer")
                check = OpaqueType("kubernetes.authorization.ResourceCheck")
                variables["authorizer.requestResource"] = check
            self.environments[key] = Environment(
                variables, version=line.get("version"), mutation=not line.get("noPatchTypes")
            )
        return self.environments[key]

    def bindings(self, line: dict[str, Any]) -> dict[str, Any]:
        """Return the values that a line binds."""
        names = ("object", "oldObject", "params")
        bound = {name: line.get(name) for name in names}
        for name, value in bound.items():
            if value == "default":
                bound[name] = self.default_object
        return {**bound, "authorizer": self.authorizer}

    def answer(self, line: dict[str, Any]) -> Answer:
        """Compile and evaluate one line."""
        try:
            program = self.environment(line).compile(line["expr"])
        except CompileError as error:
            return Answer(compile_error=str(error))
        budget = Budget(LIMIT)
        answer = Answer(static=str(program.result_type))
        try:
            value = program.evaluate(self.bindings(line), budget)
            answer.value, answer.kind = write_value(value), write_type(value)
        except EvaluationError as error:
            answer.error = str(error)
        answer.cost = LIMIT - budget.remaining
        return answer


def judge_line(score: Score, line: dict[str, Any], answer: Answer) -> None:
    """Compare all aspects of one line."""
    score.lines += 1
    expected = Answer(
        line.get("compileError"),
        line.get("error"),
        line.get("value"),
        line.get("type"),
        line.get("static"),
    )
    score.judge("verdict", line, _verdict(expected), _verdict(answer))
    if expected.value is not None and re.search(GO_POINTER, expected.value):
        score.skipped["a value that is printed as a Go pointer"] += 1
    elif expected.value is not None:
        value = (expected.value, expected.kind)
        score.judge("value", line, value, (answer.value, answer.kind))
    if expected.static is not None:
        score.judge("static", line, expected.static, answer.static)
    text = expected.compile_error or expected.error
    if text is not None:
        reason = _go_text(text)
        if reason is None:
            score.judge("error", line, text, answer.compile_error or answer.error)
        else:
            score.skipped[reason] += 1
    if "cost" in line:
        score.judge("cost", line, int(line["cost"]), answer.cost)


def _verdict(answer: Answer) -> str:
    return answer.verdict


def _go_text(text: str) -> str | None:
    return next((reason for reason, pattern in GO_TEXTS if re.search(pattern, text)), None)


def judge_file(path: Path) -> Score:
    """Judge all lines of a file."""
    beside = path.parent / "object.json"
    default_object = json.loads(beside.read_text()) if beside.exists() else None
    judge = Judge(default_object, make_authorizer())
    score = Score()
    for line in read_lines(path):
        judge_line(score, line, judge.answer(line))
    return score


def main(argv: Sequence[str]) -> int:
    """Judge one file; return 0 when nothing disagrees."""
    path = Path(argv[0])
    score = judge_file(path)
    for text in score.disagreements:
        print(text)
    for reason, count in score.skipped.items():
        print(f"error text not judged, {reason}: {count}")
    print(json.dumps(score.summary()))
    return 1 if score.disagreements else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
