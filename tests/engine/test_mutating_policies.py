"""Mutating policies from documents to decisions: snapshot, entries, stage."""

from __future__ import annotations

import pytest

from tests.builders import deployment, namespace, request
from webhook.engine import decide
from webhook.model import Document, Facts, Get, Registration
from webhook.registration import Client, registrations, render, route
from webhook.snapshot import Snapshot, build

POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {{name: {name}}}
spec:
  failurePolicy: {failure_policy}
  reinvocationPolicy: {again}
  matchConstraints:
    resourceRules:
      - {{apiGroups: [apps], apiVersions: [v1], operations: ["*"], resources: [deployments]}}
  mutations:
    - patchType: ApplyConfiguration
      applyConfiguration:
        expression: "Object{{{expression}}}"
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {{name: {name}}}
spec: {{policyName: {name}}}
---
"""
FACTS = Facts({Get("v1", "Namespace", "", "shop"): namespace()})


def policy(
    name: str,
    expression: str = "spec: Object.spec{replicas: 3}",
    failure_policy: str = "Fail",
    again: str = "Never",
) -> str:
    return POLICY.format(
        name=name, expression=expression, failure_policy=failure_policy, again=again
    )


def snapshot(*texts: str) -> Snapshot:
    built = build([Document("a.yaml", "\n".join(texts))])
    assert built.errors == ()
    return built


def entry(built: Snapshot, path: str = "policies") -> Registration:
    found = route(registrations(built), path, mutating=True)
    assert found is not None
    return found


def test_documents_come_into_force() -> None:
    built = snapshot(policy("b"), policy("a"))
    assert [one.name for one in built.mutating_policies] == ["a", "b"]
    assert [one.policy_name for one in built.mutating_bindings] == ["a", "b"]
    assert list(built.mutating_policy_sets) == ["policies"]
    assert (built.policies, built.bindings) == ((), ())


def test_a_broken_document_leaves_its_last_good_version_in_force() -> None:
    good = snapshot(policy("a"))
    broken = build([Document("a.yaml", policy("a", "nosuch"))], good)
    assert [error.path for error in broken.errors] == [
        "spec.mutations[0].applyConfiguration.expression"
    ]
    assert broken.mutating_policies == good.mutating_policies


def test_the_object_is_changed() -> None:
    built = snapshot(policy("a"))
    decision = decide(request(deployment(replicas=1)), entry(built), built, FACTS)
    assert decision.allowed
    assert decision.object_after["spec"]["replicas"] == 3
    assert decision.mutated_by == ("MutatingAdmissionPolicy/a",)


def test_a_failure_denies() -> None:
    built = snapshot(policy("a", "foo: 1"))
    received = request(deployment())
    decision = decide(received, entry(built), built, FACTS)
    assert (decision.allowed, decision.code, decision.reason) == (False, 403, "Invalid")
    assert decision.message == (
        "policy 'a' with binding 'a' denied request: error applying patch: failed to convert "
        "patch object to typed object: .foo: field not declared in schema"
    )
    assert decision.object_after is received.object


def test_an_entry_that_no_policy_needs_any_more_changes_nothing() -> None:
    built = snapshot(policy("a"))
    stale = Registration("policies-2.propylon.dev", "policies-2", True, ("policies",))
    received = request(deployment())
    assert decide(received, stale, built, FACTS).object_after is received.object


ENTRIES: dict[str, tuple[list[str], list[tuple[str, str, str]]]] = {
    "one": ([policy("a")], [("policies", "Fail", "Never")]),
    "by failurePolicy": (
        [policy("a"), policy("b", failure_policy="Ignore")],
        [("policies", "Fail", "Never"), ("policies-ignore", "Ignore", "Never")],
    ),
    "any that wants to run again": (
        [policy("a"), policy("b", again="IfNeeded")],
        [("policies", "Fail", "IfNeeded")],
    ),
}


@pytest.mark.parametrize(("texts", "expected"), ENTRIES.values(), ids=ENTRIES)
def test_entries(texts: list[str], expected: list[tuple[str, str, str]]) -> None:
    entries = [one for one in registrations(snapshot(*texts)) if one.mutating]
    found = [(one.path, one.failure_policy, one.reinvocation_policy) for one in entries]
    assert found == expected
    assert {one.stages for one in entries} == {("policies",)}


def test_deletions_are_not_intercepted() -> None:
    rendered = render(registrations(snapshot(policy("a"))), Client("Q0E="), mutating=True)
    (webhook,) = rendered["webhooks"]
    assert webhook["rules"] == [
        {
            "apiGroups": ["apps"],
            "apiVersions": ["v1"],
            "operations": ["CONNECT", "CREATE", "UPDATE"],
            "resources": ["deployments"],
            "scope": "*",
        }
    ]
