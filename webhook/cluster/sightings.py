"""Wait until the API server is seen to send a kind that an entry did not get before.

Fed as a sink with every judged request; it keeps nothing but who is waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

from webhook.model import AdmissionRequest, Decision, Json, Registration

Entry = tuple[bool, str]
"""Whether the entry is mutating, and its path."""

Rules = Mapping[Entry, Sequence[Mapping[str, Json]]]


class Sightings:
    """Tells when a request arrives that only the wider entries send."""

    def __init__(self) -> None:
        self._new_rules: Rules = {}
        self._seen = asyncio.Event()

    def put_nowait(
        self,
        request: AdmissionRequest,
        registration: Registration,
        _decision: Decision,
        _latency: float,
    ) -> None:
        """Look at a judged request; a sink of `create_app`."""
        if not self._new_rules:
            return
        rules = self._new_rules.get((registration.mutating, registration.path), ())
        if any(_matches(rule, request) for rule in rules):
            self._seen.set()

    async def wait(self, new_rules: Rules, seconds: float) -> None:
        """Wait until one of these rules brought a request, at most so many seconds."""
        self._new_rules, self._seen = new_rules, asyncio.Event()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._seen.wait()
        self._new_rules = {}


def added_rules(active: Sequence[Registration], coming: Sequence[Registration]) -> Rules:
    """Return, by entry, the rules of `coming` that `active` does not have."""
    before = {(one.mutating, one.path): one.rules for one in active}
    added = {
        (one.mutating, one.path): [
            rule for rule in one.rules if rule not in before.get((one.mutating, one.path), ())
        ]
        for one in coming
    }
    return {entry: rules for entry, rules in added.items() if rules}


def _matches(rule: Mapping[str, Json], request: AdmissionRequest) -> bool:
    resource = request.resource
    full = resource.resource + (f"/{request.sub_resource}" if request.sub_resource else "")
    return (
        _names(rule, "apiGroups", resource.group)
        and _names(rule, "operations", request.operation)
        and (_names(rule, "resources", full) or "*/*" in rule["resources"])
    )


def _names(rule: Mapping[str, Json], field: str, value: str) -> bool:
    return value in rule[field] or "*" in rule[field]
