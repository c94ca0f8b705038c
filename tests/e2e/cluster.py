"""A real control plane on loopback: etcd, kube-apiserver with RBAC, kube-controller-manager.

No scheduler, unless a test asks for it, and no node: Pods are created and stay Pending, which is
all that admission needs.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trustme

from tests.e2e.kubectl import Kubectl
from tests.e2e.processes import Program, free_port, http_status, start
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

ADMIN = ("e2e-admin", "system:masters")

_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "userGroups": ["system:serviceaccounts:propylon-system"]},
        {"level": "None", "verbs": ["get", "list", "watch"]},
        {"level": "None", "resources": [{"group": "coordination.k8s.io"}]},
        {"level": "Metadata"},
    ],
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running control plane; `folder` holds its certificates, logs and kubeconfig files."""

    assets: Path
    folder: Path
    port: int
    authority: trustme.CA
    programs: dict[str, Program] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The address of the API server."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca_file(self) -> Path:
        """The certificate authority of the API server and of its users."""
        return self.folder / "ca.crt"

    def client_certificate(self, user: str, group: str) -> Path:
        """Return a PEM file with key and certificate of a user in one group."""
        file = self.folder / f"{user}.pem"
        if not file.exists():
            # Go refuses an empty subjectAltName, and trustme always writes that extension.
            mail = f"{user.replace(':', '.')}@example.com"
            certificate = self.authority.issue_cert(mail, common_name=user, organization_name=group)
            certificate.private_key_and_cert_chain_pem.write_to_path(file)
        return file

    def user(self, user: str, group: str) -> Kubectl:
        """Return kubectl as a user with a client certificate."""
        pem = str(self.client_certificate(user, group))
        identity = {"client-certificate": pem, "client-key": pem}
        return self.kubectl(self.kubeconfig(user, identity))

    def kubectl(self, kubeconfig: Path) -> Kubectl:
        """Return kubectl with some configuration."""
        return Kubectl(self.assets / "kubectl", kubeconfig, self.folder / "kubectl-cache")

    def kubeconfig(self, name: str, identity: dict[str, str]) -> Path:
        """Write a kubeconfig file; `identity` holds the fields of its user."""
        cluster = {"server": self.url, "certificate-authority": str(self.ca_file)}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "e2e", "cluster": cluster}],
            "users": [{"name": name, "user": identity}],
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": name}}],
            "current-context": "e2e",
        }
        file = self.folder / f"{name}.kubeconfig"
        file.write_text(json.dumps(content))
        return file

    def start_scheduler(self) -> None:
        """Start kube-scheduler; from then on it binds every Pod that fits a node."""
        kubeconfig = self.user("system:kube-scheduler", "system:authenticated").kubeconfig
        flags = {
            "kubeconfig": str(kubeconfig),
            "bind-address": "127.0.0.1",
            "secure-port": str(free_port()),
            "cert-dir": str(self.folder / "scheduler"),
            "leader-elect": "false",
        }
        _launch(self, "kube-scheduler", flags)

    def kill(self, name: str) -> None:
        """End one of the programs at once; the API server would wait a minute for its watches."""
        self.programs[name].stop(signal.SIGKILL)

    def start_again(self, name: str) -> None:
        """Start a killed program with the words that it had, and wait for the API server."""
        command = self.programs[name].process.args
        assert isinstance(command, list)
        program = start(name, command, self.folder)
        self.programs[name] = program
        _wait_until_serving(self, program)

    def audit_events(self) -> list[Any]:
        """Return what the API server has written into its audit log, oldest first."""
        lines = (self.folder / "audit.log").read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]


@contextlib.contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """Start a control plane, wait until its controllers work, stop it at the end."""
    assets = Path(os.environ["KUBEBUILDER_ASSETS"])
    cluster = Cluster(assets, folder, free_port(), trustme.CA())
    _write_secrets(cluster)
    try:
        _start_etcd_and_api_server(cluster)
        _start_controller_manager(cluster)
        admin = cluster.user(*ADMIN)
        eventually(
            lambda: admin.get("serviceaccount", "default", "--namespace", "default"),
            what="the controllers make the default ServiceAccount",
            within=60,
        )
        yield cluster
    finally:
        # The API server before its etcd: reverse order of the start.
        for program in reversed(cluster.programs.values()):
            program.stop()


def _write_secrets(cluster: Cluster) -> None:
    authority, folder = cluster.authority, cluster.folder
    authority.cert_pem.write_to_path(cluster.ca_file)
    serving = authority.issue_cert("127.0.0.1", "10.0.0.1", "localhost", "kubernetes.default.svc")
    serving.private_key_and_cert_chain_pem.write_to_path(folder / "apiserver.pem")
    authority.issue_cert(common_name="service-accounts").private_key_pem.write_to_path(
        folder / "service-accounts.key"
    )
    (folder / "audit-policy.json").write_text(json.dumps(_AUDIT_POLICY))


def _launch(cluster: Cluster, name: str, flags: dict[str, str]) -> Program:
    command = [str(cluster.assets / name), *(f"--{flag}={value}" for flag, value in flags.items())]
    program = start(name, command, cluster.folder)
    cluster.programs[name] = program
    return program


def _start_etcd_and_api_server(cluster: Cluster) -> None:
    folder = cluster.folder
    clients = f"http://127.0.0.1:{free_port()}"
    peers = f"http://127.0.0.1:{free_port()}"
    etcd_flags = {
        "name": "e2e",
        "data-dir": str(folder / "etcd"),
        "listen-client-urls": clients,
        "advertise-client-urls": clients,
        "listen-peer-urls": peers,
        "initial-advertise-peer-urls": peers,
        "initial-cluster": f"e2e={peers}",
        "unsafe-no-fsync": "true",
        "log-level": "warn",
    }
    etcd = _launch(cluster, "etcd", etcd_flags)
    _wait_until_ready(etcd, lambda: http_status(f"{clients}/readyz") == 200)
    api_server_flags = {
        "etcd-servers": clients,
        "secure-port": str(cluster.port),
        "bind-address": "127.0.0.1",
        "tls-cert-file": str(folder / "apiserver.pem"),
        "tls-private-key-file": str(folder / "apiserver.pem"),
        "client-ca-file": str(cluster.ca_file),
        "authorization-mode": "Node,RBAC",
        "service-cluster-ip-range": "10.0.0.0/24",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": str(folder / "service-accounts.key"),
        "service-account-signing-key-file": str(folder / "service-accounts.key"),
        "endpoint-reconciler-type": "none",
        "allow-privileged": "true",
        "audit-policy-file": str(folder / "audit-policy.json"),
        "audit-log-path": str(folder / "audit.log"),
    }
    api_server = _launch(cluster, "kube-apiserver", api_server_flags)
    _wait_until_serving(cluster, api_server)


def _wait_until_serving(cluster: Cluster, program: Program) -> None:
    admin = cluster.user(*ADMIN)
    _wait_until_ready(program, lambda: admin.run("get", "--raw", "/readyz"))


def _start_controller_manager(cluster: Cluster) -> None:
    kubeconfig = str(
        cluster.user("system:kube-controller-manager", "system:authenticated").kubeconfig
    )
    flags = {
        "kubeconfig": kubeconfig,
        "bind-address": "127.0.0.1",
        "secure-port": str(free_port()),
        "cert-dir": str(cluster.folder / "controller-manager"),
        "leader-elect": "false",
        "use-service-account-credentials": "true",
        "service-account-private-key-file": str(cluster.folder / "service-accounts.key"),
        "root-ca-file": str(cluster.ca_file),
        "controllers": "*,-node-lifecycle-controller,-node-ipam-controller",
    }
    _launch(cluster, "kube-controller-manager", flags)


def _wait_until_ready(program: Program, ready: Any) -> None:
    def look() -> bool:
        if not program.alive():
            raise RuntimeError(f"{program.name} ended:\n{program.said()[-3000:]}")
        return bool(ready())

    eventually(look, what=f"{program.name} is ready", within=60)
