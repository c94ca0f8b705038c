"""Values of expressions as parts of objects and of patches; texts as a real API server's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import request
from tests.policy.mutating_policies import apply_configuration, json_patch, policy, run

OBJECT: Any = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "d", "namespace": "shop", "labels": {"a": "b"}},
    "spec": {
        "replicas": 1,
        "nothing": None,
        "template": {"spec": {"containers": [{"name": "c", "image": "i"}]}},
    },
}
POD = "Object.spec.template.spec"


def change(mutation: Any, **spec: Any) -> tuple[Any, str]:
    """Return the object afterwards, or the text of the error."""
    outcome = run(request(OBJECT), policy("p", mutation, **spec))
    if not outcome.violations:
        return outcome.object, ""
    text = outcome.violations[0].message
    return None, text.partition(" denied request: ")[2]


def containers(expression: str) -> Any:
    template = f"Object.spec.template{{spec: {POD}{{containers: {expression}}}}}"
    return apply_configuration(f"Object{{spec: Object.spec{{template: {template}}}}}")


def label(expression: str) -> Any:
    return apply_configuration(f"Object{{metadata: Object.metadata{{labels: {expression}}}}}")


LABELS: dict[str, tuple[str, dict[str, str]]] = {
    "map": ('{"c": "d"}', {"a": "b", "c": "d"}),
    "dyn map": ('dyn({"c": dyn("d")})', {"a": "b", "c": "d"}),
    "object": ('Object.metadata.labels{c: "d"}', {"a": "b", "c": "d"}),
    "received map": ("object.metadata.labels", {"a": "b"}),
    "optional": ('optional.of({"c": "d"})', {"a": "b", "c": "d"}),
    "no optional": ("optional.none()", {"a": "b"}),
    "type": ('{"c": type(1)}', {"a": "b", "c": "int"}),
    "variable": ("variables.more", {"a": "b", "e": "f"}),
}


@pytest.mark.parametrize(("expression", "expected"), LABELS.values(), ids=LABELS)
def test_labels(expression: str, expected: dict[str, str]) -> None:
    more = [{"name": "more", "expression": '{"e": "f"}'}]
    found, text = change(label(expression), variables=more)
    assert text == ""
    assert found["metadata"]["labels"] == expected


CONTAINERS: dict[str, tuple[str, list[Any]]] = {
    "object": (f'[{POD}.containers{{name: "c", image: "j"}}]', [{"name": "c", "image": "j"}]),
    "received": ("object.spec.template.spec.containers", [{"name": "c", "image": "i"}]),
    "filtered": (
        "object.spec.template.spec.containers.filter(c, true)",
        [{"name": "c", "image": "i"}],
    ),
    "mapped": (
        f"object.spec.template.spec.containers.map(c, {POD}.containers{{name: c.name, tty: true}})",
        [{"name": "c", "image": "i", "tty": True}],
    ),
    "added": (
        f'object.spec.template.spec.containers + [{POD}.containers{{name: "d"}}]',
        [{"name": "c", "image": "i"}, {"name": "d"}],
    ),
    "whole doubles": (
        (
            f'[{POD}.containers{{name: "c", stdin: false, '
            f"livenessProbe: {POD}.containers.livenessProbe{{periodSeconds: 2.0}}}}]"
        ),
        [{"name": "c", "image": "i", "stdin": False, "livenessProbe": {"periodSeconds": 2}}],
    ),
}


@pytest.mark.parametrize(("expression", "expected"), CONTAINERS.values(), ids=CONTAINERS)
def test_containers(expression: str, expected: list[Any]) -> None:
    found, text = change(containers(expression))
    assert text == ""
    assert found["spec"]["template"]["spec"]["containers"] == expected


CONVERT = "error applying patch: failed to convert patch object to typed object: "
NOT_STRING = f"{CONVERT}.metadata.labels.c: expected string, got &value.valueUnstructured"
NO_MAP = "element 0: associative list with keys may not have non-map elements"
BOOL = f"{CONVERT}.spec.paused: expected boolean, got "


def paused(expression: str) -> Any:
    return apply_configuration(f"Object{{spec: Object.spec{{paused: {expression}}}}}")


REFUSED: dict[str, tuple[Any, str]] = {
    "null": (label('{"c": null}'), f"{NOT_STRING}{{Value:0}}"),
    "uint": (label('{"c": 3u}'), f"{NOT_STRING}{{Value:0x3}}"),
    "bytes": (label('{"c": b"ab"}'), f"{NOT_STRING}{{Value:[]uint8{{0x61, 0x62}}}}"),
    "duration": (label('{"c": duration("1h")}'), f"{NOT_STRING}{{Value:3600000000000}}"),
    "null bool": (paused("null"), f"{BOOL}&{{NULL_VALUE}}"),
    "received null": (paused("object.spec.nothing"), f"{BOOL}&{{NULL_VALUE}}"),
    "bytes bool": (paused('b"ab"'), f"{BOOL}&{{[97 98]}}"),
    "double bool": (paused("1.5"), f"{BOOL}&{{1.5}}"),
    "infinite bool": (paused("1.0 / 0.0"), f"{BOOL}&{{inf}}"),
    "time bool": (
        paused('timestamp("2020-01-01T00:00:00Z")'),
        f"{BOOL}&{{2020-01-01T00:00:00Z}}",
    ),
    "map literal in a list": (
        containers('[{"name": "c"}]'),
        f"{CONVERT}.spec.template.spec.containers: {NO_MAP}",
    ),
    "map literal in a map": (
        apply_configuration(
            'Object{spec: Object.spec{template: {"metadata": {"labels": {"q": ["r"]}}}}}'
        ),
        f"{CONVERT}.spec.template.metadata: expected map, got &{{map[labels:{{q: [r]}}]}}",
    ),
    "a key that is no text": (
        label('{1: "x"}'),
        "error applying patch: map key 1 is of type int, not string",
    ),
    "type names": (
        apply_configuration("Object{metadata: Object.meta{}, spec: Object.sp{}}"),
        (
            'type mismatch: unexpected type name "Object.meta", expected "Object.metadata", '
            "which matches field name path from root Object type\n"
            'unexpected type name "Object.sp", expected "Object.spec", '
            "which matches field name path from root Object type"
        ),
    ),
    "type names in maps and lists": (
        apply_configuration('Object{spec: Object.spec{template: {"a": [Object.x{}]}}}'),
        (
            'type mismatch: unexpected type name "Object.x", expected "Object.spec.template", '
            "which matches field name path from root Object type"
        ),
    ),
}


@pytest.mark.parametrize(("mutation", "text"), REFUSED.values(), ids=REFUSED)
def test_refused(mutation: Any, text: str) -> None:
    assert change(mutation) == (None, text)


def test_quantities_are_no_texts() -> None:
    _, text = change(label('{"c": quantity("1")}'))
    assert text.startswith(NOT_STRING)


def add(value: str, path: str = "/spec/x") -> Any:
    return json_patch(f'[JSONPatch{{op: "add", path: "{path}", value: {value}}}]')


JSON: dict[str, tuple[str, Any]] = {
    "null": ("null", None),
    "bool": ("true", True),
    "text": ('"a"', "a"),
    "int": ("9007199254740992", 9007199254740992),
    "large int": ("9007199254740993", "9007199254740993"),
    "uint": ("3u", 3),
    "double": ("1.5", 1.5),
    "whole double": ("3.0", 3),
    "bytes": ('b"abc"', "YWJj"),
    "timestamp": ('timestamp("2020-01-01T00:00:00Z")', "2020-01-01T00:00:00Z"),
    "duration": ('duration("1h1ms")', "3600.001s"),
    "optional": ('optional.of("a")', "a"),
    "list": ("[1, 2]", [1, 2]),
    "map": ('{"a": {"b": [1]}}', {"a": {"b": [1]}}),
    "received": ("object.spec.template", OBJECT["spec"]["template"]),
    "received list": (
        "object.spec.template.spec.containers",
        OBJECT["spec"]["template"]["spec"]["containers"],
    ),
    "object": (
        'Object.a.b{c: "d", e: Object.a.b.e{f: [1]}, g: 2u, h: b"abc", i: true}',
        {"c": "d", "e": {"f": [1]}, "g": 2, "h": "YWJj", "i": True},
    ),
}


@pytest.mark.parametrize(("expression", "expected"), JSON.values(), ids=JSON)
def test_json(expression: str, expected: Any) -> None:
    found, text = change(add(expression))
    assert text == ""
    assert found["spec"]["x"] == expected
    assert type(found["spec"]["x"]) is type(expected)


NOT_JSON = "JSONPath valueExpression evaluated to a type that could not marshal to JSON: "

NO_JSON: dict[str, tuple[str, str]] = {
    "type": ("type(1)", "type conversion not supported for 'type'"),
    "quantity": ('quantity("1")', "type conversion error from 'Quantity' to '*structpb.Value'"),
    "ip": ('ip("1.2.3.4")', "type conversion error from 'IP' to '*structpb.Value'"),
    "nothing": ("optional.none()", "optional.none() dereference"),
    "NaN": (
        'double("NaN")',
        (
            "json: error calling MarshalJSON for type *structpb.Value: proto: "
            "google.protobuf.Value.number_value: invalid NaN value"
        ),
    ),
    "infinity": (
        "-1.0 / 0.0",
        (
            "json: error calling MarshalJSON for type *structpb.Value: proto: "
            "google.protobuf.Value.number_value: invalid -Inf value"
        ),
    ),
    "int key": ('{1: "a"}', "unsupported type conversion from 'int' to string"),
    "bool key": ('{true: "a"}', "type conversion error from bool to 'string'"),
    "null in an object": ("Object.x{a: null}", "proto: invalid type: structpb.NullValue"),
    "map in a map in an object": (
        'Object.x{a: {"b": {"c": "d"}}}',
        "proto: invalid type: map[ref.Val]ref.Val",
    ),
    "time in an object": (
        'Object.x{a: timestamp("2020-01-01T00:00:00Z")}',
        "proto: invalid type: time.Time",
    ),
}


@pytest.mark.parametrize(("expression", "text"), NO_JSON.values(), ids=NO_JSON)
def test_no_json(expression: str, text: str) -> None:
    assert change(add(expression)) == (None, NOT_JSON + text)


def test_type_names_of_an_object_in_a_patch() -> None:
    assert change(add("Object.foo{a: Object.bar{}}")) == (
        None,
        (
            'type mismatch: unexpected type name "Object.bar", expected "Object.foo.a", '
            "which matches field name path from root Object type"
        ),
    )


def test_from_is_sent_when_it_is_not_empty() -> None:
    copy = '[JSONPatch{op: "copy", from: "/spec/replicas", path: "/spec/x"}]'
    found, _ = change(json_patch(copy))
    assert found["spec"]["x"] == 1
    _, text = change(json_patch('[JSONPatch{op: "copy", from: "", path: "/spec/x"}]'))
    assert text.endswith("operation, missing from field: missing value")
