"""`propylon demo`: a real HTTPS server, real AdmissionReviews over TLS, answers for a person.

The server is a process of its own, started like any other; this side plays the API server: it asks
the mutating entry first, applies the patch, then asks the validating entries.
"""

from __future__ import annotations

import base64
import copy
import http.client
import json
import ssl
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import unified_diff
from pathlib import Path
from typing import Annotated, Any

import jsonpatch
import typer
import yaml
from rich.console import Console
from rich.text import Text

from webhook.tls.authority import LOCAL_NAMES, make_material

DATA = Path(__file__).parent.parent / "demo"
POLICIES = Path(__file__).parent.parent.parent / "policies"
COMMAND = (sys.executable, "-c", "from webhook.cli import main; main()")
STOP_SECONDS = 20

ALICE = {"username": "alice", "groups": ["checkout", "system:authenticated"]}
BOB = {"username": "bob", "groups": ["discovery", "system:authenticated"]}
CONTROLLER = {
    "username": "system:serviceaccount:kube-system:replicaset-controller",
    "groups": ["system:serviceaccounts", "system:serviceaccounts:kube-system"],
}
WORKLOAD = ("validate/policies", "validate/policies-ignore")
RESOURCES = {"Deployment": "deployments", "Pod": "pods", "Namespace": "namespaces"}


@dataclass(frozen=True, slots=True)
class Scene:
    """One request to the API server and the entries that it would call, in order."""

    title: str
    user: Mapping[str, Any]
    value: Mapping[str, Any]
    entries: tuple[str, ...]
    operation: str = "CREATE"


@dataclass(slots=True)
class Answer:
    """What all called entries said together; `value` is the object after their patches."""

    value: Any
    denials: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Server:
    """The running server: where it listens and which authority signed its certificate."""

    port: int
    authority: Path

    def post(self, entry: str, review: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send a review over TLS; return the `response` of the answer."""
        context = ssl.create_default_context(cafile=str(self.authority))
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=10, context=context
        )
        try:
            body, headers = json.dumps(review), {"Content-Type": "application/json"}
            connection.request("POST", f"/{entry}?timeout=10s", body, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status != 200:
            raise DemoError(f"/{entry} answered HTTP {answer.status}: {text.strip()}")
        response: Mapping[str, Any] = json.loads(text)["response"]
        return response


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


def demo(
    policies: Annotated[
        Path, typer.Option(help="Directory of the documents that the server loads.")
    ] = POLICIES,
) -> None:
    """Start the real server on 127.0.0.1, send it AdmissionReviews over TLS, print the answers."""
    console = Console(highlight=False, soft_wrap=True)
    try:
        with tempfile.TemporaryDirectory(prefix="propylon-demo-") as folder:
            ledger = f"sqlite+aiosqlite:///{Path(folder, 'ledger.db')}"
            with _server(policies, Path(folder), ledger) as server:
                console.print(
                    f"The webhook serves https://127.0.0.1:{server.port} with {policies}\n"
                )
                for number, scene in enumerate(scenes(), 1):
                    show(console, number, scene, play(server, scene))
            console.print("[bold]What the ledger kept of it[/] ($ propylon report)")
            subprocess.run([*COMMAND, "report", "--ledger", ledger], check=True)  # noqa: S603 - our own
    except DemoError as error:
        typer.echo(f"propylon demo: {error}", err=True)
        raise typer.Exit(1) from None


def scenes() -> tuple[Scene, ...]:
    """Return what happens, in order."""
    checkout, search, mailer = (_load(name) for name in ("checkout", "search", "mailer"))
    (namespace,) = yaml.safe_load_all((DATA / "objects" / "namespaces.yaml").read_text())
    return (
        Scene("alice applies the Deployment checkout", ALICE, checkout, WORKLOAD),
        Scene(
            "the ReplicaSet controller creates a Pod of it",
            CONTROLLER,
            pod_of(checkout),
            ("mutate/pods", *WORKLOAD),
        ),
        Scene("bob applies the Deployment search", BOB, search, WORKLOAD),
        Scene("bob applies the Deployment mailer", BOB, mailer, WORKLOAD),
        Scene("bob deletes the Namespace shop", BOB, namespace, ("validate/policies",), "DELETE"),
    )


def _load(name: str) -> dict[str, Any]:
    value: dict[str, Any] = yaml.safe_load((DATA / f"{name}.yaml").read_text())
    return value


def pod_of(deployment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Pod that the ReplicaSet controller creates, as it reaches webhooks.

    No name yet, owned by the ReplicaSet, and with what the API server's own plugins add before.
    """
    template = copy.deepcopy(deployment["spec"]["template"])
    name, digest = deployment["metadata"]["name"], "7c9d8f6b5"
    template["metadata"]["generateName"] = f"{name}-{digest}-"
    template["metadata"]["labels"]["pod-template-hash"] = digest
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{name}-{digest}"}
    flags = {"uid": str(uuid.uuid4()), "controller": True, "blockOwnerDeletion": True}
    template["metadata"]["ownerReferences"] = [owner | flags]
    token = {
        "name": "kube-api-access-x7k2p",
        "projected": {
            "sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}}]
        },
    }
    template["spec"]["volumes"].append(token)
    for container in template["spec"]["containers"] + template["spec"]["initContainers"]:
        path = "/var/run/secrets/kubernetes.io/serviceaccount"
        mount = {"name": token["name"], "mountPath": path, "readOnly": True}
        container.setdefault("volumeMounts", []).append(mount)
    return {"apiVersion": "v1", "kind": "Pod", **template}


def play(server: Server, scene: Scene) -> Answer:
    """Ask the entries one after another, as the API server does; a mutating one may change things."""
    answer = Answer(scene.value)
    for entry in scene.entries:
        response = server.post(entry, _review(scene, answer.value))
        answer.warnings += response.get("warnings", ())
        if not response["allowed"]:
            answer.denials.append(
                f"{entry.partition('/')[2]}.propylon.dev: {response['status']['message']}"
            )
        elif "patch" in response:
            patch = base64.b64decode(response["patch"])
            answer.value = jsonpatch.apply_patch(answer.value, json.loads(patch))
    return answer


def _review(scene: Scene, value: Mapping[str, Any]) -> dict[str, Any]:
    group, _, version = value["apiVersion"].rpartition("/")
    kind = {"group": group, "version": version, "kind": value["kind"]}
    resource = {"group": group, "version": version, "resource": RESOURCES[value["kind"]]}
    is_delete = scene.operation == "DELETE"
    options = {"apiVersion": "meta.k8s.io/v1", "kind": f"{scene.operation.title()}Options"}
    metadata = value["metadata"]
    request = {
        "uid": str(uuid.uuid4()),
        "kind": kind,
        "resource": resource,
        "requestKind": kind,
        "requestResource": resource,
        "name": metadata.get("name", ""),
        "namespace": metadata.get("namespace", "shop"),
        "operation": scene.operation,
        "userInfo": scene.user,
        "object": None if is_delete else value,
        "oldObject": value if is_delete else None,
        "dryRun": False,
        "options": options,
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


def show(console: Console, number: int, scene: Scene, answer: Answer) -> None:
    """Print verdict, messages, warnings and what changed."""
    console.print(f"[bold]{number}. {scene.title}[/]")
    if answer.denials:
        console.print("   [bold red]DENIED[/]")
    elif answer.value != scene.value:
        console.print("   [bold yellow]ALLOWED, changed[/]")
    else:
        console.print(
            f"   [bold green]ALLOWED[/], {'with warnings' if answer.warnings else 'silently'}"
        )
    for text in answer.denials:
        console.print(Text(f"   {text}", style="red"))
    for text in answer.warnings:
        console.print(Text(f"   Warning: {text}", style="yellow"))
    if answer.value != scene.value:
        for line in _diff(scene.value, answer.value):
            console.print(Text(f"   {line}", style=_STYLES.get(line[:1], "")))
    console.print()


_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def _diff(before: Any, after: Any) -> Iterator[str]:
    old, new = (_yaml(one).splitlines() for one in (before, after))
    return unified_diff(old, new, "received", "after Propylon", lineterm="", n=1)


def _yaml(value: Any) -> str:
    """Return YAML with the innermost maps and lists on one line each: one change, one line."""
    return yaml.safe_dump(value, sort_keys=False, default_flow_style=None, width=200)


@contextmanager
def _server(policies: Path, folder: Path, ledger: str) -> Iterator[Server]:
    """Start `propylon serve` on free ports, wait until it serves, stop it with SIGTERM."""
    material = make_material(LOCAL_NAMES, datetime.now(UTC))
    files = {"ca.crt": material.ca_bundle, "tls.crt": material.serving.certificate}
    for name, content in {**files, "tls.key": material.serving.key}.items():
        (folder / name).write_bytes(content)
    flags = {
        "policies": policies,
        "objects": DATA / "objects",
        "tls-cert": folder / "tls.crt",
        "tls-key": folder / "tls.key",
        "port": 0,
        "health-port": 0,
        "ledger": ledger,
        "cluster-name": "demo",
    }
    words = [word for flag, value in flags.items() for word in (f"--{flag}", str(value))]
    command = [*COMMAND, "serve", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603 - our own
    try:
        yield Server(_wait_until_serving(process), folder / "ca.crt")
    finally:
        process.terminate()
        process.communicate(timeout=STOP_SECONDS)


def _wait_until_serving(process: subprocess.Popen[str]) -> int:
    """Read the server's log until policies are in force and the port is open; return the port."""
    assert process.stderr is not None
    seen: dict[str, dict[str, Any]] = {}
    lines: list[str] = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith("{"):
            entry = json.loads(line)
            seen[entry["message"]] = entry
        if {"documents in force", "serving"} <= seen.keys():
            return int(seen["serving"]["port"])
    raise DemoError(f"the server did not start:\n{''.join(lines)}")
