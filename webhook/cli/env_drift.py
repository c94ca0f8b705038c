"""`propylon env-drift`: which running Pods were made by older EnvInjection rules."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from webhook.cli.flags import fail
from webhook.cluster.client import ClusterError
from webhook.model import Platform
from webhook.offline.env_drift import (
    NoRulesError,
    Wanted,
    look_for_drift,
    needed_rights,
    write_drift,
    write_json,
)
from webhook.offline.screen import print_line, progress
from webhook.offline.writing import to_yaml
from webhook.sources.directory import SourceError


class Output(StrEnum):
    """Forms of the result."""

    TABLE = "table"
    JSON = "json"


Flag = typer.Option

_Policies = Annotated[
    Path | None, Flag(exists=True, help="Documents to compare with; else those in force.")
]
_Objects = Annotated[
    Path | None,
    Flag(exists=True, file_okay=False, help="Directory of Pods and Namespaces; else the cluster."),
]
_Kubeconfig = Annotated[
    Path | None, Flag(help="Of the cluster; default: $KUBECONFIG, ~/.kube/config.")
]
_Namespace = Annotated[str, Flag("--namespace", "-n", help="Only this namespace.")]
_Output = Annotated[Output, Flag("--output", "-o", help="Form of the result.")]
_Rights = Annotated[bool, Flag("--rights", help="Only print the role that this needs.")]
_ClusterName = Annotated[str, Flag(help="For {{cluster.name}}, as for `propylon serve`.")]
_PolicyNamespace = Annotated[str, Flag(help="Where the documents in force are.")]
_Prefix = Annotated[str, Flag(help="Of labels and annotations.")]


def env_drift(
    policies: _Policies = None,
    objects: _Objects = None,
    kubeconfig: _Kubeconfig = None,
    namespace: _Namespace = "",
    output: _Output = Output.TABLE,
    rights: _Rights = False,
    cluster_name: _ClusterName = "",
    policy_namespace: _PolicyNamespace = "propylon-policies",
    prefix: _Prefix = "propylon.dev",
) -> None:
    """List running Pods that older EnvInjection rules have made, and change nothing.

    Exit code 0: none; 1: some; 2: not all could be looked at.
    """
    platform = Platform(prefix, cluster_name, policy_namespace=policy_namespace)
    if rights:
        print_line(to_yaml(needed_rights(platform)).rstrip("\n"))
        return
    wanted = Wanted(policies, objects, kubeconfig, namespace, platform)
    try:
        with progress() as moved:
            report, errors = asyncio.run(look_for_drift(wanted, moved))
    except (SourceError, ClusterError, NoRulesError) as error:
        fail("env-drift", str(error))
    WRITERS[output](report)
    for problem in report.problems:
        typer.echo(f"not looked at: {problem}", err=True)
    for one in errors:
        typer.echo(f"this document has no effect: {one}\n", err=True)
    if report.problems or errors:
        raise typer.Exit(2)
    raise typer.Exit(1 if report.pods else 0)


WRITERS = {Output.TABLE: write_drift, Output.JSON: write_json}
