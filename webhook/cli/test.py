"""`propylon test`: the cases beside policies, run as the server would judge them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer

from webhook.cli.flags import KubernetesVersion, fail
from webhook.offline.junit import JunitCase, junit
from webhook.offline.running import Result, Suite, load_suites, run_suite
from webhook.offline.screen import counted, followed, say, write_table
from webhook.sources.directory import SourceError


class Output(StrEnum):
    """Forms of the result."""

    TABLE = "table"
    JSON = "json"
    JUNIT = "junit"


def run_cases(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where policies and their tests.yaml are.")
    ],
    kubernetes_version: KubernetesVersion = "",
    output: Annotated[
        Output, typer.Option("--output", "-o", help="Form of the result.")
    ] = Output.TABLE,
) -> None:
    """Run the cases of every tests.yaml with the policies beside it.

    Exit code 0: every case passed; 1: one failed; 2: a file is wrong or cannot be read.
    """
    try:
        suites, errors = load_suites(directory, kubernetes_version)
    except SourceError as error:
        fail("test", str(error))
    for one in errors:
        typer.echo(f"{one}\n", err=True)
    results = _run(suites)
    WRITERS[output](results)
    if errors:
        fail("test", f"{counted(len(errors), 'error')} above; such files were left out")
    raise typer.Exit(0 if all(one.passed for one in results) else 1)


def _run(suites: Sequence[Suite]) -> list[Result]:
    """Run all cases, with a progress bar when it takes long."""
    total = sum(len(one.cases) for one in suites)
    running = (result for one in suites for result in run_suite(one))
    return list(followed(running, total, "running cases"))


STYLES = {"passed": "", "FAILED": "bold red"}


def write_results(results: Sequence[Result]) -> None:
    """Print one line a case, then what was not as expected, then a count."""
    words = ["passed" if one.passed else "FAILED" for one in results]
    rows = [
        (word, one.suite, f"{one.case} ({one.note})" if one.note else one.case)
        for word, one in zip(words, results, strict=True)
    ]
    write_table(("RESULT", "POLICY", "CASE"), rows, [STYLES[word] for word in words])
    failed = [one for one in results if not one.passed]
    for one in failed:
        typer.echo()
        say("FAILED", "bold red", f"{one.file}:{one.line}: {one.case}")
        for text in one.failures:
            typer.echo(f"  {text}")
    count = f"{len(failed)} failed" if failed else "all passed" if results else "nothing was run"
    typer.echo(f"\n{counted(len(results), 'case')}, {count}")


def write_json(results: Sequence[Result]) -> None:
    """Print one JSON object."""
    value = {
        "cases": [
            {
                "suite": one.suite,
                "case": one.case,
                "file": one.file,
                "line": one.line,
                "passed": one.passed,
                "failures": list(one.failures),
                "note": one.note,
            }
            for one in results
        ],
        "failed": sum(not one.passed for one in results),
    }
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def write_junit(results: Sequence[Result]) -> None:
    """Print JUnit XML."""
    cases = [
        JunitCase(one.suite, one.case, one.failures, one.file, one.line, one.note)
        for one in results
    ]
    typer.echo(junit("propylon test", cases))


WRITERS: dict[Output, Callable[[Sequence[Result]], None]] = {
    Output.TABLE: write_results,
    Output.JSON: write_json,
    Output.JUNIT: write_junit,
}
