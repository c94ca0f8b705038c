"""`propylon placement`: where replicas run, and which of them should not be together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from webhook.cli.flags import fail
from webhook.cluster.client import ClusterError
from webhook.logs import start_logging
from webhook.model import ConfigError, Platform
from webhook.offline.placement_alarm import keep_looking
from webhook.offline.placements import (
    NothingToExpectError,
    Wanted,
    look_around,
    needed_rights,
    write_json,
    write_placements,
)
from webhook.offline.screen import print_line, progress
from webhook.offline.writing import to_yaml
from webhook.rules.protect.parsing import parse_duration
from webhook.sources.directory import SourceError


class Output(StrEnum):
    """Forms of the result."""

    TABLE = "table"
    JSON = "json"


Flag = typer.Option


_Policies = Annotated[
    Path | None, Flag(exists=True, help="Documents to expect by; else those in force.")
]
_Objects = Annotated[
    Path | None,
    Flag(
        exists=True,
        file_okay=False,
        help="Directory of workloads, Pods and nodes; else the cluster.",
    ),
]
_Kubeconfig = Annotated[
    Path | None, Flag(help="Of the cluster; default: $KUBECONFIG, ~/.kube/config.")
]
_Namespace = Annotated[str, Flag("--namespace", "-n", help="Only this namespace.")]
_All = Annotated[bool, Flag("--all", "-a", help="Also list workloads that are as expected.")]
_Output = Annotated[Output, Flag("--output", "-o", help="Form of the result.")]
_Rights = Annotated[bool, Flag("--rights", help="Only print the role that this needs.")]
_Every = Annotated[
    str, Flag(metavar="SPAN", help="Look again and again (5m), and serve the result as metrics.")
]
_Host = Annotated[str, Flag(help="With --every: where metrics are served.")]
_HealthPort = Annotated[int, Flag(min=0, max=65535, help="With --every: their port.")]
_PolicyNamespace = Annotated[str, Flag(help="Where the documents in force are.")]
_Prefix = Annotated[str, Flag(help="Of labels and annotations.")]


def placement(
    policies: _Policies = None,
    objects: _Objects = None,
    kubeconfig: _Kubeconfig = None,
    namespace: _Namespace = "",
    everything: _All = False,
    output: _Output = Output.TABLE,
    rights: _Rights = False,
    every: _Every = "",
    host: _Host = "127.0.0.1",
    health_port: _HealthPort = 8081,
    policy_namespace: _PolicyNamespace = "propylon-policies",
    prefix: _Prefix = "propylon.dev",
) -> None:
    """List where the replicas of workloads run, and change nothing.

    Exit code 0: all as their tier expects; 1: something is not; 2: not all could be looked at.
    """
    platform = Platform(prefix, policy_namespace=policy_namespace)
    wanted = Wanted(policies, objects, kubeconfig, namespace, platform)
    try:
        if rights:
            print_line(to_yaml(needed_rights(wanted)).rstrip("\n"))
            return
        if every:
            _keep_looking(wanted, every, host, health_port)
            return
        with progress() as moved:
            found, errors = asyncio.run(look_around(wanted, moved))
    except (SourceError, ClusterError, NothingToExpectError) as error:
        fail("placement", str(error))
    shown = [one for one in found.placements if everything or one.is_alarming]
    WRITERS[output](found, shown)
    _explain(found.problems, errors)
    if found.problems or errors:
        raise typer.Exit(2)
    raise typer.Exit(1 if any(one.is_alarming for one in found.placements) else 0)


def _keep_looking(wanted: Wanted, every: str, host: str, port: int) -> None:
    """Look until the process is told to stop."""
    seconds = parse_duration(every)
    if seconds is None:
        raise typer.BadParameter(f"--every {every!r} is no time span; write 90s, 5m, 1h")
    start_logging("info")
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(keep_looking(wanted, seconds, host, port))
    except OSError as error:
        fail("placement", f"cannot listen on {host} port {port}: {error.strerror or error}")


def _explain(problems: Sequence[str], errors: Sequence[ConfigError]) -> None:
    for problem in problems:
        typer.echo(f"not looked at: {problem}", err=True)
    for error in errors:
        typer.echo(f"this document has no effect: {error}\n", err=True)


WRITERS: dict[Output, Any] = {Output.TABLE: write_placements, Output.JSON: write_json}
