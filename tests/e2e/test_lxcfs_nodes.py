"""`manifests/lxcfs` on a real API server: it is taken as it is, and its account labels its own node only."""

from __future__ import annotations

import json
import ssl
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

import pytest

from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.cluster import Cluster
    from tests.e2e.kubectl import Kubectl

MANIFESTS = Path(__file__).parents[2] / "manifests" / "lxcfs"
READY = "propylon.dev/lxcfs-ready"
NODES = ("lxcfs-1", "lxcfs-2")


@pytest.fixture(scope="module")
def admin_of_nodes(admin: Kubectl) -> Iterator[Kubectl]:
    """Return kubectl, with the manifests applied and two nodes that no Pod can be put on."""
    taint = {"key": "test", "effect": "NoSchedule"}
    nodes = [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name},
            "spec": {"taints": [taint]},
        }
        for name in NODES
    ]
    admin.run("apply", "-k", str(MANIFESTS))
    admin.apply(nodes)
    yield admin
    admin.run("delete", "node", *NODES)
    admin.run("delete", "-k", str(MANIFESTS), "--wait=false")


@pytest.fixture(scope="module")
def token(admin_of_nodes: Kubectl) -> str:
    """Return a token as the kubelet of the first node asks for it: bound to a Pod there."""
    within = admin_of_nodes.within("lxcfs-system")
    within.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "lxcfs", "namespace": "lxcfs-system"},
            "spec": {
                "nodeName": NODES[0],
                "serviceAccountName": "lxcfs",
                "containers": [{"name": "label", "image": "lxcfs:6.0"}],
            },
        }
    )
    bound = ("--bound-object-kind", "Pod", "--bound-object-name", "lxcfs")
    return within.run("create", "token", "lxcfs", *bound).stdout.strip()


def patch(cluster: Cluster, token: str, node: str, metadata: Any) -> int:
    """Change a node as the script label.sh does, and return the HTTP status."""
    request = urllib.request.Request(
        f"https://127.0.0.1:{cluster.port}/api/v1/nodes/{node}",
        json.dumps({"metadata": metadata}).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/merge-patch+json"},
        method="PATCH",
    )
    context = ssl.create_default_context(cafile=str(cluster.ca_file))
    try:
        with urllib.request.urlopen(request, context=context) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


@pytest.mark.parametrize("folder", ["", "reattach"], ids=["alone", "reattach"])
def test_the_api_server_takes_them(admin_of_nodes: Kubectl, folder: str, tmp_path: Path) -> None:
    components = [str(MANIFESTS / "components" / folder)] if folder else []
    # kustomize takes only relative paths
    up = "../" * (len(tmp_path.parts) - 1)
    lists = {
        "resources": [up + str(MANIFESTS).lstrip("/")],
        "components": [up + one.lstrip("/") for one in components],
    }
    (tmp_path / "kustomization.yaml").write_text(json.dumps(lists))
    done = admin_of_nodes.run("apply", "--dry-run=server", "-k", str(tmp_path))
    assert "daemonset.apps/lxcfs " in done.stdout
    assert done.warnings == []


def test_its_account_labels_its_own_node_only(cluster: Cluster, token: str) -> None:
    def is_in_force() -> bool:
        """The policy is in force a moment after it is there."""
        return patch(cluster, token, NODES[1], {"labels": {READY: "true"}}) == 422

    eventually(is_in_force, what="the other node may not be labelled")
    assert patch(cluster, token, NODES[0], {"labels": {READY: "true"}}) == 200
    assert patch(cluster, token, NODES[0], {"labels": {"pool": "gpu"}}) == 422
    assert patch(cluster, token, NODES[0], {"labels": {READY: None}}) == 200
