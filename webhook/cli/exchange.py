"""`propylon export` and `propylon import`: policies as native objects, and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from webhook.cli.flags import fail
from webhook.offline.checking import check_inputs
from webhook.offline.exchange import Target, export, publish
from webhook.offline.inputs import STDIN, Input, read_inputs, read_texts
from webhook.offline.screen import counted, patience
from webhook.offline.writing import to_yaml
from webhook.policy.formats import dns_1123_subdomain
from webhook.sources.directory import SourceError

Out = Annotated[Path | None, typer.Option(help="File to write; without it: standard output.")]
Prefix = Annotated[str, typer.Option(help="Of the label that marks ConfigMaps with documents.")]


def export_policies(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="DIR|FILE...", help="Documents, or ConfigMaps with documents."),
    ],
    out: Out = None,
    prefix: Prefix = "propylon.dev",
) -> None:
    """Write policies and bindings as native objects, for `kubectl apply`.

    Propylon's own kinds have no native form; they are named on standard error.

    Exit code 0: written; 1: a document has errors; 2: a file cannot be read.
    """
    try:
        inputs = read_inputs(paths, prefix)
    except SourceError as error:
        fail("export", str(error))
    _refuse_errors(inputs, "exported")
    found = export([one.document for one in inputs])
    for item in found.left_out:
        typer.echo(f"left out: {item.kind} {item.name!r} has no native form", err=True)
    _deliver("export", found.text, out)
    typer.echo(f"exported {counted(found.exported, 'object')}", err=True)


def import_policies(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="DIR|FILE...", help="Native objects; standard input by default."),
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the ConfigMap.")] = "policies",
    namespace: Annotated[str, typer.Option(help="Of the ConfigMap.")] = "propylon-policies",
    out: Out = None,
    prefix: Prefix = "propylon.dev",
) -> None:
    """Write native policies and bindings as a labelled ConfigMap.

    Exit code 0: written; 1: a document has errors; 2: a file cannot be read.
    """
    for problem in dns_1123_subdomain(name):
        raise typer.BadParameter(f"--name {name!r}: {problem}")
    try:
        texts = tuple(read_texts(paths or [STDIN]))
    except SourceError as error:
        fail("import", str(error))
    _refuse_errors([Input(one) for one in texts], "imported")
    config_maps = publish(texts, Target(name, namespace, prefix))
    if not config_maps:
        fail("import", "there is no object in what was given")
    _deliver("import", to_yaml(config_maps), out)
    keys = counted(sum(len(one["data"]) for one in config_maps), "key")
    typer.echo(f"imported into {counted(len(config_maps), 'ConfigMap')} with {keys}", err=True)


def _refuse_errors(inputs: Sequence[Input], done: str) -> None:
    with patience("checking documents"):
        errors = check_inputs(inputs).errors
    for error in errors:
        typer.echo(f"{error}\n", err=True)
    if errors:
        typer.echo(f"nothing was {done}: {counted(len(errors), 'error')}", err=True)
        raise typer.Exit(1)


def _deliver(command: str, text: str, out: Path | None) -> None:
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(command, f"{out}: {error.strerror}")
