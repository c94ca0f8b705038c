"""The web shop of the tests: what its developers keep in their repository, and small changes to it.

Every function returns a fresh copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from tests.e2e.propylon import DATA
from tests.e2e.rights import binding

if TYPE_CHECKING:
    from tests.e2e.kubectl import Kubectl

SHOP = DATA / "shop"
LATEST = "registry.example.com/storefront/shop:latest"
"""An image whose tag moves, which the policy `image-tags` denies."""


def part(name: str) -> Any:
    """Return one of the shop's objects, by the name of its file."""
    return yaml.safe_load((SHOP / f"{name}.yaml").read_text())


def deployment(name: str = "web-shop", **changes: Any) -> Any:
    """Return the shop's Deployment under a name.

    Changes: `image` of the container shop, `requests` of it (None takes them away), `replicas`,
    `labels` of the Deployment, `probe` of the exporter (None takes it away).
    """
    result = part("deployment")
    result["metadata"]["name"] = name
    for labels in _selecting(result):
        labels["app.kubernetes.io/name"] = name
    shop, exporter = result["spec"]["template"]["spec"]["containers"][1:]
    result["metadata"]["labels"].update(changes.get("labels", {}))
    shop["image"] = changes.get("image", shop["image"])
    result["spec"]["replicas"] = changes.get("replicas", 3)
    if "requests" in changes:
        shop["resources"] = {}
    if "probe" in changes:
        del exporter["readinessProbe"]
    return result


def clean_deployment(**changes: Any) -> Any:
    """Return the Deployment as its developers write it once rule A hides fields from them."""
    result = deployment(**changes)
    del result["spec"]["strategy"]
    return result


def in_namespace(kubectl: Kubectl, name: str = "web", **changes: Any) -> Any:
    """Return the Deployment for the Namespace of this kubectl, one replica unless it says so."""
    result = deployment(name, **{"replicas": 1, **changes})
    result["metadata"]["namespace"] = kubectl.namespace
    return result


def namespace(admin: Kubectl, name: str) -> Kubectl:
    """Make a Namespace and return kubectl within it."""
    admin.run("create", "namespace", name)
    return admin.within(name)


def _selecting(workload: Any) -> list[Any]:
    spec = workload["spec"]
    return [
        workload["metadata"]["labels"],
        spec["selector"]["matchLabels"],
        spec["template"]["metadata"]["labels"],
    ]


def pod(name: str = "rebuild-search-index", **metadata: Any) -> Any:
    """Return a Pod that a developer runs by hand."""
    result = part("pod")
    result["metadata"] |= {"name": name, **metadata}
    return result


def environment(container: Any) -> dict[str, Any]:
    """Return the literal values of a container's variables; None for valueFrom."""
    return {one["name"]: one.get("value") for one in container.get("env", [])}


def lxcfs_files(container: Any) -> list[str]:
    """Return the paths at which a container mounts files of lxcfs."""
    mounts = container.get("volumeMounts", [])
    return sorted(one["mountPath"] for one in mounts if one["name"].startswith("lxcfs-"))


def open_shop(admin: Kubectl) -> None:
    """Make the shop's namespace."""
    admin.apply(part("namespace"))


def let_edit(admin: Kubectl, group: str) -> None:
    """Let a group edit the shop's namespace, and nothing else."""
    admin.apply(binding(group, "edit", ("Group", group), "shop"))
