"""Facts from a directory of objects: what `--objects DIR` answers when there is no cluster.

Objects are plain JSON values of any kind, found by apiVersion, kind, namespace and name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from webhook.cluster.label_query import QueryError, select
from webhook.documents import parse_document
from webhook.model import (
    Access,
    AdmissionRequest,
    ConfigError,
    Deadline,
    Deletions,
    Document,
    Facts,
    Get,
    Json,
    List,
    Lookup,
    SchemaOf,
    Scope,
    Unavailable,
)
from webhook.objects.schemas import Schema, custom_schema
from webhook.snapshot import Snapshot

Kind = tuple[str, str]
Key = tuple[str, str]

DEFINITIONS = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")


class DirectoryResolver:
    """Answers lookups from a fixed set of objects, at once.

    A Namespace that no file describes is taken to exist with nothing but its name, so that a
    directory of policies alone is enough to judge an object in any namespace.
    """

    def __init__(self, objects: Iterable[Json] = ()) -> None:
        self._kinds: dict[Kind, dict[Key, Json]] = {}
        for one in objects:
            metadata = one["metadata"]
            key = (str(metadata.get("namespace") or ""), str(metadata["name"]))
            self._kinds.setdefault((one["apiVersion"], one["kind"]), {})[key] = one

    def known_facts(self, request: AdmissionRequest, _snapshot: Snapshot) -> Facts:
        """Return the request's Namespace; the rest is asked for when it is needed."""
        if not request.namespace:
            return Facts()
        lookup = Get("v1", "Namespace", "", request.namespace)
        return Facts({lookup: self.answer(lookup)})

    async def resolve(
        self, lookups: Collection[Lookup], _deadline: Deadline
    ) -> Mapping[Lookup, Any]:
        """Answer every lookup."""
        return {lookup: self.answer(lookup) for lookup in lookups}

    def answer(self, lookup: Lookup) -> Any:
        """Answer one lookup."""
        if isinstance(lookup, Access):
            return Unavailable("there is no cluster to ask: authorization cannot be checked")
        if isinstance(lookup, Deletions):
            return Unavailable("nobody counts deletions here")
        if isinstance(lookup, Scope):
            return self._scope((lookup.api_version, lookup.kind))
        if isinstance(lookup, SchemaOf):
            return self._schema((lookup.api_version, lookup.kind))
        held = self._kinds.get((lookup.api_version, lookup.kind), {})
        if isinstance(lookup, List):
            return _list(held, lookup)
        found = held.get((lookup.namespace, lookup.name))
        if found is None and (lookup.api_version, lookup.kind) == ("v1", "Namespace"):
            return plain_namespace(lookup.name)
        return found

    def _scope(self, kind: Kind) -> bool | None:
        """Say how a kind is served: as its definition says, else as its objects show."""
        scopes = [scope for one in self._definitions() for scope in _defined_scopes(one, kind)]
        namespaces = [bool(namespace) for namespace, _ in self._kinds.get(kind, ())]
        return next(iter([*scopes, *namespaces]), None)

    def _schema(self, kind: Kind) -> Schema | None:
        """Return what the definition of a kind says about its structure."""
        found = (schema for one in self._definitions() for schema in _defined_schemas(one, kind))
        return next(found, None)

    def _definitions(self) -> Collection[Json]:
        return self._kinds.get(DEFINITIONS, {}).values()


def collect_objects(
    documents: Iterable[Document],
) -> tuple[tuple[Json, ...], tuple[ConfigError, ...]]:
    """Parse the texts into objects of any kind; lists are flattened. Return all errors as well."""
    objects: list[Json] = []
    errors: list[ConfigError] = []
    for document in documents:
        items, found = parse_document(document)
        objects.extend(item.value for item in items)
        errors.extend(found)
    return tuple(objects), tuple(errors)


def plain_namespace(name: str) -> Json:
    """Return the Namespace as the API server makes it when only the name is given."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def _defined_scopes(definition: Json, kind: Kind) -> list[bool]:
    try:
        spec = definition["spec"]
        versions = [f"{spec['group']}/{version['name']}" for version in spec["versions"]]
        is_same = spec["names"]["kind"] == kind[1] and kind[0] in versions
        return [spec["scope"] == "Namespaced"] if is_same else []
    except (LookupError, TypeError):
        return []  # not a definition that a cluster would have taken


def _defined_schemas(definition: Json, kind: Kind) -> list[Schema]:
    try:
        spec = definition["spec"]
        return [
            custom_schema(version["schema"]["openAPIV3Schema"])
            for version in spec["versions"]
            if (f"{spec['group']}/{version['name']}", spec["names"]["kind"]) == kind
        ]
    except (LookupError, TypeError, AttributeError):
        return []  # not a definition that a cluster would have taken


def _list(held: Mapping[Key, Json], lookup: List) -> Any:
    try:
        return select((held[key] for key in sorted(held)), lookup.namespace, lookup.label_selector)
    except QueryError as error:
        return Unavailable(str(error))
