"""`decide`: stages in order, everything merged, missing facts raised together."""

from typing import Any

import pytest

from tests.builders import deployment, namespace, pod, request
from webhook.engine import decide
from webhook.model import (
    Action,
    AdmissionRequest,
    Document,
    Facts,
    Get,
    NeedFacts,
    Registration,
    Unavailable,
)
from webhook.registration import registrations, route
from webhook.snapshot import Snapshot, build

SHOP = Get("v1", "Namespace", "", "shop")
POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: {name}}}
spec:
  failurePolicy: {failure_policy}
  matchConstraints:
    resourceRules:
      - {{apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments]}}
  validations:
    - {{expression: "{expression}", message: {name} says no}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: {name}}}
spec:
  policyName: {name}
  validationActions: [{action}]
---
"""
ENV = """
apiVersion: propylon.dev/v1
kind: EnvInjection
metadata: {name: cluster}
spec:
  env: [{name: CLUSTER, value: cn-1}]
---
"""
LXCFS = """
apiVersion: propylon.dev/v1
kind: LxcfsInjection
metadata: {name: lxcfs}
spec: {defaultEnabled: true}
"""


def policy(
    name: str,
    expression: str = "object.spec.replicas <= 3",
    action: str = "Deny",
    failure_policy: str = "Fail",
) -> str:
    return POLICY.format(
        name=name, expression=expression, action=action, failure_policy=failure_policy
    )


def snapshot(*texts: str) -> Snapshot:
    built = build([Document("a.yaml", "\n".join(texts))])
    assert built.errors == ()
    return built


def facts(*namespaces: dict[str, Any]) -> Facts:
    return Facts({Get("v1", "Namespace", "", one["metadata"]["name"]): one for one in namespaces})


def entry(built: Snapshot, path: str, *, mutating: bool = False) -> Registration:
    found = route(registrations(built), path, mutating=mutating)
    assert found is not None
    return found


def validated(built: Snapshot, asked: AdmissionRequest, path: str = "policies") -> Any:
    return decide(asked, entry(built, path), built, facts(namespace()))


def test_plain_allow_is_the_received_object_and_names_the_digest() -> None:
    built = snapshot(policy("replicas"))
    asked = request(deployment(replicas=3))
    decision = validated(built, asked)
    assert (decision.allowed, decision.digest) == (True, built.digest)
    assert decision.object_after is asked.object
    assert decision.audit_annotations == {"snapshot": built.digest[:8]}
    assert decision.violations == decision.warnings == ()


def test_first_denial_answers_and_all_violations_are_kept() -> None:
    built = snapshot(policy("b-later"), policy("a-first"), policy("c-warns", action="Warn"))
    decision = validated(built, request(deployment(replicas=4)))
    assert not decision.allowed
    assert decision.message == (
        "ValidatingAdmissionPolicy 'a-first' with binding 'a-first' denied request: a-first says no"
    )
    assert (decision.code, decision.reason) == (422, "Invalid")
    assert [(one.policy, one.action) for one in decision.violations] == [
        ("a-first", Action.DENY),
        ("b-later", Action.DENY),
        ("c-warns", Action.WARN),
    ]
    assert decision.warnings == (
        (
            "Validation failed for ValidatingAdmissionPolicy 'c-warns' with binding 'c-warns': "
            "c-warns says no"
        ),
    )


def test_warning_alone_allows() -> None:
    decision = validated(snapshot(policy("a", action="Warn")), request(deployment(replicas=4)))
    assert decision.allowed
    assert len(decision.warnings) == 1


def test_each_entry_evaluates_its_own_policies_only() -> None:
    built = snapshot(policy("strict"), policy("lenient", failure_policy="Ignore"))
    asked = request(deployment(replicas=4))
    assert [one.policy for one in validated(built, asked).violations] == ["strict"]
    lenient = validated(built, asked, "policies-ignore").violations
    assert [one.policy for one in lenient] == ["lenient"]
    assert validated(built, asked, "policies-2").allowed


def test_rules_run_one_after_another_on_the_object_left_by_the_one_before() -> None:
    built = snapshot(ENV, LXCFS)
    asked = request(pod())
    decision = decide(asked, entry(built, "pods", mutating=True), built, facts(namespace()))
    (container,) = decision.object_after["spec"]["containers"]
    assert container["env"] == [{"name": "CLUSTER", "value": "cn-1"}]
    assert "/proc/meminfo" in {one["mountPath"] for one in container["volumeMounts"]}
    assert decision.mutated_by == ("EnvInjection/cluster", "LxcfsInjection/lxcfs")
    assert asked.object == pod()


def test_missing_facts_of_all_stages_are_raised_together() -> None:
    built = snapshot(ENV, LXCFS)
    with pytest.raises(NeedFacts) as need:
        decide(request(pod()), entry(built, "pods", mutating=True), built, Facts())
    assert need.value.lookups == {SHOP}


def test_sealed_facts_end_the_rounds() -> None:
    built = snapshot(policy("replicas", "namespaceObject.metadata.name == 'shop'"))
    decision = decide(
        request(deployment()), entry(built, "policies"), built, Facts({SHOP: Unavailable("gone")})
    )
    assert not decision.allowed
    assert decide(request(deployment()), entry(built, "policies"), built, Facts().sealed())


EXEMPT: dict[str, AdmissionRequest] = {
    "Propylon's own namespace": request(deployment(namespace="propylon-system", replicas=9)),
    "kube-system": request(deployment(namespace="kube-system", replicas=9)),
}


@pytest.mark.parametrize("asked", EXEMPT.values(), ids=EXEMPT)
def test_what_is_never_intercepted_is_allowed_untouched(asked: AdmissionRequest) -> None:
    decision = validated(snapshot(policy("replicas")), asked)
    assert decision.allowed
    assert decision.object_after is asked.object


def test_entry_without_stages_allows() -> None:
    """A configuration that is still wider than the snapshot asks for what nobody wants."""
    built = snapshot()
    assert validated(built, request(deployment(replicas=9))).allowed


STALE = {
    "policies": Registration("policies-9.propylon.dev", "policies-9", False, ("policies",)),
    "rule": Registration("pods.propylon.dev", "pods", True, ("env", "lxcfs")),
}


@pytest.mark.parametrize("stale", STALE.values(), ids=STALE)
def test_entry_of_an_earlier_snapshot_finds_nothing_to_do(stale: Registration) -> None:
    asked = request(deployment(replicas=9))
    decision = decide(asked, stale, snapshot(), facts())
    assert decision.allowed
    assert decision.object_after is asked.object


def test_same_input_same_decision() -> None:
    built = snapshot(policy("a"), policy("b", action="Audit"))
    asked = request(deployment(replicas=9))
    assert validated(built, asked) == validated(built, asked)
