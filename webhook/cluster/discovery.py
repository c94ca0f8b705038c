"""Which resource serves a kind: asked from the API server's discovery and remembered.

A kind that is unknown is asked for again after a while: its CustomResourceDefinition may come.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from webhook.cluster.client import Cluster, ClusterError
from webhook.cluster.resources import CONFIG_MAPS, NAMESPACES, Resource
from webhook.model import Json

RETRY_SECONDS = 5.0
"""A group version is not asked for more often than this."""

MAX_AGE_SECONDS = 600.0
"""A kind may come back with another scope, so what is known is asked for again after this."""

BUILT_IN = {(one.api_version, one.kind): one for one in (NAMESPACES, CONFIG_MAPS)}
"""Kinds that need no question."""


@dataclass(slots=True)
class _GroupVersion:
    kinds: dict[str, Resource] = field(default_factory=dict)
    asked_at: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Discovery:
    """Finds resources by kind. `clock` gives seconds; `time.monotonic` by default."""

    def __init__(self, cluster: Cluster, clock: Callable[[], float] | None = None) -> None:
        self._cluster = cluster
        self._clock = clock or time.monotonic
        self._versions: dict[str, _GroupVersion] = {}

    async def find(self, api_version: str, kind: str) -> Resource | None:
        """Return the resource that serves this kind, or None when the cluster has none."""
        if (api_version, kind) in BUILT_IN:
            return BUILT_IN[api_version, kind]
        known = self._versions.setdefault(api_version, _GroupVersion())
        async with known.lock:  # parallel lookups of one version ask once
            limit = MAX_AGE_SECONDS if kind in known.kinds else RETRY_SECONDS
            if self._clock() - known.asked_at > limit:
                await self._refresh(api_version, known)
        return known.kinds.get(kind)

    def forget(self, api_version: str) -> None:
        """Ask again next time: something that was known did not prove true."""
        self._versions.pop(api_version, None)

    async def _refresh(self, api_version: str, known: _GroupVersion) -> None:
        try:
            known.kinds = await self._ask(api_version)
        except ClusterError:
            if not known.kinds:  # else what was known is a better answer than none
                raise
        known.asked_at = self._clock()

    async def _ask(self, api_version: str) -> dict[str, Resource]:
        path = f"apis/{api_version}" if "/" in api_version else f"api/{api_version}"
        try:
            answer = await self._cluster.fetch(path)
        except ClusterError as error:
            if error.status == 404:
                return {}
            raise
        group, _, version = api_version.rpartition("/")
        found = (_resource(group, version, one) for one in answer.get("resources") or ())
        return {one.kind: one for one in found if "/" not in one.plural}


def _resource(group: str, version: str, entry: Json) -> Resource:
    return Resource(group, version, entry["name"], entry["kind"], bool(entry.get("namespaced")))
