"""Pods get the platform's variables and lxcfs mounts, whoever creates them and by whichever command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import shop
from tests.e2e.cluster import ADMIN
from tests.e2e.propylon import command
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.cluster import Cluster
    from tests.e2e.kubectl import Kubectl
    from tests.e2e.propylon import Propylon

LXCFS = [
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/uptime",
    "/sys/devices/system/cpu/online",
]
INJECTED = {
    "POD_NAME": None,
    "POD_IP": None,
    "CLUSTER": "eu-central-1a",
    "TEAM": "storefront",
    "CPU_LIMIT": None,
    "ENVIRONMENT": "production",
}


@pytest.fixture(scope="module", autouse=True)
def _in_force(propylon: Propylon, developer: Kubectl) -> None:
    propylon.put_in_force("baseline", "env.yaml", "lxcfs.yaml", "image-tags.yaml")
    eventually(
        lambda: "CLUSTER" in developer.try_out(shop.pod()).stdout,
        what="the API server asks about Pods",
    )


@pytest.fixture
def empty_shop(developer: Kubectl) -> Iterator[Kubectl]:
    yield developer
    developer.run("delete", "deployment,pod,service", "--all", "--now")
    developer.run("delete", "configmap", "web-shop", "--ignore-not-found")


def container(pod: Any, name: str) -> Any:
    return next(one for one in pod["spec"]["containers"] if one["name"] == name)


def pods_of(kubectl: Kubectl, name: str) -> list[Any]:
    found: list[Any] = kubectl.get("pods", "-l", f"app.kubernetes.io/name={name}")["items"]
    return found


def test_pods_of_a_deployment(empty_shop: Kubectl) -> None:
    """The whole shop, as its repository holds it; the real ReplicaSet controller makes the Pods."""
    parts = [shop.part(name) for name in ("settings", "service", "deployment")]
    said = empty_shop.apply(parts)
    assert said.stderr == ""
    pods = eventually(
        lambda: len(pods_of(empty_shop, "web-shop")) == 3 and pods_of(empty_shop, "web-shop"),
        what="three Pods",
    )
    assert isinstance(pods, list)
    pod = pods[0]
    nginx, main = container(pod, "nginx"), container(pod, "shop")
    assert shop.environment(nginx) == INJECTED
    assert shop.environment(main) == INJECTED | {
        "APP_ENV": "prod",
        "CLUSTER": "chosen-by-the-developer",
        "DATABASE_PASSWORD": None,
    }
    # A container without a limit would be told the node's CPUs.
    assert "CPU_LIMIT" not in shop.environment(container(pod, "exporter"))
    assert "CLUSTER" in shop.environment(pod["spec"]["initContainers"][0])
    assert shop.lxcfs_files(nginx) == shop.lxcfs_files(main) == LXCFS
    assert shop.lxcfs_files(pod["spec"]["initContainers"][0]) == []
    volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
    assert volumes["lxcfs-cpuinfo"]["hostPath"] == {
        "path": "/var/lib/lxcfs/proc/cpuinfo",
        "type": "File",
    }
    template = empty_shop.get("deployment", "web-shop")["spec"]["template"]
    assert "lxcfs" not in str(template)
    assert "POD_NAME" not in str(template)


COMMANDS = {
    "apply": ("apply -f -", None),
    "apply-server-side": ("apply --server-side -f -", None),
    "create": ("create -f -", None),
    "replace-force": ("replace --force -f -", shop.pod()),
}


@pytest.mark.parametrize(("command", "before"), COMMANDS.values(), ids=COMMANDS.keys())
def test_pod_by_command(command: str, before: Any, empty_shop: Kubectl) -> None:
    if before is not None:
        empty_shop.run("create", "-f", "-", documents=before)
    said = empty_shop.run(*command.split(), documents=shop.pod())
    assert said.stderr == ""
    index = container(empty_shop.get("pod", "rebuild-search-index"), "index")
    assert shop.environment(index) == INJECTED
    assert shop.lxcfs_files(index) == LXCFS


def test_applying_a_pod_again_changes_nothing(empty_shop: Kubectl) -> None:
    """What was injected belongs to nobody's apply: no conflict, no removal, no endless diff."""
    for flags in ([], ["--server-side"]):
        empty_shop.apply(shop.pod("again"), *flags)
        first = empty_shop.get("pod", "again")
        said = empty_shop.apply(shop.pod("again"), *flags)
        assert said.stderr == ""
        assert empty_shop.get("pod", "again")["spec"] == first["spec"]
        assert empty_shop.try_to("diff", *flags, "-f", "-", documents=shop.pod("again")).code == 0
        empty_shop.run("delete", "pod", "again", "--now")


def test_dry_run_shows_the_pod_and_stores_nothing(empty_shop: Kubectl) -> None:
    shown = empty_shop.try_out(shop.pod())
    assert shop.environment(container(shown.object, "index")) == INJECTED
    assert empty_shop.lacks("pod", "rebuild-search-index")


def test_patch_of_a_running_pod_is_left_alone(empty_shop: Kubectl) -> None:
    empty_shop.run("create", "-f", "-", documents=shop.pod())
    before = empty_shop.get("pod", "rebuild-search-index")
    empty_shop.run("label", "pod", "rebuild-search-index", "example.com/reviewed=yes")
    after = empty_shop.get("pod", "rebuild-search-index")
    assert after["spec"] == before["spec"]


@pytest.mark.parametrize(
    ("annotations", "variables", "files"),
    [
        pytest.param({"propylon.dev/skip-env": "true"}, {}, LXCFS, id="no-variables"),
        pytest.param({"propylon.dev/lxcfs": "disabled"}, INJECTED, [], id="no-lxcfs"),
    ],
)
def test_opt_out(
    annotations: dict[str, str],
    variables: dict[str, Any],
    files: list[str],
    empty_shop: Kubectl,
) -> None:
    empty_shop.run("create", "-f", "-", documents=shop.pod(annotations=annotations))
    index = container(empty_shop.get("pod", "rebuild-search-index"), "index")
    assert shop.environment(index) == variables
    assert shop.lxcfs_files(index) == files


def test_unclear_opt_out_is_warned_about(empty_shop: Kubectl) -> None:
    document = shop.pod(annotations={"propylon.dev/skip-env": "maybe"})
    said = empty_shop.run("create", "-f", "-", documents=document)
    assert len(said.warnings) == 1
    assert "maybe" in said.warnings[0]
    assert len(said.warnings[0]) <= 120
    index = container(empty_shop.get("pod", "rebuild-search-index"), "index")
    assert shop.environment(index) == INJECTED


def test_namespace_that_forbids_host_paths_gets_no_mounts(
    admin: Kubectl, propylon: Propylon
) -> None:
    """Pod Security would refuse our own mounts; the developer is warned instead."""
    name = "payments"
    admin.run("create", "namespace", name)
    labels = ["propylon.dev/lxcfs=enabled", "pod-security.kubernetes.io/enforce=baseline"]
    admin.run("label", "namespace", name, *labels)
    document = shop.pod(namespace=name)
    said = eventually(
        lambda: admin.try_to("create", "-f", "-", documents=document), what="the Pod is created"
    )
    assert said.ok, str(said)
    assert any(one.startswith("lxcfs: skipped") for one in said.warnings), str(said)
    stored = admin.within(name).get("pod", "rebuild-search-index")
    assert shop.lxcfs_files(stored["spec"]["containers"][0]) == []
    admin.run("delete", "namespace", name, "--wait=false")


def test_c_31_pods_that_came_while_it_was_away_are_found(
    empty_shop: Kubectl, propylon: Propylon, cluster: Cluster, tmp_path: Path
) -> None:
    """failurePolicy Ignore: the Pod starts without mounts, and `propylon scan` counts it."""
    propylon.kill_all()
    assert empty_shop.run("create", "-f", "-", documents=shop.pod("early")).stderr == ""
    propylon.start()
    eventually(
        lambda: (
            shop.lxcfs_files(container(empty_shop.try_out(shop.pod()).object, "index")) == LXCFS
        ),
        what="Pods get mounts again",
    )
    empty_shop.run("create", "-f", "-", documents=shop.pod("late"))
    assert shop.lxcfs_files(container(empty_shop.get("pod", "early"), "index")) == []
    found = scanned(cluster, tmp_path)
    changed = {one["name"]: one["changed"] for one in found["objects"] if one["kind"] == "Pod"}
    assert changed == {"early": True, "late": False}


def scanned(cluster: Cluster, folder: Path) -> Any:
    """Return what a scan of the shop's namespace reports."""
    kubeconfig = str(cluster.user(*ADMIN).kubeconfig)
    words = ["--kubeconfig", kubeconfig, "--namespace", "shop", "--output", "json"]
    return json.loads(command(folder, "scan", *words).stdout)
