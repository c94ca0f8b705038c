"""A small cluster, requests about it and the configuration of rule E, for its tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.builders import Object, deployment, namespace, pod, request, tweak
from tests.rules.documents import ACTORS, Spec, item
from webhook.cluster.label_query import select
from webhook.model import (
    AdmissionRequest,
    ConfigError,
    Facts,
    Get,
    List,
    Lookup,
    Outcome,
    Platform,
    Scope,
    Unavailable,
)
from webhook.rules.actors import Actors
from webhook.rules.protect import RULE, Config

OURS, ALIAS = "propylon.dev/delete-protection", "policy.kruise.io/delete-protection"
STATE = "propylon.dev/delete-protection-state"
AT, BY, LEVEL = (f"propylon.dev/protection-removed-{word}" for word in ("at", "by", "level"))
ALWAYS, CASCADING = {OURS: "Always"}, {OURS: "Cascading"}

SYSTEM = "system:serviceaccount:kube-system:"
SYSTEM_GROUPS = ("system:serviceaccounts", "system:serviceaccounts:kube-system")
KRUISE_MANAGER = "system:serviceaccount:kruise-system:kruise-manager"
BREAKGLASS = ("propylon.dev:breakglass", "system:authenticated")

NOW = 1_767_225_600.0
"""2026-01-01T00:00:00Z."""
GOING = "2025-12-31T23:59:00Z"


class World(Mapping[Lookup, Any]):
    """Everything there is, asked as the API server is; `broken` kinds do not answer.

    A kind of another project is served when it is named, or when there is an object of it.
    """

    def __init__(self, *objects: Object, broken: tuple[str, ...] = (), scopes: Any = None) -> None:
        self._objects = objects
        self._broken = broken
        self._scopes: dict[tuple[str, str], Any] = scopes or {}
        self.asked: list[Lookup] = []

    def __getitem__(self, lookup: Lookup) -> Any:
        assert isinstance(lookup, Get | List | Scope)
        self.asked.append(lookup)
        if isinstance(lookup, Scope):
            return self._scope(lookup)
        assert lookup.live
        if lookup.kind in self._broken:
            return Unavailable("the API server did not answer in time")
        held = [
            one
            for one in self._objects
            if (one["apiVersion"], one["kind"]) == (lookup.api_version, lookup.kind)
        ]
        if isinstance(lookup, List):
            found = list(select(held, lookup.namespace, lookup.label_selector))
            return found[: lookup.limit or None]
        place = (lookup.namespace, lookup.name)
        named = (one for one in held if (_namespace(one), one["metadata"]["name"]) == place)
        return next(named, None)

    def _scope(self, lookup: Scope) -> Any:
        kind = (lookup.api_version, lookup.kind)
        if kind in self._scopes:
            return self._scopes[kind]
        is_there = any((one["apiVersion"], one["kind"]) == kind for one in self._objects)
        return True if is_there else None

    def __contains__(self, lookup: object) -> bool:
        return True

    def __iter__(self) -> Iterator[Lookup]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _namespace(one: Object) -> str:
    return str(one["metadata"].get("namespace", ""))


def config(
    spec: Spec | None = None, grants: dict[str, Spec] | None = None, actors: Actors = ACTORS
) -> Config:
    """Return the configuration of one document `main`, and of grants by name."""
    built, errors = build({"main": spec or {}}, grants, actors)
    assert errors == ()
    return built


def build(
    documents: dict[str, Spec], grants: dict[str, Spec] | None = None, actors: Actors = ACTORS
) -> tuple[Config, tuple[ConfigError, ...]]:
    """Return the configuration of documents that have no errors, and the errors between them."""
    items = [item("DeletionProtection", name, spec) for name, spec in documents.items()]
    given = [item("DeletionGrant", name, spec) for name, spec in (grants or {}).items()]
    parse_grant = RULE.further_kinds["DeletionGrant"]
    errors = [error for one in items for error in RULE.parse(one)]
    assert [*errors, *(error for one in given for error in parse_grant(one))] == []
    built, found = RULE.build((*items, *given), actors, Platform())
    assert isinstance(built, Config)
    return built, found


def thing(
    kind: str,
    labels: Any = None,
    *,
    name: str = "web",
    namespace: str = "shop",
    annotations: Any = None,
    owner: tuple[str, str] | None = None,
    **fields: Any,
) -> Object:
    """Return an object: `thing("Deployment.apps/v1", ALWAYS, spec={...})`; kinds of v1 stand alone."""
    short, _, version = kind.partition(".")
    metadata: dict[str, Any] = {"name": name, "uid": f"uid-of-{name}"}
    metadata |= {"namespace": namespace} if namespace else {}
    metadata |= {"labels": labels} if labels else {}
    metadata |= {"annotations": annotations} if annotations else {}
    if owner:
        owner_kind, owner_version = owner
        reference = {"apiVersion": owner_version, "kind": owner_kind, "name": "parent"}
        metadata["ownerReferences"] = [{**reference, "uid": "uid-of-parent", "controller": True}]
    return {"apiVersion": version or "v1", "kind": short, "metadata": metadata, **fields}


def web(labels: Any = None, replicas: int | None = 3, running: int = 0, **fields: Any) -> Object:
    """Return a Deployment shop/web."""
    built = deployment(labels=labels, **fields)
    built["metadata"]["uid"] = "uid-of-web"
    if replicas is not None:
        built["spec"]["replicas"] = replicas
    return {**built, "status": {"replicas": running}}


def cooling(level: str = "Always", at: str = GOING, by: str = "alice") -> dict[str, Any]:
    """Return labels and annotations of an object whose label was removed."""
    return {"labels": {STATE: "cooling"}, "annotations": {AT: at, BY: by, LEVEL: level}}


def going(value: Object) -> Object:
    """Return the object on its way out."""
    gone: Object = tweak(value, "metadata.deletionTimestamp", GOING)
    return gone


def a_pod(phase: str = "Running", name: str = "p", labels: Any = None, **spec: Any) -> Object:
    """Return a Pod in a phase."""
    built = pod(name=name, labels=labels, **spec)
    built["metadata"]["uid"] = f"uid-of-{name}"
    return {**built, "status": {"phase": phase}}


def shop(labels: Any = None, **fields: Any) -> Object:
    """Return the Namespace shop."""
    return namespace("shop", labels, **fields)


def delete(value: Object, **fields: Any) -> AdmissionRequest:
    """Return the request to delete an object; `namespace` as the API server sets it."""
    fields.setdefault("received_at", NOW)
    if value["kind"] == "Namespace":
        fields.setdefault("namespace", value["metadata"]["name"])
    return request(old=value, operation="DELETE", **fields)


def update(old: Object, new: Object, **fields: Any) -> AdmissionRequest:
    """Return the request to change an object."""
    fields.setdefault("received_at", NOW)
    return request(new, old=old, operation="UPDATE", **fields)


def create(value: Object, **fields: Any) -> AdmissionRequest:
    """Return the request to create an object."""
    fields.setdefault("received_at", NOW)
    return request(value, **fields)


def system(name: str) -> dict[str, Any]:
    """Return the identity of a controller of kube-system."""
    return {"user": SYSTEM + name, "groups": SYSTEM_GROUPS}


def validate(asked: AdmissionRequest, built: Config, world: World) -> Outcome:
    """Return what the validating part says."""
    assert RULE.validate is not None
    return RULE.validate(asked, built, Facts(world))


def mutate(asked: AdmissionRequest, built: Config) -> Outcome:
    """Return what the mutating part says."""
    assert RULE.mutate is not None
    return RULE.mutate(asked, built, Facts())
