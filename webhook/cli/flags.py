"""Flags that several commands have; each means the same everywhere."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, NoReturn

import typer


def _version(text: str) -> str:
    if text and not re.fullmatch(r"\d+\.\d+", text):
        raise typer.BadParameter(f"{text!r} is no Kubernetes minor; write it as 1.31")
    return text


KubernetesVersion = Annotated[
    str,
    typer.Option(
        callback=_version,
        metavar="MINOR",
        help="CEL must work as a new text on this version, such as 1.31; else on any.",
    ),
]


class Output(StrEnum):
    """Forms of a result that is no table."""

    TEXT = "text"
    JSON = "json"


OutputFlag = Annotated[Output, typer.Option("--output", "-o", help="Form of the result.")]


LEDGER_URLS = "write sqlite+aiosqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"


def note(text: str) -> None:
    """Say something on standard error that is no reason to fail."""
    typer.echo(f"note: {text}", err=True)


def fail(command: str, message: str) -> NoReturn:
    """Say why a command cannot do its work, and end with exit code 2."""
    typer.echo(f"propylon {command}: {message}", err=True)
    raise typer.Exit(2)
