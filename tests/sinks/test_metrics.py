"""What a scrape shows after some decisions."""

from dataclasses import replace

import pytest

from tests.builders import pod, request
from webhook.model import Decision, Registration
from webhook.sinks.metrics import BOUNDS, Metrics

PODS = Registration("pods.propylon.dev", "pods", mutating=True, stages=("env",))
POLICIES = Registration("policies.propylon.dev", "policies", mutating=False, stages=("policies",))
REQUEST = request(pod())
ALLOW = Decision(allowed=True, digest="d", object_after=REQUEST.object)
DENY = replace(ALLOW, allowed=False)
WARN = replace(ALLOW, warnings=("careful",))
MUTATE = replace(ALLOW, object_after={})
EXEMPT = replace(WARN, waived_by=("legacy",))
OVERRIDE = replace(ALLOW, overridden_by=("DeletionGrant/move",))


def label(
    outcome: str, entry: str = "policies", verb: str = "validate", dry_run: str = "false"
) -> str:
    return (
        f'propylon_reviews_total{{dry_run="{dry_run}",entry="{entry}.propylon.dev",'
        f'operation="CREATE",outcome="{outcome}",verb="{verb}"}}'
    )


def lines(metrics: Metrics) -> dict[str, float]:
    text = metrics.text().decode()
    pairs = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


@pytest.mark.parametrize(
    ("decision", "outcome"),
    [
        (ALLOW, "allowed"),
        (DENY, "denied"),
        (WARN, "warned"),
        (MUTATE, "mutated"),
        (EXEMPT, "exempted"),
        (OVERRIDE, "overridden"),
        (replace(DENY, failed=True), "failed"),
    ],
)
def test_decision_is_counted_by_outcome(decision: Decision, outcome: str) -> None:
    metrics = Metrics()
    metrics.put_nowait(REQUEST, POLICIES, decision, 0.1)
    metrics.put_nowait(REQUEST, POLICIES, decision, 0.1)
    assert lines(metrics)[label(outcome)] == 2


def test_entries_verbs_and_dry_runs_are_counted_apart() -> None:
    metrics = Metrics()
    metrics.put_nowait(REQUEST, PODS, MUTATE, 0.1)
    metrics.put_nowait(replace(REQUEST, dry_run=True), PODS, MUTATE, 0.1)
    found = lines(metrics)
    assert found[label("mutated", "pods", "mutate")] == 1
    assert found[label("mutated", "pods", "mutate", "true")] == 1


def test_uses_of_grants_and_exceptions_are_counted() -> None:
    metrics = Metrics()
    for decision in (OVERRIDE, EXEMPT, EXEMPT, ALLOW):
        metrics.put_nowait(REQUEST, POLICIES, decision, 0.1)
    metrics.put_nowait(replace(REQUEST, dry_run=True), POLICIES, OVERRIDE, 0.1)
    counts = {key: value for key, value in lines(metrics).items() if "overrides_total" in key}
    assert counts == {
        'propylon_overrides_total{by="DeletionGrant/move",dry_run="false"}': 1,
        'propylon_overrides_total{by="DeletionGrant/move",dry_run="true"}': 1,
        'propylon_overrides_total{by="PolicyException/legacy",dry_run="false"}': 2,
    }


def test_what_rules_did_is_counted_once_for_each_request() -> None:
    """A-22, D-19: drift is counted, whatever else was done."""
    notes = '[{"path":"a","treatment":"removed"},{"treatment":"removed"},{"treatment":"drift"}]'
    texts = {"hide": notes, "protect": '[{"decision":"deny"}]', "snapshot": "x"}
    metrics = Metrics(lambda user: f"class of {user.username}")
    for _ in range(2):
        metrics.put_nowait(REQUEST, PODS, replace(ALLOW, audit_annotations=texts), 0.1)
    metrics.put_nowait(REQUEST, PODS, ALLOW, 0.1)
    counts = {key: value for key, value in lines(metrics).items() if "treatments_total" in key}
    assert counts == {
        f'propylon_treatments_total{{actor="class of alice",dry_run="false",kind="Pod",rule="{rule}",'
        f'treatment="{what}"}}': 2
        for rule, what in (("hide", "removed"), ("hide", "drift"), ("protect", "deny"))
    }


def test_latencies_are_a_histogram() -> None:
    metrics = Metrics()
    for seconds in (0.00005, BOUNDS[3], 0.002, 60.0):
        metrics.put_nowait(REQUEST, POLICIES, ALLOW, seconds)
    found = lines(metrics)
    buckets = {
        bound: found[
            f'propylon_review_seconds_bucket{{entry="policies.propylon.dev",le="{bound}"}}'
        ]
        for bound in ("0.0001", "0.0005", "0.001", "0.0025", "5.0", "+Inf")
    }
    assert list(buckets.values()) == [1, 1, 2, 3, 3, 4]
    assert found['propylon_review_seconds_sum{entry="policies.propylon.dev"}'] == pytest.approx(
        60.00305
    )
    assert found['propylon_review_seconds_count{entry="policies.propylon.dev"}'] == 4


def test_refusals_and_watched_numbers_are_shown() -> None:
    metrics = Metrics()
    metrics.refused(415)
    metrics.refused(415)
    metrics.watch_gauge("propylon_lag_seconds", "Lag.", lambda: 1.5)
    metrics.watch_counter("propylon_ledger_dropped", "Lost.", lambda: 7)
    metrics.watch_text("propylon_snapshot_info", "Digest.", "digest", lambda: "01234567")
    found = lines(metrics)
    assert found['propylon_refused_total{status="415"}'] == 2
    assert found["propylon_lag_seconds"] == 1.5
    assert found["propylon_ledger_dropped_total"] == 7
    assert found['propylon_snapshot_info{digest="01234567"}'] == 1
