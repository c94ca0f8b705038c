"""A copy of all objects of one resource, kept current by our own list and watch.

Three loops in one another: one watch request; list, then watch for as long as that works; all of
it for ever. Any error (410 among them) lists again and compares. While the API server cannot be
reached the copy stays as it was: only a DELETED event, a list without it, or the end of its kind
removes an object.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from webhook.cluster.backoff import Backoff
from webhook.cluster.client import Cluster, ClusterError
from webhook.cluster.resources import Resource
from webhook.model import Json

logger = logging.getLogger(__name__)

SHORTEST_WATCH = 1.0
"""Seconds; a watch that ends sooner and without a word is an error: do not ask again at once."""

Key = tuple[str, str]
"""Namespace ("" for cluster-scoped objects) and name."""


class WatchCache:
    """The objects of a resource in one namespace ("" means all) that a label selector matches.

    Start `run` as a task; readers use `get`, `objects` and `changed` and never wait for I/O.
    """

    def __init__(
        self,
        cluster: Cluster,
        resource: Resource,
        *,
        namespace: str = "",
        labels: str = "",
        backoff: Backoff | None = None,
    ) -> None:
        self.resource = resource
        self.generation = 0
        """Counts the changes."""
        self.failure = ""
        """Why the copy is not current at the moment; "" when it is."""
        self._cluster = cluster
        self._namespace = namespace
        self._labels = labels
        self._backoff = backoff or Backoff()
        self._objects: dict[Key, Json] = {}
        self._synced = asyncio.Event()
        self._changed = asyncio.Event()

    @property
    def synced(self) -> bool:
        """Tell whether a complete list was received, and the kind is still there."""
        return self._synced.is_set()

    @property
    def objects(self) -> Mapping[Key, Json]:
        """All objects; a view that changes with the cluster."""
        return MappingProxyType(self._objects)

    def get(self, namespace: str, name: str) -> Json | None:
        """Return the object, or None when the copy has none of that name."""
        return self._objects.get((namespace, name))

    async def wait_synced(self) -> None:
        """Wait for the first complete list."""
        await self._synced.wait()

    async def changed(self) -> None:
        """Wait until something changes after this call."""
        await self._changed.wait()

    async def run(self) -> None:
        """Keep the copy current, for ever."""
        while True:
            try:
                await self._list_and_watch()
            except ClusterError as error:
                if error.status == 404:
                    self._forget()
                self._note_failure(str(error))
                await asyncio.sleep(self._backoff.next())

    async def _list_and_watch(self) -> None:
        listing = await self._cluster.list(self.resource, self._namespace, self._labels)
        self._compare(listing.items)
        version = listing.resource_version
        while True:
            version = await self._watch(version)

    async def _watch(self, version: str) -> str:
        """Follow one watch request to its end; return the version to go on from."""
        begin, is_silent = time.monotonic(), True
        watch = self._cluster.watch(self.resource, self._namespace, self._labels, version)
        async with watch as events:
            self._note_success()
            async for event in events:
                is_silent = False
                self._backoff.reset()
                version = self._take(event)
        if is_silent and time.monotonic() - begin < SHORTEST_WATCH:
            raise ClusterError(f"the watch of {self.resource.name} ended at once")
        return version

    def _take(self, event: Json) -> str:
        kind, value = event["type"], event["object"]
        if kind == "ERROR":  # 410 Gone and everything else: the version is of no use any more
            text = value.get("message", "no reason given")
            raise ClusterError(f"the watch of {self.resource.name} ended: {text}")
        if kind != "BOOKMARK":
            key = _key(value)
            if kind == "DELETED":
                self._objects.pop(key, None)
            else:
                self._objects[key] = value
            self._announce()
        return _version(value)

    def _compare(self, items: Iterable[Json]) -> None:
        """Take over a complete list; announce it only if it differs from the copy."""
        found = {_key(one): one for one in items}
        before = {key: _version(one) for key, one in self._objects.items()}
        is_same = before == {key: _version(one) for key, one in found.items()}
        if not is_same:
            self._objects.clear()
            self._objects.update(found)
        if not is_same or not self.synced:
            self._announce()
        self._synced.set()

    def _forget(self) -> None:
        """Know nothing again: the kind itself is gone (its CustomResourceDefinition was deleted)."""
        self._objects.clear()
        self._synced.clear()
        self._announce()

    def _announce(self) -> None:
        self.generation += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _note_failure(self, text: str) -> None:
        if not self.failure:  # one line for an outage, not one for each attempt
            extra = {"resource": self.resource.name, "reason": text}
            logger.warning("watch interrupted, listing again", extra=extra)
        self.failure = text

    def _note_success(self) -> None:
        if self.failure:
            logger.info("watch works again", extra={"resource": self.resource.name})
        self.failure = ""


def _key(value: Json) -> Key:
    metadata = value["metadata"]
    return str(metadata.get("namespace") or ""), str(metadata["name"])


def _version(value: Json) -> str:
    return str(value["metadata"].get("resourceVersion"))
