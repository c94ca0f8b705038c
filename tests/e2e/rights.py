"""Roles and who has them, as objects for `kubectl apply`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

RBAC = "rbac.authorization.k8s.io"
FOR_PROPYLON = {"propylon.dev/aggregate-to-propylon": "true"}
"""The label with which a platform team adds to what Propylon may do."""
FOR_EDITORS = {f"{RBAC}/aggregate-to-edit": "true"}


def rule(group: str, resource: str, *verbs: str) -> Any:
    """Return one rule; `*` stands for all resources or verbs."""
    return {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}


def cluster_role(name: str, rules: Sequence[Any], labels: dict[str, str] | None = None) -> Any:
    """Return a ClusterRole."""
    metadata = {"name": name, "labels": labels or {}}
    return {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules}


def binding(name: str, role: str, subject: tuple[str, str], namespace: str = "") -> Any:
    """Return what gives a ClusterRole to a subject, (kind, name): in a namespace or everywhere."""
    kind, who = subject
    place = {"namespace": namespace} if namespace else {}
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {"name": name, **place},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": kind, "name": who}],
    }
