"""`propylon test`: the cases beside policies, run as the server would judge them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from webhook.cli.flags import KubernetesVersion, fail
from webhook.offline.coverage import Recorder
from webhook.offline.observing import places
from webhook.offline.results import Results, write_json, write_junit, write_results
from webhook.offline.running import Result, Suite, load_suites, run_suite
from webhook.offline.screen import counted, followed
from webhook.sources.directory import SourceError

if TYPE_CHECKING:
    from webhook.offline.opinions import Opponent


class Output(StrEnum):
    """Forms of the result."""

    TABLE = "table"
    JSON = "json"
    JUNIT = "junit"


def run_cases(
    directory: Annotated[
        Path,
        typer.Argument(metavar="DIR", exists=True, help="Where policies and their tests.yaml are."),
    ],
    kubernetes_version: KubernetesVersion = "",
    output: Annotated[
        Output, typer.Option("--output", "-o", help="Form of the result.")
    ] = Output.TABLE,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Show what of the expressions no case reached.")
    ] = False,
    second_opinion: Annotated[
        bool, typer.Option("--second-opinion", help="Compare every evaluation with cel-python's.")
    ] = False,
) -> None:
    """Run the cases of every tests.yaml with the policies beside it.

    Exit code 0: every case passed; 1: one failed; 2: a file is wrong.
    """
    if output is Output.JUNIT and (coverage or second_opinion):
        raise typer.BadParameter("--coverage and --second-opinion go with table and json")
    recorder = Recorder() if coverage else None
    opponent = _opponent() if second_opinion else None
    observers = [one for one in (recorder, opponent) if one is not None]
    try:
        suites, errors = load_suites(directory, kubernetes_version, observers)
    except SourceError as error:
        fail("test", str(error))
    for one in errors:
        typer.echo(f"{one}\n", err=True)
    results = _run(suites)
    snapshots = [one.snapshot for one in suites]
    known = (place for one in snapshots for place in places(one))
    covered = None if recorder is None else recorder.coverage(known)
    WRITERS[output](Results(results, covered, None if opponent is None else opponent.opinions()))
    if errors:
        fail("test", f"{counted(len(errors), 'error')} above; such files were left out")
    raise typer.Exit(0 if all(one.passed for one in results) else 1)


def _run(suites: Sequence[Suite]) -> tuple[Result, ...]:
    """Run all cases, with a progress bar when it takes long."""
    total = sum(len(one.cases) for one in suites)
    running = (result for one in suites for result in run_suite(one))
    return tuple(followed(running, total, "running cases"))


def _opponent() -> Opponent:
    from webhook.offline.opinions import Opponent  # cel-python takes a second to import

    return Opponent()


WRITERS: dict[Output, Callable[[Results], None]] = {
    Output.TABLE: write_results,
    Output.JSON: write_json,
    Output.JUNIT: write_junit,
}
