"""JSON Patch with the liberties of the API server's library; texts as a real one answered."""

from __future__ import annotations

from typing import Any

import pytest

from webhook.objects.json_patch import FailedTestError, JsonPatchError, apply

MAP: Any = {"labels": {"x": "1"}, "name": "c", "none": None}
LIST: Any = {"ports": [{"port": 80}], "labels": {}}


def op(name: str, path: str, **more: Any) -> dict[str, Any]:
    return {"op": name, "path": path, **more}


CHANGES: dict[str, tuple[Any, list[dict[str, Any]], Any]] = {
    "add to map": (MAP, [op("add", "/labels/y", value="2")], {"x": "1", "y": "2"}),
    "add is replace": (MAP, [op("add", "/labels/x", value="2")], {"x": "2"}),
    "add without value": (MAP, [op("add", "/labels/y")], {"x": "1", "y": None}),
    "escaped key": (MAP, [op("add", "/labels/a~1b~0c", value="2")], {"x": "1", "a/b~c": "2"}),
    "replace of a missing key": (
        MAP,
        [op("replace", "/labels/y", value="2")],
        {"x": "1", "y": "2"},
    ),
    "remove": (MAP, [op("remove", "/labels/x")], {}),
    "move": (MAP, [op("move", "/labels/y", **{"from": "/labels/x"})], {"y": "1"}),
    "copy": (MAP, [op("copy", "/labels/y", **{"from": "/labels/x"})], {"x": "1", "y": "1"}),
    "copy of a missing key": (
        MAP,
        [op("copy", "/labels/y", **{"from": "/labels/z"})],
        {"x": "1", "y": None},
    ),
    "test absent, no value": (MAP, [op("test", "/labels/z"), op("remove", "/labels/x")], {}),
    "test null, no value": (MAP, [op("test", "/none"), op("remove", "/labels/x")], {}),
    "test met": (MAP, [op("test", "/labels", value={"x": "1"}), op("remove", "/labels/x")], {}),
    "test of everything": (MAP, [op("test", "", value=MAP), op("remove", "/labels/x")], {}),
    "everything replaced": (MAP, [op("replace", "", value={"labels": {"n": 1}})], {"n": 1}),
}


@pytest.mark.parametrize(("value", "patch", "labels"), CHANGES.values(), ids=CHANGES)
def test_maps(value: Any, patch: list[dict[str, Any]], labels: Any) -> None:
    before = repr(value)
    assert apply(patch, value)["labels"] == labels
    assert repr(value) == before


A, B = {"port": 80}, {"port": 81}

LISTS: dict[str, tuple[list[dict[str, Any]], list[Any]]] = {
    "append": ([op("add", "/ports/-", value=B)], [A, B]),
    "insert": ([op("add", "/ports/0", value=B)], [B, A]),
    "insert at the end": ([op("add", "/ports/1", value=B)], [A, B]),
    "insert with a sign": ([op("add", "/ports/+1", value=B)], [A, B]),
    "insert with zeros": ([op("add", "/ports/01", value=B)], [A, B]),
    "insert at -1": ([op("add", "/ports/-1", value=B)], [A, B]),
    "insert at -2": ([op("add", "/ports/-2", value=B)], [B, A]),
    "replace": ([op("replace", "/ports/0", value=B)], [B]),
    "replace the last": ([op("replace", "/ports/-1", value=B)], [B]),
    "remove": ([op("remove", "/ports/0")], []),
    "remove the last": ([op("remove", "/ports/-1")], []),
    "inside": ([op("replace", "/ports/0/port", value=1)], [{"port": 1}]),
    "inside the last": ([op("add", "/ports/-1/name", value="a")], [{"port": 80, "name": "a"}]),
    "test inside": ([op("test", "/ports/-1/port", value=80), op("remove", "/ports/0")], []),
}


@pytest.mark.parametrize(("patch", "ports"), LISTS.values(), ids=LISTS)
def test_lists(patch: list[dict[str, Any]], ports: list[Any]) -> None:
    assert apply(patch, LIST)["ports"] == ports


ERRORS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "test below nothing": (
        MAP,
        op("test", "/no/x", value="1"),
        "test operation does not apply: is missing path: /no/x: missing value",
    ),
    "test past the end": (
        LIST,
        op("test", "/ports/5", value=1),
        (
            "error in test for path: '/ports/5': Unable to access invalid index: 5: "
            "invalid index referenced"
        ),
    ),
    "remove a missing key": (
        MAP,
        op("remove", "/labels/zz"),
        (
            "error in remove for path: '/labels/zz': Unable to remove nonexistent key: zz: "
            "missing value"
        ),
    ),
    "remove below nothing": (
        MAP,
        op("remove", "/no/zz"),
        'remove operation does not apply: doc is missing path: "/no/zz": missing value',
    ),
    "remove past the end": (
        LIST,
        op("remove", "/ports/-2"),
        (
            "error in remove for path: '/ports/-2': Unable to access invalid index: -2: "
            "invalid index referenced"
        ),
    ),
    "remove -": (
        LIST,
        op("remove", "/ports/-"),
        "error in remove for path: '/ports/-': strconv.Atoi: parsing \"-\": invalid syntax",
    ),
    "add past the end": (
        LIST,
        op("add", "/ports/2", value=B),
        (
            "error in add for path: '/ports/2': Unable to access invalid index: 2: "
            "invalid index referenced"
        ),
    ),
    "add at a word": (
        LIST,
        op("add", "/ports/abc", value=B),
        (
            "error in add for path: '/ports/abc': value was not a proper array index: 'abc': "
            'strconv.Atoi: parsing "abc": invalid syntax'
        ),
    ),
    "add below nothing": (
        MAP,
        op("add", "/no/x", value="1"),
        'add operation does not apply: doc is missing path: "/no/x": missing value',
    ),
    "add below a text": (
        MAP,
        op("add", "/name/x", value="1"),
        'add operation does not apply: doc is missing path: "/name/x": missing value',
    ),
    "add below the text of a text": (
        MAP,
        op("add", "/name/x/y", value="1"),
        'add operation does not apply: doc is missing path: "/name/x/y": missing value',
    ),
    "add without slash": (
        MAP,
        op("add", "labels", value="1"),
        'add operation does not apply: doc is missing path: "labels": missing value',
    ),
    "replace past the end": (
        LIST,
        op("replace", "/ports/5", value=B),
        "replace operation does not apply: doc is missing key: /ports/5: missing value",
    ),
    "replace -": (
        LIST,
        op("replace", "/ports/-", value=B),
        "replace operation does not apply: doc is missing key: /ports/-: missing value",
    ),
    "replace below nothing": (
        MAP,
        op("replace", "/no/x", value=B),
        "replace operation does not apply: doc is missing path: /no/x: missing value",
    ),
    "replace everything by a text": (
        MAP,
        op("replace", "", value="x"),
        "replace operation does not apply: doc is missing path: : missing value",
    ),
    "move a missing key": (
        MAP,
        op("move", "/labels/y", **{"from": "/labels/zz"}),
        "error in move for path: 'zz': Unable to remove nonexistent key: zz: missing value",
    ),
    "move from nowhere": (
        MAP,
        op("move", "/labels/y", **{"from": "/no/zz"}),
        "move operation does not apply: doc is missing from path: /no/zz: missing value",
    ),
    "move to nowhere": (
        MAP,
        op("move", "/no/y", **{"from": "/labels/x"}),
        "move operation does not apply: doc is missing destination path: /no/y: missing value",
    ),
    "move without from": (
        MAP,
        op("move", "/labels/y"),
        "move operation failed to decode from: operation, missing from field: missing value",
    ),
    "move from past the end": (
        LIST,
        op("move", "/labels/y", **{"from": "/ports/5"}),
        "error in move for path: '5': Unable to access invalid index: 5: invalid index referenced",
    ),
    "move to past the end": (
        LIST,
        op("move", "/ports/4", **{"from": "/ports/0"}),
        (
            "error in move for path: '/ports/4': Unable to access invalid index: 4: "
            "invalid index referenced"
        ),
    ),
    "copy from nowhere": (
        MAP,
        op("copy", "/labels/y", **{"from": "/no/zz"}),
        "copy operation does not apply: doc is missing from path: /no/zz: missing value",
    ),
    "copy to nowhere": (
        MAP,
        op("copy", "/no/y", **{"from": "/labels/x"}),
        "copy operation does not apply: doc is missing destination path: /no/y: missing value",
    ),
    "copy without from": (
        MAP,
        op("copy", "/labels/y", **{"from": ""}),
        "copy operation failed to decode from: operation, missing from field: missing value",
    ),
    "copy from past the end": (
        LIST,
        op("copy", "/labels/y", **{"from": "/ports/5"}),
        (
            "error in copy for from: '/ports/5': Unable to access invalid index: 5: "
            "invalid index referenced"
        ),
    ),
    "copy to past the end": (
        LIST,
        op("copy", "/ports/4", **{"from": "/ports/0"}),
        (
            "error while adding value during copy: Unable to access invalid index: 4: "
            "invalid index referenced"
        ),
    ),
    "another operation": (MAP, op("frob", "/labels/y"), "Unexpected kind: frob"),
    "no operation": (MAP, op("", "/labels/y"), "Unexpected kind: "),
}


@pytest.mark.parametrize(("value", "operation", "text"), ERRORS.values(), ids=ERRORS)
def test_errors(value: Any, operation: dict[str, Any], text: str) -> None:
    with pytest.raises(JsonPatchError) as error:
        apply([operation], value)
    assert str(error.value) == text


FAILED: dict[str, dict[str, Any]] = {
    "absent is not null": op("test", "/labels/zz", value=None),
    "present, no value": op("test", "/labels/x"),
    "present, null": op("test", "/labels/x", value=None),
    "a part": op("test", "/labels", value={}),
    "more": op("test", "/labels", value={"x": "1", "y": "2"}),
}


@pytest.mark.parametrize("operation", FAILED.values(), ids=FAILED)
def test_failed_tests(operation: dict[str, Any]) -> None:
    with pytest.raises(FailedTestError):
        apply([op("remove", "/name"), operation], MAP)


def test_what_does_not_change_is_shared() -> None:
    value: Any = {"a": {"b": 1}, "list": [{"c": 1}, {"d": 1}]}
    result = apply([op("add", "/list/0/e", value=1)], value)
    assert result["a"] is value["a"]
    assert result["list"][1] is value["list"][1]
