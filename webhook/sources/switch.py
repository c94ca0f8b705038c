"""From documents to the snapshot in force: build aside, widen, switch, narrow.

The first snapshot is put in force only when no document that once was in force is missing.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

from webhook.model import Document, Platform, Registration
from webhook.registration import registrations
from webhook.snapshot import Snapshot, build_in_steps, parts_of
from webhook.sources.accepted import Restored
from webhook.sources.pieces import missing_documents, restored_documents
from webhook.sources.slices import idle, in_slices
from webhook.sources.store import SnapshotStore
from webhook.steps import Steps

logger = logging.getLogger(__name__)


class Gate(Protocol):
    """Who changes what the API server sends, around a switch."""

    async def before_switch(self, coming: Sequence[Registration]) -> None:
        """Have everything sent that the coming snapshot needs."""
        ...

    async def after_switch(self, entries: Sequence[Registration]) -> None:
        """Have no more sent than the snapshot in force needs."""
        ...


class Open:
    """The gate of an installation whose configurations others write: nothing to do."""

    async def before_switch(self, coming: Sequence[Registration]) -> None:
        """Do nothing."""

    async def after_switch(self, entries: Sequence[Registration]) -> None:
        """Do nothing."""


class Switch:
    """Puts documents in force; start `run` as a task.

    `announce` gets the digest of each snapshot after its switch.
    """

    def __init__(
        self,
        store: SnapshotStore,
        platform: Platform,
        gate: Gate,
        announce: Callable[[str], None] | None = None,
    ) -> None:
        self.missing: tuple[str, ...] = ()
        """Documents that keep the first snapshot from being put in force."""
        self._store = store
        self._platform = platform
        self._gate = gate
        self._announce = announce
        self._restored = Restored()
        self._previous: Snapshot | None = None
        self._releasing: set[asyncio.Task[None]] = set()

    async def restore(self, restored: Restored) -> None:
        """Take the stored texts as last good versions; call it before `run`."""
        self._restored = restored
        documents = restored_documents(restored.stored)
        self._previous = await self._build(documents) if documents else None

    async def run(self, documents: AsyncIterator[tuple[Document, ...]]) -> None:
        """Put every set of documents in force, for as long as there are any."""
        async for texts in documents:
            await self.offer(texts)

    async def offer(self, documents: Sequence[Document]) -> None:
        """Build the snapshot of these documents and put it in force."""
        snapshot = await self._build(documents)
        if not self._store.synced and self._is_incomplete(snapshot):
            return
        previous, self._previous = self._previous, snapshot
        entries = registrations(snapshot)
        await idle()
        await self._gate.before_switch(entries)
        self._store.publish(snapshot, entries)
        self._release(previous)
        del previous
        await self._gate.after_switch(entries)
        if self._announce is not None:
            self._announce(snapshot.digest)

    async def _build(self, documents: Sequence[Document]) -> Snapshot:
        snapshot = await in_slices(build_in_steps(documents, self._previous, self._platform))
        gc.freeze()  # it is freed without the collector, which need not look at it again
        return snapshot

    def _release(self, previous: Snapshot | None) -> None:
        """Have a former snapshot freed once nobody uses it any more."""
        if previous is not None:
            task = asyncio.create_task(_let_go([previous]))
            self._releasing.add(task)
            task.add_done_callback(self._releasing.discard)

    def _is_incomplete(self, snapshot: Snapshot) -> bool:
        if self._restored.is_damaged:
            self.missing = tuple(sorted({str(error.origin) for error in snapshot.errors}))
        else:
            self.missing = missing_documents(self._restored.stored, snapshot)
        if self.missing:
            extra = {"documents": self.missing, "errors": [str(one) for one in snapshot.errors]}
            logger.error("not ready: documents that were in force are broken and lost", extra=extra)
        return bool(self.missing)


async def _let_go(last: list[Snapshot]) -> None:
    """Free a former snapshot bit by bit: all of it at once would hold up every request."""
    await idle()
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    parts = parts_of(last[0])
    # a thread that writes its texts somewhere may be the last one to use it
    reference = weakref.ref(last.pop(), lambda _: loop.call_soon_threadsafe(gone.set))
    if reference() is not None:
        await gone.wait()
    await in_slices(_dropped(parts))


def _dropped(parts: list[object]) -> Steps[None]:
    while parts:
        parts.pop()
        yield
