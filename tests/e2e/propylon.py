"""Propylon beside the cluster: installed from `manifests/`, run with its own ServiceAccount.

Replicas are real processes behind a balancer; what they may do is exactly what ships.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import re
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.e2e.processes import (
    Program,
    free_port,
    http_status,
    http_text,
    plain_environment,
    run,
    start,
)
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.e2e.balancer import Balancer
    from tests.e2e.cluster import Cluster
    from tests.e2e.kubectl import Kubectl, Result

COMMAND = Path(sys.executable).parent / "propylon"
ROOT = Path(__file__).parents[2]
LOOPBACK = ROOT / "tests" / "e2e" / "loopback"
DATA = ROOT / "tests" / "e2e" / "data"

SYSTEM = "propylon-system"
POLICIES = "propylon-policies"
ACCOUNT = f"system:serviceaccount:{SYSTEM}:propylon"
DENIED = 'admission webhook "policies.propylon.dev" denied the request: '
"""How a denial by a policy begins for kubectl."""
SENTINEL = "sentinel"

FIVE_RULES = ("hidden-fields.yaml", "env.yaml", "lxcfs.yaml", "spread.yaml", "protection.yaml")
"""One document for each of the built-in rules, in tests/e2e/data/documents."""

CONFIGURATIONS = ("mutatingwebhookconfiguration", "validatingwebhookconfiguration")


@dataclass(frozen=True, slots=True)
class Replica:
    """One `propylon serve` and where it listens."""

    identity: str
    port: int
    health_port: int
    ledger: str
    program: Program

    def status(self, path: str) -> int:
        """Return the HTTP status of a path of the health port; 0 while nobody answers."""
        try:
            return http_status(f"http://127.0.0.1:{self.health_port}{path}")
        except OSError:
            return 0

    def metrics(self) -> str:
        """Return the text of /metrics."""
        return http_text(f"http://127.0.0.1:{self.health_port}/metrics")

    def digest(self) -> str:
        """Return the digest of the snapshot that it has in force."""
        found = re.search(
            r'^propylon_snapshot_info\{digest="(\w+)"\} 1', self.metrics(), re.MULTILINE
        )
        return found[1] if found else ""

    def wait_until_ready(self) -> Replica:
        """Return once /readyz says so; stop early when the process ended."""

        def look() -> bool:
            if not self.program.alive():
                raise RuntimeError(f"{self.identity} ended:\n{self.program.said()[-4000:]}")
            return self.status("/readyz") == 200

        eventually(look, what=f"{self.identity} is ready\n{self.program.log}", within=30)
        return self


@dataclass(slots=True)
class Propylon:
    """The installation and its running replicas."""

    cluster: Cluster
    admin: Kubectl
    balancer: Balancer
    replicas: list[Replica] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def install(self) -> Result:
        """Apply `manifests/`, without the parts that only run inside a cluster."""
        return self.admin.run("apply", "-k", str(LOOPBACK))

    def kubeconfig(self) -> Path:
        """Return a configuration with a fresh token of Propylon's own ServiceAccount."""
        token = self.admin.run("create", "token", "propylon", "--namespace", SYSTEM)
        return self.cluster.kubeconfig("propylon", {"token": token.stdout.strip()})

    def launch(self, *flags: str, kubeconfig: Path | None = None) -> Replica:
        """Start one more replica and return at once; the balancer knows it."""
        number = next(self._numbers)
        identity = f"replica-{number}"
        port, health_port = free_port(), free_port()
        ledger = f"sqlite+aiosqlite:///{self.cluster.folder / identity}-{port}.db"
        url = f"https://127.0.0.1:{self.balancer.port}"
        options = {
            "kubeconfig": str(kubeconfig or self.kubeconfig()),
            "namespace": SYSTEM,
            "policy-namespace": POLICIES,
            "webhook-url": url,
            "host": "127.0.0.1",
            "port": str(port),
            "health-port": str(health_port),
            "ledger": ledger,
            "identity": identity,
        }
        words = [word for flag, value in options.items() for word in (f"--{flag}", value)]
        program = start(identity, [str(COMMAND), "serve", *words, *flags], self.cluster.folder)
        replica = Replica(identity, port, health_port, ledger, program)
        self.replicas.append(replica)
        self._publish()
        return replica

    def start(self, *flags: str) -> Replica:
        """Start one more replica and wait until it is ready."""
        return self.launch(*flags).wait_until_ready()

    def stop(self, replica: Replica, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop one replica; its port leaves the balancer at the same moment, as endpoints do."""
        self.drop(replica)
        return replica.program.stop(number)

    def drop(self, replica: Replica) -> None:
        """Send no further connections to this replica."""
        self.replicas.remove(replica)
        self._publish()

    def stop_all(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop every replica."""
        for replica in list(self.replicas):
            self.stop(replica, number)

    def kill_all(self) -> None:
        """Kill every replica, and take away the Lease that a killed holder keeps for a while."""
        self.stop_all(signal.SIGKILL)
        self.admin.run("delete", "lease", "propylon", "-n", SYSTEM, "--ignore-not-found")

    def _publish(self) -> None:
        self.balancer.ports = tuple(replica.port for replica in self.replicas)

    def holder(self) -> str:
        """Return the identity that holds the Lease, "" for nobody.

        The server adds a random part, so that a restarted replica is another holder.
        """
        lease = self.admin.try_to("get", "lease", "propylon", "-n", SYSTEM, "-o", "json")
        holder = str(lease.object["spec"].get("holderIdentity") or "") if lease.ok else ""
        return holder.partition("_")[0]

    def configuration(self, kind: str) -> Any:
        """Return one of the two webhook configurations."""
        return self.admin.get(kind, "propylon")

    def entries(self, kind: str) -> dict[str, Any]:
        """Return the entries of a configuration by name, in their order."""
        hooks = self.configuration(kind).get("webhooks") or []
        return {hook["name"]: hook for hook in hooks}

    def authority(self) -> str:
        """Return the caBundle, as PEM text, that all entries carry."""
        kinds = [self.entries(kind).values() for kind in CONFIGURATIONS]
        bundles = {hook["clientConfig"]["caBundle"] for hooks in kinds for hook in hooks}
        assert len(bundles) == 1, f"{len(bundles)} different certificate authorities"
        return base64.b64decode(bundles.pop()).decode()

    def set_documents(self, name: str, *files: str, **texts: str) -> Result:
        """Write a labelled ConfigMap and return what kubectl said, success or not.

        `files` are names below tests/e2e/data/documents; `texts` are further keys without
        their `.yaml`.
        """
        data = {file: (DATA / "documents" / file).read_text() for file in files}
        data |= {f"{key}.yaml": text for key, text in texts.items()}
        return self.admin.try_to("apply", "-f", "-", documents=documents(name, data))

    def put_in_force(self, name: str, *files: str, **texts: str) -> None:
        """Write a ConfigMap of documents and wait until the API server acts upon it.

        The same ConfigMap carries one more policy, new each time, that denies one name: when
        that name is denied, the snapshot with everything beside it is in force; the other
        replicas follow.
        """
        nonce = f"{name}-{next(self._numbers)}"
        written = self.set_documents(name, *files, **texts, sentinel=sentinel(name, nonce))
        assert written.ok, str(written)
        eventually(
            lambda: f"the sentinel knows {nonce}" in self._probe(nonce).stderr,
            what=f"documents of {name} are in force",
            within=30,
        )
        eventually(
            lambda: len({replica.digest() for replica in self.replicas}) == 1,
            what="all replicas have the same documents in force",
        )

    def withdraw(self, name: str) -> None:
        """Delete a ConfigMap of documents, if it is there."""
        self.admin.run("delete", "configmap", name, "--namespace", POLICIES, "--ignore-not-found")

    def _probe(self, nonce: str) -> Result:
        probe = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": nonce, "namespace": "default"},
        }
        return self.admin.try_out(probe)


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a `propylon` command in a folder, which also is its home, and return its end."""
    return run([str(COMMAND), *words], plain_environment(folder), folder=folder)


def forbidden_calls(cluster: Cluster, since: int = 0) -> list[str]:
    """Return what the server asked of the API server and RBAC refused, after `since` audit events."""
    return [
        f"{event['verb']} {event['requestURI']}"
        for event in cluster.audit_events()[since:]
        if event["user"]["username"] == ACCOUNT
        and event["annotations"].get("authorization.k8s.io/decision") == "forbid"
    ]


def documents(name: str, data: dict[str, str]) -> Any:
    """Return a ConfigMap that Propylon reads."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": POLICIES,
            "labels": {"propylon.dev/policies": "true"},
        },
        "data": data,
    }


def sentinel(name: str, nonce: str) -> str:
    """Return a policy and its binding that deny the ConfigMap `nonce` in `default`."""
    text = (DATA / "sentinel.yaml").read_text()
    return text.replace("NAME", f"{SENTINEL}-{name}").replace("NONCE", nonce)


def forget(admin: Kubectl) -> None:
    """Delete the two configurations and everything that Propylon keeps or reads."""
    admin.run("delete", ",".join(CONFIGURATIONS), "propylon", "--ignore-not-found")
    admin.run("delete", "secret,configmap,lease", "--all", "--namespace", SYSTEM)
    admin.run("delete", "configmap", "--all", "--namespace", POLICIES)


@contextlib.contextmanager
def installed(cluster: Cluster, admin: Kubectl, balancer: Balancer) -> Iterator[Propylon]:
    """Install Propylon; at the end stop its replicas and take its traces away."""
    propylon = Propylon(cluster, admin, balancer)
    propylon.install()
    try:
        yield propylon
    finally:
        logs = [replica.program for replica in propylon.replicas]
        propylon.stop_all()
        forget(admin)
    for log in logs:
        assert "Traceback" not in log.said(), f"{log.name} has an error in its log: {log.log}"
