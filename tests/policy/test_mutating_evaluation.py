"""Mutating policies: order, errors, the second round; texts as a real API server answered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.builders import container, deployment, namespace, pod, request
from tests.policy.mutating_policies import (
    apply_configuration,
    binding,
    json_patch,
    labels,
    policy,
    run,
)
from tests.policy.policies import MAPS, scripted
from webhook.model import (
    AdmissionRequest,
    Facts,
    Get,
    GroupVersionKind,
    GroupVersionResource,
    NeedFacts,
    Outcome,
    SchemaOf,
    Unavailable,
)
from webhook.objects.schemas import custom_schema
from webhook.policy import MutatingPolicy, build_mutating_policy_set, mutate
from webhook.policy.evaluating import OUT_OF_BUDGET, STAGE_BUDGET
from webhook.policy.model import Mutation
from webhook.policy.selecting import TOO_LATE

WEB = pod(labels={"x": "1"})
COUNT = "string(size(object.metadata.labels))"
MORE = json_patch(
    '[JSONPatch{op: "add", path: "/metadata/labels/n", '
    'value: string(int(object.metadata.?labels.n.orValue("0")) + 1)}]'
)
BAD_TYPE = apply_configuration("Object{spec: Object.x{}}")
BAD_FIELD = apply_configuration("Object{foo: 1}")


def labels_after(outcome: Outcome) -> Any:
    assert not outcome.violations, outcome.violations
    return outcome.object["metadata"].get("labels", {})


def texts(outcome: Outcome) -> list[str]:
    return [one.message for one in outcome.violations]


RUNS: dict[str, tuple[list[MutatingPolicy], dict[str, str]]] = {
    "one": ([policy("p", labels(a="'b'"))], {"x": "1", "a": "b"}),
    "mutations see what came before": (
        [policy("p", labels(a=COUNT), labels(b=COUNT))],
        {"x": "1", "a": "1", "b": "2"},
    ),
    "variables are evaluated anew": (
        [
            policy(
                "p",
                labels(a="variables.count"),
                labels(b="variables.count"),
                variables=[{"name": "count", "expression": COUNT}],
            )
        ],
        {"x": "1", "a": "1", "b": "2"},
    ),
    "policies in order of name": (
        [policy("q", labels(a="'q'")), policy("p", labels(a="'p'"))],
        {"x": "1", "a": "q"},
    ),
    "never again": ([policy("p", MORE)], {"x": "1", "n": "1"}),
    "a second round after any change": (
        [policy("p", MORE, reinvocationPolicy="IfNeeded")],
        {"x": "1", "n": "2"},
    ),
    "a second round after a patch without effect": (
        [
            policy("p", MORE, reinvocationPolicy="IfNeeded"),
            policy("q", apply_configuration("Object{}")),
        ],
        {"x": "1", "n": "2"},
    ),
    "all mutations of a policy run again": (
        [policy("p", MORE, MORE, reinvocationPolicy="IfNeeded")],
        {"x": "1", "n": "4"},
    ),
    "only some run again": (
        [
            policy("p", labels(p=COUNT), reinvocationPolicy="IfNeeded"),
            policy("q", labels(q=COUNT)),
        ],
        {"x": "1", "p": "3", "q": "2"},
    ),
    "conditions are asked again": (
        [
            policy(
                "p",
                MORE,
                reinvocationPolicy="IfNeeded",
                matchConditions=[{"name": "c", "expression": "!has(object.metadata.labels.n)"}],
            )
        ],
        {"x": "1", "n": "1"},
    ),
    "a false condition": (
        [
            policy(
                "p",
                MORE,
                reinvocationPolicy="IfNeeded",
                matchConditions=[{"name": "c", "expression": "1 > 2"}],
            )
        ],
        {"x": "1"},
    ),
    "no second round without a mutation": (
        [policy("p", BAD_FIELD, reinvocationPolicy="IfNeeded", failurePolicy="Ignore")],
        {"x": "1"},
    ),
    "ignored errors leave what was done": (
        [policy("p", labels(a="'b'"), BAD_FIELD, labels(c="'d'"), failurePolicy="Ignore")],
        {"x": "1", "a": "b", "c": "d"},
    ),
    "a failed test changes nothing": (
        [
            policy(
                "p",
                json_patch(
                    '[JSONPatch{op: "remove", path: "/metadata/labels/x"}, '
                    'JSONPatch{op: "test", path: "/kind", value: "X"}]'
                ),
            )
        ],
        {"x": "1"},
    ),
}


@pytest.mark.parametrize(("policies", "expected"), RUNS.values(), ids=RUNS)
def test_runs(policies: list[MutatingPolicy], expected: dict[str, str]) -> None:
    assert labels_after(run(request(WEB), *policies)) == expected


def with_binding(text: str, policy_name: str = "p") -> str:
    return f"policy '{policy_name}' with binding 'b-{policy_name}' denied request: {text}"


PATCH = "error applying patch: failed to convert patch object to typed object: "
UNKNOWN = f"{PATCH}.foo: field not declared in schema"
MISMATCH = (
    'type mismatch: unexpected type name "Object.x", expected "Object.spec", '
    "which matches field name path from root Object type"
)
NO_SUCH_KEY = "object.nope == 1"
TEXT_ONLY = 'JSONPatch{op: dyn(1), path: "/x"}'

FAILURES: dict[str, tuple[list[MutatingPolicy], list[str]]] = {
    "all errors of a policy": (
        [policy("p", BAD_TYPE, BAD_FIELD, MORE)],
        [with_binding(MISMATCH), with_binding(UNKNOWN)],
    ),
    "ignored ones are left out": (
        [policy("p", BAD_TYPE, failurePolicy="Ignore"), policy("q", BAD_FIELD)],
        [with_binding(UNKNOWN, "q")],
    ),
    "condition": (
        [policy("p", MORE, matchConditions=[{"name": "c", "expression": NO_SUCH_KEY}])],
        [with_binding(f"expression '{NO_SUCH_KEY}' resulted in error: no such key: nope")],
    ),
    "evaluation": (
        [policy("p", labels(a="string(object.nope)"))],
        [
            with_binding(
                "expression 'Object{metadata: Object.metadata{labels: "
                '{"a": string(object.nope)}}}\' resulted in error: no such key: nope'
            )
        ],
    ),
    "patch": (
        [policy("p", json_patch('[JSONPatch{op: "frob", path: "/x"}]'))],
        [with_binding("JSON Patch: Unexpected kind: frob")],
    ),
    "an operation that is no text": (
        [policy("p", json_patch(f"[{TEXT_ONLY}]"))],
        [with_binding("unexpected type int for JSONPatchType 'op' field")],
    ),
    "compilation": (
        [policy("p", json_patch("[]"))],
        [with_binding("must evaluate to list(JSONPatch) but got list(dyn)")],
    ),
}


@pytest.mark.parametrize(("policies", "expected"), FAILURES.values(), ids=FAILURES)
def test_failures(policies: list[MutatingPolicy], expected: list[str]) -> None:
    received = request(WEB)
    outcome = run(received, *policies)
    assert texts(outcome) == expected
    assert outcome.object is received.object
    first = outcome.violations[0]
    assert (first.origin, first.reason, first.code) == ("MutatingAdmissionPolicy", "Invalid", 403)
    assert first.details == {
        "name": "web",
        "kind": "pods",
        "causes": [{"message": text} for text in expected],
    }


def test_parameters() -> None:
    parameters = tuple(
        {**MAPS, "metadata": {"name": name, "namespace": "shop", "labels": {"a": "b"}}}
        for name in ("two", "one")
    )
    found = policy("p", labels(last="params.metadata.name"), paramKind=MAPS)
    selector = {"matchLabels": {"a": "b"}}
    bound = binding("b", paramRef={"selector": selector, "parameterNotFoundAction": "Deny"})
    outcome = run(request(WEB), found, bindings=(bound,), objects=parameters)
    assert labels_after(outcome) == {"x": "1", "last": "two"}


def test_a_missing_parameter() -> None:
    found = policy("p", paramKind=MAPS)
    bound = binding("b", paramRef={"name": "no", "parameterNotFoundAction": "Deny"})
    outcome = run(request(WEB), found, bindings=(bound,))
    assert texts(outcome) == [
        (
            "policy 'p' with binding 'b' denied request: failed to configure binding: "
            "no params found for policy binding with `Deny` parameterNotFoundAction"
        )
    ]
    assert (outcome.violations[0].reason, outcome.violations[0].code) == ("Forbidden", 403)


def test_an_unknown_parameter_kind() -> None:
    foo = {"apiVersion": "example.com/v1", "kind": "Foo"}
    bound = binding("b", paramRef={"name": "no", "parameterNotFoundAction": "Deny"})
    outcome = run(request(WEB), policy("p", paramKind=foo), bindings=(bound,))
    assert texts(outcome) == [
        (
            'policy "p" denied request: failed to configure policy: failed to find resource '
            "referenced by paramKind: 'example.com/v1, Kind=Foo'"
        )
    ]
    assert outcome.violations[0].binding == ""


def test_a_missing_namespace_ends_the_request() -> None:
    outcome = run(
        request(WEB),
        policy("p", failurePolicy="Ignore"),
        answers={Get("v1", "Namespace", "", "shop"): None},
    )
    (violation,) = outcome.violations
    assert (violation.code, violation.reason) == (404, "NotFound")
    assert violation.message == 'namespaces "shop" not found'
    assert violation.details == {"name": "shop", "kind": "namespaces"}


def test_the_namespace_is_bound() -> None:
    found = policy("p", labels(ns="namespaceObject.metadata.name"))
    assert labels_after(run(request(WEB), found)) == {"x": "1", "ns": "shop"}


WIDGET: Any = {
    "apiVersion": "example.com/v1",
    "kind": "Widget",
    "metadata": {"name": "w", "namespace": "shop"},
    "spec": {"size": 1, "free": {"a": 1}},
}
WIDGETS = SchemaOf("example.com/v1", "Widget")


def widget_request() -> AdmissionRequest:
    return replace(
        request(pod()),
        kind=GroupVersionKind("example.com", "v1", "Widget"),
        resource=GroupVersionResource("example.com", "v1", "widgets"),
        object=WIDGET,
    )


def test_schemas_of_custom_resources_are_asked_for() -> None:
    set_size = policy("p", apply_configuration("Object{spec: Object.spec{size: 2}}"))
    policy_set = build_mutating_policy_set([set_size], [binding()])
    facts = Facts({Get("v1", "Namespace", "", "shop"): namespace()})
    with pytest.raises(NeedFacts) as need:
        mutate(widget_request(), policy_set, facts)
    assert need.value.lookups == {WIDGETS}
    schema = custom_schema({"properties": {"spec": {"type": "object"}}})
    outcome = mutate(widget_request(), policy_set, facts | {WIDGETS: schema})
    assert outcome.object["spec"] == {"size": 2, "free": {"a": 1}}


MISSING = (
    "Resource kind example.com/v1, Kind=Widget not found. There can be a delay between when "
    "CustomResourceDefinitions are created and when they are available."
)


@pytest.mark.parametrize(
    ("schema", "text"),
    [(None, MISSING), (Unavailable("away"), f"{MISSING} (away)")],
    ids=["none", "unavailable"],
)
def test_a_kind_without_schema_ends_the_request(schema: Any, text: str) -> None:
    found = policy("p", failurePolicy="Ignore")
    outcome = run(widget_request(), found, answers={WIDGETS: schema})
    (violation,) = outcome.violations
    assert (violation.code, violation.reason) == (503, "ServiceUnavailable")
    assert (violation.message, violation.details) == (text, None)


def test_patches_need_no_schema() -> None:
    found = policy("p", json_patch('[JSONPatch{op: "add", path: "/spec/size", value: 3}]'))
    assert run(widget_request(), found).object["spec"]["size"] == 3


def test_apiversion_and_kind_stay() -> None:
    everything = policy(
        "p",
        apply_configuration('Object{apiVersion: "v9", kind: "Foo"}'),
        json_patch('[JSONPatch{op: "remove", path: "/kind"}]'),
    )
    found = run(request(WEB), everything).object
    assert (found["apiVersion"], found["kind"]) == ("v1", "Pod")


def test_nothing_to_change() -> None:
    deleted = request(None, operation="DELETE", old=WEB)
    assert run(deleted, policy()).object is None
    connect = replace(request(WEB, operation="CONNECT"), object=None)
    assert run(connect, policy()).object is None
    assert run(request(deployment()), policy(), bindings=(binding(of="q"),)).mutated_by == ()


def test_an_object_that_stays_as_it_is_is_the_same_one() -> None:
    received = request(WEB)
    same = policy("p", labels(x="'1'"), apply_configuration("Object{}"))
    outcome = run(received, same)
    assert outcome.object is received.object
    assert outcome.mutated_by == ()


def test_who_changed_the_object() -> None:
    outcome = run(request(WEB), policy("p"), policy("q", apply_configuration("Object{}")))
    assert outcome.mutated_by == ("MutatingAdmissionPolicy/p",)


def test_what_does_not_change_is_shared() -> None:
    received = request(pod(container("a"), container("b")))
    image = '[Object.spec.containers{name: "b", image: "new"}]'
    change = apply_configuration(f"Object{{spec: Object.spec{{containers: {image}}}}}")
    outcome = run(received, policy("p", change))
    before, after = received.object["spec"]["containers"], outcome.object["spec"]["containers"]
    assert after[0] is before[0]
    assert after[1] == {"name": "b", "image": "new"}
    assert outcome.object["metadata"] is received.object["metadata"]


def scripted_policy(patch_type: str, value: Any, cost: int = 0) -> MutatingPolicy:
    mutation = Mutation(patch_type, scripted(value, cost))
    return replace(policy(), mutations=(mutation,))


def test_costs() -> None:
    found = scripted_policy("ApplyConfiguration", None, STAGE_BUDGET + 1)
    assert texts(run(request(WEB), found)) == [with_binding(OUT_OF_BUDGET)]


def test_an_element_that_is_no_operation() -> None:
    assert texts(run(request(WEB), scripted_policy("JSONPatch", [None]))) == [
        with_binding(
            "type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch: "
            "type conversion error from 'null_type' to '*mutation.JSONPatchVal'"
        )
    ]


class Expired:
    def expired(self) -> bool:
        return True


def test_too_late() -> None:
    outcome = run(replace(request(WEB), deadline=Expired()), policy())
    assert texts(outcome) == [f'policy "p" denied request: {TOO_LATE}']
