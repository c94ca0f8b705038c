"""Judges everything that is at hand and prints one table: passed, skipped with the reason, failed.

The vectors and the corpus are looked for in the folder `shared` beside the checkout, and the
vectors kept with the tests; cel-spec's suite comes from npm or from the cache.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import conformance_corpus
import conformance_spec
import conformance_vectors
from rich.console import Console
from rich.table import Table
from spec_suite import SuiteMissingError, read_suite
from vector_authorizer import make_authorizer

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
COMMITTED = ROOT / "tests" / "data" / "vectors"
VECTORS = ("library", "core", "random")

FURTHER = "further complaints of the grammar tool after its first syntax error, which agrees"
NOT_HERE = "not on this machine"


@dataclass(slots=True)
class Row:
    """One line of the table; a case fails when any aspect of it disagrees."""

    part: str
    what: str
    passed: int = 0
    failed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    disagreements: list[str] = field(default_factory=list)


def vector_row(name: str, path: Path | None) -> Row:
    """Judge one file of vectors, line by line."""
    row = Row("vectors", name)
    if path is None:
        row.skipped[NOT_HERE] = 1
        return row
    beside = path.parent / "object.json"
    default = json.loads(beside.read_text()) if beside.exists() else None
    judge = conformance_vectors.Judge(default, make_authorizer())
    for line in conformance_vectors.read_lines(path):
        score = conformance_vectors.Score()
        conformance_vectors.judge_line(score, line, judge.answer(line))
        add_line(row, score)
    return row


def add_line(row: Row, score: conformance_vectors.Score) -> None:
    """Count one line."""
    others = [text for text in score.disagreements if not only_further(text)]
    row.disagreements += others
    if others:
        row.failed += 1
    else:
        row.passed += 1
    for reason, count in score.skipped.items():
        row.skipped[f"a text: {reason}"] += count
    row.skipped[f"a text: {FURTHER}"] += len(score.disagreements) - len(others)


def only_further(disagreement: str) -> bool:
    """Tell whether two error texts begin with the same syntax error."""
    kind, _, rest = disagreement.partition(": ")
    expected, _, found = rest.partition("\n  found    ")
    first = found.split("\nERROR: ")[0]
    return kind == "error" and "Syntax error: " in first and first in expected


def vector_file(name: str) -> Path | None:
    """Return the file of a name, the one of the folder `shared` first."""
    candidates = (SHARED / "vectors" / f"{name}.jsonl", COMMITTED / f"{name}.jsonl.gz")
    return next((path for path in candidates if path.exists()), None)


def spec_rows() -> Iterator[Row]:
    """Judge cel-spec's suite."""
    rows = {kind: Row("cel-spec", kind) for kind in conformance_spec.KINDS}
    try:
        score = conformance_spec.judge_suite(read_suite())
    except SuiteMissingError as error:
        for row in rows.values():
            row.skipped[f"{NOT_HERE}: {error}"] = 1
        yield from rows.values()
        return
    for kind, row in rows.items():
        row.passed = score.agreed[kind]
        row.failed = score.judged[kind] - score.agreed[kind]
    for (kind, reason), count in score.skipped.items():
        rows[kind].skipped[reason] = count
    for one in score.disagreements:
        rows[one.kind].disagreements.append(str(one))
    for reason in score.unused:
        rows["value"].disagreements.append(f"no case needs this reason any more: {reason}")
    yield from rows.values()


def corpus_rows() -> Iterator[Row]:
    """Judge the corpus against its own expectations and against a real API server's answers."""
    path = SHARED / "corpus" / "policies-dev.jsonl"
    rows = [Row("corpus", what) for what in ("validating", "mutating", "native")]
    if not path.exists():
        for row in rows:
            row.skipped[NOT_HERE] = 1
        yield from rows
        return
    score = conformance_corpus.judge_file(path)
    *own, native = rows
    for row in own:
        row.passed, cases = score.pair(row.what)
        row.failed = cases - row.passed
    native.passed, native.failed = score.native["agree"], score.native["differs"]
    others = ((why, count) for why, count in score.native.items() if why not in _VERDICTS)
    native.skipped.update(dict(others))
    own[0].disagreements += score.disagreements
    yield from rows


_VERDICTS = ("agree", "differs")


def show(rows: Iterable[Row]) -> None:
    """Print the table."""
    table = Table("", "", "passed", "skipped", "failed", "why skipped")
    for row in rows:
        reasons = [f"{count:5} {why}" for why, count in row.skipped.most_common() if count]
        counts = (row.passed, row.skipped.total(), row.failed)
        table.add_row(row.part, row.what, *(f"{one:,}" for one in counts), "\n".join(reasons))
    for column in table.columns[2:5]:
        column.justify = "right"
    Console(width=150).print(table)


def main() -> int:
    """Judge and print; return 0 when nothing failed."""
    rows = [vector_row(name, vector_file(name)) for name in VECTORS]
    rows += [*spec_rows(), *corpus_rows()]
    for row in rows:
        for text in row.disagreements:
            print(f"{row.part}: {text}")
    show(rows)
    failed = any(row.failed or row.disagreements for row in rows)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
