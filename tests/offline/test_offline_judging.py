"""One request through all entries: mutating first, and nothing validated that was refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import container, deployment, pod
from tests.offline.texts import policy
from webhook.model import AdmissionRequest, Document, Get, Lookup, Platform, SchemaOf, Scope
from webhook.offline.judging import Judgement, answers_from, judge, matched_policies, sends
from webhook.offline.requests import request_about
from webhook.registration import registrations
from webhook.snapshot import Snapshot, build

INJECTION = """\
---
apiVersion: propylon.dev/v1
kind: EnvInjection
metadata: {name: tier}
spec:
  env: [{name: TIER, value: '{{namespace.labels["tier"]}}'}]
"""
NAMESPACE = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "shop", "labels": {"tier": "gold"}},
}


def snapshot_of(text: str) -> Snapshot:
    snapshot = build([Document("a.yaml", text)], None, Platform())
    assert [str(error) for error in snapshot.errors] == []
    return snapshot


def judged(request: AdmissionRequest, snapshot: Snapshot) -> Judgement:
    asked: list[Lookup] = []

    def answer(lookup: Lookup) -> Any:
        asked.append(lookup)
        return NAMESPACE

    judgement = judge(request, registrations(snapshot), snapshot, answer)
    assert len(asked) == len(set(asked))
    return judgement


def test_validating_entries_see_what_mutating_ones_made() -> None:
    text = policy("has-env", "has(object.spec.containers[0].env)") + INJECTION
    found = judged(request_about(pod()), snapshot_of(text))
    assert found.denials == ()
    assert found.object_after["spec"]["containers"][0]["env"] == [{"name": "TIER", "value": "gold"}]
    assert found.mutated_by == ("EnvInjection/tier",)
    assert "snapshot" in found.audit_annotations


def test_mutating_entry_may_change_nothing() -> None:
    snapshot = snapshot_of(INJECTION)
    plain = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    found = judge(request_about(pod()), registrations(snapshot), snapshot, lambda _: plain)
    assert found.object_after == pod()
    assert found.mutated_by == ()


def test_denials_and_violations_are_listed() -> None:
    found = judged(request_about(pod()), snapshot_of(policy()))
    assert [one.message[-12:] for one in found.denials] == ["tall says no"]
    assert [one.policy for one in found.violations] == ["tall"]
    assert found.warnings == ()


def test_nothing_is_validated_after_a_refused_mutation() -> None:
    snapshot = snapshot_of(policy() + INJECTION.replace("spec:", "spec:\n  conflict: deny"))
    other = pod(container(env=[{"name": "TIER", "value": "tin"}]))
    found = judged(request_about(other), snapshot)
    assert [one.path for one, _ in found.entries] == ["pods"]
    assert len(found.denials) == 1
    assert found.object_after == other


def test_only_entries_that_ask_for_the_kind_are_called() -> None:
    found = judged(request_about(deployment()), snapshot_of(policy()))
    assert found.entries == ()


def test_rules_may_leave_out_the_scope() -> None:
    rule = {"apiGroups": [""], "apiVersions": ["*"], "operations": ["*"], "resources": ["pods"]}
    assert sends([rule], request_about(pod()))
    assert not sends([{**rule, "scope": "Cluster"}], request_about(pod()))


def test_policies_about_a_request() -> None:
    snapshot = snapshot_of(policy())
    assert [one.name for one in matched_policies(request_about(pod()), snapshot)] == ["tall"]
    assert matched_policies(request_about(deployment()), snapshot) == ()


UNKNOWN = {
    "scope": (Scope("example.com/v1", "Limit"), True),
    "defined scope": (Scope("example.com/v1", "Tier"), False),
    "object": (Get("example.com/v1", "Limit", "", "a"), None),
}


@pytest.mark.parametrize(("lookup", "found"), UNKNOWN.values(), ids=UNKNOWN)
def test_kinds_that_nobody_defines_exist(lookup: Lookup, found: Any) -> None:
    tier = {"apiVersion": "example.com/v1", "kind": "Tier", "metadata": {"name": "t"}}
    assert answers_from([tier])(lookup) is found


def test_kinds_that_nobody_defines_have_any_structure() -> None:
    assert answers_from([])(SchemaOf("example.com/v1", "Limit")) is not None
