"""What is wrong with a mutating policy document: each check of the API server, all at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.policy.mutating_policies import (
    ANYTHING,
    apply_configuration,
    binding,
    json_patch,
    policy,
    policy_document,
)
from tests.policy.policies import Value, document, item_of
from webhook.policy import parse_mutating_binding, parse_mutating_policy

FIRST = "spec.mutations[0]"
RULE = "spec.matchConstraints.resourceRules[0]"

BOTH = {**apply_configuration("Object{}"), **json_patch("[JSONPatch{}]")}


def mutations(*entries: Value) -> Value:
    return {"mutations": list(entries)}


def operations(*names: str) -> Value:
    return {"matchConstraints": {"resourceRules": [{**ANYTHING, "operations": list(names)}]}}


POLICIES: dict[str, tuple[Value, list[tuple[str, str]]]] = {
    "good": ({}, []),
    "no mutations": (
        mutations(),
        [("spec.mutations", "Required value: mutations must contain at least one item")],
    ),
    "mutations left out": (
        {"mutations": None},
        [("spec.mutations", "Required value: mutations must contain at least one item")],
    ),
    "no reinvocationPolicy": (
        {"reinvocationPolicy": None},
        [("spec.reinvocationPolicy", "Required value: write Never or IfNeeded")],
    ),
    "another reinvocationPolicy": (
        {"reinvocationPolicy": "Sometimes"},
        [
            (
                "spec.reinvocationPolicy",
                'Unsupported value: "Sometimes": supported values: "IfNeeded", "Never"',
            )
        ],
    ),
    "no patchType": (
        mutations({"jsonPatch": {"expression": "[JSONPatch{}]"}}),
        [(f"{FIRST}.patchType", "Required value: write ApplyConfiguration or JSONPatch")],
    ),
    "another patchType": (
        mutations({"patchType": "Foo"}),
        [
            (
                f"{FIRST}.patchType",
                'Unsupported value: "Foo": supported values: "ApplyConfiguration", "JSONPatch"',
            )
        ],
    ),
    "the wrong member": (
        mutations({**json_patch("x"), "patchType": "ApplyConfiguration"}),
        [
            (
                f"{FIRST}.applyConfiguration",
                "Required value: must be specified when patchType is ApplyConfiguration",
            ),
            (
                f"{FIRST}.jsonPatch",
                (
                    'Invalid value: "{jsonPatch}": '
                    "must not be specified when patchType is ApplyConfiguration"
                ),
            ),
        ],
    ),
    "both members": (
        mutations(BOTH),
        [
            (
                f"{FIRST}.applyConfiguration",
                (
                    'Invalid value: "{applyConfiguration}": '
                    "must not be specified when patchType is JSONPatch"
                ),
            )
        ],
    ),
    "blank": (
        mutations(json_patch("  ")),
        [(f"{FIRST}.jsonPatch.expression", "Required value: expression is not specified")],
    ),
    "a map is no object": (
        mutations(apply_configuration('{"a": 1}')),
        [
            (
                f"{FIRST}.applyConfiguration.expression",
                "must evaluate to Object but got map(string, int)",
            )
        ],
    ),
    "an empty list has no type": (
        mutations(json_patch("[]")),
        [
            (
                f"{FIRST}.jsonPatch.expression",
                "must evaluate to list(JSONPatch) but got list(dyn)",
            )
        ],
    ),
    "variables know no objects": (
        {"variables": [{"name": "v", "expression": "Object{}"}]},
        [("spec.variables[0].expression", "undeclared reference to 'Object' (in container '')")],
    ),
    "deletions": (
        operations("DELETE"),
        [
            (
                f"{RULE}.operations[0]",
                (
                    'Unsupported value: "DELETE": '
                    'supported values: "*", "CONNECT", "CREATE", "UPDATE"'
                ),
            )
        ],
    ),
    "deletions left out": (
        {
            "matchConstraints": {
                "resourceRules": [ANYTHING],
                "excludeResourceRules": [{**ANYTHING, "operations": ["DELETE"]}],
            }
        },
        [],
    ),
    "validations": (
        {"validations": []},
        [
            (
                "spec.validations",
                "unknown field; did you mean 'mutations'?",
            )
        ],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), POLICIES.values(), ids=POLICIES)
def test_policies(spec: Value, expected: list[tuple[str, str]]) -> None:
    _, errors = parse_mutating_policy(item_of(policy_document(**spec)))
    assert [(one.path, one.message) for one in errors] == expected


BINDINGS: dict[str, tuple[Value, list[tuple[str, str]]]] = {
    "good": ({}, []),
    "no policyName": (
        {"policyName": None},
        [("spec.policyName", "Required value: name the policy that this binding puts in force")],
    ),
    "validationActions": (
        {"validationActions": ["Deny"]},
        [
            (
                "spec.validationActions",
                "unknown field; allowed: policyName, paramRef, matchResources",
            )
        ],
    ),
    "deletions": (
        {"matchResources": {"resourceRules": [{**ANYTHING, "operations": ["DELETE"]}]}},
        [
            (
                "spec.matchResources.resourceRules[0].operations[0]",
                (
                    'Unsupported value: "DELETE": '
                    'supported values: "*", "CONNECT", "CREATE", "UPDATE"'
                ),
            )
        ],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), BINDINGS.values(), ids=BINDINGS)
def test_bindings(spec: Value, expected: list[tuple[str, str]]) -> None:
    value = document("MutatingAdmissionPolicyBinding", "b", {"policyName": "p", **spec})
    parsed, errors = parse_mutating_binding(item_of(value))
    assert [(one.path, one.message) for one in errors] == expected
    assert (parsed is None) is any("unknown field" in text for _, text in expected)


def test_a_policy_of_the_wrong_form_is_none() -> None:
    parsed, _ = parse_mutating_policy(item_of(policy_document(mutations="x")))
    assert parsed is None


def test_defaults() -> None:
    found = policy()
    assert (found.failure_policy, found.reinvocation_policy) == ("Fail", "Never")
    assert found.match_constraints.resource_rules[0].operations == ("CONNECT", "CREATE", "UPDATE")
    named = policy(**operations("CREATE"))
    assert named.match_constraints.resource_rules[0].operations == ("CREATE",)
    assert binding().match_resources is None


def test_an_expression_that_does_not_compile_is_kept_with_its_error() -> None:
    mutation: Any = policy("p", json_patch("[JSONPatch{op: 1}]")).mutations[0]
    assert mutation.expression.program is None
    assert mutation.expression.error.startswith("compilation failed: ERROR: <input>:1:")
