"""Calls a subcommand in this process, as a shell would."""

from __future__ import annotations

from typing import Any

from typer.testing import CliRunner

from webhook.cli import command_line


def call(*words: object, stdin: str | bytes = "") -> Any:
    """Run `propylon WORDS`; the result has stdout, stderr and exit_code."""
    texts = [str(word) for word in words]
    return CliRunner().invoke(command_line(texts), texts, input=stdin)
