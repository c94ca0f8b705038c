"""Who writes: one replica holds the Lease `propylon`, the others wait for it to lapse.

The Lease also carries the announced digest, so that every replica knows which snapshot is current.
Times of other machines are never compared: a Lease has lapsed when it was seen unchanged for its
whole duration on our own clock (as client-go's leaderelection does).
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from webhook.cluster.backoff import jittered
from webhook.cluster.client import Cluster, ClusterError
from webhook.cluster.resources import LEASES
from webhook.model import Json

logger = logging.getLogger(__name__)

NAME = "propylon"
DIGEST = "propylon.dev/digest"
"""Annotation of the Lease: the digest of the snapshot that its holder put in force."""


RELEASE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds: how long a Lease holds without renewal, when the holder gives up, how often it tries."""

    duration: float = 15.0
    give_up: float = 10.0
    retry: float = 2.0


class Lease:
    """Competes for the Lease; start `run` as a task.

    `held` must be asked before each write: it turns false before another replica can take over.
    `identity` is this replica's name (a random part makes it unique); `clock` gives seconds, `time.monotonic` by default.
    """

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        identity: str,
        *,
        timing: Timing | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.announced = ""
        """The digest in the Lease as last seen; "" before any was announced."""
        self._cluster = cluster
        self._namespace = namespace
        self._identity = f"{identity}_{secrets.token_hex(4)}"
        self._timing = timing or Timing()
        self._clock = clock or time.monotonic
        self._renewed_at = float("-inf")
        self._seen: Json = None
        self._seen_at = float("-inf")
        self._digest = ""
        self._problem = ""
        self._was_held = False
        self._wake = asyncio.Event()
        self._acquired = asyncio.Event()

    @property
    def held(self) -> bool:
        """Tell whether this replica may write now."""
        return self._clock() - self._renewed_at < self._timing.give_up

    async def acquired(self) -> None:
        """Wait until this replica holds the Lease."""
        while not self.held:
            self._acquired.clear()
            await self._acquired.wait()

    def announce(self, digest: str) -> None:
        """Say which snapshot is in force here; the holder writes it into the Lease at once."""
        if digest != self._digest:
            self._digest = digest
            self._wake.set()

    async def run(self) -> None:
        """Take the Lease when it is free, renew it, for ever; give it back when cancelled."""
        try:
            while True:
                await self._attempt()
                await self._pause()
        finally:
            await self._release()

    async def _attempt(self) -> None:
        was_held = self._was_held
        try:
            await self._acquire_or_renew()
        except ClusterError as error:
            self._report(str(error))
        else:
            self._report("")
        self._was_held = self.held
        if self._was_held and not was_held:
            logger.info("lease acquired", extra={"identity": self._identity})
            self._acquired.set()
        elif was_held and not self._was_held:
            logger.warning("lease lost", extra={"identity": self._identity})

    def _report(self, problem: str) -> None:
        if problem and problem != self._problem:  # once, not every two seconds
            extra = {"reason": problem, "held": self.held}
            logger.warning("lease neither read nor renewed", extra=extra)
        self._problem = problem

    async def _acquire_or_renew(self) -> None:
        begin = self._clock()  # held from before the request, not from its answer
        found = await self._cluster.get(LEASES, self._namespace, NAME)
        if found is not None:
            self._look_at(found)
        if found is not None and not self._may_take(found):
            self._renewed_at = float("-inf")
            return
        written = await self._write(found)
        if written is not None:  # else another replica was faster: look again after the pause
            self._look_at(written)
            self._renewed_at = begin

    async def _write(self, found: Json | None) -> Json | None:
        lease = self._lease(found or {})
        write = self._cluster.create if found is None else self._cluster.replace
        try:
            return await write(LEASES, lease)
        except ClusterError as error:
            if error.status == 409:
                return None
            raise

    def _look_at(self, lease: Json) -> None:
        """Remember what the Lease says, and since when it says so."""
        self.announced = (lease["metadata"].get("annotations") or {}).get(DIGEST, "")
        spec = lease.get("spec") or {}
        if spec != self._seen:
            self._seen, self._seen_at = spec, self._clock()

    def _may_take(self, lease: Json) -> bool:
        spec = lease.get("spec") or {}
        if spec.get("holderIdentity") in (None, "", self._identity):
            return True
        duration = float(spec.get("leaseDurationSeconds") or self._timing.duration)
        return self._clock() - self._seen_at > duration

    def _lease(self, found: Json) -> Json:
        """Return the Lease as held by us: `found` (or {}) with our name and the time."""
        metadata, spec = dict(found.get("metadata") or {}), dict(found.get("spec") or {})
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        if spec.get("holderIdentity") != self._identity:
            spec["acquireTime"] = now
            spec["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + bool(found)
        spec |= {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": math.ceil(self._timing.duration),
            "renewTime": now,
        }
        annotations = dict(metadata.get("annotations") or {})
        if self._digest:
            annotations[DIGEST] = self._digest
        place = {"name": NAME, "namespace": self._namespace, "annotations": annotations}
        kind = {"apiVersion": LEASES.api_version, "kind": LEASES.kind}
        return {**kind, "metadata": {**metadata, **place}, "spec": spec}

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(jittered(self._timing.retry)):
                await self._wake.wait()
        self._wake.clear()

    async def _release(self) -> None:
        """Let the next replica take over at once; if that fails, the Lease lapses by itself."""
        if not self.held:
            return
        self._renewed_at = float("-inf")
        with suppress(ClusterError, TimeoutError):
            async with asyncio.timeout(RELEASE_SECONDS):
                found = await self._cluster.get(LEASES, self._namespace, NAME) or {}
                spec = dict(found.get("spec") or {})
                if spec.get("holderIdentity") == self._identity:
                    spec["holderIdentity"] = ""
                    await self._cluster.replace(LEASES, {**found, "spec": spec})
