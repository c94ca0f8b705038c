"""Parameters of policies: which objects a binding chooses (kubernetes-cel.md 2.4)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import pod, request
from tests.policy.policies import (
    MAPS,
    PODS,
    WIDGETS,
    Value,
    binding,
    judge,
    messages,
    policy,
)
from webhook.model import Get, List, Scope, Unavailable
from webhook.policy.scopes import is_namespaced

MAP_KIND = {"apiVersion": "v1", "kind": "ConfigMap"}
WIDGET_KIND = {"apiVersion": "example.com/v1", "kind": "Widget"}
NODE_KIND = {"apiVersion": "v1", "kind": "Node"}
BY_NAME = {"name": "limits", "parameterNotFoundAction": "Deny"}
BY_LABEL = {"selector": {"matchLabels": {"a": "b"}}, "parameterNotFoundAction": "Deny"}
ALL = {"selector": {}, "parameterNotFoundAction": "Deny"}
START = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: "
NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}
ON_NODES = {"resourceRules": [{**PODS, "resources": ["nodes"]}]}


def config_map(name: str = "limits", namespace: str = "shop", **labels: str) -> Value:
    return {**MAPS, "metadata": {"name": name, "namespace": namespace, "labels": labels}}


def widget(name: str = "limits", namespace: str = "", **labels: str) -> Value:
    where = {"namespace": namespace} if namespace else {}
    return {**WIDGETS, "metadata": {"name": name, **where, "labels": labels}}


def named(kind: Value, **spec: Any) -> Any:
    """Return a policy that fails with the name of its parameter."""
    shown = "string(params == null ? 'null' : params.metadata.name)"
    check = {"expression": "1 > 2", "messageExpression": shown}
    return policy(paramKind=kind, validations=[check], **spec)


NO_PARAMS = "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"
ROWS: dict[str, tuple[Value, Value | None, tuple[Value, ...], list[str]]] = {
    "no paramRef": (MAP_KIND, None, (), ["null"]),
    "by name": (MAP_KIND, BY_NAME, (config_map(), config_map("other")), ["limits"]),
    "by name elsewhere": (
        MAP_KIND,
        {**BY_NAME, "namespace": "other"},
        (config_map(namespace="other"),),
        ["limits"],
    ),
    "by name, not found, Deny": (MAP_KIND, BY_NAME, (config_map("other"),), [NO_PARAMS]),
    "by name, not found, Allow": (
        MAP_KIND,
        {**BY_NAME, "parameterNotFoundAction": "Allow"},
        (),
        [],
    ),
    "by name in another namespace is not found": (
        MAP_KIND,
        BY_NAME,
        (config_map(namespace="other"),),
        [NO_PARAMS],
    ),
    "by label, sorted": (
        MAP_KIND,
        BY_LABEL,
        (config_map("z", a="b"), config_map("x", a="c"), config_map("y", a="b")),
        ["y", "z"],
    ),
    "by label, none, Deny": (MAP_KIND, BY_LABEL, (config_map(),), [NO_PARAMS]),
    "by label, none, Allow": (
        MAP_KIND,
        {**BY_LABEL, "parameterNotFoundAction": "Allow"},
        (config_map(),),
        [],
    ),
    "all": (MAP_KIND, ALL, (config_map("b"), config_map("a")), ["a", "b"]),
    "cluster-scoped by name": (WIDGET_KIND, BY_NAME, (widget(),), ["limits"]),
    "cluster-scoped by label": (WIDGET_KIND, BY_LABEL, (widget(a="b"), widget("x")), ["limits"]),
    "cluster-scoped with namespace": (
        WIDGET_KIND,
        {**BY_NAME, "namespace": "shop"},
        (widget(),),
        [
            (
                "failed to configure binding: paramRef.namespace must not be provided for a "
                "cluster-scoped `paramKind`"
            )
        ],
    ),
    "cluster-scoped built-in kind with namespace": (
        NODE_KIND,
        {**BY_NAME, "namespace": "shop"},
        (),
        [
            (
                "failed to configure binding: paramRef.namespace must not be provided for a "
                "cluster-scoped `paramKind`"
            )
        ],
    ),
    "namespaced custom resource": (WIDGET_KIND, BY_NAME, (widget(namespace="shop"),), ["limits"]),
}


@pytest.mark.parametrize(("kind", "ref", "objects", "expected"), ROWS.values(), ids=ROWS)
def test_params(
    kind: Value, ref: Value | None, objects: tuple[Value, ...], expected: list[str]
) -> None:
    outcome = judge(request(pod()), named(kind), binding(paramRef=ref), objects)
    assert messages(outcome) == [START + one for one in expected]


def test_param_ref_is_ignored_without_param_kind() -> None:
    outcome = judge(request(pod()), policy(), binding(paramRef=BY_NAME))
    assert messages(outcome) == [f"{START}no"]


def test_namespaced_kind_needs_a_namespace() -> None:
    one = named(MAP_KIND, matchConstraints=ON_NODES)
    outcome = judge(request(NODE), one, binding(paramRef=BY_NAME))
    text = "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
    assert messages(outcome) == [f"{START}failed to configure binding: {text}"]


def test_namespace_of_the_param_ref_is_good_for_cluster_scoped_requests() -> None:
    one = named(MAP_KIND, matchConstraints=ON_NODES)
    ref = {**BY_NAME, "namespace": "shop"}
    outcome = judge(request(NODE), one, binding(paramRef=ref), (config_map(),))
    assert messages(outcome) == [f"{START}limits"]


def test_unknown_kind_is_an_error_of_the_policy() -> None:
    kind = {"apiVersion": "example.com/v1", "kind": "Nothing"}
    outcome = judge(request(pod()), named(kind), binding(paramRef=BY_NAME))
    assert messages(outcome) == [
        (
            "ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: failed to find "
            "resource referenced by paramKind: 'example.com/v1, Kind=Nothing'"
        )
    ]


def test_unknown_kind_does_not_matter_to_requests_that_do_not_match() -> None:
    kind = {"apiVersion": "example.com/v1", "kind": "Nothing"}
    assert judge(request(NODE), named(kind), binding(paramRef=BY_NAME)).violations == ()


def test_unknown_kind_is_ignored_under_ignore() -> None:
    kind = {"apiVersion": "example.com/v1", "kind": "Nothing"}
    one = named(kind, failurePolicy="Ignore")
    assert judge(request(pod()), one, binding(paramRef=BY_NAME)).violations == ()


GONE = Unavailable("no answer")
UNAVAILABLE: dict[str, tuple[Value, Value, Any, str]] = {
    "scope": (
        WIDGET_KIND,
        BY_NAME,
        Scope("example.com/v1", "Widget"),
        (
            "paramKind kind `&ParamKind{APIVersion:example.com/v1,Kind:Widget,}` not yet synced to "
            "use for admission: no answer"
        ),
    ),
    "object": (
        MAP_KIND,
        BY_NAME,
        Get("v1", "ConfigMap", "shop", "limits"),
        "params of kind ConfigMap cannot be read: no answer",
    ),
    "list": (
        MAP_KIND,
        BY_LABEL,
        List("v1", "ConfigMap", "shop", "a=b"),
        "params of kind ConfigMap cannot be read: no answer",
    ),
}


@pytest.mark.parametrize(("kind", "ref", "lookup", "text"), UNAVAILABLE.values(), ids=UNAVAILABLE)
def test_unavailable(kind: Value, ref: Value, lookup: Any, text: str) -> None:
    one = binding(paramRef=ref, validationActions=["Warn"])
    outcome = judge(request(pod()), named(kind), one, answers={lookup: GONE})
    # A configuration error denies whatever the actions are.
    assert messages(outcome) == [f"{START}failed to configure binding: {text}"]


def test_elements_of_lists_have_kind_and_api_version() -> None:
    lookup = List("v1", "ConfigMap", "shop", "")
    bare = {"metadata": {"name": "limits"}}
    check = {"expression": "params.kind == 'ConfigMap' && params.apiVersion == 'v1'"}
    one = policy(paramKind=MAP_KIND, validations=[check])
    outcome = judge(request(pod()), one, binding(paramRef=ALL), answers={lookup: [bare]})
    assert outcome.violations == ()
    assert bare == {"metadata": {"name": "limits"}}


SCOPES = {
    "core": ("v1", "ConfigMap", True),
    "core, cluster": ("v1", "Namespace", False),
    "group": ("apps/v1", "Deployment", True),
    "group, cluster": ("rbac.authorization.k8s.io/v1", "ClusterRole", False),
    "custom": ("example.com/v1", "ConfigMap", None),
}


@pytest.mark.parametrize(("api_version", "kind", "expected"), SCOPES.values(), ids=SCOPES)
def test_scopes_of_built_in_kinds(api_version: str, kind: str, expected: bool | None) -> None:
    assert is_namespaced(api_version, kind) is expected
