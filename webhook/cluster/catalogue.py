"""Everything that a cluster serves and lists: asked from discovery, group by group.

For the command line; the server asks for single kinds (`discovery`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from webhook.cluster.client import Cluster, ClusterError
from webhook.cluster.resources import Resource
from webhook.model import Json


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Resources that can be listed, the preferred version of a group first; and what failed."""

    resources: tuple[Resource, ...]
    problems: tuple[str, ...]


async def read_catalogue(cluster: Cluster) -> Catalogue:
    """Return what the API server serves; an aggregated API that is down is a problem of its own.

    Raise ClusterError when discovery itself cannot be had.
    """
    groups = (await cluster.fetch("apis")).get("groups") or ()
    resources: list[Resource] = []
    problems: list[str] = []
    for path, group, version in (("api/v1", "", "v1"), *_versions(groups)):
        try:
            answer = await cluster.fetch(path)
        except ClusterError as error:
            problems.append(str(error))
            continue
        resources += _listable(answer, group, version)
    return Catalogue(tuple(resources), tuple(problems))


def _versions(groups: Json) -> Iterator[tuple[str, str, str]]:
    for group in groups:
        preferred = (group.get("preferredVersion") or {}).get("version")
        versions = [one["version"] for one in group.get("versions") or ()]
        for version in sorted(versions, key=lambda one: one != preferred):
            yield f"apis/{group['name']}/{version}", group["name"], version


def _listable(answer: Json, group: str, version: str) -> Iterator[Resource]:
    for one in answer.get("resources") or ():
        if "/" not in one["name"] and "list" in (one.get("verbs") or ()):
            kind, namespaced = one["kind"], bool(one.get("namespaced"))
            yield Resource(group, version, one["name"], kind, namespaced)
