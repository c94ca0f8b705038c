"""Structured merge: order, keys, what may be set, and the texts of a real API server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import container, deployment, pod
from webhook.objects.merge import Foreign, MergeError, merge
from webhook.objects.merge.values import number, plain, source, type_name
from webhook.objects.schemas import Schema, Schemas, built_in_schema, custom_schema

NULL = Foreign("structpb.NullValue", "NULL_VALUE", "0")
CONVERT = "failed to convert patch object to typed object: "
ATOMIC = "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: "

SERVICE: Any = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "s", "labels": {"a": "b"}, "finalizers": ["x/a"]},
    "spec": {"ports": [{"name": "http", "port": 80, "protocol": "TCP"}]},
}


def schema_of(value: Any) -> Schema:
    found = built_in_schema(value["apiVersion"], value["kind"])
    assert found is not None
    return found


def merged(value: Any, patch: Any) -> Any:
    before = repr(value)
    result = merge(schema_of(value), value, patch)
    assert repr(value) == before
    return result


# object, patch, result (kubernetes-cel.md 5.3); the last ones have repeated elements
ORDERS = [
    ("abc", "x", "abcx"),
    ("abc", "ca", "bca"),
    ("abc", "bx", "abcx"),
    ("abc", "xb", "axbc"),
    ("abc", "dae", "dabce"),
    ("abcd", "dxb", "acdxb"),
    ("abc", "", "abc"),
    ("", "ba", "ba"),
    ("abc", "abc", "abc"),
    ("abc", "cba", "cba"),
    ("aab", "b", "aab"),
    ("aab", "ca", "cab"),
    ("aba", "ab", "ab"),
]


@pytest.mark.parametrize(("value", "patch", "expected"), ORDERS)
def test_order_of_lists(value: str, patch: str, expected: str) -> None:
    names = {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}
    schema = Schemas({}).written({"type": "object", "properties": {"l": names}})
    assert merge(schema, {"l": list(value)}, {"l": list(patch)})["l"] == list(expected)


def ports(*entries: Any) -> Any:
    return {"spec": {"ports": list(entries)}}


MERGES: dict[str, tuple[Any, Any, str, Any]] = {
    "scalar": (deployment(), {"spec": {"replicas": 3}}, "replicas", 3),
    "matched by key": (
        SERVICE,
        ports({"port": 80, "protocol": "TCP", "name": "web"}),
        "ports",
        [{"name": "web", "port": 80, "protocol": "TCP"}],
    ),
    "key left out": (
        SERVICE,
        ports({"port": 80, "targetPort": 8080}),
        "ports",
        [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}],
    ),
    "another key": (
        SERVICE,
        ports({"port": 80, "protocol": "UDP"}),
        "ports",
        [{"name": "http", "port": 80, "protocol": "TCP"}, {"port": 80, "protocol": "UDP"}],
    ),
    "all keys left out": (
        SERVICE,
        ports({"name": "x"}),
        "ports",
        [{"name": "http", "port": 80, "protocol": "TCP"}, {"name": "x"}],
    ),
    "inside an element": (
        pod(container(env=[{"name": "A", "value": "1"}])),
        {"spec": {"containers": [{"name": "app", "env": [{"name": "B", "value": "2"}]}]}},
        "containers",
        [container(env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])],
    ),
    "repeated elements that the patch leaves alone": (
        pod(container(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}])),
        {"spec": {"containers": [{"name": "app", "env": [{"name": "B"}]}]}},
        "containers",
        [container(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}, {"name": "B"}])],
    ),
    "repeated elements that the patch has become one": (
        pod(container(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}])),
        {"spec": {"containers": [{"name": "app", "env": [{"name": "A", "value": "3"}]}]}},
        "containers",
        [container(env=[{"name": "A", "value": "3"}])],
    ),
    "any scalar": (
        deployment(strategy={"rollingUpdate": {"maxSurge": "25%"}}),
        {"spec": {"strategy": {"rollingUpdate": {"maxSurge": 3}}}},
        "strategy",
        {"rollingUpdate": {"maxSurge": 3}},
    ),
    "quantities": (
        pod(container(resources={"limits": {"cpu": "1"}})),
        {"spec": {"containers": [{"name": "app", "resources": {"limits": {"memory": "1Gi"}}}]}},
        "containers",
        [container(resources={"limits": {"cpu": "1", "memory": "1Gi"}})],
    ),
    "a structure that is not there": (
        pod(),
        {"spec": {"securityContext": {"runAsNonRoot": True}}},
        "securityContext",
        {"runAsNonRoot": True},
    ),
    "an empty structure": (
        pod(),
        {"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}},
        "volumes",
        [{"name": "v", "emptyDir": {}}],
    ),
    "what the object should not have": (
        pod(containers2=[1]),
        {"spec": {"hostNetwork": True}},
        "containers2",
        [1],
    ),
    "a list that is none": (
        {**SERVICE, "spec": {"ports": "x"}},
        ports({"port": 1}),
        "ports",
        [{"port": 1}],
    ),
    "elements without keys": (
        {**SERVICE, "spec": {"ports": ["x", None]}},
        ports({"port": 1}),
        "ports",
        ["x", None, {"port": 1}],
    ),
    "null keeps lists and maps": (
        SERVICE,
        {"spec": {"ports": None}},
        "ports",
        SERVICE["spec"]["ports"],
    ),
    "null scalar": (deployment(replicas=1), {"spec": {"replicas": None}}, "replicas", None),
    "null for what is not there": (pod(), {"spec": {"overhead": None}}, "overhead", None),
}


@pytest.mark.parametrize(("value", "patch", "key", "expected"), MERGES.values(), ids=MERGES)
def test_merges(value: Any, patch: Any, key: str, expected: Any) -> None:
    assert merged(value, patch)["spec"][key] == expected


def test_metadata() -> None:
    result = merged(SERVICE, {"metadata": {"labels": {"c": "d"}, "finalizers": ["x/b", "x/a"]}})
    assert result["metadata"]["labels"] == {"a": "b", "c": "d"}
    assert result["metadata"]["finalizers"] == ["x/b", "x/a"]
    assert result["spec"] is SERVICE["spec"]


NOTHING: dict[str, Any] = {
    "nothing": {},
    "empty parts": {"metadata": {"labels": {}, "finalizers": []}, "spec": {}},
    "what is there": {"metadata": {"labels": {"a": "b"}, "finalizers": ["x/a"]}},
    "an element that is there": ports({"port": 80, "name": "http"}),
    "nulls": {"metadata": None},
}


@pytest.mark.parametrize("patch", NOTHING.values(), ids=NOTHING)
def test_what_changes_nothing_gives_the_object_itself(patch: Any) -> None:
    assert merge(schema_of(SERVICE), SERVICE, patch) is SERVICE


def spec(**fields: Any) -> Any:
    return {"spec": fields}


def inside(**fields: Any) -> Any:
    return spec(template={"spec": fields})


ERRORS: dict[str, tuple[Any, str]] = {
    "unknown field": (spec(nosuch=1), ".spec.nosuch: field not declared in schema"),
    "unknown field at the top": ({"nosuch": 1}, ".nosuch: field not declared in schema"),
    "only the first unknown field": (spec(a=1, b=2), ".spec.a: field not declared in schema"),
    "text for number": (
        spec(replicas="2"),
        ".spec.replicas: expected numeric (int or float), got string",
    ),
    "bool for number": (
        spec(replicas=True),
        ".spec.replicas: expected numeric (int or float), got bool",
    ),
    "list for number": (
        spec(replicas=[1]),
        ".spec.replicas: expected numeric (int or float), got []interface {}",
    ),
    "null for number": (
        spec(replicas=NULL),
        ".spec.replicas: expected numeric (int or float), got structpb.NullValue",
    ),
    "null for bool": (spec(paused=NULL), ".spec.paused: expected boolean, got &{NULL_VALUE}"),
    "number for bool": (spec(paused=1), ".spec.paused: expected boolean, got &{1}"),
    "map for bool": (spec(paused={"a": "b"}), ".spec.paused: expected boolean, got &{map[a:b]}"),
    "null for map": (
        {"metadata": {"labels": NULL}},
        ".metadata.labels: expected map, got &{NULL_VALUE}",
    ),
    "list for map": ({"metadata": {"labels": ["x"]}}, ".metadata.labels: expected map, got &{[x]}"),
    "text for list": (
        inside(containers="x"),
        ".spec.template.spec.containers: expected list, got &{x}",
    ),
    "number for text": (
        {"metadata": {"labels": {"a": 1}}},
        ".metadata.labels.a: expected string, got &value.valueUnstructured{Value:1}",
    ),
    "list for text": (
        inside(restartPolicy=["a", "b"]),
        (
            ".spec.template.spec.restartPolicy: expected string, got "
            '&value.valueUnstructured{Value:[]interface {}{"a", "b"}}'
        ),
    ),
    "null for any scalar": (
        inside(overhead={"cpu": NULL}),
        ".spec.template.spec.overhead.cpu: expected any scalar, got &{NULL_VALUE}",
    ),
    "null where anything goes": (
        spec(strategy={"rollingUpdate": {"maxSurge": NULL}}),
        ".spec.strategy.rollingUpdate.maxSurge: expected map, got &{NULL_VALUE}",
    ),
    "several": (
        {"metadata": {"labels": {"a": 1, "b": True}}},
        (
            "errors:\n"
            "  .metadata.labels.a: expected string, got &value.valueUnstructured{Value:1}\n"
            "  .metadata.labels.b: expected string, got &value.valueUnstructured{Value:true}"
        ),
    ),
    "repeated value": (
        {"metadata": {"finalizers": ["a", "a"]}},
        '.metadata.finalizers: duplicate entries for key [="a"]',
    ),
    "null in a set": (
        {"metadata": {"finalizers": [NULL]}},
        (
            ".metadata.finalizers[={{undefined}}]: expected string, got "
            "&value.valueUnstructured{Value:0}"
        ),
    ),
    "element without keys": (
        inside(containers=["x"]),
        (
            ".spec.template.spec.containers: element 0: "
            "associative list with keys may not have non-map elements"
        ),
    ),
    "null element": (
        inside(containers=[None]),
        (
            ".spec.template.spec.containers: element 0: "
            "associative list with keys may not have a null element"
        ),
    ),
    "map in a set": (
        {"metadata": {"finalizers": [{}]}},
        (
            ".metadata.finalizers: element 0: "
            "associative list without keys has an element that's a map type"
        ),
    ),
    "list in a set": (
        {"metadata": {"finalizers": [[]]}},
        (".metadata.finalizers: element 0: not supported: associative list with lists as elements"),
    ),
    "JSON null in a set": (
        {"metadata": {"finalizers": [None]}},
        (
            ".metadata.finalizers: element 0: "
            "associative list without keys has an element that's an explicit null"
        ),
    ),
    "wrong value of a key": (
        inside(containers=[{"name": 3}]),
        (
            ".spec.template.spec.containers[name=3].name: expected string, got "
            "&value.valueUnstructured{Value:3}"
        ),
    ),
    "a map as a key": (
        inside(containers=[{"name": {"b": None, "a": [True]}}]),
        (
            ".spec.template.spec.containers[name={a=[true];b=null}].name: expected string, got "
            '&value.valueUnstructured{Value:map[string]interface {}{"a":[]interface {}{true}, '
            '"b":interface {}(nil)}}'
        ),
    ),
}


@pytest.mark.parametrize(("patch", "text"), ERRORS.values(), ids=ERRORS)
def test_errors(patch: Any, text: str) -> None:
    with pytest.raises(MergeError) as error:
        merged(deployment(), patch)
    assert str(error.value) == CONVERT + text


def test_repeated_keys() -> None:
    patch = ports({"port": 80}, {"port": 80, "protocol": "TCP"})
    with pytest.raises(MergeError) as error:
        merged(SERVICE, patch)
    assert str(error.value) == (
        f'{CONVERT}.spec.ports: duplicate entries for key [port=80,protocol="TCP"]'
    )


ATOMICS: dict[str, tuple[Any, str]] = {
    "selector": (spec(selector={"matchLabels": {"a": "b"}}), ".spec.selector"),
    "several": (
        inside(nodeSelector={}, containers=[{"name": "c", "args": [], "command": ["x"]}]),
        (
            ".spec.template.spec.nodeSelector, .spec.template.spec.containers[0].args, "
            ".spec.template.spec.containers[0].command"
        ),
    ),
    "elements": (
        inside(imagePullSecrets=[{"name": "x"}]),
        ".spec.template.spec.imagePullSecrets[0]",
    ),
    "where anything goes": (
        spec(strategy={"rollingUpdate": {"maxSurge": ["x"]}}),
        ".spec.strategy.rollingUpdate.maxSurge",
    ),
    "managed fields": ({"metadata": {"managedFields": []}}, ".metadata.managedFields"),
}


@pytest.mark.parametrize(("patch", "paths"), ATOMICS.values(), ids=ATOMICS)
def test_atomic(patch: Any, paths: str) -> None:
    with pytest.raises(MergeError) as error:
        merged(deployment(), patch)
    assert str(error.value) == ATOMIC + paths


def keyed(*keys: str) -> Schema:
    """Return a type with one list of maps that are told apart by texts without defaults."""
    properties = {key: {"type": "string"} for key in keys}
    names = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": list(keys),
        "items": {"type": "object", "properties": {**properties, "n": {"type": "integer"}}},
    }
    return custom_schema({"properties": {"l": names}})


OMITTED = f"{CONVERT}.l: element 0: associative list with keys has an element that omits all "


def test_one_key_is_needed() -> None:
    with pytest.raises(MergeError) as error:
        merge(keyed("id", "kind"), {}, {"l": [{"n": 1}]})
    assert str(error.value) == (
        f'{OMITTED}key fields ["id" "kind"] (and doesn\'t have default values for any key fields)'
    )


def test_one_key_is_enough() -> None:
    value = {"l": [{"id": "1", "kind": "a"}, {"id": "1"}]}
    result = merge(keyed("id", "kind"), value, {"l": [{"id": "1", "n": 2}]})
    assert result["l"] == [{"id": "1", "kind": "a"}, {"id": "1", "n": 2}]
    with pytest.raises(MergeError, match=r"duplicate entries for key \[id=\"1\"\]"):
        merge(keyed("id", "kind"), value, {"l": [{"id": "1"}, {"id": "1"}]})


def test_keys_of_elements_that_are_no_maps() -> None:
    names = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["id"],
        "items": {"type": "string"},
    }
    with pytest.raises(MergeError, match="omits all key fields"):
        merge(custom_schema({"properties": {"l": names}}), {}, {"l": [{}]})


def test_custom_resources() -> None:
    widget = {"metadata": {"name": "w"}, "spec": {"size": 1, "parts": [1]}}
    schema = custom_schema({"x-kubernetes-preserve-unknown-fields": True})
    result = merge(schema, widget, {"spec": {"size": 2, "more": {"a": [1]}}})
    assert result["spec"] == {"size": 2, "parts": [1], "more": {"a": [1]}}


def test_atomic_values_under_free_keys_are_replaced() -> None:
    whole = {"type": "array", "items": {"type": "string"}}
    schema = custom_schema({"properties": {"m": {"additionalProperties": whole}}})
    assert merge(schema, {"m": {"a": ["x"]}}, {"m": {"a": ["y"]}}) == {"m": {"a": ["y"]}}


NUMBERS: dict[float, str] = {
    1.0: "1",
    1.5: "1.5",
    -0.0: "-0",
    123456.0: "123456",
    1e6: "1e+06",
    1234567.0: "1.234567e+06",
    -2e7: "-2e+07",
    1e21: "1e+21",
    0.00001: "1e-05",
    0.1: "0.1",
}


@pytest.mark.parametrize(("value", "text"), NUMBERS.items())
def test_doubles(value: float, text: str) -> None:
    assert number(value) == text


def test_forms_of_values() -> None:
    value = {"b": [1, True, None, NULL], "a": "x"}
    assert plain(value) == "map[a:x b:[1 true <nil> NULL_VALUE]]"
    assert source(value) == (
        'map[string]interface {}{"a":"x", "b":[]interface {}{1, true, interface {}(nil), 0}}'
    )
    assert [type_name(one) for one in (None, 1.5, value, NULL)] == [
        "<nil>",
        "float64",
        "map[string]interface {}",
        "structpb.NullValue",
    ]


def test_true_is_not_one() -> None:
    anything = {"type": "array", "x-kubernetes-list-type": "set", "items": {}}
    schema = custom_schema({"properties": {"l": anything}})
    assert merge(schema, {"l": [1]}, {"l": [True, 1]})["l"] == [True, 1]
