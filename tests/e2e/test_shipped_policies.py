"""The policies that ship: published as the README says, and accepted by the cluster itself as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e import shop
from tests.e2e.propylon import POLICIES, ROOT
from tests.e2e.shop import LATEST
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.kubectl import Kubectl
    from tests.e2e.propylon import Propylon

FILES = {path.parent.name: path for path in sorted((ROOT / "policies").glob("*/policy.yaml"))}
NATIVE = {name: path for name, path in FILES.items() if "propylon.dev/v1" not in path.read_text()}


@pytest.mark.parametrize("path", NATIVE.values(), ids=NATIVE.keys())
def test_policy_is_valid_for_the_cluster_too(path: Path, admin: Kubectl) -> None:
    """The same file moves between Propylon and the cluster unchanged."""
    said = admin.run("create", "--dry-run=server", "-f", str(path))
    assert said.stderr == ""


def test_readme_publishes_a_policy(admin: Kubectl, developer: Kubectl, propylon: Propylon) -> None:
    source = f"--from-file={FILES['no-latest-tag']}"
    admin.run("create", "configmap", "replicas", "-n", POLICIES, source)
    admin.run("label", "configmap", "replicas", "-n", POLICIES, "propylon.dev/policies=true")
    document = shop.deployment(image=LATEST)
    eventually(
        lambda: (
            "denied request: name a version or a digest instead of latest: shop"
            in developer.try_out(document).stderr
        ),
        what="the policy is in force",
    )
    propylon.withdraw("replicas")


def test_all_of_them_judge_a_whole_shop(
    admin: Kubectl, developer: Kubectl, propylon: Propylon
) -> None:
    texts = {name: path.read_text() for name, path in FILES.items()}
    propylon.put_in_force("shipped", **texts)
    said = developer.apply([shop.part(name) for name in ("settings", "service", "deployment")])
    (warning,) = said.warnings
    assert warning.endswith("'required-labels': add the label(s) team to metadata.labels")
    pods = eventually(
        lambda: developer.get("pods", "-l", "app.kubernetes.io/name=web-shop")["items"],
        what="Pods are made",
    )
    container = pods[0]["spec"]["containers"][1]
    assert {"POD_NAME", "NODE_NAME"} <= shop.environment(container).keys()
    assert len(shop.lxcfs_files(container)) == 6
    privileged = shop.pod("root-shell")
    privileged["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    refused = developer.try_to("create", "-f", "-", documents=privileged)
    assert refused.code == 1
    assert "'no-privileged' denied request" in refused.stderr
    developer.run("delete", "deployment,service", "web-shop")
    developer.run("delete", "configmap", "web-shop")


def test_namespace_in_production_goes_after_confirmation(
    admin: Kubectl, propylon: Propylon
) -> None:
    propylon.put_in_force("shipped", protection=FILES["protect-namespaces"].read_text())
    name = "orders"
    admin.run("create", "namespace", name)
    admin.run("label", "namespace", name, "environment=production")
    refused = admin.try_to("delete", "namespace", name)
    advice = f"kubectl annotate namespace {name} example.com/delete={name}"
    assert advice in refused.stderr
    admin.run(*advice.split()[1:])
    admin.run("delete", "namespace", name, "--wait=false")
