"""Dry-run creates of a Deployment on a real API server: what native policies and Propylon add.

One kept-alive connection, four states in turn, several times: nothing installed, an empty webhook,
25 policies installed natively, the same 25 through Propylon. Needs the end-to-end control plane.
"""

import argparse
import base64
import contextlib
import http.client
import json
import os
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from servers import HERE, POLICIES, REVIEW, empty_command, free_port, make_certificates, started

sys.path.insert(0, str(HERE.parent))

from tests.e2e.cluster import ADMIN, Cluster, running_cluster
from tests.e2e.kubectl import Kubectl
from tests.e2e.propylon import documents, installed
from tests.e2e.waiting import eventually

ASSETS = "KUBEBUILDER_ASSETS"
WARM_UP = 50
DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments?dryRun=All"
EMPTY = "/validate/echo"


@dataclass(slots=True)
class Direct:
    """What stands in for the balancer: the replica itself listens on this port."""

    port: int = field(default_factory=free_port)
    ports: tuple[int, ...] = ()


@dataclass(slots=True)
class Client:
    """One kept-alive connection to the API server."""

    connection: http.client.HTTPSConnection

    def create(self, document: Any) -> tuple[int, str]:
        """Try to create a Deployment; return the status and the answer."""
        body, header = json.dumps(document), {"Content-Type": "application/json"}
        self.connection.request("POST", DEPLOYMENTS, body, header)
        answer = self.connection.getresponse()
        return answer.status, answer.read().decode()

    def time(self, document: Any, count: int) -> list[float]:
        """Return the milliseconds of each of `count` creations."""
        found = []
        for _ in range(count):
            start = time.perf_counter()
            status, text = self.create(document)
            found.append((time.perf_counter() - start) * 1000)
            assert status == 201, text
        return found


def main() -> None:
    arguments = parse_arguments()
    allowed = json.loads(REVIEW.read_text())["request"]["object"]
    allowed["metadata"].pop("managedFields", None)
    found: dict[str, list[float]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="propylon-bench-")))
        cluster = stack.enter_context(running_cluster(folder))
        admin = cluster.user(*ADMIN)
        admin.run("create", "namespace", "shop")
        client = stack.enter_context(connected(cluster))
        states = states_of(cluster, admin, client, stack)
        for _ in range(arguments.rounds):
            for name, state in states.items():
                with state():
                    client.time(allowed, WARM_UP)
                    found.setdefault(name, []).extend(client.time(allowed, arguments.requests))
    report(found)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="times that each state is measured")
    parser.add_argument("--requests", type=int, default=300, help="of each measurement")
    arguments = parser.parse_args()
    folder = Path(os.environ.get(ASSETS, ""))
    if not os.environ.get(ASSETS) or not (folder / "kube-apiserver").exists():
        parser.exit(
            1,
            f"bench: there is no control plane: {ASSETS} names no folder with kube-apiserver.\n"
            "Build it once (Go 1.26, 4 minutes), then run the benchmark again:\n"
            f"  {ASSETS}=$(tests/e2e/controlplane/build) bench/run e2e\n",
        )
    return arguments


@contextmanager
def connected(cluster: Cluster) -> Iterator[Client]:
    context = ssl.create_default_context(cafile=str(cluster.ca_file))
    context.load_cert_chain(cluster.client_certificate("bench", "system:masters"))
    connection = http.client.HTTPSConnection("127.0.0.1", cluster.port, context=context)
    with contextlib.closing(connection):
        yield Client(connection)


State = Callable[[], AbstractContextManager[None]]


def states_of(
    cluster: Cluster, admin: Kubectl, client: Client, stack: ExitStack
) -> dict[str, State]:
    """Return how to reach and leave each state; all processes run in all of them."""
    direct = Direct()
    propylon = stack.enter_context(installed(cluster, admin, direct))  # type: ignore[arg-type]
    propylon.start("--port", str(direct.port))
    folder = cluster.folder / "empty"
    folder.mkdir()
    make_certificates(folder)
    port = stack.enter_context(started("empty", folder, os.sched_getaffinity(0), empty_command))
    configuration = empty_configuration(folder, port)
    files = [word for file in sorted(POLICIES.glob("*.yaml")) for word in ("-f", str(file))]
    data = {file.name: file.read_text() for file in POLICIES.glob("*.yaml")}
    return {
        "nothing": contextlib.nullcontext,
        "empty": lambda: in_force(admin, client, ["-f", "-"], configuration),
        "native": lambda: in_force(admin, client, files),
        "propylon": lambda: in_force(admin, client, ["-f", "-"], documents("bench", data)),
    }


def empty_configuration(folder: Path, port: int) -> Any:
    rule = {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["deployments"],
    }
    hook = {
        "name": "empty.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "rules": [rule],
        "clientConfig": {
            "url": f"https://127.0.0.1:{port}{EMPTY}",
            "caBundle": base64.b64encode((folder / "ca.crt").read_bytes()).decode(),
        },
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "empty"},
        "webhooks": [hook],
    }


@contextmanager
def in_force(
    admin: Kubectl, client: Client, files: list[str], document: Any = None
) -> Iterator[None]:
    """Apply files or a document for the time of the block; wait for both effects."""
    admin.run("apply", "--server-side", *files, documents=document)
    eventually(lambda: denied(client), what="it denies what it should", within=60)
    yield
    admin.run("delete", *files, documents=document)
    eventually(lambda: not denied(client), what="it is forgotten", within=60)


def denied(client: Client) -> bool:
    """Tell whether a Deployment without anything the policies ask for is denied."""
    labels = {"app": "bare"}
    container = {"name": "bare", "image": "example.org/bare:latest"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    bare = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "bare"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
    return client.create(bare)[0] >= 400


def report(found: dict[str, list[float]]) -> None:
    p50 = {name: statistics.median(times) for name, times in found.items()}
    p99 = {name: statistics.quantiles(times, n=100)[98] for name, times in found.items()}
    table = Table("installed", "requests", "p50 ms", "p99 ms", "added to p50")
    for name, times in found.items():
        added = p50[name] - p50["nothing"]
        table.add_row(name, str(len(times)), f"{p50[name]:.2f}", f"{p99[name]:.2f}", f"{added:.2f}")
    Console(soft_wrap=True).print(table)
    added = {name: p50[name] - p50["nothing"] for name in ("native", "propylon")}
    result = {
        "bench": "e2e",
        **{f"{name}_p50_ms": round(value, 3) for name, value in p50.items()},
        **{f"{name}_p99_ms": round(value, 3) for name, value in p99.items()},
        "added_vs_native": round(added["propylon"] / added["native"], 3),
    }
    print(json.dumps(result))


main()
