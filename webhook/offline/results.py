"""What became of the cases, as a table for people, as JSON, and as JUnit for CI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import orjson

from webhook.offline.coverage import Coverage
from webhook.offline.junit import JunitCase, junit
from webhook.offline.observing import Place
from webhook.offline.running import Result
from webhook.offline.screen import counted, print_line, say, write_table

if TYPE_CHECKING:  # cel-python takes a second to import
    from webhook.offline.opinions import Opinions


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that one run found; what was not asked for is None."""

    results: tuple[Result, ...]
    coverage: Coverage | None = None
    opinions: Opinions | None = None


STYLES = {"passed": "", "FAILED": "bold red"}


def write_results(found: Results) -> None:
    """Print one line a case, then what was not as expected, then a count, then the rest."""
    _write_cases(found.results)
    if found.coverage is not None:
        _write_coverage(found.coverage)
    if found.opinions is not None:
        _write_opinions(found.opinions)


def _write_cases(results: Sequence[Result]) -> None:
    words = ["passed" if one.passed else "FAILED" for one in results]
    rows = [
        (word, one.suite, f"{one.case} ({one.note})" if one.note else one.case)
        for word, one in zip(words, results, strict=True)
    ]
    write_table(("RESULT", "POLICY", "CASE"), rows, [STYLES[word] for word in words])
    failed = [one for one in results if not one.passed]
    for one in failed:
        print_line()
        say("FAILED", "bold red", f"{one.file}:{one.line}: {one.case}")
        for text in one.failures:
            print_line(f"  {text}")
    count = f"{len(failed)} failed" if failed else "all passed" if results else "nothing was run"
    print_line(f"\n{counted(len(results), 'case')}, {count}")


def _write_coverage(coverage: Coverage) -> None:
    print_line()
    rows = [(one.place.policy, one.place.field, one.text) for one in coverage.gaps]
    write_table(("POLICY", "EXPRESSION", "NOT REACHED BY ANY CASE"), rows)
    counts = f"{coverage.reached} of {counted(coverage.parts, 'part')} of expressions"
    blank = "\n" if rows else ""
    print_line(f"{blank}coverage: {counts} reached ({coverage.percent:.0f} %)")


def _write_opinions(opinions: Opinions) -> None:
    print_line()
    rows = [
        (one.place.policy, one.place.field, f"Propylon: {one.ours}\ncel-python: {one.theirs}")
        for one in opinions.disagreements
    ]
    write_table(("POLICY", "EXPRESSION", "DISAGREEMENT"), rows)
    untold = sum(opinions.untold.values())
    blank = "\n" if rows else ""
    print_line(
        f"{blank}second opinion: {counted(opinions.agreed, 'evaluation')} the same, "
        f"{len(rows)} not, {untold} that cel-python cannot tell"
    )
    for why, count in sorted(opinions.untold.items()):
        print_line(f"  {count}: it {why}")


def write_json(found: Results) -> None:
    """Print one JSON object."""
    value: dict[str, object] = {
        "cases": [{**asdict(one), "passed": one.passed} for one in found.results],
        "failed": sum(not one.passed for one in found.results),
    }
    if found.coverage is not None:
        gaps = [{**_place(one.place), "not_reached": one.text} for one in found.coverage.gaps]
        counts = {"parts": found.coverage.parts, "reached": found.coverage.reached}
        value["coverage"] = {**counts, "gaps": gaps}
    if found.opinions is not None:
        value["second_opinion"] = {
            "agreed": found.opinions.agreed,
            "cannot_tell": dict(found.opinions.untold),
            "disagreements": [
                {**_place(one.place), "propylon": one.ours, "cel_python": one.theirs}
                for one in found.opinions.disagreements
            ],
        }
    print_line(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def _place(place: Place) -> dict[str, str]:
    return {
        "kind": place.kind,
        "policy": place.policy,
        "field": place.field,
        "expression": place.text,
    }


def write_junit(found: Results) -> None:
    """Print JUnit XML of the cases."""
    cases = [
        JunitCase(one.suite, one.case, one.failures, one.file, one.line, one.note)
        for one in found.results
    ]
    print_line(junit("propylon test", cases))
