"""Keep the two webhook configurations `propylon` as the documents in force need them.

Only the holder of the Lease writes, by server-side apply, and only into configurations that are
there: who deletes one has switched Propylon off. They belong to Propylon's Namespace and are
emptied as soon as that is being deleted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from webhook.cluster.backoff import jittered
from webhook.cluster.client import Cluster, ClusterError
from webhook.cluster.lease import Lease
from webhook.cluster.resources import MUTATING, NAMESPACES, VALIDATING, Resource
from webhook.cluster.sightings import Sightings, added_rules
from webhook.cluster.watch import WatchCache
from webhook.model import Json, Registration
from webhook.registration import CONFIGURATION_NAME, Client, render, widen

logger = logging.getLogger(__name__)

CHECK_SECONDS = 10.0
"""So often the configurations are compared with what they should be."""

SEND_SECONDS = 1.0
"""After widening, the API server gets at most so long until the new snapshot is switched on."""


class Configurations:
    """Writes the configurations; start `run` as a task.

    Around each switch of snapshots call `before_switch` and `after_switch`, on every replica:
    those without the Lease only remember what to write when they get it. `client` is asked before
    each write how the API server reaches us.
    """

    def __init__(
        self,
        cluster: Cluster,
        lease: Lease,
        namespaces: WatchCache,
        own_namespace: str,
        client: Callable[[], Client],
        sightings: Sightings,
    ) -> None:
        self.problem = ""
        """Why the configurations are not as they should be, for status and logs."""
        self._cluster = cluster
        self._lease = lease
        self._namespaces = namespaces
        self._own_namespace = own_namespace
        self._client = client
        self._entries: tuple[Registration, ...] | None = None
        self._sightings = sightings
        self._policies: dict[str, Mapping[str, str]] = {}
        self.softened = 0
        """How often somebody else changed a failurePolicy of ours or took an entry away."""
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()

    def refresh(self) -> None:
        """Write soon: the CA, the token or the address is another one."""
        self._wake.set()

    async def before_switch(self, coming: Sequence[Registration]) -> None:
        """Widen: register all that the coming snapshot needs, and give the API server time."""
        active = self._entries
        if active is None or not self._lease.held:
            return
        new_rules = added_rules(active, coming)
        if not new_rules:
            return
        self._entries = widen(active, coming)
        await self.write()
        await self._sightings.wait(new_rules, SEND_SECONDS)

    async def after_switch(self, entries: Sequence[Registration]) -> None:
        """Narrow: register exactly what the snapshot in force needs."""
        self._entries = tuple(entries)
        await self.write()

    async def run(self) -> None:
        """Repair what others changed, write when the Lease comes to us; for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_own_namespace())
            while True:
                await self._lease.acquired()
                await self.write()
                with suppress(TimeoutError):
                    async with asyncio.timeout(jittered(CHECK_SECONDS)):
                        await self._wake.wait()
                self._wake.clear()

    async def write(self) -> None:
        """Compare both configurations with the target and write those that differ.

        A failure is logged and tried again by `run`.
        """
        if self._entries is None or not self._lease.held:
            return
        async with self._writing:
            try:
                problems = await self._write_both()
            except ClusterError as error:
                problems = [str(error)]
        self._report("; ".join(problems))

    async def _write_both(self) -> list[str]:
        namespace = await self._cluster.get(NAMESPACES, "", self._own_namespace)
        is_going = namespace is None or "deletionTimestamp" in namespace["metadata"]
        entries = () if is_going else self._entries or ()
        client = self._client()
        problems: list[str] = []
        for resource, mutating in ((MUTATING, True), (VALIDATING, False)):
            wanted = render(entries, client, mutating=mutating)
            if namespace is not None:
                wanted["metadata"]["ownerReferences"] = [owner_reference(namespace)]
            problems += await self._write_one(resource, wanted)
        return problems

    async def _write_one(self, resource: Resource, wanted: Json) -> list[str]:
        found = await self._cluster.get(resource, "", CONFIGURATION_NAME)
        if found is None:
            text = f"{resource.kind} {CONFIGURATION_NAME!r} is not there, so nothing is sent to us"
            return [f"{text}; apply manifests/70-webhookconfigurations.yaml to have it back"]
        self._look_for_others(resource, found)
        if not holds(found, wanted) and self._lease.held:
            # With the uid, an apply cannot bring back what was deleted in the meantime.
            wanted["metadata"]["uid"] = found["metadata"]["uid"]
            await self._cluster.apply(resource, wanted)
            extra = {"kind": resource.kind, "entries": len(wanted["webhooks"])}
            logger.info("webhook configuration written", extra=extra)
        self._policies[resource.kind] = _failure_policies(wanted)
        return []

    def _look_for_others(self, resource: Resource, found: Json) -> None:
        """Raise the alarm when what we wrote fails otherwise now (platform-rules E.10)."""
        before, now = self._policies.get(resource.kind, {}), _failure_policies(found)
        changed = sorted(name for name, policy in before.items() if now.get(name) != policy)
        if changed:
            self.softened += 1
            extra = {"kind": resource.kind, "entries": changed}
            logger.warning("somebody changed when a failure blocks; written again", extra=extra)

    async def _follow_own_namespace(self) -> None:
        """Wake the writer at once when Propylon's own Namespace begins to go."""
        was_going = False
        while True:
            await self._namespaces.changed()
            namespace = self._namespaces.get("", self._own_namespace)
            is_going = namespace is None or "deletionTimestamp" in namespace["metadata"]
            if is_going and not was_going:
                self._wake.set()
            was_going = is_going

    def _report(self, problem: str) -> None:
        if problem and problem != self.problem:
            logger.warning("webhook configurations not written", extra={"reason": problem})
        self.problem = problem


def _failure_policies(configuration: Json) -> Mapping[str, str]:
    entries = configuration.get("webhooks") or ()
    return {str(one.get("name")): str(one.get("failurePolicy")) for one in entries}


def owner_reference(namespace: Json) -> Json:
    """Return the reference that makes an object go with this Namespace."""
    metadata = namespace["metadata"]
    kind = {"apiVersion": NAMESPACES.api_version, "kind": NAMESPACES.kind}
    return {**kind, "name": metadata["name"], "uid": metadata["uid"]}


def holds(found: Json, wanted: Json) -> bool:
    """Tell whether `found` has everything that `wanted` says; the API server adds defaults.

    Lists must have the same elements in the same order: entries are called in turn. An absent
    list or object is an empty one.
    """
    if isinstance(wanted, dict):
        fields = found if isinstance(found, dict) else {}
        return all(holds(fields.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        items = found if isinstance(found, list) else []
        pairs = zip(items, wanted, strict=False)
        return len(items) == len(wanted) and all(holds(one, other) for one, other in pairs)
    return bool(found == wanted)
