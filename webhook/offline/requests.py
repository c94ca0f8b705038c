"""Admission requests that no API server sent: about an object from a file or a list.

They have what the API server would fill in, and pass the same decoder as real ones. No I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from webhook.codec import decode_review
from webhook.model import NEVER, NOTHING, AdmissionRequest, Json
from webhook.objects.workloads import BUILT_IN_KINDS, Registry, plural_of
from webhook.policy.scopes import is_namespaced

UID = "00000000-0000-0000-0000-000000000000"
DEFAULT_NAMESPACE = "default"
EVERYBODY = {"username": "propylon:offline", "groups": ["system:authenticated"]}
"""Who asks, when nobody is named: an ordinary user."""

_OPTIONS = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}


def request_about(
    value: Json,
    old_value: Json = None,
    *,
    operation: str = "",
    user: Mapping[str, Json] = NOTHING,
    fields: Mapping[str, Json] = NOTHING,
    kinds: Registry = BUILT_IN_KINDS,
) -> AdmissionRequest:
    """Return the request to create, update or delete an object.

    `operation` follows from which objects there are; `fields` are those of `AdmissionReview.request`
    and win over everything. `kinds` knows resources that cannot be guessed. Raises BadReview when
    that is no request.
    """
    operation = operation or _operation(value, old_value)
    value, old_value = (_placed(one, kinds) for one in (value, old_value))
    subject = value if isinstance(value, dict) else old_value
    wire = {
        "uid": UID,
        **_names(subject, kinds),
        "operation": operation,
        "userInfo": dict(user or EVERYBODY),
        "object": value,
        "oldObject": old_value,
        "dryRun": False,
        "options": _options(operation),
        **fields,
    }
    wire.setdefault("requestKind", wire.get("kind"))
    wire.setdefault("requestResource", wire.get("resource"))
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": wire}
    return decode_review(orjson.dumps(review), 0.0, NEVER)


def resource_name(group: str, kind: str, kinds: Registry = BUILT_IN_KINDS) -> str:
    """Return the plural of a kind: known for workloads, else guessed as Kubernetes guesses it."""
    known = kinds.find(group, kind)
    return plural_of(kind) if known is None else known.resource


def _operation(value: Json, old_value: Json) -> str:
    if value is None:
        return "DELETE"
    return "CREATE" if old_value is None else "UPDATE"


def _options(operation: str) -> Json:
    kind = _OPTIONS.get(operation)
    return kind and {"apiVersion": "meta.k8s.io/v1", "kind": kind}


def _placed(value: Json, kinds: Registry) -> Json:
    """Return an object of a namespaced kind in a namespace, as the API server makes it."""
    if not isinstance(value, dict) or not isinstance(value.get("metadata", {}), dict):
        return value
    metadata = value.get("metadata", {})
    version, kind = str(value.get("apiVersion")), str(value.get("kind"))
    known = is_namespaced(version, kind) or kinds.find(version.rpartition("/")[0], kind)
    if not known or metadata.get("namespace"):
        return value
    return {**value, "metadata": {**metadata, "namespace": DEFAULT_NAMESPACE}}


def _names(subject: Json, kinds: Registry) -> dict[str, Any]:
    """Return what a request says about its object: kind, resource, name, namespace."""
    if not isinstance(subject, dict):
        return {}
    group, _, version = str(subject.get("apiVersion", "")).rpartition("/")
    kind = str(subject.get("kind", ""))
    metadata = subject.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    resource = resource_name(group, kind, kinds)
    name, namespace = metadata.get("name") or "", metadata.get("namespace") or ""
    if (group, kind) == ("", "Namespace"):
        namespace = name  # kubernetes-cel.md 1.2: a Namespace lies in itself
    placed = {"name": name, "namespace": namespace}
    return {
        "kind": {"group": group, "version": version, "kind": kind},
        "resource": {"group": group, "version": version, "resource": resource},
        **{key: text for key, text in placed.items() if text},
    }
