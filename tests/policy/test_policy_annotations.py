"""Audit annotations of policies (kubernetes-cel.md 2.9), in keys that a webhook may publish."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.builders import pod, request
from tests.policy.policies import MAPS, binding, judge, messages, policy, scripted
from webhook.policy import Policy
from webhook.policy.messages import go_json
from webhook.policy.model import AuditAnnotation

POD = pod()
DENIED = "ValidatingAdmissionPolicy 'p' with binding 'b-p' denied request: "


def annotated(*texts: str, **spec: Any) -> Policy:
    annotations = [{"key": f"k{at}", "valueExpression": text} for at, text in enumerate(texts)]
    return policy(validations=[], auditAnnotations=annotations, **spec)


BAD = "string(object.nothing)"
ROWS: dict[str, tuple[Policy, dict[str, str], list[str]]] = {
    "value": (annotated("'a'"), {"p.k0": "a"}, []),
    "several": (annotated("'a'", "'b'"), {"p.k0": "a", "p.k1": "b"}, []),
    "trimmed": (annotated(r"' a\n'"), {"p.k0": "a"}, []),
    "empty": (annotated("' '", "'b'"), {"p.k1": "b"}, []),
    "null": (annotated("null", "'b'"), {"p.k1": "b"}, []),
    "cut to 10240 bytes": (
        replace(
            policy(),
            validations=(),
            audit_annotations=(AuditAnnotation("k0", scripted("x" * 10239 + "€")),),
        ),
        {"p.k0": "x" * 10239},
        [],
    ),
    "error under Fail": (
        annotated(BAD, "'b'"),
        {"p.k1": "b"},
        ["expression 'string(object.nothing)' resulted in error: no such key: nothing"],
    ),
    "error under Ignore": (annotated(BAD, "'b'", failurePolicy="Ignore"), {"p.k1": "b"}, []),
    "no compiling": (
        annotated("object.metadata.name"),
        {},
        ["compilation error: must evaluate to one of [string null_type] but got dyn"],
    ),
    "authorizer is not bound": (
        annotated("authorizer.path('/x').check('get').allowed() ? 'a' : 'b'"),
        {},
        [
            (
                "expression 'authorizer.path('/x').check('get').allowed() ? 'a' : 'b'' resulted in "
                "error: no such attribute(s): authorizer"
            )
        ],
    ),
    "a condition is false": (
        annotated("'a'", matchConditions=[{"name": "c", "expression": "1 > 2"}]),
        {},
        [],
    ),
}


@pytest.mark.parametrize(("one", "annotations", "denials"), ROWS.values(), ids=ROWS)
def test_audit_annotations(one: Policy, annotations: dict[str, str], denials: list[str]) -> None:
    outcome = judge(request(POD), one)
    assert dict(outcome.audit_annotations) == annotations
    assert messages(outcome) == [DENIED + text for text in denials]


def test_errors_deny_whatever_the_actions_are_and_come_after_the_decisions() -> None:
    one = replace(policy(), audit_annotations=annotated(BAD).audit_annotations)
    outcome = judge(request(POD), one, binding("b-p", validationActions=["Audit"]))
    assert [(one.action, one.message.startswith(DENIED)) for one in outcome.violations] == [
        ("Audit", False),
        ("Deny", True),
    ]


def test_values_of_several_bindings_and_params_are_joined() -> None:
    maps = tuple(
        {**MAPS, "metadata": {"name": name, "namespace": "shop"}, "data": {"v": value}}
        for name, value in (("1", "x"), ("2", "y"), ("3", "x"))
    )
    one = annotated("string(params.data.v)", paramKind=MAPS)
    ref = {"selector": {}, "parameterNotFoundAction": "Deny"}
    bound = (binding("b1", paramRef=ref), binding("b2", paramRef={**ref, "selector": {}}))
    assert dict(judge(request(POD), one, bound, maps).audit_annotations) == {"p.k0": "x, y"}


def test_failures_are_listed_for_audit() -> None:
    checks = [
        {"expression": "1 < 2"},
        {"expression": "1 > 2", "message": "a<b> & \u2028 é"},
        {"expression": "1 > 2", "message": "c"},
    ]
    one = binding("b", validationActions=["Warn", "Audit"])
    outcome = judge(request(POD), policy(validations=checks), one)
    assert outcome.audit_annotations["validation_failure"] == (
        '[{"message":"a\\u003cb\\u003e \\u0026 \\u2028 é","policy":"p","binding":"b",'
        '"expressionIndex":1,"validationActions":["Warn","Audit"]},'
        '{"message":"c","policy":"p","binding":"b",'
        '"expressionIndex":2,"validationActions":["Warn","Audit"]}]'
    )


def test_at_most_50_failures_are_listed() -> None:
    checks = [{"expression": "1 > 2"}] * 51
    outcome = judge(request(POD), policy(validations=checks), binding(validationActions=["Audit"]))
    listed = json.loads(outcome.audit_annotations["validation_failure"])
    assert [one["expressionIndex"] for one in listed] == list(range(50))
    assert len(outcome.violations) == 51


def test_go_json() -> None:
    assert go_json(["<", "\u2029", {"a": 1}]) == '["\\u003c","\\u2029",{"a":1}]'
