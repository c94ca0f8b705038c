"""Documents from the labelled ConfigMaps of the policy namespace.

The copy is kept by a WatchCache; here its ConfigMaps become Documents, unparsed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from webhook.cluster.client import Cluster
from webhook.cluster.resources import CONFIG_MAPS
from webhook.cluster.watch import WatchCache
from webhook.model import Document, Json, Platform
from webhook.publication import LABEL, documents_of

SETTLE_SECONDS = 0.05
"""Several ConfigMaps applied together come as several events; they make one snapshot."""


class ConfigMapSource:
    """The ConfigMaps with `PFX/policies: "true"`; start `run` as a task, iterate `documents`."""

    def __init__(self, cluster: Cluster, platform: Platform) -> None:
        self.cache = WatchCache(
            cluster,
            CONFIG_MAPS,
            namespace=platform.policy_namespace,
            labels=f"{platform.prefix}/{LABEL}=true",
        )

    async def run(self) -> None:
        """Keep the copy current, for ever."""
        await self.cache.run()

    async def documents(self) -> AsyncIterator[tuple[Document, ...]]:
        """Yield all documents when the first list is complete, then after every change."""
        await self.cache.wait_synced()
        last = None
        while True:
            generation = self.cache.generation
            documents = self._documents()
            if documents != last and self.cache.synced:
                last = documents
                yield documents
            if self.cache.generation == generation:
                await self.cache.changed()
            await asyncio.sleep(SETTLE_SECONDS)

    def _documents(self) -> tuple[Document, ...]:
        config_maps = sorted(self.cache.objects.values(), key=_age)
        return tuple(one for config_map in config_maps for one in documents_of(config_map))


def _age(config_map: Json) -> tuple[str, str]:
    """Order by creation: of two documents with one name, the one that came later is refused."""
    metadata = config_map["metadata"]
    return str(metadata.get("creationTimestamp") or ""), str(metadata["name"])
