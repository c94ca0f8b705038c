"""`decide` with PolicyExceptions: each rule and policy kind, and what can never be waived."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.builders import container, deployment, namespace, pod, request
from webhook.engine import MUTATING, VALIDATING, decide
from webhook.ledger.records import Entry, record_of
from webhook.model import Action, AdmissionRequest, Decision, Deletions, Document, Facts, Get
from webhook.registration import registrations, route
from webhook.rules import RULES
from webhook.snapshot import Snapshot, build

NOW = 1798700000.0
EXPIRED = 1798800000.0
POLICIES = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: replicas}
spec:
  matchConstraints:
    resourceRules:
      - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments]}
  validations: [{expression: object.spec.replicas <= 3, message: too many}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: replicas}
spec: {policyName: replicas, validationActions: [Deny]}
"""
MUTATION = """
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: NAME}
spec:
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules:
      - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments]}
  mutations:
    - patchType: JSONPatch
      jsonPatch:
        expression: >
          [JSONPatch{op: "add", path: "/metadata/labels/NAME", value: string(EXPRESSION)}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: NAME}
spec: {policyName: NAME}
"""
HIDE = {"phase": "enforce", "extends": "none"}
HIDDEN = {"path": "spec.paused", "kinds": ["Deployment"], "create": "deny", "update": "deny"}


def mutation(name: str, expression: str = "1") -> str:
    return MUTATION.replace("NAME", name).replace("EXPRESSION", expression)


def document(kind: str, name: str, spec: Any) -> str:
    value = {
        "apiVersion": "propylon.dev/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }
    return json.dumps(value)


def env(name: str, **spec: Any) -> str:
    return document("EnvInjection", name, {"env": [{"name": name.upper(), "value": "1"}], **spec})


def exception(kind: str, name: str = "", called: str = "legacy", **change: Any) -> str:
    spec = {
        "waives": [{"kind": kind, "name": name}],
        "subject": {"users": ["alice"]},
        "match": {"namespaces": ["shop"]},
        "reason": "because",
        "ticket": "CHG-1",
        "expires": "2026-12-31T18:00:00Z",
        **change,
    }
    return document("PolicyException", called, spec)


def snapshot(*texts: str) -> Snapshot:
    built = build([Document("a.yaml", "\n---\n".join(texts))])
    assert built.errors == ()
    return built


def judged(
    built: Snapshot, asked: AdmissionRequest, path: str, *, mutating: bool = False
) -> Decision:
    entry = route(registrations(built), path, mutating=mutating)
    assert entry is not None
    return decide(asked, entry, built, Facts({Get("v1", "Namespace", "", "shop"): namespace()}))


def asked(obj: Any, received_at: float = NOW, **fields: Any) -> AdmissionRequest:
    return request(obj, received_at=received_at, **fields)


def test_waived_denial_is_audited_and_told() -> None:
    built = snapshot(POLICIES, exception("ValidatingAdmissionPolicy", "replicas"))
    decision = judged(built, asked(deployment(replicas=9)), "policies")
    assert decision.allowed
    (violation,) = decision.violations
    assert (violation.action, violation.found, violation.policy) == (
        Action.AUDIT,
        "legacy",
        "replicas",
    )
    assert decision.waived_by == ("legacy",)
    assert decision.audit_annotations["exceptions"] == "legacy"
    assert decision.warnings == (
        "exception legacy (CHG-1) waives ValidatingAdmissionPolicy replicas; expires 2026-12-31",
    )


def test_expired_exception_has_no_effect() -> None:
    built = snapshot(POLICIES, exception("ValidatingAdmissionPolicy", "replicas"))
    decision = judged(built, asked(deployment(replicas=9), EXPIRED), "policies")
    assert not decision.allowed
    assert decision.warnings == ()


def test_ledger_keeps_who_was_exempted_even_for_secrets() -> None:
    built = snapshot(POLICIES, exception("ValidatingAdmissionPolicy", "replicas"))
    of = asked(deployment(replicas=9))
    entry = route(registrations(built), "policies", mutating=False)
    assert entry is not None
    kept = record_of(Entry(1, of, entry, judged(built, of, "policies"), 0.0), "token")
    assert kept.outcome == "exempted"
    assert kept.policies == ("replicas", "PolicyException/legacy")
    assert kept.results[0]["found"] == "legacy"


def test_waived_mutating_policy_leaves_the_others() -> None:
    built = snapshot(mutation("a"), mutation("b"), exception("MutatingAdmissionPolicy", "a"))
    of = asked(deployment(labels={"app": "web"}))
    decision = judged(built, of, "policies", mutating=True)
    assert decision.object_after["metadata"]["labels"] == {"app": "web", "b": "1"}
    assert decision.mutated_by == ("MutatingAdmissionPolicy/b",)
    assert [(one.found, one.policy) for one in decision.violations] == [
        ("legacy", "MutatingAdmissionPolicy/a")
    ]


def test_waived_mutating_policy_with_an_error_does_not_keep_the_others_from_working() -> None:
    built = snapshot(
        mutation("a", "object.spec.absent"),
        mutation("b"),
        exception("MutatingAdmissionPolicy", "a"),
    )
    of = asked(deployment(labels={"app": "web"}))
    decision = judged(built, of, "policies", mutating=True)
    assert decision.allowed
    assert decision.object_after["metadata"]["labels"] == {"app": "web", "b": "1"}


ENV_CASES = {
    "one document": ("one", ["TWO"], ("one",)),
    "the whole rule": ("", [], ("one", "two")),
    "no such document": ("three", ["ONE", "TWO"], ()),
}


@pytest.mark.parametrize(("name", "left", "waived"), ENV_CASES.values(), ids=ENV_CASES)
def test_waived_env_documents_inject_nothing(
    name: str, left: list[str], waived: tuple[str, ...]
) -> None:
    built = snapshot(env("one"), env("two"), exception("EnvInjection", name))
    decision = judged(built, asked(pod()), "pods", mutating=True)
    (only,) = decision.object_after["spec"]["containers"]
    assert [one["name"] for one in only.get("env", ())] == left
    assert tuple(one.policy.partition("/")[2] for one in decision.violations) == waived
    assert {one.origin for one in decision.violations} <= {"env"}


def test_what_the_second_look_shows_is_waived_too() -> None:
    """Without the first document the second one denies, which is waived as well."""
    built = snapshot(
        env("one", env=[{"name": "X", "value": "1"}], conflict="override", priority=1),
        env("two", env=[{"name": "X", "value": "2"}], conflict="deny", priority=2),
        exception("EnvInjection"),
    )
    of = asked(pod(container(env=[{"name": "X", "value": "mine"}])))
    decision = judged(built, of, "pods", mutating=True)
    assert decision.allowed
    assert decision.object_after is of.object
    assert len(decision.violations) == 2


def test_rule_with_one_document_is_switched_off_for_the_request() -> None:
    built = snapshot(
        document("LxcfsInjection", "lxcfs", {"defaultEnabled": True}), exception("LxcfsInjection")
    )
    of = asked(pod())
    decision = judged(built, of, "pods", mutating=True)
    assert decision.object_after is of.object
    assert decision.warnings == (
        "exception legacy (CHG-1) waives LxcfsInjection lxcfs; expires 2026-12-31",
    )


def test_waived_denial_of_a_rule() -> None:
    hide = document("HiddenFields", "default", {**HIDE, "catalogue": [HIDDEN]})
    of = asked(deployment(paused=True))
    assert not judged(snapshot(hide), of, "hide").allowed
    decision = judged(snapshot(hide, exception("HiddenFields", "default")), of, "hide")
    assert decision.allowed
    assert [one.origin for one in decision.violations] == ["hide"]


PROTECTED = {"propylon.dev/delete-protection": "Always"}
PROTECT = document("DeletionProtection", "main", {})


def test_waived_protection_lets_the_object_go() -> None:
    of = asked(None, old=deployment(labels=PROTECTED), operation="DELETE")
    assert not judged(snapshot(PROTECT), of, "protect").allowed
    decision = judged(snapshot(PROTECT, exception("DeletionProtection", "main")), of, "protect")
    assert decision.allowed
    assert decision.violations[0].found == "legacy"


def test_state_of_protection_is_kept_all_the_same() -> None:
    of = asked(deployment(), old=deployment(labels=PROTECTED), operation="UPDATE")
    plain = judged(snapshot(PROTECT), of, "protect-state", mutating=True)
    built = snapshot(PROTECT, exception("DeletionProtection"))
    decision = judged(built, of, "protect-state", mutating=True)
    assert plain.object_after is not of.object
    assert decision.object_after == plain.object_after
    assert decision.waived_by == ()


def test_documents_of_propylon_are_beyond_every_exception() -> None:
    kinds = [rule.kind for rule in RULES]
    built = snapshot(*(exception(kind, called=kind.lower()) for kind in kinds))
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "rules",
            "namespace": "shop",
            "labels": {"propylon.dev/policies": "true"},
        },
        "data": {"a.yaml": "kind: Nonsense"},
    }
    assert not judged(built, asked(config_map), "documents").allowed


def test_one_exception_for_two_rules_is_named_once() -> None:
    both = [{"kind": "EnvInjection"}, {"kind": "LxcfsInjection"}]
    built = snapshot(
        env("one"),
        document("LxcfsInjection", "lxcfs", {"defaultEnabled": True}),
        exception("", waives=both),
    )
    decision = judged(built, asked(pod()), "pods", mutating=True)
    assert decision.waived_by == ("legacy",)
    assert len(decision.warnings) == 2


def test_stages_are_those_of_the_rules() -> None:
    names = {rule.name for rule in RULES}
    assert names >= set(MUTATING) - {"policies"}
    assert names >= set(VALIDATING) - {"policies", "protect-deletes", "documents", "grants"}


def test_the_rate_guard_may_be_waived() -> None:
    guard = document("DeletionProtection", "main", {"massDelete": {"max": 1}})
    of = request(old=deployment(), operation="DELETE", received_at=NOW)
    many = Facts({Deletions("alice", 60.0): 1})
    for texts, allowed in (((), False), ((exception("DeletionProtection"),), True)):
        built = snapshot(guard, *texts)
        entry = route(registrations(built), "protect-deletes", mutating=False)
        assert entry is not None
        decision = decide(of, entry, built, many)
        assert decision.allowed is allowed
        assert decision.code == (0 if allowed else 429)
