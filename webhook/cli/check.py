"""`propylon check`: everything that is wrong with documents, with line, column and caret."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import orjson
import typer

from webhook.cli.flags import KubernetesVersion, Output, OutputFlag, fail, note
from webhook.model import ConfigError
from webhook.offline.checking import Report, check_inputs
from webhook.offline.inputs import read_inputs
from webhook.offline.screen import counted, patience, say
from webhook.sources.directory import SourceError

READ = "of a directory, *.yaml below it is read, except tests.yaml"


def check(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="DIR|FILE...", help="Documents; - is standard input."),
    ],
    kubernetes_version: KubernetesVersion = "",
    output: OutputFlag = Output.TEXT,
) -> None:
    """Check documents: all errors at once, with file, line, column and caret.

    Directories are read as `propylon serve` reads them.
    A labelled ConfigMap stands for the documents in it.

    Exit code 0: no errors; 1: errors; 2: a file cannot be read.
    """
    try:
        with patience("checking documents"):
            report = check_inputs(read_inputs(paths), kubernetes_version, time.time())
    except SourceError as error:
        fail("check", str(error))
    WRITERS[output](report)
    if not report.checked and not report.errors:
        note(f"no documents in {', '.join(map(str, paths))}; {READ}")
    for text in dict.fromkeys(map(_hint, report.errors)):
        if text:
            note(text)
    raise typer.Exit(1 if report.errors else 0)


def _hint(error: ConfigError) -> str:
    """Return what somebody may have meant who checks an object of another kind."""
    if error.path != "kind" or "unknown" not in error.message:
        return ""
    if error.kind == "ConfigMap":
        return 'a ConfigMap with documents has the label propylon.dev/policies: "true"'
    return "to see what documents say about other objects: propylon scan FILE --policies DIR"


def write_text(report: Report) -> None:
    """Print each error with its source line, then what is odd, then a count."""
    for error in report.errors:
        say("error", "bold red", f"{error}\n")
    for remark in report.remarks:
        say("note", "yellow", f"{remark}\n")
    found = counted(len(report.errors), "error")
    typer.echo(f"{counted(report.checked, 'document')} checked, {found}")


def write_json(report: Report) -> None:
    """Print one JSON object."""
    value = {
        "checked": report.checked,
        "errors": [_fields(one) for one in report.errors],
        "notes": [_fields(one) for one in report.remarks],
    }
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def _fields(error: ConfigError) -> dict[str, str | int]:
    return {
        "file": error.origin,
        "line": error.line,
        "column": error.column,
        "kind": error.kind,
        "name": error.name,
        "path": error.path,
        "message": error.message,
        "excerpt": error.excerpt,
    }


WRITERS = {Output.TEXT: write_text, Output.JSON: write_json}
