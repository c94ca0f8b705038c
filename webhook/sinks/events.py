"""Write Events about what rules E and C refused, let through or left alone.

The serving path only counts into a bounded table; a task writes once a second what is due, so that
what repeats is one Event with a count. Best effort: what is lost here is still in the ledger.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from webhook.cluster.client import Cluster, ClusterError
from webhook.cluster.resources import EVENTS
from webhook.model import AdmissionRequest, Decision, Json, Registration
from webhook.sinks.occurrences import Occurrence, Regarding, occurrences

_LOG = logging.getLogger("propylon.events")

COMPONENT = "propylon"
CLUSTER_SCOPED = "default"
"""The Namespace for Events of objects without one, as Kubernetes itself does it."""

NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,198}[a-z0-9])?\Z")
"""Names of objects that may begin the name of an Event."""

Key = tuple[Regarding, str, str, str]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the API server is asked to do; times are in seconds.

    At most `waiting` different Events wait; one that repeats is written every `repeat` seconds and
    is a new one after a silence of `forget`; `burst` are written at once, then `rate` a second. A
    write that fails for a reason that may pass is tried `attempts` times.
    """

    waiting: int = 1000
    remembered: int = 4096
    round: float = 1.0
    repeat: float = 10.0
    forget: float = 600.0
    burst: float = 50.0
    rate: float = 5.0
    attempts: int = 5


@dataclass(slots=True)
class _Waiting:
    """What is to be written: the newest text, since when, and how often it happened."""

    latest: Occurrence
    first: float
    last: float
    count: int = 1
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class _Written:
    """An Event in the cluster: its name, since when it counts, how far, and when it was written."""

    name: str
    first: float
    count: int
    at: float


@dataclass(slots=True)
class _Budget:
    """A token bucket: how many writes are allowed now."""

    limits: Limits
    tokens: float = field(init=False)
    at: float = 0.0

    def __post_init__(self) -> None:
        self.tokens = self.limits.burst

    def take(self, now: float) -> bool:
        """Take one write, if one is left; a clock that jumps back gives nothing."""
        passed = max(0.0, now - self.at)
        self.tokens = min(self.limits.burst, self.tokens + passed * self.limits.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class EventSink:
    """A sink that writes Events; `run` is its task.

    `dropped` counts occurrences that no Event tells of, `written` those that one does; `problem`
    says why the last write failed, "" when it worked.
    """

    def __init__(
        self,
        cluster: Cluster,
        replica: str,
        clock: Callable[[], float] = time.time,
        limits: Limits = Limits(),
    ) -> None:
        self._cluster = cluster
        self._replica = replica
        self._clock = clock
        self._limits = limits
        self._budget = _Budget(limits)
        self._waiting: dict[Key, _Waiting] = {}
        self._written: OrderedDict[Key, _Written] = OrderedDict()
        self._arrived = asyncio.Event()
        self.dropped = 0
        self.written = 0
        self.problem = ""

    def put_nowait(
        self,
        request: AdmissionRequest,
        _registration: Registration,
        decision: Decision,
        _latency: float,
    ) -> None:
        """Note what of a decision is worth an Event; never wait, never raise."""
        for one in occurrences(request, decision):
            self._note(one)

    def _note(self, one: Occurrence) -> None:
        now = self._clock()
        waiting = self._waiting.get(one.key)
        if waiting is not None:
            waiting.latest, waiting.last = one, now
            waiting.count += 1
        elif len(self._waiting) >= self._limits.waiting:
            self.dropped += 1
        else:
            self._waiting[one.key] = _Waiting(one, now, now)
            self._arrived.set()

    async def run(self) -> None:
        """Write what is due, once a round, until cancelled."""
        while True:
            await self._arrived.wait()
            await asyncio.sleep(self._limits.round)
            await self._write_due()
            if not self._waiting:
                self._arrived.clear()

    async def _write_due(self) -> None:
        for key in list(self._waiting):
            if self._is_due(key):
                if not self._budget.take(self._clock()):
                    return
                await self._write(key, self._waiting.pop(key))

    def _is_due(self, key: Key) -> bool:
        before = self._written.get(key)
        return before is None or abs(self._clock() - before.at) >= self._limits.repeat

    async def _write(self, key: Key, waiting: _Waiting) -> None:
        event = self._next(key, waiting)
        try:
            await self._cluster.apply(EVENTS, _event(event, waiting))
        except ClusterError as error:
            self._failed(key, waiting, error)
            return
        self.problem = ""
        self.written += waiting.count
        self._written[key] = event
        self._written.move_to_end(key)
        if len(self._written) > self._limits.remembered:
            self._written.popitem(last=False)

    def _next(self, key: Key, waiting: _Waiting) -> _Written:
        """Return the Event as it is to be: the one before counted on, or a new one."""
        now, before = self._clock(), self._written.get(key)
        if before is not None and now - before.at < self._limits.forget:
            return _Written(before.name, before.first, before.count + waiting.count, now)
        name = _name(waiting.latest, f"{self._replica} {waiting.first}")
        return _Written(name, waiting.first, waiting.count, now)

    def _failed(self, key: Key, waiting: _Waiting, error: ClusterError) -> None:
        if not self.problem:  # once, until a write works again
            _LOG.warning("Events are not written", extra={"reason": str(error)})
        self.problem = str(error)
        waiting.attempts += 1
        may_pass = error.status in {0, 429} or error.status >= 500
        if not may_pass or waiting.attempts >= self._limits.attempts:
            self.dropped += waiting.count
        elif key in self._waiting:  # it happened again meanwhile
            again = self._waiting[key]
            again.first, again.attempts = waiting.first, waiting.attempts
            again.count += waiting.count
        else:
            self._waiting[key] = waiting


def _name(one: Occurrence, salt: str) -> str:
    """Return a name that no other replica and no earlier Event has."""
    regarding = one.regarding.name
    start = regarding if NAME.match(regarding) else COMPONENT
    digest = hashlib.sha256(f"{one.key} {salt}".encode()).hexdigest()
    return f"{start}.{digest[:16]}"


def _event(written: _Written, waiting: _Waiting) -> Json:
    """Return the Event as the API takes it."""
    one = waiting.latest
    object_fields = {
        "apiVersion": one.regarding.api_version,
        "kind": one.regarding.kind,
        "namespace": one.regarding.namespace,
        "name": one.regarding.name,
        "uid": one.regarding.uid,
    }
    return {
        "apiVersion": EVENTS.api_version,
        "kind": EVENTS.kind,
        "metadata": {
            "name": written.name,
            "namespace": one.regarding.namespace or CLUSTER_SCOPED,
        },
        "involvedObject": {key: value for key, value in object_fields.items() if value},
        "type": "Warning",
        "reason": one.reason,
        "message": one.message,
        "action": one.operation,
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "firstTimestamp": _timestamp(written.first),
        "lastTimestamp": _timestamp(waiting.last),
        "count": written.count,
    }


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
