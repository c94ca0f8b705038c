"""Policies and bindings for tests: the smallest valid documents, and one call that judges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import yaml

from tests.builders import namespace
from webhook.cel import Budget, EvaluationError, Program
from webhook.documents import Item, parse_document
from webhook.model import (
    AdmissionRequest,
    Document,
    Facts,
    Get,
    List,
    Lookup,
    NeedFacts,
    Outcome,
    Scope,
)
from webhook.policy import Binding, Policy, build_policy_set, parse_binding, parse_policy, validate
from webhook.policy.model import Expression

Value = dict[str, Any]

PODS: Value = {
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "resources": ["pods"],
    "operations": ["*"],
}
EVERYTHING: Value = {**PODS, "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]}
MAPS = {"apiVersion": "v1", "kind": "ConfigMap"}
WIDGETS = {"apiVersion": "example.com/v1", "kind": "Widget"}


def policy_document(name: str = "p", **spec: Any) -> Value:
    """Return a policy for Pods whose one validation always fails; None takes a field away."""
    full = {
        "matchConstraints": {"resourceRules": [PODS]},
        "validations": [{"expression": "1 > 2", "message": "no"}],
        **spec,
    }
    return document("ValidatingAdmissionPolicy", name, full)


def binding_document(name: str = "b", policy: str = "p", **spec: Any) -> Value:
    """Return a binding that denies."""
    full = {"policyName": policy, "validationActions": ["Deny"], **spec}
    return document("ValidatingAdmissionPolicyBinding", name, full)


def document(kind: str, name: str, spec: Value, version: str = "v1") -> Value:
    """Return a document of the API group of policies."""
    return {
        "apiVersion": f"admissionregistration.k8s.io/{version}",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {key: value for key, value in spec.items() if value is not None},
    }


def item_of(value: Value | str) -> Item:
    """Return the only Item of a value or of a YAML text."""
    text = value if isinstance(value, str) else yaml.safe_dump(value, sort_keys=False)
    items, errors = parse_document(Document("p.yaml", text))
    assert not errors, errors
    (item,) = items
    return item


def policy(name: str = "p", **spec: Any) -> Policy:
    """Return a parsed policy, whatever its errors."""
    parsed, _ = parse_policy(item_of(policy_document(name, **spec)))
    assert parsed is not None
    return parsed


def binding(name: str = "b", of: str = "p", **spec: Any) -> Binding:
    """Return a parsed binding, which must be good."""
    parsed, errors = parse_binding(item_of(binding_document(name, of, **spec)))
    assert parsed is not None, errors
    assert not errors
    return parsed


def judge(
    request: AdmissionRequest,
    policies: Policy | tuple[Policy, ...],
    bindings: Binding | tuple[Binding, ...] = (),
    objects: tuple[Any, ...] = (),
    answers: Mapping[Any, Any] | None = None,
) -> Outcome:
    """Validate with a cluster that holds these objects and the Namespace `shop`."""
    some = policies if isinstance(policies, tuple) else (policies,)
    bound = bindings if isinstance(bindings, tuple) else (bindings,)
    bound = bound or tuple(binding(f"b-{one.name}", one.name) for one in some)
    policy_set = build_policy_set(some, bound)
    facts = Facts(dict(answers or {}))
    for _ in range(5):
        try:
            return validate(request, policy_set, facts)
        except NeedFacts as need:
            facts |= {one: answer(one, (namespace(), *objects)) for one in need.lookups}
    raise AssertionError("facts are asked for again and again")


def answer(lookup: Lookup, objects: tuple[Any, ...]) -> Any:
    """Answer as a cluster with these objects; kinds are namespaced if one object is."""
    same = [
        one
        for one in objects
        if (one["apiVersion"], one["kind"]) == (lookup.api_version, lookup.kind)  # type: ignore[union-attr]  # no Access here
    ]
    if isinstance(lookup, Scope):
        return any(one["metadata"].get("namespace") for one in same) if same else None
    inside = [one for one in same if one["metadata"].get("namespace", "") == lookup.namespace]  # type: ignore[union-attr]  # no Access here
    if isinstance(lookup, Get):
        return next((one for one in inside if one["metadata"]["name"] == lookup.name), None)
    assert isinstance(lookup, List)
    wanted = dict(pair.split("=") for pair in lookup.label_selector.split(",") if pair)
    return [one for one in inside if wanted.items() <= one["metadata"].get("labels", {}).items()]


def messages(outcome: Outcome) -> list[str]:
    """Return the messages of all violations."""
    return [one.message for one in outcome.violations]


class Scripted:
    """A program that costs something and gives a value, or raises it when it is an exception."""

    compiled = None

    def __init__(self, value: Any, cost: int = 0) -> None:
        self.value = value
        self.cost = cost
        self.calls = 0

    def evaluate(self, bindings: Mapping[str, Any], budget: Budget) -> Any:
        self.calls += 1
        budget.remaining -= self.cost
        value = self.value(bindings) if callable(self.value) else self.value
        if isinstance(value, Exception):
            raise value
        return value


def expression_of(program: Scripted) -> Expression:
    """Return an expression with a scripted program."""
    return Expression("text", cast("Program", program))


def scripted(value: Any, cost: int = 0) -> Expression:
    """Return an expression that costs something and gives a value, or raises it."""
    return expression_of(Scripted(value, cost))


FAILING = EvaluationError("no such key: x")
