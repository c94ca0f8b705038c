"""Look at all workloads, Pods and nodes once, for reports: where replicas run (platform-rules D.7).

Reads only, page by page, and keeps of a Pod what counts. What may not be listed is a problem in
words; the rest goes on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from webhook.cluster.catalogue import read_catalogue
from webhook.cluster.client import Cluster, ClusterError
from webhook.cluster.resources import Resource
from webhook.exemptions import Family, namespaces_left_out
from webhook.model import Json, Platform
from webhook.objects.paths import get
from webhook.objects.workloads import WorkloadKind
from webhook.rules.spread import Config
from webhook.rules.spread.placement import (
    Nodes,
    PlacedPod,
    Placement,
    is_looked_at,
    nodes_of,
    placed_pod,
    placement_of,
)

Moved = Callable[[str, int, int], None]
"""Is told what is looked at, how many objects of it were, and how many there are."""


def nobody(_what: str, _done: int, _all: int) -> None:
    """Tell nobody."""


ANY_VERSION = "*"
V1 = ("v1",)


class Reader(Protocol):
    """Who lists objects."""

    def read(self, group: str, versions: tuple[str, ...], kind: str, /) -> AsyncIterator[Json]:
        """Yield all objects of a kind; none when it is not served. Raise ClusterError."""
        ...


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found, by Namespace and name, and what could not be looked at."""

    placements: tuple[Placement, ...]
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class ObjectsReader:
    """Reads objects that are at hand."""

    objects: Iterable[Json]

    async def read(self, group: str, _versions: tuple[str, ...], kind: str) -> AsyncIterator[Json]:
        """Yield the objects of a kind, in any version."""
        for one in self.objects:
            found = str(one["apiVersion"]).rpartition("/")[0]
            if (found, one["kind"]) == (group, kind):
                yield one


@dataclass(slots=True)
class ClusterReader:
    """Reads a cluster; `namespace` "" means all. `resources` are what it serves."""

    cluster: Cluster
    resources: tuple[Resource, ...]
    namespace: str = ""
    moved: Moved = nobody

    async def read(self, group: str, versions: tuple[str, ...], kind: str) -> AsyncIterator[Json]:
        """List the kind in the first version of these that is served, page by page."""
        resource = self._find(group, versions, kind)
        if resource is None:
            return
        done = 0
        async for page in self.cluster.pages(resource, self.namespace):
            for one in page.items:
                yield one
            done += len(page.items)
            self.moved(resource.name, done, done + page.remaining)

    def _find(self, group: str, versions: tuple[str, ...], kind: str) -> Resource | None:
        served = [one for one in self.resources if (one.group, one.kind) == (group, kind)]
        for version in versions:
            for one in served:
                if version in (one.version, ANY_VERSION):
                    return one
        return None


async def reader_of(
    cluster: Cluster, config: Config, namespace: str = "", moved: Moved = nobody
) -> tuple[ClusterReader, tuple[str, ...]]:
    """Return who reads this cluster, and API groups of our kinds that do not answer.

    Raise ClusterError when discovery cannot be had.
    """
    catalogue = await read_catalogue(cluster)
    paths = {f"apis/{kind.group}/" for kind in config.kinds.values()}
    problems = (one for one in catalogue.problems if any(path in one for path in paths))
    return ClusterReader(cluster, catalogue.resources, namespace, moved), tuple(problems)


async def survey(reader: Reader, config: Config, platform: Platform) -> Survey:
    """Return where each workload that rule D is about runs.

    Without nodes, Namespaces and Pods nothing can be said; without one kind of workload the others
    are still told.
    """
    problems: list[str] = []
    try:
        around = await _surroundings(reader)
    except ClusterError as error:
        return Survey((), (str(error),))
    left_out = frozenset(namespaces_left_out(Family.RULES, platform))
    placements: list[Placement] = []
    for kind in config.kinds.values():
        try:
            async for value in reader.read(kind.group, kind.versions, kind.kind):
                if is_looked_at(value, config, left_out):
                    found = around.placement(kind, value, config)
                    placements += [found] if found else []
        except ClusterError as error:
            problems.append(str(error))
    placements.sort(key=lambda one: (one.namespace, one.name, one.kind))
    return Survey(tuple(placements), tuple(problems))


@dataclass(frozen=True, slots=True)
class _Surroundings:
    nodes: Nodes
    namespaces: Mapping[str, Json]
    pods: Mapping[str, list[PlacedPod]]

    def placement(self, kind: WorkloadKind, value: Json, config: Config) -> Placement | None:
        namespace = str(get(value, ("metadata", "namespace")) or "")
        pods = self.pods.get(namespace, ())
        around = self.namespaces.get(namespace)
        return placement_of(kind, value, pods, self.nodes, around, config)


async def _surroundings(reader: Reader) -> _Surroundings:
    nodes = nodes_of([one async for one in reader.read("", V1, "Node")])
    namespaces = {
        str(get(one, ("metadata", "name"))): one async for one in reader.read("", V1, "Namespace")
    }
    pods: dict[str, list[PlacedPod]] = {}
    async for one in reader.read("", V1, "Pod"):
        found = placed_pod(one)
        if found is not None:
            pods.setdefault(str(get(one, ("metadata", "namespace"))), []).append(found)
    return _Surroundings(nodes, namespaces, pods)
