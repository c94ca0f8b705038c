"""`propylon manifests`: the webhook configurations as files, for `--registration static`."""

from __future__ import annotations

import base64
from difflib import unified_diff
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from webhook.cli.flags import fail
from webhook.cli.hidden_fields import refuse_errors
from webhook.model import Platform
from webhook.offline.screen import patience
from webhook.registration import Client, registrations, render
from webhook.snapshot import Snapshot, build
from webhook.sources.directory import SourceError, load_directory

HEADER = """\
# Made by `propylon manifests`; do not edit. It holds what the documents need that it was made
# from: render it again when they change, and run the server with --registration static.
"""

LABELS = {"app.kubernetes.io/name": "propylon"}
FILES = {"mutating.yaml": True, "validating.yaml": False}


_Policies = Annotated[
    Path, typer.Option(exists=True, file_okay=False, help="Directory of the documents.")
]
_Out = Annotated[
    Path | None, typer.Option(help="Directory for the files; without it: standard output.")
]
_Check = Annotated[
    bool, typer.Option("--check", help="Write nothing; fail when a file in --out differs.")
]
_Ca = Annotated[
    Path | None, typer.Option(help="PEM file of the CA that signed the serving certificate.")
]
_Token = Annotated[str, typer.Option(help="The last part of every path.")]
_Url = Annotated[str, typer.Option(help="https://host:port of the server, instead of the Service.")]
_Namespace = Annotated[str, typer.Option(help="Propylon's own namespace.")]
_PolicyNamespace = Annotated[str, typer.Option(help="The namespace of the documents.")]
_Prefix = Annotated[str, typer.Option(help="Of labels and annotations.")]


def manifests(
    policies: _Policies,
    out: _Out = None,
    check: _Check = False,
    ca: _Ca = None,
    token: _Token = "",
    url: _Url = "",
    namespace: _Namespace = "propylon-system",
    policy_namespace: _PolicyNamespace = "propylon-policies",
    prefix: _Prefix = "propylon.dev",
) -> None:
    """Render the two webhook configurations that these documents need.

    Without --ca the field caBundle is left out, for whoever fills it in the cluster.

    Exit code 0: rendered; 1: --check found a difference; 2: a document has errors, or something
    cannot be read or written.
    """
    if check and out is None:
        raise typer.BadParameter("--check compares with files: name their directory with --out")
    platform = Platform(prefix, own_namespace=namespace, policy_namespace=policy_namespace)
    snapshot = _snapshot(policies, platform)
    try:
        bundle = base64.b64encode(ca.read_bytes()).decode() if ca else ""
        client = Client(bundle, token, url, service_namespace=namespace)
        texts = static_files(snapshot, client)
        stale = _deliver(texts, out, check=check)
    except OSError as error:
        fail("manifests", f"{error.filename}: {error.strerror}")
    if stale:
        typer.echo(f"render again, with --out {out}: {', '.join(stale)}", err=True)
        raise typer.Exit(1)


def static_files(snapshot: Snapshot, client: Client) -> dict[str, str]:
    """Return the text of each file by its name."""
    entries = registrations(snapshot)
    return {
        file: HEADER + _yaml(_labelled(render(entries, client, mutating=mutating)))
        for file, mutating in FILES.items()
    }


def shipped_configurations() -> list[dict[str, Any]]:
    """Return both configurations as `manifests/` ships them: without the field `webhooks`.

    So applying them again resets nothing that the lease holder wrote.
    """
    rendered = (_labelled(render((), Client(""), mutating=mutating)) for mutating in FILES.values())
    return [{key: value for key, value in one.items() if key != "webhooks"} for one in rendered]


def _snapshot(policies: Path, platform: Platform) -> Snapshot:
    try:
        with patience("reading documents"):
            snapshot = build(load_directory(policies), None, platform)
    except SourceError as error:
        fail("manifests", str(error))
    refuse_errors("manifests", snapshot.errors)
    return snapshot


def _labelled(configuration: dict[str, Any]) -> dict[str, Any]:
    metadata = {**configuration["metadata"], "labels": dict(LABELS)}
    return {**configuration, "metadata": metadata}


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, width=100, allow_unicode=True)


def _deliver(texts: dict[str, str], out: Path | None, *, check: bool) -> list[str]:
    """Write or print the texts; when only checking, print differences and name their files."""
    if out is None:
        typer.echo("---\n".join(texts.values()), nl=False)
        return []
    if check:
        return [file for file, text in texts.items() if _differs(out / file, text)]
    out.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        (out / file).write_text(text)
        typer.echo(f"wrote {out / file}")
    return []


def _differs(file: Path, text: str) -> bool:
    found = file.read_text() if file.exists() else ""
    lines = (found.splitlines(keepends=True), text.splitlines(keepends=True))
    typer.echo("".join(unified_diff(*lines, str(file), "as rendered")), nl=False)
    return found != text
