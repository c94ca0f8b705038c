"""The schemas of custom resources, from the API server's OpenAPI v3 documents.

The index is asked for at most every few seconds; a document is read again only when its address,
which holds a hash of it, has changed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from webhook.cluster.client import Cluster, ClusterError
from webhook.objects.schemas import Schema, schemas_by_kind

INDEX = "openapi/v3"

REFRESH_SECONDS = 5.0
"""The API server itself looks at the index as often as this for its own policies."""


@dataclass(slots=True)
class _Document:
    address: str
    kinds: Mapping[tuple[str, str], Schema]


@dataclass(slots=True)
class _Index:
    addresses: Mapping[str, str] = field(default_factory=dict)
    asked_at: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class OpenApi:
    """Finds schemas by kind. `clock` gives seconds; `time.monotonic` by default."""

    def __init__(self, cluster: Cluster, clock: Callable[[], float] | None = None) -> None:
        self._cluster = cluster
        self._clock = clock or time.monotonic
        self._index = _Index()
        self._documents: dict[str, _Document] = {}

    async def find(self, api_version: str, kind: str) -> Schema | None:
        """Return the schema of this kind, or None when the cluster has none."""
        async with self._index.lock:  # parallel lookups ask once
            if self._clock() - self._index.asked_at > REFRESH_SECONDS:
                await self._refresh()
            path = _path(api_version)
            address = self._index.addresses.get(path)
            if address is None:
                return None
            document = self._documents.get(api_version)
            if document is None or document.address != address:
                content = await self._cluster.fetch(f"{INDEX}/{path}")
                document = _Document(address, schemas_by_kind(content))
                self._documents[api_version] = document
        return document.kinds.get((api_version, kind))

    async def _refresh(self) -> None:
        try:
            answer = await self._cluster.fetch(INDEX)
        except ClusterError:
            if not self._index.addresses:  # else what was known is a better answer than none
                raise
        else:
            paths = answer.get("paths") or {}
            self._index.addresses = {
                path: entry["serverRelativeURL"] for path, entry in paths.items()
            }
        self._index.asked_at = self._clock()


def _path(api_version: str) -> str:
    return f"apis/{api_version}" if "/" in api_version else f"api/{api_version}"
