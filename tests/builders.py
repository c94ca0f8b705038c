"""The smallest valid objects and requests; a test adds the one thing that it is about.

`pod(container(env=[...]))`, `tweak(deployment(), "spec.replicas", 3)`, `request(pod())`.
"""

from __future__ import annotations

import copy
import re
from typing import Any

from webhook.model import AdmissionRequest, GroupVersionKind, GroupVersionResource, UserInfo
from webhook.objects.paths import Path
from webhook.objects.workloads import workload_kind

Object = dict[str, Any]

REMOVED = object()
"""`tweak(obj, path, REMOVED)` takes the field away."""

UID = "705ab4f5-6393-11e8-b7cc-42010a800002"
DEVELOPER = "alice"

_STEP = re.compile(r"\.?([A-Za-z_$-][\w$-]*)|\[(\d+)\]|\[\"([^\"]*)\"\]")


def container(name: str = "app", **fields: Any) -> Object:
    """Return a container; `env=...`, `image=...` and the like as the API names them."""
    return {"name": name, "image": "registry.example/app:1", **fields}


def metadata(
    name: str,
    namespace: str = "",
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
) -> Object:
    fields = {"name": name, "namespace": namespace, "labels": labels, "annotations": annotations}
    return {key: value for key, value in fields.items() if value}


def pod(
    *containers: Object,
    name: str = "web",
    namespace: str = "shop",
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    **spec: Any,
) -> Object:
    """Return a Pod with the containers (one, if none is given); other words go into its spec."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(name, namespace, labels, annotations),
        "spec": {"containers": list(containers) or [container()], **spec},
    }


def template(*containers: Object, **spec: Any) -> Object:
    """Return a Pod template with the label that the workloads here select."""
    built = pod(*containers, **spec)
    return {"metadata": {"labels": {"app": "web"}}, "spec": built["spec"]}


def deployment(
    *containers: Object,
    name: str = "web",
    namespace: str = "shop",
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    **spec: Any,
) -> Object:
    """Return a Deployment; further words go into its own spec, not into the template's."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(name, namespace, labels, annotations),
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": template(*containers),
            **spec,
        },
    }


def namespace(
    name: str = "shop",
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
) -> Object:
    """Return a Namespace with the label that every API server sets."""
    known = {"kubernetes.io/metadata.name": name, **(labels or {})}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": metadata(name, "", known, annotations),
    }


def owned_by(kind: str, name: str = "web-5d4f", api_version: str = "apps/v1") -> list[Object]:
    """Return the owner references of an object that a controller made."""
    return [{"apiVersion": api_version, "kind": kind, "name": name, "uid": UID, "controller": True}]


def review(
    obj: Object | None = None,
    *,
    operation: str = "CREATE",
    old: Object | None = None,
    user: str = DEVELOPER,
    groups: tuple[str, ...] = ("system:authenticated",),
    sub_resource: str = "",
    **fields: Any,
) -> Object:
    """Return an AdmissionReview as the API server sends it; other words overwrite its request."""
    subject: Object = obj or old or {}
    kind, resource = _names(subject)
    wire = {
        "uid": UID,
        "kind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "resource": {
            "group": resource.group,
            "version": resource.version,
            "resource": resource.resource,
        },
        "name": subject.get("metadata", {}).get("name", ""),
        "namespace": subject.get("metadata", {}).get("namespace", ""),
        "operation": operation,
        "userInfo": {"username": user, "groups": list(groups)},
        "object": obj,
        "oldObject": old,
        "dryRun": False,
        "options": None,
        **({"subResource": sub_resource} if sub_resource else {}),
        **fields,
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": wire}


def request(
    obj: Object | None = None,
    *,
    operation: str = "CREATE",
    old: Object | None = None,
    user: str = DEVELOPER,
    groups: tuple[str, ...] = ("system:authenticated",),
    sub_resource: str = "",
    **fields: Any,
) -> AdmissionRequest:
    """Return the decoded request about an object; other words are fields of AdmissionRequest."""
    subject: Object = obj or old or {}
    kind, resource = _names(subject)
    wire = review(
        obj, operation=operation, old=old, user=user, groups=groups, sub_resource=sub_resource
    )["request"]
    values: dict[str, Any] = {
        "uid": UID,
        "kind": kind,
        "resource": resource,
        "operation": operation,
        "name": wire["name"],
        "namespace": wire["namespace"],
        "sub_resource": sub_resource,
        "user_info": UserInfo(user, groups=groups),
        "object": obj,
        "old_object": old,
        "wire": wire,
    }
    return AdmissionRequest(**{**values, **fields})


def _names(obj: Object) -> tuple[GroupVersionKind, GroupVersionResource]:
    group, _, version = obj.get("apiVersion", "v1").rpartition("/")
    kind = obj.get("kind", "Pod")
    row = workload_kind(group, kind)
    plural = row.resource if row else f"{kind.lower()}s"
    return GroupVersionKind(group, version, kind), GroupVersionResource(group, version, plural)


def tweak(obj: Any, path: str | Path, value: Any) -> Any:
    """Return a copy with one place changed; missing maps on the way are made.

    The path is a tuple of steps or `spec.containers[0].env`, `metadata.labels["a.b/c"]`.
    """
    steps = _steps(path) if isinstance(path, str) else path
    result = copy.deepcopy(obj)
    place = result
    for step in steps[:-1]:
        if isinstance(place, dict):
            place.setdefault(step, {})
        place = place[step]
    if value is REMOVED:
        del place[steps[-1]]
    else:
        place[steps[-1]] = value
    return result


def _steps(path: str) -> Path:
    return tuple(
        int(match[2]) if match[2] else match[1] or match[3] for match in _STEP.finditer(path)
    )
