"""`propylon scan`: what policies would say about objects that exist."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from webhook.cli.flags import fail, note
from webhook.cluster.client import ClusterError
from webhook.model import Action, ConfigError, Platform
from webhook.offline.reach import needed_rights
from webhook.offline.scan import Asked, Policies, Scan
from webhook.offline.scan_results import (
    Writer,
    fails,
    write_findings,
    write_json,
    write_junit,
    write_sarif,
)
from webhook.offline.scanning import Connection, Wanted, load_policies, scan_objects
from webhook.offline.screen import counted, print_line, progress
from webhook.offline.writing import to_yaml
from webhook.sources.directory import SourceError


class Output(StrEnum):
    """Forms of the result."""

    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"


class FailOn(StrEnum):
    """The mildest finding that gives exit code 1."""

    DENY = "deny"
    WARN = "warn"
    AUDIT = "audit"
    NEVER = "never"


class Operation(StrEnum):
    """What the objects are put as."""

    CREATE = "create"
    UPDATE = "update"


ACTIONS: Mapping[FailOn, Action] = {
    FailOn.DENY: Action.DENY,
    FailOn.WARN: Action.WARN,
    FailOn.AUDIT: Action.AUDIT,
    FailOn.NEVER: Action.DENY,
}
WRITERS: Mapping[Output, Writer] = {
    Output.TABLE: write_findings,
    Output.JSON: write_json,
    Output.SARIF: write_sarif,
    Output.JUNIT: write_junit,
}


WITHOUT_CLUSTER = "to need no cluster, give manifests and --policies DIR"

Flag = typer.Option

_Paths = Annotated[
    list[Path] | None,
    typer.Argument(metavar="DIR|FILE...", help="Manifests, - is standard input; else the cluster."),
]
_Policies = Annotated[
    Path | None,
    Flag(
        exists=True,
        file_okay=False,
        help="Directory of documents to judge with; else those in force in the cluster.",
    ),
]
_Objects = Annotated[
    Path | None,
    Flag(exists=True, file_okay=False, help="Directory of Namespaces, parameters and other facts."),
]
_Kubeconfig = Annotated[
    Path | None, Flag(help="Of the cluster; default: $KUBECONFIG, ~/.kube/config.")
]
_Namespace = Annotated[str, Flag("--namespace", "-n", help="Only objects in this namespace.")]
_Operation = Annotated[Operation, Flag(help="What the objects are put as.")]
_User = Annotated[str, Flag(help="Who asks.")]
_Group = Annotated[list[str] | None, Flag(help="A group of that user.")]
_FailOn = Annotated[FailOn, Flag(help="The mildest finding that gives exit code 1.")]
_Output = Annotated[Output, Flag("--output", "-o", help="Form of the result.")]
_Rights = Annotated[
    bool, Flag("--rights", help="Only print the roles that scanning the cluster needs.")
]
_PolicyNamespace = Annotated[str, Flag(help="Where the documents in force are.")]
_Prefix = Annotated[str, Flag(help="Of labels and annotations.")]


def scan(
    paths: _Paths = None,
    policies: _Policies = None,
    objects: _Objects = None,
    kubeconfig: _Kubeconfig = None,
    namespace: _Namespace = "",
    operation: _Operation = Operation.CREATE,
    user: _User = "propylon:scan",
    group: _Group = None,
    fail_on: _FailOn = FailOn.DENY,
    output: _Output = Output.TABLE,
    rights: _Rights = False,
    policy_namespace: _PolicyNamespace = "propylon-policies",
    prefix: _Prefix = "propylon.dev",
) -> None:
    """Judge manifests, or what is in a cluster, and change nothing.

    Exit code 0: nothing that --fail-on names; 1: something; 2: not all was judged.
    """
    groups = ["system:authenticated", *(group or ())]
    asked = Asked(operation.value.upper(), {"username": user, "groups": groups})
    platform = Platform(prefix, policy_namespace=policy_namespace)
    wanted = Wanted(tuple(paths or ()), policies, objects, kubeconfig, namespace, asked, platform)
    try:
        found, errors = _scan(wanted, rights)
    except SourceError as error:
        fail("scan", str(error))
    except ClusterError as error:
        fail("scan", f"{error}; {WITHOUT_CLUSTER}")
    if found is not None:
        WRITERS[output](found, ACTIONS[fail_on])
        _explain(found)
    _explain_errors(errors)
    raise typer.Exit(2 if errors else _exit_code(found, fail_on))


def _scan(wanted: Wanted, rights: bool) -> tuple[Scan | None, tuple[ConfigError, ...]]:
    """Scan, or print the roles."""
    needs_cluster = wanted.policies is None or not (wanted.paths or rights)
    place = Connection(wanted.kubeconfig) if needs_cluster else nullcontext()
    with place as connection, progress() as moved:
        policies, errors = load_policies(wanted, connection)
        if rights:
            _print_rights(policies)
            return None, errors
        return scan_objects(wanted, policies, connection, moved), errors


def _print_rights(policies: Policies) -> None:
    print_line(to_yaml(needed_rights(policies.snapshot, policies.entries)).rstrip("\n"))


def _explain(found: Scan) -> None:
    """Say on standard error what was not judged, and why."""
    if found.complete and not found.objects:
        note("there was no Kubernetes object to judge")
    for problem in found.problems:
        typer.echo(f"not scanned: {problem}", err=True)
    for one in found.objects:
        if one.problem:
            manifest = one.manifest
            place = f"{manifest.origin}:{manifest.line}" if manifest.origin else "cluster"
            name = f"{place}: {manifest.kind} {manifest.place}"
            typer.echo(f"not judged: {name}: {one.problem}", err=True)


def _explain_errors(errors: tuple[ConfigError, ...]) -> None:
    for error in errors:
        typer.echo(f"this document judges nothing: {error}\n", err=True)
    if errors:
        typer.echo(f"{counted(len(errors), 'error')} in documents", err=True)


def _exit_code(found: Scan | None, fail_on: FailOn) -> int:
    if found is None:
        return 0
    if not found.complete:
        return 2
    findings = [finding for one in found.objects for finding in one.findings]
    failed = any(fails(one, ACTIONS[fail_on]) for one in findings)
    return 1 if failed and fail_on is not FailOn.NEVER else 0
