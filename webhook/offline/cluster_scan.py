"""Looks at the objects of a cluster, page by page, and judges them on the way.

Nothing is written. What may not be listed is a problem of its own; the rest goes on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from webhook.cluster.catalogue import read_catalogue
from webhook.cluster.client import Cluster, ClusterError
from webhook.cluster.discovery import Discovery
from webhook.cluster.lookups import Resolver
from webhook.cluster.resources import CONFIG_MAPS, NAMESPACES, Resource
from webhook.model import NEVER, Document, Facts, Get, Json, Lookup, NeedFacts, Platform
from webhook.offline.manifests import Manifest
from webhook.offline.reach import reached
from webhook.offline.scan import Asked, Policies, Scan, Scanned, scan_with
from webhook.publication import LABEL, documents_of

Moved = Callable[[str, int, int], None]
"""Is told what is looked at, how many objects of it were, and how many there are."""

NO_RIGHTS = 403
RIGHTS = "; `propylon scan --rights` prints the roles that a scan needs"


async def documents_in_force(cluster: Cluster, platform: Platform) -> tuple[Document, ...]:
    """Return the documents in the labelled ConfigMaps; raise ClusterError."""
    labels = f"{platform.prefix}/{LABEL}=true"
    found = await cluster.list(CONFIG_MAPS, platform.policy_namespace, labels)
    return tuple(one for config_map in found.items for one in documents_of(config_map))


async def scan_cluster(
    cluster: Cluster, policies: Policies, asked: Asked, namespace: str, moved: Moved
) -> Scan:
    """Judge everything that the policies are about, in one namespace or ("") everywhere.

    Raise ClusterError when not even discovery works.
    """
    catalogue = await read_catalogue(cluster)
    scanner = _Scanner(cluster, policies, asked, moved)
    await scanner.load_namespaces()
    for resource in reached(catalogue.resources, policies.entries, asked.operation):
        if resource.namespaced or not namespace:
            await scanner.scan(resource, namespace)
    return Scan(tuple(scanner.scanned), (*catalogue.problems, *scanner.problems))


class _Scanner:
    """What was found so far, and the facts that were asked for: each only once."""

    def __init__(self, cluster: Cluster, policies: Policies, asked: Asked, moved: Moved) -> None:
        self._cluster = cluster
        self._policies = policies
        self._asked = asked
        self._moved = moved
        self._resolver = Resolver(cluster, Discovery(cluster))
        self._known: dict[Lookup, Any] = {}
        self.scanned: list[Scanned] = []
        self.problems: list[str] = []

    async def load_namespaces(self) -> None:
        """Remember all Namespaces: nearly every object needs its own."""
        async with self._noting(NAMESPACES):
            async for page in self._cluster.pages(NAMESPACES):
                for one in page.items:
                    self._known[Get("v1", "Namespace", "", one["metadata"]["name"])] = one

    async def scan(self, resource: Resource, namespace: str) -> None:
        """Judge all objects of a resource, those before the list broke if it does."""
        done = 0
        async with self._noting(resource):
            async for page in self._cluster.pages(resource, namespace):
                for value in page.items:
                    self.scanned.append(await self._judge(Manifest("", value)))
                done += len(page.items)
                self._moved(resource.name, done, done + page.remaining)

    @asynccontextmanager
    async def _noting(self, resource: Resource) -> AsyncIterator[None]:
        try:
            yield
        except ClusterError as error:
            advice = RIGHTS if error.status == NO_RIGHTS else ""
            self.problems.append(f"{resource.name}: {error}{advice}")

    async def _judge(self, manifest: Manifest) -> Scanned:
        while True:
            try:
                found = scan_with(manifest, self._policies, self._asked, Facts(self._known))
                return replace(found, manifest=_named(manifest.value))
            except NeedFacts as need:
                self._known |= await self._resolver.resolve(need.lookups, NEVER)


def _named(value: Json) -> Manifest:
    """Return what names an object: a cluster holds more than we want to keep."""
    metadata = {key: value["metadata"].get(key, "") for key in ("name", "namespace")}
    kept = {"apiVersion": value["apiVersion"], "kind": value["kind"], "metadata": metadata}
    return Manifest("", kept)
