"""`propylon init`: a commented set of documents to start from, one file for each rule."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from webhook.cli.flags import fail
from webhook.offline.screen import counted
from webhook.rules import RULES
from webhook.rules.schema import file_name

KINDS = ("Actors", *(rule.kind for rule in RULES))
"""Each has a commented text in `starters/`, in a file named as the kind's page."""

CASES = "tests.yaml"
"""The cases beside the documents, which nothing but `propylon test` reads."""


NEXT = (
    "propylon check {out}                        # are they right?",
    "propylon test {out}                         # do they do what tests.yaml says?",
    "propylon scan MANIFESTS --policies {out}    # what would they say about your manifests?",
    "propylon import {out} | kubectl apply -f -  # put them in force in a cluster",
)
"""What to do with the files; `out` is their directory."""


def init(
    out: Annotated[Path, typer.Option(help="Directory; made when missing.")] = Path("policies"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")] = False,
) -> None:
    """Write a commented set of documents for the built-in rules, with cases that test them.

    Exit code 0: written; 1: a file exists already and nothing was written; 2: a file cannot be
    written.
    """
    texts = starters()
    existing = [name for name in texts if (out / name).exists()]
    if existing and not force:
        typer.echo(f"nothing was written: {out} has {', '.join(existing)} already", err=True)
        typer.echo("choose another directory with --out, or overwrite with --force", err=True)
        raise typer.Exit(1)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (out / name).write_text(text, encoding="utf-8")
            typer.echo(out / name)
    except OSError as error:
        fail("init", f"{error.filename}: {error.strerror}")
    typer.echo(f"{counted(len(texts), 'file')} written; look at them, then:")
    for line in NEXT:
        typer.echo(f"  {line.format(out=out)}")


def starters() -> Mapping[str, str]:
    """Return the commented text of each kind, and the cases, by the name of the file."""
    folder = files("webhook.cli") / "starters"
    names = [*(f"{file_name(kind)}.yaml" for kind in KINDS), CASES]
    return {name: (folder / name).read_text(encoding="utf-8") for name in names}
