"""The last good texts, kept in ConfigMaps of Propylon's own namespace for the next start.

The lease holder writes: new pieces first, then the index that names them, then the old pieces go.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from webhook.cluster.backoff import Backoff
from webhook.cluster.client import Cluster, ClusterError
from webhook.cluster.lease import Lease
from webhook.cluster.resources import CONFIG_MAPS
from webhook.model import Json
from webhook.snapshot import Snapshot
from webhook.sources.pieces import (
    DamagedError,
    Packed,
    Stored,
    pack_in_steps,
    stored_sources_in_steps,
    unpack,
)
from webhook.sources.slices import in_slices
from webhook.sources.store import SnapshotStore

logger = logging.getLogger(__name__)

NAME = "propylon-accepted"
LABEL = "propylon.dev/accepted"
READS = 3
"""The writer may replace pieces between our two requests; so often a gap is looked at again."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What the store holds; `is_damaged` when nobody can say any more what was in force."""

    stored: tuple[Stored, ...] = ()
    is_damaged: bool = False


class AcceptedTexts:
    """Reads the texts at the start and keeps them current; start `run` as a task."""

    def __init__(self, cluster: Cluster, namespace: str, backoff: Backoff | None = None) -> None:
        self.problem = ""
        """Why the texts could not be read or written; "" when all is well."""
        self._cluster = cluster
        self._namespace = namespace
        self._backoff = backoff or Backoff()

    async def load(self) -> Restored:
        """Read what is stored, as often as it takes to reach the API server."""
        while True:
            try:
                restored = await self._load()
            except ClusterError as error:
                self._report(str(error))
                await asyncio.sleep(self._backoff.next())
            else:
                self._report("stored documents are damaged" if restored.is_damaged else "")
                self._backoff.reset()
                return restored

    async def run(self, store: SnapshotStore, lease: Lease) -> None:
        """Write each snapshot that is put in force while we hold the Lease; for ever."""
        while True:
            await lease.acquired()
            published = store.current()
            if store.synced and not await self._try_to_save(published.snapshot):
                await asyncio.sleep(self._backoff.next())
            elif store.current() is published:
                await store.changed()

    async def _try_to_save(self, snapshot: Snapshot) -> bool:
        try:
            await self.save(snapshot)
        except ClusterError as error:
            self._report(str(error))
            return False
        self._report("")
        self._backoff.reset()
        return True

    async def save(self, snapshot: Snapshot) -> None:
        """Write what this snapshot holds in force, unless that is what is stored."""
        stored = await in_slices(stored_sources_in_steps(snapshot))
        packed = await in_slices(pack_in_steps(stored))
        index = await self._cluster.get(CONFIG_MAPS, self._namespace, NAME)
        if index is not None and _index(index) == packed.index:
            return
        for name, data in packed.pieces.items():
            await self._create_piece(f"{NAME}-{name[:32]}", data)
        await self._write_index(packed)
        await self._remove_pieces({f"{NAME}-{name[:32]}" for name in packed.pieces})

    async def _load(self) -> Restored:
        for _ in range(READS):
            index = await self._cluster.get(CONFIG_MAPS, self._namespace, NAME)
            if index is None:
                return Restored()
            try:
                return Restored(unpack(_index(index), await self._parts()))
            except DamagedError:
                continue
        return Restored(is_damaged=True)

    async def _parts(self) -> Mapping[str, str]:
        pieces = await self._cluster.list(CONFIG_MAPS, self._namespace, f"{LABEL}=piece")
        return {key: text for one in pieces.items for key, text in (one.get("data") or {}).items()}

    async def _create_piece(self, name: str, data: Mapping[str, str]) -> None:
        try:
            await self._cluster.create(CONFIG_MAPS, self._config_map(name, "piece", data))
        except ClusterError as error:
            if error.status != 409:  # its name says what is in it: the same piece is there already
                raise

    async def _write_index(self, packed: Packed) -> None:
        data = {"parts": "\n".join(packed.index)}
        await self._cluster.apply(CONFIG_MAPS, self._config_map(NAME, "index", data))

    async def _remove_pieces(self, names: set[str]) -> None:
        pieces = await self._cluster.list(CONFIG_MAPS, self._namespace, f"{LABEL}=piece")
        for one in pieces.items:
            name = one["metadata"]["name"]
            if name not in names:
                await self._cluster.delete(CONFIG_MAPS, self._namespace, name)

    def _config_map(self, name: str, role: str, data: Mapping[str, str]) -> Json:
        metadata = {"name": name, "namespace": self._namespace, "labels": {LABEL: role}}
        kind = {"apiVersion": CONFIG_MAPS.api_version, "kind": CONFIG_MAPS.kind}
        return {**kind, "metadata": metadata, "data": dict(data)}

    def _report(self, problem: str) -> None:
        if problem and problem != self.problem:
            logger.warning("accepted documents not read or stored", extra={"reason": problem})
        self.problem = problem


def _index(config_map: Json) -> tuple[str, ...]:
    return tuple((config_map.get("data") or {}).get("parts", "").split())
