"""What is wrong with a policy document: each check of the API server, all errors at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.policy.policies import (
    PODS,
    Value,
    binding,
    binding_document,
    document,
    item_of,
    policy,
    policy_document,
)
from webhook.model import Action
from webhook.objects.selectors import LabelSelector, Requirement
from webhook.policy import parse_binding, parse_policy
from webhook.policy.model import MatchResources, ParamKind, ParamRef, ResourceRule

TRUE = {"expression": "1 < 2"}


def rules(**changes: Any) -> Value:
    """Return matchConstraints with one rule that differs from PODS in this."""
    rule = {key: value for key, value in {**PODS, **changes}.items() if value is not None}
    return {"matchConstraints": {"resourceRules": [rule]}}


def constraints(**fields: Any) -> Value:
    return {"matchConstraints": {"resourceRules": [PODS], **fields}}


def validation(**fields: Any) -> Value:
    return {"validations": [{**TRUE, **fields}]}


def condition(**fields: Any) -> Value:
    return {"matchConditions": [{"name": "c", **TRUE, **fields}]}


def variable(**fields: Any) -> Value:
    return {"variables": [{"name": "v", **TRUE, **fields}]}


def annotation(**fields: Any) -> Value:
    return {"auditAnnotations": [{"key": "k", "valueExpression": "'x'", **fields}]}


RULE = "spec.matchConstraints.resourceRules[0]"
SUBDOMAIN = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters"
LABEL = "a DNS-1035 label must consist of lower case alphanumeric characters"
QUALIFIED = "must consist of alphanumeric characters, '-', '_' or '.'"

POLICIES: dict[str, tuple[Value, list[tuple[str, str]]]] = {
    "good": ({}, []),
    "no matchConstraints": (
        {"matchConstraints": None},
        [("spec.matchConstraints", "Required value: say which resources")],
    ),
    "no resourceRules": (
        {"matchConstraints": {}},
        [("spec.matchConstraints.resourceRules", "Required value: at least one rule")],
    ),
    "unknown matchPolicy": (
        constraints(matchPolicy="Any"),
        [
            (
                "spec.matchConstraints.matchPolicy",
                'Unsupported value: "Any": supported values: "Equivalent", "Exact"',
            )
        ],
    ),
    "unknown failurePolicy": (
        {"failurePolicy": "fail"},
        [("spec.failurePolicy", 'Unsupported value: "fail": supported values: "Fail", "Ignore"')],
    ),
    "no operations": (rules(operations=[]), [(f"{RULE}.operations", "Required value")]),
    "* beside other operations": (
        rules(operations=["*", "CREATE"]),
        [(f"{RULE}.operations", "if '*' is present, must not specify other operations")],
    ),
    "unknown operation": (
        rules(operations=["PATCH"]),
        [(f"{RULE}.operations[0]", 'Unsupported value: "PATCH": supported values: "*", "CONNECT"')],
    ),
    "no apiGroups": (rules(apiGroups=None), [(f"{RULE}.apiGroups", "Required value")]),
    "* beside other groups": (
        rules(apiGroups=["*", ""]),
        [(f"{RULE}.apiGroups", "if '*' is present, must not specify other API groups")],
    ),
    "* beside other versions": (
        rules(apiVersions=["*", "v1"]),
        [(f"{RULE}.apiVersions", "if '*' is present, must not specify other API versions")],
    ),
    "no version": (rules(apiVersions=[]), [(f"{RULE}.apiVersions", "Required value")]),
    "empty version": (rules(apiVersions=[""]), [(f"{RULE}.apiVersions[0]", "Required value")]),
    "no resources": (rules(resources=[]), [(f"{RULE}.resources", "Required value")]),
    "empty resource": (rules(resources=[""]), [(f"{RULE}.resources[0]", "Required value")]),
    "*/* beside others": (
        rules(resources=["*/*", "pods"]),
        [(f"{RULE}.resources", "if '*/*' is present, must not specify other resources")],
    ),
    "* beside plain resources": (
        rules(resources=["*", "pods"]),
        [(f"{RULE}.resources", "must not specify other resources without subresources")],
    ),
    "* beside subresources is good": (rules(resources=["*", "pods/exec"]), []),
    "x/sub after x/*": (
        rules(resources=["pods/*", "pods/exec"]),
        [(f"{RULE}.resources[1]", "if 'pods/*' is present, must not specify pods/exec")],
    ),
    "x/sub before x/* is good": (rules(resources=["pods/exec", "pods/*"]), []),
    "z/sub after */sub": (
        rules(resources=["*/scale", "deployments/scale"]),
        [(f"{RULE}.resources[1]", "if '*/scale' is present, must not specify deployments/scale")],
    ),
    "unknown scope": (
        rules(scope="All"),
        [(f"{RULE}.scope", 'supported values: "*", "Cluster", "Namespaced"')],
    ),
    "names that are no path segments": (
        rules(resourceNames=["..", "a/b%", "x", "x"]),
        [
            (f"{RULE}.resourceNames[0]", "Invalid value: \"..\": may not be '..'"),
            (f"{RULE}.resourceNames[1]", "may not contain '/'"),
            (f"{RULE}.resourceNames[1]", "may not contain '%'"),
            (f"{RULE}.resourceNames[3]", 'Duplicate value: "x"'),
        ],
    ),
    "exclude rules are checked as well": (
        constraints(excludeResourceRules=[{**PODS, "operations": []}]),
        [("spec.matchConstraints.excludeResourceRules[0].operations", "Required value")],
    ),
    "each mistake of a selector": (
        constraints(
            namespaceSelector={
                "matchLabels": {"a b": "x", "good": "y"},
                "matchExpressions": [
                    {"key": "a", "operator": "In"},
                    {"key": "a", "operator": "Exists"},
                    {"key": "a", "operator": "Is"},
                ],
            },
        ),
        [
            ('spec.matchConstraints.namespaceSelector.matchLabels["a b"]', "is no label key"),
            ("spec.matchConstraints.namespaceSelector.matchExpressions[0].values", "not be empty"),
            ("spec.matchConstraints.namespaceSelector.matchExpressions[2].operator", "must be one"),
        ],
    ),
    "name": (
        {"name": "Bad_Name"},
        [("metadata.name", SUBDOMAIN)],
    ),
    "long name": ({"name": "a" * 254}, [("metadata.name", "no more than 253 characters")]),
    "paramKind without anything": (
        {"paramKind": {}},
        [
            ("spec.paramKind.apiVersion", "Required value"),
            ("spec.paramKind.kind", "Required value"),
        ],
    ),
    "paramKind with bad parts": (
        {"paramKind": {"apiVersion": "Example/V1", "kind": "My_Kind"}},
        [
            ("spec.paramKind.apiVersion", SUBDOMAIN),
            ("spec.paramKind.apiVersion", LABEL),
            ("spec.paramKind.kind", "may have mixed case, but should otherwise match"),
        ],
    ),
    "paramKind with two slashes": (
        {"paramKind": {"apiVersion": "a/b/c", "kind": "K"}},
        [("spec.paramKind.apiVersion", "unexpected GroupVersion string: a/b/c")],
    ),
    "paramKind without version": (
        {"paramKind": {"apiVersion": "example.com/", "kind": "K"}},
        [("spec.paramKind.apiVersion", "version must be specified")],
    ),
    "paramKind with a long version": (
        {"paramKind": {"apiVersion": "v" * 64, "kind": "K"}},
        [("spec.paramKind.apiVersion", "must be no more than 63 characters")],
    ),
    "64 matchConditions": (
        {"matchConditions": [{"name": f"c{n}", **TRUE} for n in range(64)]},
        [],
    ),
    "65 matchConditions": (
        {"matchConditions": [{"name": f"c{n}", **TRUE} for n in range(65)]},
        [("spec.matchConditions", "Too many: 65: must have at most 64 items")],
    ),
    "matchCondition without name": (
        condition(name=None),
        [("spec.matchConditions[0].name", "Required value")],
    ),
    "matchCondition with a name that is not qualified": (
        condition(name="a b"),
        [("spec.matchConditions[0].name", f"name part {QUALIFIED}")],
    ),
    "matchCondition with a long name": (
        condition(name="a" * 64),
        [("spec.matchConditions[0].name", "name part must be no more than 63 characters")],
    ),
    "matchCondition with a qualified name": (condition(name="example.com/a"), []),
    "matchCondition with a bad prefix": (
        condition(name="Example/a"),
        [("spec.matchConditions[0].name", f"prefix part {SUBDOMAIN}")],
    ),
    "matchCondition with an empty prefix and name": (
        condition(name="/"),
        [
            ("spec.matchConditions[0].name", "prefix part must be non-empty"),
            ("spec.matchConditions[0].name", "name part must be non-empty"),
            ("spec.matchConditions[0].name", QUALIFIED),
        ],
    ),
    "matchCondition with two slashes": (
        condition(name="a/b/c"),
        [("spec.matchConditions[0].name", f"a qualified name {QUALIFIED}")],
    ),
    "matchConditions of one name": (
        {"matchConditions": [{"name": "c", **TRUE}, {"name": "c", **TRUE}]},
        [("spec.matchConditions[1].name", 'Duplicate value: "c"')],
    ),
    "blank matchCondition": (
        condition(expression=" \n"),
        [("spec.matchConditions[0].expression", "Required value: expression is not specified")],
    ),
    "matchCondition that is no bool": (
        condition(expression="1"),
        [("spec.matchConditions[0].expression", "must evaluate to bool but got int")],
    ),
    "matchCondition with variables": (
        {**variable(), **condition(expression="variables.v")},
        [("spec.matchConditions[0].expression", "undeclared reference to 'variables'")],
    ),
    "variable without name": (
        variable(name=None),
        [("spec.variables[0].name", "Required value: name is not specified")],
    ),
    "variable with a reserved name": (
        variable(name="loop"),
        [("spec.variables[0].name", "name is not a valid CEL identifier")],
    ),
    "variable with a dash": (
        variable(name="a-b"),
        [("spec.variables[0].name", "name is not a valid CEL identifier")],
    ),
    "variables of one name": (
        {"variables": [{"name": "v", **TRUE}, {"name": "v", **TRUE}]},
        [("spec.variables[1].name", 'Duplicate value: "v"')],
    ),
    "blank variable": (
        variable(expression=""),
        [("spec.variables[0].expression", "Required value: expression is not specified")],
    ),
    "variables without a variable": (
        validation(expression="variables.v == 1"),
        [("spec.validations[0].expression", "undeclared reference to 'variables'")],
    ),
    "params without paramKind": (
        validation(expression="params == null"),
        [("spec.validations[0].expression", "undeclared reference to 'params'")],
    ),
    "params with paramKind": (
        {
            "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
            **validation(expression="params == null"),
        },
        [],
    ),
    "nothing to do": (
        {"validations": None},
        [
            ("spec.validations", "validations or auditAnnotations must contain at least one item"),
            ("spec.auditAnnotations", "validations or auditAnnotations must contain at least one"),
        ],
    ),
    "only auditAnnotations": ({"validations": [], **annotation()}, []),
    "blank validation": (
        validation(expression="\t"),
        [("spec.validations[0].expression", "Required value: expression is not specified")],
    ),
    "validation that does not compile": (
        validation(expression="1 < 2 &&\n  nothing"),
        [("spec.validations[0].expression", "undeclared reference to 'nothing'")],
    ),
    "blank messageExpression": (
        validation(messageExpression=" "),
        [("spec.validations[0].messageExpression", "must be non-empty if specified")],
    ),
    "messageExpression that is no string": (
        validation(messageExpression="1"),
        [("spec.validations[0].messageExpression", "must evaluate to string but got int")],
    ),
    "messageExpression with authorizer": (
        validation(messageExpression="string(authorizer)"),
        [("spec.validations[0].messageExpression", "undeclared reference to 'authorizer'")],
    ),
    "blank message": (
        validation(message=" "),
        [("spec.validations[0].message", "message must be non-empty if specified")],
    ),
    "message of two lines": (
        validation(message="a\rb"),
        [("spec.validations[0].message", "message must not contain line breaks")],
    ),
    "message with a line break at its end is good": (validation(message="a\n"), []),
    "unknown reason": (
        validation(reason="NotFound"),
        [("spec.validations[0].reason", 'supported values: "Forbidden", "Invalid", "RequestEnt')],
    ),
    "reason Unauthorized": (
        validation(reason="Unauthorized"),
        [("spec.validations[0].reason", 'Unsupported value: "Unauthorized"')],
    ),
    "20 auditAnnotations": (
        {"auditAnnotations": [{"key": f"k{n}", "valueExpression": "'x'"} for n in range(20)]},
        [],
    ),
    "21 auditAnnotations": (
        {"auditAnnotations": [{"key": f"k{n}", "valueExpression": "'x'"} for n in range(21)]},
        [("spec.auditAnnotations", "Too many: 21: must have at most 20 items")],
    ),
    "auditAnnotation without key": (
        annotation(key=None),
        [
            ("spec.auditAnnotations[0].key", "name part must be non-empty"),
            ("spec.auditAnnotations[0].key", QUALIFIED),
        ],
    ),
    "auditAnnotations of one key": (
        {"auditAnnotations": [{"key": "k", "valueExpression": "'x'"}] * 2},
        [("spec.auditAnnotations[1].key", 'Duplicate value: "k"')],
    ),
    "blank valueExpression": (
        annotation(valueExpression=" "),
        [("spec.auditAnnotations[0].valueExpression", "valueExpression is not specified")],
    ),
    "valueExpression of 5120 bytes": (annotation(valueExpression=f"'{'x' * 5118}'  "), []),
    "valueExpression of 5121 bytes": (
        annotation(valueExpression=f"'{'é' * 2559}x'"),
        [("spec.auditAnnotations[0].valueExpression", "must not exceed 5120 bytes in length")],
    ),
    "valueExpression that is no string": (
        annotation(valueExpression="1"),
        [("spec.auditAnnotations[0].valueExpression", "but got int")],
    ),
    "several at once": (
        {"failurePolicy": "x", **validation(expression="nothing", reason="x")},
        [
            ("spec.failurePolicy", "Unsupported value"),
            ("spec.validations[0].reason", "Unsupported value"),
            ("spec.validations[0].expression", "undeclared reference"),
        ],
    ),
}


def check(errors: Any, expected: list[tuple[str, str]]) -> None:
    assert [one.path for one in errors] == [path for path, _ in expected]
    for error, (_, text) in zip(errors, expected, strict=True):
        assert text in error.message
        assert error.line > 0


@pytest.mark.parametrize(("spec", "expected"), POLICIES.values(), ids=POLICIES)
def test_policy_is_checked(spec: Value, expected: list[tuple[str, str]]) -> None:
    fields = dict(spec)
    name = fields.pop("name", "p")
    parsed, errors = parse_policy(item_of(policy_document(name, **fields)))
    check(errors, expected)
    assert parsed is not None  # upstream would evaluate it had it been stored


MISFITS: dict[str, tuple[Any, str, str]] = {
    "unknown field": ({"validation": []}, "spec.validation", "did you mean 'validations'?"),
    "unknown field like no other": (
        {"zzz": 1},
        "spec.zzz",
        "unknown field; allowed: paramKind, matchConstraints",
    ),
    "boolean for a text": (
        {"variables": [{"name": False, **TRUE}]},
        "spec.variables[0].name",
        "must be a string, got false; write it in quotes",
    ),
    "true for a text": (
        {"variables": [{"name": True, **TRUE}]},
        "spec.variables[0].name",
        "must be a string, got true; write it in quotes",
    ),
    "number for a text": (
        {"validations": [{"expression": 1}]},
        "spec.validations[0].expression",
        "must be a string, got the number 1; write it in quotes",
    ),
    "list for a text": (
        {"failurePolicy": []},
        "spec.failurePolicy",
        "must be a string, got a list",
    ),
    "map for a text": ({"failurePolicy": {}}, "spec.failurePolicy", "must be a string, got a map"),
    "text for a list": ({"validations": "x"}, "spec.validations", "must be a list, got a string"),
    "list for a map": ({"paramKind": ["x"]}, "spec.paramKind", "must be a map, got a list"),
    "map for a list": (
        {"matchConstraints": {"resourceRules": {"a": 1}}},
        "spec.matchConstraints.resourceRules",
        "must be a list, got a map",
    ),
    "null for an element": (
        {"matchConstraints": {"resourceRules": [None]}},
        "spec.matchConstraints.resourceRules[0]",
        "must not be null",
    ),
    "null for a text in a list": (
        {"matchConstraints": {"resourceRules": [{**PODS, "resources": [None]}]}},
        "spec.matchConstraints.resourceRules[0].resources[0]",
        "must not be null",
    ),
    "number for a label": (
        {
            "matchConstraints": {
                "resourceRules": [PODS],
                "objectSelector": {"matchLabels": {"a": 1}},
            }
        },
        "spec.matchConstraints.objectSelector.matchLabels.a",
        "must be a string, got the number 1; write it in quotes",
    ),
}


@pytest.mark.parametrize(("spec", "path", "text"), MISFITS.values(), ids=MISFITS)
def test_policy_of_another_form_gives_no_policy(spec: Value, path: str, text: str) -> None:
    parsed, errors = parse_policy(item_of(policy_document(**spec)))
    assert parsed is None
    assert [one.path for one in errors] == [path]
    assert text in errors[0].message


def test_spec_is_required() -> None:
    value = {**policy_document(), "spec": None}
    _, errors = parse_policy(item_of(value))
    assert [one.path for one in errors] == [
        "spec.matchConstraints",
        "spec.validations",
        "spec.auditAnnotations",
    ]


def test_metadata_and_status_of_the_api_server_are_taken() -> None:
    value = policy_document()
    value["metadata"] |= {"uid": "u", "generation": 3, "labels": {"a": "b"}, "managedFields": []}
    value["status"] = {"observedGeneration": 3}
    assert parse_policy(item_of(value))[1] == ()


def test_namespace_is_refused() -> None:
    value = policy_document()
    value["metadata"]["namespace"] = "x"
    _, errors = parse_policy(item_of(value))
    assert [(one.path, one.message) for one in errors] == [
        ("metadata.namespace", "Forbidden: not allowed on this type")
    ]


def test_labels_and_annotations_are_checked() -> None:
    value = policy_document()
    value["metadata"]["labels"] = {"a b": "c", "d": "e f", "g": "h" * 64, "i": ""}
    value["metadata"]["annotations"] = {"A/b": "anything at all", "c d": ""}
    _, errors = parse_policy(item_of(value))
    check(
        errors,
        [
            ('metadata.labels["a b"]', f"name part {QUALIFIED}"),
            ("metadata.labels.d", 'Invalid value: "e f": a valid label must be an empty string'),
            ("metadata.labels.g", "must be no more than 63 characters"),
            ('metadata.annotations["c d"]', f"name part {QUALIFIED}"),
        ],
    )


def test_new_texts_must_work_on_the_version_of_the_cluster() -> None:
    item = item_of(policy_document(**validation(expression="isSemver('1.2.3')")))
    assert parse_policy(item, "1.33")[1] == ()
    assert parse_policy(item)[1] == ()
    _, errors = parse_policy(item, "1.32")
    assert [one.message for one in errors] == [
        "undeclared reference to 'isSemver' (in container '')"
    ]


HINTS = {
    "validation": (validation(expression="object.x"), "compare it, as in `... == true`"),
    "messageExpression": (validation(messageExpression="object.x"), "wrap it in string(...)"),
    "valueExpression": (annotation(valueExpression="object.x"), "wrap it in string(...)"),
}


@pytest.mark.parametrize(("spec", "hint"), HINTS.values(), ids=HINTS)
def test_exact_types_are_explained(spec: Value, hint: str) -> None:
    (error,) = parse_policy(item_of(policy_document(**spec)))[1]
    assert error.message.endswith(f"but got dyn; types are exact here: {hint}")


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha1"])
def test_defaults(version: str) -> None:
    spec = policy_document()["spec"]
    parsed, _ = parse_policy(item_of(document("ValidatingAdmissionPolicy", "p", spec, version)))
    assert parsed is not None
    assert parsed.failure_policy == "Fail"
    rule = ResourceRule(("*",), ("",), ("v1",), ("pods",), "*", ())
    assert parsed.match_constraints == MatchResources((rule,), (), None, None, "Equivalent")
    assert parsed.param_kind is None
    assert [one.reason for one in parsed.validations] == [""]


def test_everything_is_read() -> None:
    parsed = policy(
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
        failurePolicy="Ignore",
        matchConstraints={
            "resourceRules": [{**PODS, "scope": "Namespaced", "resourceNames": ["a"]}],
            "matchPolicy": "Exact",
            "objectSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]},
        },
        **condition(),
        **variable(),
        **validation(message="m", messageExpression="'m'", reason="Forbidden"),
        **annotation(),
    )
    assert parsed.param_kind == ParamKind("v1", "ConfigMap")
    assert parsed.match_constraints.object_selector == LabelSelector((Requirement("a", "Exists"),))
    assert parsed.match_constraints.match_policy == "Exact"
    assert parsed.match_constraints.resource_rules[0].resource_names == ("a",)
    assert [one.name for one in parsed.match_conditions] == ["c"]
    assert [one.name for one in parsed.variables] == ["v"]
    (check_,) = parsed.validations
    assert check_.message_expression is not None
    assert (check_.message, check_.reason) == ("m", "Forbidden")
    assert [one.key for one in parsed.audit_annotations] == ["k"]


def test_compile_error_has_its_place_in_the_document() -> None:
    text = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: p
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], resources: [pods], operations: ["*"]}
  validations:
  - expression: |
      1 < 2 &&
        nothing == 1
"""
    parsed, errors = parse_policy(item_of(text))
    (error,) = errors
    assert (error.line, error.column) == (12, 9)
    assert error.excerpt == "        nothing == 1\n        ^"
    assert parsed is not None
    assert parsed.validations[0].expression.program is None
    assert parsed.validations[0].expression.error.startswith(
        "compilation failed: ERROR: <input>:2:3: "
    )


PARAM_REF = {"name": "n", "parameterNotFoundAction": "Deny"}

BINDINGS: dict[str, tuple[Value, list[tuple[str, str]]]] = {
    "good": ({}, []),
    "no policyName": ({"policyName": ""}, [("spec.policyName", "Required value: name the policy")]),
    "policyName": ({"policyName": "A"}, [("spec.policyName", SUBDOMAIN)]),
    "no actions": (
        {"validationActions": []},
        [("spec.validationActions", "Required value: at least one validation action is required")],
    ),
    "Deny and Warn": (
        {"validationActions": ["Deny", "Warn"]},
        [("spec.validationActions", "must not contain both Deny and Warn")],
    ),
    "Deny and Audit": ({"validationActions": ["Deny", "Audit"]}, []),
    "Warn and Audit": ({"validationActions": ["Warn", "Audit"]}, []),
    "an action twice": (
        {"validationActions": ["Deny", "Deny"]},
        [("spec.validationActions[1]", 'Duplicate value: "Deny"')],
    ),
    "unknown action": (
        {"validationActions": ["deny"]},
        [("spec.validationActions[0]", 'supported values: "Audit", "Deny", "Warn"')],
    ),
    "name and selector": (
        {"paramRef": {**PARAM_REF, "selector": {}}},
        [
            ("spec.paramRef.name", "Forbidden: name and selector are mutually exclusive"),
            ("spec.paramRef.selector", "Forbidden: name and selector are mutually exclusive"),
        ],
    ),
    "neither name nor selector": (
        {"paramRef": {"parameterNotFoundAction": "Deny"}},
        [("spec.paramRef", "Required value: one of name or selector must be specified")],
    ),
    "name of params": (
        {"paramRef": {**PARAM_REF, "name": "a/b"}},
        [("spec.paramRef.name", "may not contain '/'")],
    ),
    "no parameterNotFoundAction": (
        {"paramRef": {"name": "n"}},
        [("spec.paramRef.parameterNotFoundAction", "Required value: write Allow or Deny")],
    ),
    "unknown parameterNotFoundAction": (
        {"paramRef": {**PARAM_REF, "parameterNotFoundAction": "Warn"}},
        [("spec.paramRef.parameterNotFoundAction", 'supported values: "Allow", "Deny"')],
    ),
    "selector of params": (
        {
            "paramRef": {
                "selector": {"matchExpressions": [{"key": "a", "operator": "x"}]},
                "parameterNotFoundAction": "Allow",
            }
        },
        [("spec.paramRef.selector.matchExpressions[0].operator", "must be one of In, NotIn")],
    ),
    "matchResources without rules": ({"matchResources": {}}, []),
    "matchResources": (
        {"matchResources": {"matchPolicy": "x"}},
        [("spec.matchResources.matchPolicy", "Unsupported value")],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), BINDINGS.values(), ids=BINDINGS)
def test_binding_is_checked(spec: Value, expected: list[tuple[str, str]]) -> None:
    parsed, errors = parse_binding(item_of(binding_document(**{"policy": "p", **spec})))
    check(errors, expected)
    assert parsed is not None


def test_binding_of_another_form_gives_no_binding() -> None:
    parsed, errors = parse_binding(item_of(binding_document(paramref={})))
    assert parsed is None
    assert "did you mean 'paramRef'?" in errors[0].message


def test_parameter_action_has_a_default_in_v1alpha1_only() -> None:
    spec = {"policyName": "p", "validationActions": ["Deny"], "paramRef": {"name": "n"}}
    kind = "ValidatingAdmissionPolicyBinding"
    parsed, errors = parse_binding(item_of(document(kind, "b", spec, "v1alpha1")))
    assert not errors
    assert parsed is not None
    assert parsed.param_ref == ParamRef("n", not_found_action="Deny")


def test_binding_is_read() -> None:
    parsed = binding(
        validationActions=["Warn", "Audit"],
        paramRef={"selector": {}, "namespace": "x", "parameterNotFoundAction": "Allow"},
    )
    assert parsed.validation_actions == (Action.WARN, Action.AUDIT)
    assert parsed.param_ref == ParamRef("", "x", LabelSelector(), "Allow")
    assert (parsed.name, parsed.policy_name, parsed.match_resources) == ("b", "p", None)
