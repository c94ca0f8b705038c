"""Mutating policies and bindings for tests: the smallest valid documents, and one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.builders import namespace
from tests.policy.policies import PODS, Value, answer, document, item_of
from webhook.model import AdmissionRequest, Facts, NeedFacts, Outcome, SchemaOf
from webhook.policy import (
    MutatingBinding,
    MutatingPolicy,
    build_mutating_policy_set,
    mutate,
    parse_mutating_binding,
    parse_mutating_policy,
)

ANYTHING: Value = {
    **PODS,
    "apiGroups": ["*"],
    "apiVersions": ["*"],
    "resources": ["*"],
    "operations": ["*"],
}


def apply_configuration(expression: str) -> Value:
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def json_patch(expression: str) -> Value:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


def labels(**values: str) -> Value:
    """Return a mutation that sets labels to the results of expressions."""
    pairs = ", ".join(f'"{key}": {text}' for key, text in values.items())
    return apply_configuration(f"Object{{metadata: Object.metadata{{labels: {{{pairs}}}}}}}")


def policy_document(name: str = "p", *mutations: Value, **spec: Any) -> Value:
    """Return a policy for everything; None takes a field away."""
    full = {
        "matchConstraints": {"resourceRules": [ANYTHING]},
        "mutations": list(mutations) or [labels(a="'b'")],
        "reinvocationPolicy": "Never",
        **spec,
    }
    return document("MutatingAdmissionPolicy", name, full)


def policy(name: str = "p", *mutations: Value, **spec: Any) -> MutatingPolicy:
    """Return a parsed policy, whatever its errors."""
    parsed, _ = parse_mutating_policy(item_of(policy_document(name, *mutations, **spec)))
    assert parsed is not None
    return parsed


def binding(name: str = "b", of: str = "p", **spec: Any) -> MutatingBinding:
    """Return a parsed binding, which must be good."""
    value = document("MutatingAdmissionPolicyBinding", name, {"policyName": of, **spec})
    parsed, errors = parse_mutating_binding(item_of(value))
    assert parsed is not None, errors
    assert not errors
    return parsed


def run(
    request: AdmissionRequest,
    *policies: MutatingPolicy,
    bindings: tuple[MutatingBinding, ...] = (),
    objects: tuple[Any, ...] = (),
    answers: Mapping[Any, Any] | None = None,
) -> Outcome:
    """Mutate with a cluster that holds these objects and the Namespace `shop`."""
    bound = bindings or tuple(binding(f"b-{one.name}", one.name) for one in policies)
    policy_set = build_mutating_policy_set(policies, bound)
    facts = Facts(dict(answers or {}))
    for _ in range(5):
        try:
            return mutate(request, policy_set, facts)
        except NeedFacts as need:
            facts |= {
                one: None if isinstance(one, SchemaOf) else answer(one, (namespace(), *objects))
                for one in need.lookups
            }
    raise AssertionError("facts are asked for again and again")
