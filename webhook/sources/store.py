"""The one place that holds what is in force: a snapshot and the webhook entries that serve it.

A request reads it once and keeps what it read. Nothing is built here: `publish` is an assignment.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from webhook.model import Registration
from webhook.snapshot import EMPTY, Snapshot

REMEMBERED_DIGESTS = 100
"""So many digests are remembered: a replica that is ahead of the announced one is not behind."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a request is decided with.

    `registrations` are the entries that are answered; while the webhook configurations change
    they hold the old entries and the new ones.
    """

    snapshot: Snapshot
    registrations: tuple[Registration, ...] = ()


class SnapshotStore:
    """Holds the published snapshot; readers never wait.

    `server.py` makes one, gives it to `create_app` and to the tasks that publish.
    """

    def __init__(self) -> None:
        self._published = Published(EMPTY)
        self._digests: deque[str] = deque(maxlen=REMEMBERED_DIGESTS)
        self._changed = asyncio.Event()

    @property
    def synced(self) -> bool:
        """Tell whether a first complete snapshot was published."""
        return bool(self._digests)

    def current(self) -> Published:
        """Return what is in force now."""
        return self._published

    def publish(self, snapshot: Snapshot, registrations: tuple[Registration, ...]) -> None:
        """Put this snapshot in force, answered at these entries."""
        self._published = Published(snapshot, registrations)
        if snapshot.digest not in self._digests:
            self._digests.append(snapshot.digest)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def has_had(self, digest: str) -> bool:
        """Tell whether the snapshot of that digest is or was in force here."""
        return digest in self._digests

    async def changed(self) -> Published:
        """Wait for the next publication and return it."""
        await self._changed.wait()
        return self._published
