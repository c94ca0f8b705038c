"""Requests about objects from files: what the API server would fill in is there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import deployment, namespace, pod
from webhook.codec import BadReview
from webhook.offline.requests import request_about, resource_name

NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}
BUDGET = {"apiVersion": "example.com/v1", "kind": "Budget", "metadata": {"name": "b"}}
UNPLACED = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "web-"}}

OPERATIONS = {
    "only new": (pod(), None, "CREATE", "CreateOptions"),
    "both": (pod(), pod(), "UPDATE", "UpdateOptions"),
    "only old": (None, pod(), "DELETE", "DeleteOptions"),
}


@pytest.mark.parametrize(
    ("new", "old", "operation", "options"), OPERATIONS.values(), ids=OPERATIONS
)
def test_operation_follows_from_the_objects(
    new: Any, old: Any, operation: str, options: str
) -> None:
    request = request_about(new, old)
    assert request.operation == operation
    assert request.options == {"apiVersion": "meta.k8s.io/v1", "kind": options}
    assert request.request_resource == request.resource


PLACES = {
    "namespaced": (pod(), "pods", "shop", "web"),
    "group": (deployment(), "deployments", "shop", "web"),
    "cluster-scoped": (NODE, "nodes", "", "n"),
    "a Namespace lies in itself": (namespace("shop"), "namespaces", "shop", "shop"),
    "custom kind without a namespace": (BUDGET, "budgets", "", "b"),
    "as kubectl does it": (UNPLACED, "pods", "default", ""),
}


@pytest.mark.parametrize(("value", "resource", "where", "name"), PLACES.values(), ids=PLACES)
def test_request_is_about_the_object(value: Any, resource: str, where: str, name: str) -> None:
    request = request_about(value)
    assert (request.resource.resource, request.namespace, request.name) == (resource, where, name)


def test_default_namespace_is_in_the_object_too() -> None:
    assert request_about(UNPLACED).object["metadata"]["namespace"] == "default"
    assert "namespace" not in UNPLACED["metadata"]


def test_connect_has_no_options() -> None:
    assert request_about(pod(), operation="CONNECT").options is None


def test_fields_win() -> None:
    request = request_about(pod(), fields={"subResource": "exec", "name": "other"})
    assert (request.sub_resource, request.name) == ("exec", "other")


def test_user_is_who_asks() -> None:
    assert request_about(pod(), user={"username": "alice"}).user_info.username == "alice"
    assert request_about(pod()).user_info.username == "propylon:offline"


WRONG = {
    "nothing": (None, None),
    "not an object": (["a"], None),
    "odd metadata": ({"apiVersion": "v1", "kind": "Pod", "metadata": 5}, None),
}


@pytest.mark.parametrize(("new", "old"), WRONG.values(), ids=WRONG)
def test_what_is_no_request_is_refused(new: Any, old: Any) -> None:
    with pytest.raises(BadReview):
        request_about(new, old)


@pytest.mark.parametrize(
    ("kind", "plural"),
    [
        ("Pod", "pods"),
        ("NetworkPolicy", "networkpolicies"),
        ("Ingress", "ingresses"),
        ("Endpoints", "endpoints"),
        ("PodMetrics", "podmetrics"),
    ],
)
def test_plural_is_guessed_as_kubernetes_does(kind: str, plural: str) -> None:
    assert resource_name("", kind) == plural
