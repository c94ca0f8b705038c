"""The roles that commands ask for: what they read and no more, as `--rights` prints it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from webhook.model import Json

API_VERSION = "rbac.authorization.k8s.io/v1"


def role(kind: str, metadata: Mapping[str, str], rules: Iterable[Json]) -> Json:
    """Return a Role or ClusterRole."""
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": dict(metadata),
        "rules": list(rules),
    }


def documents_role(name: str, namespace: str) -> Json:
    """Return the Role for reading the documents in force."""
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]
    return role("Role", {"name": name, "namespace": namespace}, rules)
