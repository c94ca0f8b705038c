"""The configuration of rule A for commands: from a directory of documents, or as it ships."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import typer

from webhook.model import Platform
from webhook.rules.hide import Config
from webhook.rules.hide.building import configure
from webhook.rules.hide.settings import HiddenFieldsSpec
from webhook.snapshot import EMPTY, Snapshot, build
from webhook.sources.directory import SourceError, load_directory


def load_snapshot(policies: Path | None, prefix: str) -> Snapshot:
    """Return the documents of the directory, compiled; exit with 1 when they have errors."""
    if policies is None:
        return EMPTY
    try:
        snapshot = build(load_directory(policies), None, Platform(prefix))
    except SourceError as error:
        refuse(str(error))
    if snapshot.errors:
        refuse("\n".join(str(error) for error in snapshot.errors))
    return snapshot


def config_of(snapshot: Snapshot, prefix: str) -> Config:
    """Return the HiddenFields document in force, or the default catalogue without one."""
    found = snapshot.configs.get("hide")
    if isinstance(found, Config):
        return found
    return configure("default", HiddenFieldsSpec(), snapshot.actors, Platform(prefix))


def refuse(message: str) -> NoReturn:
    """Say on stderr what is wrong and end with exit code 1."""
    typer.echo(message, err=True)
    raise typer.Exit(1)
