"""The report of rule D again and again, as metrics and log lines: the alarm (platform-rules D.7).

A process of its own, beside the serving ones; it reads and never writes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from webhook.cluster.client import ClusterError
from webhook.health import Health, HealthServer
from webhook.offline.placements import NothingToExpectError, Wanted, look_around
from webhook.rules.spread.placement import Placement
from webhook.sources.directory import SourceError
from webhook.sources.survey import Survey, nobody

_LOG = logging.getLogger("propylon.placement")

LABELS = ("kind", "namespace", "name", "tier")

Look = Callable[[], Awaitable[Survey]]


class Alarm(Collector):
    """What the last look has found; `problem` says why there is none, "" when there is one."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._found = Survey(())
        self._looked_at = 0.0
        self.problem = "nothing was looked at yet"
        self._registry = CollectorRegistry()
        self._registry.register(self)

    async def run(self, look: Look, seconds: float) -> None:
        """Look, for ever; what cannot be looked at is tried again."""
        while True:
            await self.look(look)
            await asyncio.sleep(seconds)

    async def look(self, look: Look) -> None:
        """Look once, and say in the log what is new."""
        try:
            found = await look()
        except (ClusterError, NothingToExpectError, SourceError) as error:
            self.problem = str(error)
            _LOG.warning("nothing could be looked at", extra={"reason": self.problem})
            return
        self.problem = ""
        _tell(self._found, found)
        self._found, self._looked_at = found, self._clock()

    def text(self) -> bytes:
        """Return the metrics in the text format of Prometheus."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Make the samples; workloads that are as expected have none of their own."""
        alarming = [one for one in self._found.placements if one.is_alarming]
        together = _family("co_located_replicas", "Replicas on a node beyond its first.")
        pending = _family("pending_replicas", "Replicas that wait for a node because of rule D.")
        for one in alarming:
            together.add_metric(_labels(one), one.co_located)
            pending.add_metric(_labels(one), len(one.pending))
        yield together
        yield pending
        counts = {
            "placement_workloads": ("Workloads looked at.", len(self._found.placements)),
            "placement_alarming_workloads": ("Workloads not as expected.", len(alarming)),
            "placement_problems": ("Kinds that could not be read.", len(self._found.problems)),
            "placement_timestamp_seconds": ("When the last look ended.", self._looked_at),
        }
        for name, (documentation, value) in counts.items():
            yield GaugeMetricFamily(f"propylon_{name}", documentation, value=value)


async def keep_looking(wanted: Wanted, seconds: float, host: str, port: int) -> None:
    """Look every so many seconds and serve the metrics, for ever; raise OSError for a taken port."""
    alarm = Alarm()
    health = Health({"look": lambda: alarm.problem}, alarm.text)
    server = HealthServer(host, port, health)
    server.start()
    _LOG.info("serving", extra={"health_port": server.port, "seconds": seconds})

    async def look() -> Survey:
        found, _ = await look_around(wanted, nobody)
        return found

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(alarm.run(look, seconds))
            group.create_task(_beat(health))
    finally:
        server.stop()


async def _beat(health: Health) -> None:
    while True:
        health.beat()
        await asyncio.sleep(1.0)


def _family(name: str, documentation: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"propylon_{name}", documentation, labels=LABELS)


def _labels(one: Placement) -> tuple[str, ...]:
    return one.kind, one.namespace, one.name, one.tier


def _tell(before: Survey, found: Survey) -> None:
    """Log each workload whose alarm began, changed or ended, and what could not be read."""
    old = {_labels(one): one for one in before.placements if one.is_alarming}
    new = {_labels(one): one for one in found.placements if one.is_alarming}
    for labels, one in new.items():
        if labels not in old or _said(old[labels]) != _said(one):
            _LOG.warning("not placed as expected", extra=_fields(one))
    for labels, one in old.items():
        if labels not in new:
            _LOG.info("placed as expected again, or gone", extra=_fields(one))
    for problem in found.problems:
        if problem not in before.problems:
            _LOG.warning("not looked at", extra={"reason": problem})


def _said(one: Placement) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return one.broken, one.pending


def _fields(one: Placement) -> dict[str, object]:
    return {
        "kind": one.kind,
        "namespace": one.namespace,
        "object": one.name,
        "tier": one.tier,
        "running": one.running,
        "co_located": one.co_located,
        "broken": list(one.broken),
        "pending": list(one.pending),
    }
