"""The command `propylon`: one module for each subcommand, loaded when it is called.

`serve` must not wait for the imports of `report`: only what was asked for is imported, and the
help is made from the table here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from io import TextIOWrapper

import typer


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand: name, one line of help, and where it is.

    `name_in_module` is a plain function, or a typer application with subcommands of its own.
    """

    name: str
    help: str
    module: str
    name_in_module: str = "app"


COMMANDS = (
    Command("serve", "Serve the admission webhook.", "webhook.cli.serve", "serve"),
    Command("demo", "Show the five rules and CEL policies at work.", "webhook.cli.demo", "demo"),
    Command(
        "init", "Write a commented set of documents to start from.", "webhook.cli.init", "init"
    ),
    Command("check", "Show everything that is wrong with documents.", "webhook.cli.check", "check"),
    Command("test", "Run the cases beside policies.", "webhook.cli.test", "run_cases"),
    Command("eval", "Evaluate a CEL expression.", "webhook.cli.eval", "evaluate"),
    Command(
        "export", "Write policies as native objects.", "webhook.cli.exchange", "export_policies"
    ),
    Command(
        "import",
        "Write native policies as a ConfigMap.",
        "webhook.cli.exchange",
        "import_policies",
    ),
    Command("scan", "Judge objects that exist.", "webhook.cli.scan", "scan"),
    Command("placement", "Show where replicas run.", "webhook.cli.placement", "placement"),
    Command(
        "env-drift", "List Pods that older rules have made.", "webhook.cli.env_drift", "env_drift"
    ),
    Command("report", "Ask the ledger what was denied or changed.", "webhook.cli.report"),
    Command("certs", "Make a CA and a serving certificate.", "webhook.cli.certs", "certs"),
    Command(
        "manifests", "Render static webhook configurations.", "webhook.cli.manifests", "manifests"
    ),
    Command("view", "Show an object as its developer should see it.", "webhook.cli.view", "view"),
    Command(
        "gitops-ignore",
        "Print settings for Argo CD and Flux.",
        "webhook.cli.gitops_ignore",
        "gitops_ignore",
    ),
    Command("uninstall", "Remove Propylon from a cluster.", "webhook.cli.uninstall", "uninstall"),
)
"""All subcommands, in the order of the help."""


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that lacks a character gets its number
            stream.reconfigure(errors="backslashreplace")
    command_line(sys.argv[1:])(prog_name="propylon")


def command_line(words: Sequence[str]) -> typer.Typer:
    """Return the application for these words: one subcommand is real, the others are listed."""
    app = typer.Typer(
        help="Policy as code for Kubernetes: an admission webhook with exact CEL.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    asked = next((word for word in words if not word.startswith("-")), "")
    for command in COMMANDS:
        _add(app, command, is_asked=command.name == asked)
    return app


def _add(app: typer.Typer, command: Command, *, is_asked: bool) -> None:
    if not is_asked:
        app.command(command.name, help=command.help)(_listed)
        return
    found = getattr(import_module(command.module), command.name_in_module)
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=command.name)
    else:
        app.command(command.name, help=_flowing(found))(found)


def _flowing(command: Callable[..., None]) -> str:
    """Return the docstring with each paragraph on one line: the screen decides where it breaks."""
    paragraphs = (command.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(one.split()) for one in paragraphs)


def _listed() -> None:
    """Do nothing: stands in the help for a subcommand that was not asked for."""
