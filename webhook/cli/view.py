"""`propylon view`, also as `kubectl propylon view`: an object as its developer should see it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from difflib import unified_diff
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from webhook.cli.flags import fail
from webhook.cli.hidden_fields import config_of, load_snapshot, refuse_errors
from webhook.cli.injected import without_injected
from webhook.documents import parse_document
from webhook.model import Document, Facts, Get, Json
from webhook.objects.paths import get
from webhook.rules.actors import ActorClass
from webhook.rules.hide.view import Options, explain
from webhook.rules.hide.view import view as view_of
from webhook.sources.directory import readable


class Role(StrEnum):
    """Whose view."""

    DEVELOPER = "developer"
    OPERATOR = "operator"
    PLATFORM = "platform"


class Output(StrEnum):
    """Forms of an object."""

    YAML = "yaml"
    JSON = "json"


Target = Annotated[
    list[str] | None, typer.Argument(help="A live object: deployment/web, or deployment web.")
]
File = Annotated[str, typer.Option("--file", "-f", help="A manifest instead; - is standard input.")]
Namespace = Annotated[str, typer.Option("--namespace", "-n", help="As for kubectl.")]
AsKubectl = Annotated[str, typer.Option(help="As for kubectl.")]
Whose = Annotated[
    Role, typer.Option(metavar="ROLE", help="Whose view: developer, operator or platform.")
]
Policies = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        file_okay=False,
        help="Directory with documents; default: the built-in catalogue.",
    ),
]
WithStatus = Annotated[bool, typer.Option("--with-status", help="Keep the status.")]
ForEdit = Annotated[
    bool, typer.Option("--for-edit", help="Keep resourceVersion, to replace safely.")
]
KeepDefaults = Annotated[
    bool, typer.Option("--keep-defaults", help="Keep what the API server fills in.")
]
Explain = Annotated[
    bool, typer.Option("--explain", help="List what is hidden, whose and why; no values.")
]
Diff = Annotated[
    Path | None, typer.Option(help="Compare with the view of this manifest; exit code 1.")
]
Form = Annotated[Output, typer.Option("--output", "-o", help="Form of the object.")]
Prefix = Annotated[str, typer.Option(help="Of labels and annotations.")]


def view(
    target: Target = None,
    file: File = "",
    namespace: Namespace = "",
    context: AsKubectl = "",
    kubeconfig: AsKubectl = "",
    role: Whose = Role.DEVELOPER,
    policies: Policies = None,
    with_status: WithStatus = False,
    for_edit: ForEdit = False,
    keep_defaults: KeepDefaults = False,
    explain_hidden: Explain = False,
    diff: Diff = None,
    output: Form = Output.YAML,
    prefix: Prefix = "propylon.dev",
) -> None:
    """Show an object without what belongs to the platform.

    What is left out comes back when the result is applied or replaced by a developer.

    Exit code 0: shown; 1: --diff found a difference; 2: there is no such object, or something
    cannot be read.
    """
    kubectl = _kubectl_flags(namespace, context, kubeconfig)
    snapshot = load_snapshot("view", policies, prefix)
    config = config_of(snapshot, prefix)
    objects = _objects(target or [], file, kubectl)
    if explain_hidden:
        _explain(objects, [explain(one, config, ActorClass(role)) for one in objects])
        return
    facts = Facts(_namespaces(objects, kubectl if target else None) if policies else {})
    options = Options(ActorClass(role), with_status, for_edit, keep_defaults)
    injected = without_injected(snapshot, facts)
    views = [view_of(one, config, options, injected) for one in objects]
    if diff is None:
        typer.echo(_written(views, output), nl=False)
        return
    manifests = _read(diff.name, _text(diff))
    _print_difference(views, [view_of(one, config, options, injected) for one in manifests], diff)


def _kubectl_flags(namespace: str, context: str, kubeconfig: str) -> list[str]:
    given = {"--namespace": namespace, "--context": context, "--kubeconfig": kubeconfig}
    return [word for flag, value in given.items() if value for word in (flag, value)]


def _objects(target: Sequence[str], file: str, kubectl: Sequence[str]) -> list[Json]:
    if bool(target) is bool(file):
        fail("view", "give one of: a live object (deployment/web), or a manifest (--file)")
    if target:
        found = _kubectl(["get", *target, "--output", "json", *kubectl])
        items = get(found, ("items",))
        return items if isinstance(items, list) else [found]
    if file == "-":
        return _read("standard input", sys.stdin.read())
    return _read(file, _text(Path(file)))


def _text(path: Path) -> str:
    try:
        return readable(path.read_bytes())
    except OSError as error:
        fail("view", f"{path}: {error.strerror or error}; give a file, or - for standard input")


def _read(origin: str, text: str) -> list[Json]:
    items, errors = parse_document(Document(origin, text))
    refuse_errors("view", errors)
    if not items:
        fail("view", f"{origin}: there is no object in it; give a manifest")
    return [item.value for item in items]


def _kubectl(words: Sequence[str]) -> Json:
    """Return what kubectl answers: it knows the user's clusters, short names and logins."""
    try:
        done = subprocess.run(  # noqa: S603 - the words are the user's own
            ["kubectl", *words],  # noqa: S607 - the user's kubectl
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        reason = error.strerror or str(error)
        fail("view", f"cannot run kubectl: {reason}; install it, or give a manifest with --file")
    if done.returncode:
        fail("view", f"kubectl: {done.stderr.strip()}")
    return json.loads(done.stdout)


def _namespaces(objects: Sequence[Json], kubectl: Sequence[str] | None) -> dict[Any, Json]:
    """Return the Namespaces of the objects, by which rules select; of manifests, only the names."""
    names = {str(get(one, ("metadata", "namespace")) or "default") for one in objects}
    known = {}
    for name in sorted(names):
        found = {"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}}}
        if kubectl is not None:
            found = _kubectl(["get", "namespace", name, "--output", "json", *kubectl])
        known[Get("v1", "Namespace", "", name)] = found
    return known


def _explain(objects: Sequence[Json], hidden: Sequence[Any]) -> None:
    for one, places in zip(objects, hidden, strict=True):
        typer.echo(f"{one.get('kind')} {get(one, ('metadata', 'name'))}:")
        for place in places:
            typer.echo(f"  {place.path}  (owner {place.owner}: {place.reason})")
        if not places:
            typer.echo("  nothing is hidden")


def _print_difference(stored: Sequence[Json], wanted: Sequence[Json], diff: Path) -> None:
    live, local = (_written(one, Output.YAML).splitlines(keepends=True) for one in (stored, wanted))
    text = "".join(unified_diff(live, local, "stored", str(diff)))
    typer.echo(text, nl=False)
    if text:
        raise typer.Exit(1)


def _written(objects: Sequence[Json], output: Output) -> str:
    if output is Output.JSON:
        value = objects[0] if len(objects) == 1 else {"kind": "List", "items": list(objects)}
        return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    return yaml.safe_dump_all(objects, sort_keys=False, allow_unicode=True, width=100)
