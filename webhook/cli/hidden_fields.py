"""The configuration of rule A for commands: from a directory of documents, or as it ships."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from webhook.cli.flags import fail
from webhook.model import ConfigError, Platform
from webhook.offline.screen import counted, patience
from webhook.rules.hide import Config
from webhook.rules.hide.building import configure
from webhook.rules.hide.settings import HiddenFieldsSpec
from webhook.snapshot import EMPTY, Snapshot, build
from webhook.sources.directory import SourceError, load_directory


def load_snapshot(command: str, policies: Path | None, prefix: str) -> Snapshot:
    """Return the documents of the directory, compiled; exit with 2 when they have errors."""
    if policies is None:
        return EMPTY
    try:
        with patience("reading documents"):
            snapshot = build(load_directory(policies), None, Platform(prefix))
    except SourceError as error:
        fail(command, str(error))
    refuse_errors(command, snapshot.errors)
    return snapshot


def config_of(snapshot: Snapshot, prefix: str) -> Config:
    """Return the HiddenFields document in force, or the default catalogue without one."""
    found = snapshot.configs.get("hide")
    if isinstance(found, Config):
        return found
    return configure("default", HiddenFieldsSpec(), snapshot.actors, Platform(prefix))


def refuse_errors(command: str, errors: Sequence[ConfigError]) -> None:
    """Say on stderr what is wrong with documents, and end with exit code 2; nothing for no errors."""
    for error in errors:
        typer.echo(f"{error}\n", err=True)
    if errors:
        fail(command, f"{counted(len(errors), 'error')} above")
