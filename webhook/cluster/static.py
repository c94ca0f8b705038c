"""Static mode: others write the webhook configurations; here it is only said what they lack.

A policy whose kinds no entry sends judges nothing, silently; so it must be visible.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from webhook.cluster.backoff import jittered
from webhook.cluster.client import Cluster, ClusterError
from webhook.cluster.resources import MUTATING, VALIDATING
from webhook.model import Json, Registration
from webhook.registration import CONFIGURATION_NAME

logger = logging.getLogger(__name__)

CHECK_SECONDS = 30.0
FIELDS = ("apiGroups", "apiVersions", "operations", "resources")


class StaticConfigurations:
    """Compares the configurations in the cluster with what is needed; start `run` as a task."""

    def __init__(self, cluster: Cluster) -> None:
        self.unsent: tuple[str, ...] = ()
        """What is needed and no entry sends: `policies.propylon.dev: CREATE pods in v1`."""
        self.problem = ""
        """Why that could not be found out, else the same as one text."""
        self._cluster = cluster
        self._entries: tuple[Registration, ...] = ()
        self._wake = asyncio.Event()

    def refresh(self) -> None:
        """Compare soon."""
        self._wake.set()

    async def before_switch(self, coming: Sequence[Registration]) -> None:
        """Do nothing: these configurations are not ours to write."""

    async def after_switch(self, entries: Sequence[Registration]) -> None:
        """Compare soon with what the snapshot in force needs."""
        self._entries = tuple(entries)
        self.refresh()

    async def run(self) -> None:
        """Compare after every switch and from time to time, for ever."""
        while True:
            try:
                self._report(await self._unsent())
            except ClusterError as error:
                self.problem = str(error)
                logger.warning("webhook configurations not read", extra={"reason": str(error)})
            with suppress(TimeoutError):
                async with asyncio.timeout(jittered(CHECK_SECONDS)):
                    await self._wake.wait()
            self._wake.clear()

    async def _unsent(self) -> tuple[str, ...]:
        sent: dict[tuple[bool, str], Sequence[Json]] = {}
        for resource, mutating in ((MUTATING, True), (VALIDATING, False)):
            found = await self._cluster.get(resource, "", CONFIGURATION_NAME) or {}
            for hook in found.get("webhooks") or ():
                sent[mutating, hook["name"]] = hook.get("rules") or ()
        return tuple(unsent(self._entries, sent))

    def _report(self, problems: tuple[str, ...]) -> None:
        if problems and problems != self.unsent:
            logger.warning("not sent by any webhook entry", extra={"unsent": problems})
        self.unsent = problems
        self.problem = f"no entry sends {'; '.join(problems)}" if problems else ""


def unsent(
    entries: Sequence[Registration], sent: Mapping[tuple[bool, str], Sequence[Json]]
) -> Iterator[str]:
    """Name each rule of an entry that no rule of the same entry in the cluster covers."""
    for entry in entries:
        rules = sent.get((entry.mutating, entry.name), ())
        for rule in entry.rules:
            if not any(covers(one, rule) for one in rules):
                operations, resources = ", ".join(rule["operations"]), ", ".join(rule["resources"])
                yield f"{entry.name}: {operations} {resources} in {_versions(rule)}"


def covers(sent: Json, needed: Json) -> bool:
    """Tell whether one rule sends everything that another one needs."""
    scope = sent.get("scope", "*")
    return scope in ("*", needed.get("scope", "*")) and all(
        "*" in sent[field] or set(needed[field]) <= set(sent[field]) for field in FIELDS
    )


def _versions(rule: Json) -> str:
    groups, versions = ", ".join(rule["apiGroups"]), ", ".join(rule["apiVersions"])
    return f"{groups}/{versions}" if groups else versions
