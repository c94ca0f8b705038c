"""`propylon placement` and `env-drift` on a real API server, with the roles that they ask for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.nodes import running_nodes
from tests.e2e.propylon import POLICIES, SYSTEM, Propylon, command, documents

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.cluster import Cluster
    from tests.e2e.kubectl import Kubectl

DOCUMENTS = """
apiVersion: propylon.dev/v1
kind: Spreading
metadata: {name: spread}
---
apiVersion: propylon.dev/v1
kind: EnvInjection
metadata: {name: identity}
spec: {env: [{name: CLUSTER, value: "{{cluster.name}}"}]}
"""
COMMANDS = ("placement", "env-drift")


@pytest.fixture(scope="module")
def together(cluster: Cluster, admin: Kubectl, installation: Propylon) -> Iterator[Kubectl]:
    """Return kubectl in a Namespace with a workload that has three Pods on one of three nodes."""
    admin.apply(documents("reports", {"all.yaml": DOCUMENTS}))
    admin.run("create", "namespace", "reports")
    here = admin.within("reports")
    with running_nodes(cluster, {"report-1": "a", "report-2": "b", "report-3": "c"}):
        here.apply(deployment())
        for number in range(3):
            here.apply(pod(f"web-{number}"))
        yield here
        here.run("delete", "deployment,pod", "--all", "--now")


def deployment() -> Any:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": pod("x")["spec"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "reports"},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
    }


def pod(name: str) -> Any:
    spec = {"containers": [{"name": "app", "image": "app:1"}], "nodeName": "report-1"}
    metadata = {"name": name, "namespace": "reports", "labels": {"app": "web"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


@pytest.fixture(scope="module")
def accounts(
    cluster: Cluster, admin: Kubectl, installation: Propylon, tmp_path_factory: Any
) -> Any:
    """Return, by command, the kubeconfig of an account that has what `--rights` printed."""
    folder = tmp_path_factory.mktemp("reports")
    found = {}
    for name in COMMANDS:
        rights = command(folder, name, "--rights")
        assert rights.returncode == 0, rights.stderr
        admin.run("apply", "-f", "-", documents=rights.stdout)
        admin.run("create", "serviceaccount", name, "-n", SYSTEM)
        account = f"--serviceaccount={SYSTEM}:{name}"
        role = f"propylon-{name}"
        admin.run("create", "clusterrolebinding", name, f"--clusterrole={role}", account)
        admin.run("create", "rolebinding", name, "-n", POLICIES, f"--role={role}", account)
        token = admin.run("create", "token", name, "-n", SYSTEM).stdout.strip()
        found[name] = cluster.kubeconfig(name, {"token": token})
    return found


def reported(folder: Path, name: str, accounts: Any, *flags: str) -> Any:
    words = (name, "--kubeconfig", str(accounts[name]), "-n", "reports", "--output", "json")
    found = command(folder, *words, *flags)
    assert found.returncode < 2, found.stderr
    return found.returncode, json.loads(found.stdout)


def test_replicas_that_are_together_are_told(
    together: Kubectl, accounts: Any, tmp_path: Path
) -> None:
    code, value = reported(tmp_path, "placement", accounts)
    (web,) = value["workloads"]
    assert code == 1
    assert (web["name"], web["co_located"], web["nodes"]) == ("web", 2, {"report-1": 3})
    assert web["broken"] == [
        "hostname: 3 on report-1, elsewhere 0: 1 apart is allowed",
        "zone: 3 on a, elsewhere 0: 1 apart is allowed",
    ]


def test_pods_without_the_variables_are_told(
    together: Kubectl, accounts: Any, tmp_path: Path
) -> None:
    code, value = reported(tmp_path, "env-drift", accounts, "--cluster-name", "eu-1")
    assert code == 1
    assert [one["name"] for one in value["pods"]] == ["web-0", "web-1", "web-2"]
    assert value["pods"][0]["variables"] == ["container app lacks CLUSTER (rule identity)"]


def test_they_only_read(cluster: Cluster, together: Kubectl, accounts: Any, tmp_path: Path) -> None:
    before = len(cluster.audit_events())
    for name in COMMANDS:
        reported(tmp_path, name, accounts)
    users = {f"system:serviceaccount:{SYSTEM}:{name}" for name in COMMANDS}
    calls = [one for one in cluster.audit_events()[before:] if one["user"]["username"] in users]
    assert {one["annotations"]["authorization.k8s.io/decision"] for one in calls} == {"allow"}
    assert {one["verb"] for one in calls if one.get("objectRef")} == {"list"}
