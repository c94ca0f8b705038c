"""Counts and latencies of decisions, in the Prometheus text format.

The serving loop only adds to plain dicts; samples are made when somebody scrapes, in the thread
of the health port.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from webhook.model import AdmissionRequest, Decision, Registration, UserInfo

BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
"""Upper ends of the latency buckets, in seconds; one more bucket holds the rest."""

RULES = ("hide", "spread", "env", "lxcfs", "protect")
"""The rules by the names of their audit annotations, which say what was done."""

_TREATMENT = re.compile(r'"(?:treatment|decision)":"([^"]+)"')

Labels = tuple[str, str, str, str, str]


class Metrics(Collector):
    """All metrics of one process; `text()` is what `/metrics` serves.

    `actor` says to which class (platform-rules 0.4) a user belongs.
    """

    def __init__(self, actor: Callable[[UserInfo], str] = lambda _: "") -> None:
        self._actor = actor
        self._reviews: dict[Labels, int] = {}
        self._latencies: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}
        self._refused: dict[int, int] = {}
        self._uses: dict[tuple[str, str], int] = {}
        self._treatments: dict[Labels, int] = {}
        self._watched: list[
            tuple[type[GaugeMetricFamily | CounterMetricFamily], str, str, Reading]
        ] = []
        self._texts: list[tuple[str, str, str, Callable[[], str]]] = []
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def put_nowait(
        self,
        request: AdmissionRequest,
        registration: Registration,
        decision: Decision,
        latency: float,
    ) -> None:
        """Count one decision; the latency is in seconds."""
        name = registration.name
        verb = "mutate" if registration.mutating else "validate"
        dry_run = "true" if request.dry_run else "false"
        labels = (name, verb, request.operation, _outcome(request, decision), dry_run)
        self._reviews[labels] = self._reviews.get(labels, 0) + 1
        if decision.waived_by or decision.overridden_by:
            self._count_uses(decision, dry_run)
        for rule in RULES:
            text = decision.audit_annotations.get(rule)
            if text:
                self._count_treatments(rule, text, request, dry_run)
        buckets = self._latencies.get(name)
        if buckets is None:
            buckets = self._latencies[name] = [0] * (len(BOUNDS) + 1)
            self._seconds[name] = 0.0
        buckets[bisect_left(BOUNDS, latency)] += 1
        self._seconds[name] += latency

    def _count_treatments(
        self, rule: str, text: str, request: AdmissionRequest, dry_run: str
    ) -> None:
        actor = self._actor(request.user_info)
        for treatment in set(_TREATMENT.findall(text)):
            labels = (rule, request.kind.kind, treatment, actor, dry_run)
            self._treatments[labels] = self._treatments.get(labels, 0) + 1

    def _count_uses(self, decision: Decision, dry_run: str) -> None:
        waivers = (f"PolicyException/{name}" for name in decision.waived_by)
        for name in (*waivers, *decision.overridden_by):
            self._uses[name, dry_run] = self._uses.get((name, dry_run), 0) + 1

    def refused(self, status: int) -> None:
        """Count a request that got no verdict but this HTTP status."""
        self._refused[status] = self._refused.get(status, 0) + 1

    def watch_gauge(self, name: str, documentation: str, read: Reading) -> None:
        """Show the number that `read` returns at each scrape."""
        self._watched.append((GaugeMetricFamily, name, documentation, read))

    def watch_counter(self, name: str, documentation: str, read: Reading) -> None:
        """Show a number that only grows."""
        self._watched.append((CounterMetricFamily, name, documentation, read))

    def watch_text(
        self, name: str, documentation: str, label: str, read: Callable[[], str]
    ) -> None:
        """Show the text that `read` returns at each scrape, as a label of the number 1."""
        self._texts.append((name, documentation, label, read))

    def text(self) -> bytes:
        """Return everything in the Prometheus text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Make the samples; dicts are copied first, because the serving loop goes on."""
        yield self._review_counts()
        yield self._review_seconds()
        refused = CounterMetricFamily(
            "propylon_refused", "Requests without a verdict, by HTTP status.", labels=["status"]
        )
        for status, count in self._refused.copy().items():
            refused.add_metric([str(status)], count)
        yield refused
        yield self._use_counts()
        yield self._treatment_counts()
        for name, documentation, label, read_text in self._texts:
            gauge = GaugeMetricFamily(name, documentation, labels=[label])
            gauge.add_metric([read_text()], 1)
            yield gauge
        for family, name, documentation, read in self._watched:
            yield family(name, documentation, value=read())

    def _review_counts(self) -> Metric:
        family = CounterMetricFamily(
            "propylon_reviews",
            "AdmissionReviews that were judged.",
            labels=["entry", "verb", "operation", "outcome", "dry_run"],
        )
        for labels, count in self._reviews.copy().items():
            family.add_metric(labels, count)
        return family

    def _use_counts(self) -> Metric:
        family = CounterMetricFamily(
            "propylon_overrides",
            "Requests that would have been refused or changed, by what let them through.",
            labels=["by", "dry_run"],
        )
        for labels, count in self._uses.copy().items():
            family.add_metric(labels, count)
        return family

    def _treatment_counts(self) -> Metric:
        family = CounterMetricFamily(
            "propylon_treatments",
            "Requests in which a rule did this to something, also what it would have done.",
            labels=["rule", "kind", "treatment", "actor", "dry_run"],
        )
        for labels, count in self._treatments.copy().items():
            family.add_metric(labels, count)
        return family

    def _review_seconds(self) -> Metric:
        family = HistogramMetricFamily(
            "propylon_review_seconds", "From the head of a request to its answer.", labels=["entry"]
        )
        for name, buckets in self._latencies.copy().items():
            total, samples = 0, []
            for bound, count in zip((*map(str, BOUNDS), "+Inf"), buckets, strict=True):
                total += count
                samples.append((bound, total))
            family.add_metric([name], samples, self._seconds[name])
        return family


Reading = Callable[[], float]


def _outcome(request: AdmissionRequest, decision: Decision) -> str:
    if decision.failed:
        return "failed"
    if not decision.allowed:
        return "denied"
    if decision.waived_by:
        return "exempted"
    if decision.overridden_by:
        return "overridden"
    if decision.object_after is not request.object:
        return "mutated"
    return "warned" if decision.warnings else "allowed"
