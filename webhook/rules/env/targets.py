"""What variables are injected into: a Pod, or one Pod template inside a workload.

Reads the object with care: what has another type than the API's is left to the API server.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from webhook.model import NOTHING, AdmissionRequest, Facts, Get, Json
from webhook.objects.paths import Path, get
from webhook.objects.workloads import (
    BUILT_IN_KINDS,
    Registry,
    Template,
    controller_of,
    templates,
)

_LISTS = (("containers", "app"), ("initContainers", "init"), ("ephemeralContainers", "ephemeral"))


@dataclass(frozen=True, slots=True)
class Container:
    """One container: where it is in the object, and of which kind (app, init, sidecar, ephemeral)."""

    path: Path
    value: Mapping[str, Json]
    name: str
    kind: str

    @property
    def env(self) -> list[Json]:
        """The entries as received; null and absent are no entries."""
        return self.value.get("env") or []

    @property
    def env_from(self) -> list[Json]:
        """The sources as received."""
        return self.value.get("envFrom") or []


@dataclass(frozen=True, slots=True)
class Target:
    """A Pod or a template, with what rules select by.

    `namespace_object` is {} when the Namespace is unknown, and then `namespace_is_known` is false.
    """

    path: Path
    metadata: Mapping[str, Json]
    spec: Mapping[str, Json]
    containers: tuple[Container, ...]
    namespace: str
    namespace_object: Mapping[str, Json] = NOTHING
    namespace_is_known: bool = True
    owner_kind: str = ""
    owner_name: str = ""

    @property
    def labels(self) -> Mapping[str, Json]:
        """The labels of the Pod."""
        return _map(self.metadata.get("labels"))

    @property
    def annotations(self) -> Mapping[str, Json]:
        """The annotations of the Pod."""
        return _map(self.metadata.get("annotations"))

    @property
    def namespace_labels(self) -> Mapping[str, Json]:
        """The labels of the Namespace."""
        return _map(get(self.namespace_object, ("metadata", "labels")))

    @property
    def namespace_annotations(self) -> Mapping[str, Json]:
        """The annotations of the Namespace."""
        return _map(get(self.namespace_object, ("metadata", "annotations")))

    @property
    def os(self) -> str:
        """The operating system of the Pod, linux when nothing says it."""
        chosen = get(self.spec, ("os", "name")) or get(
            self.spec, ("nodeSelector", "kubernetes.io/os")
        )
        return str(chosen or "linux")


def _map(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else NOTHING


def pod_targets(request: AdmissionRequest, facts: Facts) -> tuple[Target, ...]:
    """Return the Pod with the containers that this request creates, () for a malformed one.

    A request for `pods/ephemeralcontainers` creates the ephemeral containers that are not stored.
    """
    owner = _pod_owner(request, facts)
    found = tuple(_target(request, one, owner) for one in _templates(request))
    if request.sub_resource != "ephemeralcontainers":
        return found
    stored = {
        one.name
        for old in _templates(request.with_object(request.old_object))
        for one in _containers(("spec",), old.spec)
    }
    return tuple(
        replace(
            target, containers=tuple(one for one in target.containers if one.name not in stored)
        )
        for target in found
    )


def template_targets(request: AdmissionRequest, value: Json, kinds: Registry) -> tuple[Target, ...]:
    """Return the templates of a workload (the incoming or the stored object)."""
    owner = request.kind.kind, str(get(value, ("metadata", "name")) or "")
    found = _templates(request.with_object(value), kinds)
    return tuple(_target(request, one, owner) for one in found)


def _templates(request: AdmissionRequest, kinds: Registry = BUILT_IN_KINDS) -> tuple[Template, ...]:
    kind = kinds.find(request.kind.group, request.kind.kind)
    return templates(kind, request.object) if kind else ()


def _target(request: AdmissionRequest, template: Template, owner: tuple[str, str]) -> Target:
    return Target(
        path=template.path,
        metadata=template.metadata,
        spec=template.spec,
        containers=tuple(_containers((*template.path, "spec"), template.spec)),
        namespace=request.namespace,
        owner_kind=owner[0],
        owner_name=owner[1],
    )


def _containers(path: Path, spec: Mapping[str, Json]) -> Iterator[Container]:
    for field, kind in _LISTS:
        elements = spec.get(field)
        for index, value in enumerate(elements if isinstance(elements, list) else ()):
            if _is_readable(value):
                sidecar = kind == "init" and value.get("restartPolicy") == "Always"
                name = str(value.get("name", ""))
                yield Container((*path, field, index), value, name, "sidecar" if sidecar else kind)


def _is_readable(value: Json) -> bool:
    """Tell whether the container's env and envFrom are of the API's types, as far as we read."""
    return isinstance(value, dict) and all(
        isinstance(one, dict) and isinstance(one.get("name", ""), str)
        for field in ("env", "envFrom")
        for one in _elements(value.get(field))
    )


def _elements(value: Json) -> list[Json]:
    """Return the elements of a list, none for null, and an unreadable one for anything else."""
    if value is None:
        return []
    return value if isinstance(value, list) else [None]


def _pod_owner(request: AdmissionRequest, facts: Facts) -> tuple[str, str]:
    """Return kind and name of the controller; a ReplicaSet's Deployment only when it is cached."""
    owner = controller_of(request.object)
    if owner is None:
        return "", ""
    kind, name = str(owner.get("kind", "")), str(owner.get("name", ""))
    cached = facts.known.get(Get("apps/v1", "ReplicaSet", request.namespace, name))
    above = controller_of(cached) if kind == "ReplicaSet" and isinstance(cached, dict) else None
    if above is None:
        return kind, name
    return str(above.get("kind", "")), str(above.get("name", ""))


def with_namespace(target: Target, answer: Json) -> Target:
    """Return the target with the Namespace as the facts have it (None, Unavailable: unknown)."""
    if isinstance(answer, dict):
        return replace(target, namespace_object=answer)
    return replace(target, namespace_object=NOTHING, namespace_is_known=False)
