"""`propylon scan` on a real API server, with the roles that it asks for and no other right."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.propylon import DATA, POLICIES, SYSTEM, Propylon, command, documents

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.cluster import Cluster
    from tests.e2e.kubectl import Kubectl

ACCOUNT = f"system:serviceaccount:{SYSTEM}:scan"
TEAM = {"no-latest.yaml": (DATA / "documents" / "image-tags.yaml").read_text()}


@pytest.fixture(scope="module")
def scanner(
    cluster: Cluster, admin: Kubectl, installation: Propylon, tmp_path_factory: Any
) -> Path:
    """Return a kubeconfig of an account that has what `--rights` printed."""
    admin.run("apply", "-f", "-", documents=documents("scanned", TEAM))
    folder = tmp_path_factory.mktemp("scan")
    (folder / "policies").mkdir()
    for name, text in TEAM.items():
        (folder / "policies" / name).write_text(text)
    rights = command(folder, "scan", "--rights", "--policies", str(folder / "policies"))
    assert rights.returncode == 0, rights.stderr
    admin.run("apply", "-f", "-", documents=rights.stdout)
    admin.run("create", "serviceaccount", "scan", "-n", SYSTEM)  # whose reads are audited
    account = f"--serviceaccount={SYSTEM}:scan"
    admin.run("create", "clusterrolebinding", "scan", "--clusterrole=propylon-scan", account)
    admin.run("create", "rolebinding", "scan", "-n", POLICIES, "--role=propylon-scan", account)
    token = admin.run("create", "token", "scan", "-n", SYSTEM).stdout.strip()
    return cluster.kubeconfig("scan", {"token": token})


def test_objects_are_judged_with_exactly_these_rights(
    cluster: Cluster, admin: Kubectl, scanner: Path, tmp_path: Path
) -> None:
    before = len(cluster.audit_events())
    image = "registry.example.com/web:latest"
    admin.run("create", "deployment", "untagged", "--image", image, "-n", "default")
    found = command(tmp_path, "scan", "--kubeconfig", str(scanner), "--output", "json")
    assert found.stderr == ""
    assert found.returncode == 1, found.stdout
    value = json.loads(found.stdout)
    denied = {one["name"] for one in value["objects"] if one["findings"]}
    assert "untagged" in denied
    calls = [one for one in cluster.audit_events()[before:] if one["user"]["username"] == ACCOUNT]
    decisions = {one["annotations"]["authorization.k8s.io/decision"] for one in calls}
    assert decisions == {"allow"}
    assert {one["verb"] for one in calls if one.get("objectRef")} == {"list"}


def test_without_rights_it_says_which(admin: Kubectl, scanner: Path, tmp_path: Path) -> None:
    admin.run("delete", "clusterrolebinding", "scan")
    found = command(tmp_path, "scan", "--kubeconfig", str(scanner))
    assert found.returncode == 2
    assert "not scanned: deployments.apps: " in found.stderr
    assert "`propylon scan --rights` prints the roles" in found.stderr
