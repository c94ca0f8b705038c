"""JSON Patch: what `diff` writes (platform-rules 0.9), and that `apply` and jsonpatch agree."""

import copy
import json
from typing import Any

import jsonpatch
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import container, deployment, pod, tweak
from webhook.objects.equality import identical
from webhook.objects.patch import PatchError, apply, diff


def env(**variables: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in variables.items()]


def add(path: str, value: Any) -> dict[str, Any]:
    return {"op": "add", "path": path, "value": value}


def replace(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


def remove(path: str) -> dict[str, Any]:
    return {"op": "remove", "path": path}


ZONE = {"name": "ZONE", "value": "a"}
HUNDRED = [f"t{i}" for i in range(100)]

# id → (before, after, patch)
DIFFS: dict[str, tuple[Any, Any, list[dict[str, Any]]]] = {
    "nothing changed": (pod(), pod(), []),
    "equal but not shared": ({"a": "x y"}, {"a": " ".join("xy")}, []),
    "equal elements but not shared": (
        {"a": ["x y", {"name": "a b"}, 1, 2]},
        {"a": [" ".join("xy"), {"name": " ".join("ab")}, 1, 3]},
        [replace("/a/3", 3)],
    ),
    "outermost missing parent": (
        pod(),
        pod(container(env=[ZONE])),
        [add("/spec/containers/0/env", [ZONE])],
    ),
    "missing map": (
        pod(),
        tweak(pod(), 'metadata.annotations["a.b/c"]', "1"),
        [add("/metadata/annotations", {"a.b/c": "1"})],
    ),
    "escaped key": (
        pod(annotations={"x": "1"}),
        pod(annotations={"x": "1", "a.b/c~d": "2"}),
        [add("/metadata/annotations/a.b~1c~0d", "2")],
    ),
    "keys in sorted order": (
        {"z": 1, "b": 1, "m": 1},
        {"z": 2, "m": 1, "c": 3, "a": 4},
        [add("/a", 4), remove("/b"), add("/c", 3), replace("/z", 2)],
    ),
    "true is not 1": ({"a": 1}, {"a": True}, [replace("/a", True)]),
    "1 is not 1.0": ({"a": 1}, {"a": 1.0}, [replace("/a", 1.0)]),
    "null is written": ({"a": 1}, {"a": None}, [replace("/a", None)]),
    "another type": ({"a": [1]}, {"a": {"b": 1}}, [replace("/a", {"b": 1})]),
    "another value at the root": ([1], {"a": 1}, [replace("", {"a": 1})]),
    "a list at the root": ([1], [2], [replace("", [2])]),
    "append": ({"a": [1, 2]}, {"a": [1, 2, 3]}, [add("/a/2", 3)]),
    "append to an empty list": ({"a": []}, {"a": [1, 2]}, [add("/a/0", 1), add("/a/1", 2)]),
    "insert at the front": ({"a": [1, 2]}, {"a": [3, 1, 2]}, [add("/a/0", 3)]),
    "remove from the highest down": (
        {"a": [1, 2, 3, 4, 5]},
        {"a": [1, 3, 5]},
        [remove("/a/3"), remove("/a/1")],
    ),
    "removals before additions": (
        {"a": [1, 2, 3]},
        {"a": [2, 3, 4]},
        [remove("/a/0"), add("/a/2", 4)],
    ),
    "more than half": ({"a": [1, 2, 3]}, {"a": [3, 4, 5]}, [replace("/a", [3, 4, 5])]),
    "all removed": ({"a": [1, 2]}, {"a": []}, [replace("/a", [])]),
    "just half": ({"a": [1, 2]}, {"a": [1, 3]}, [replace("/a/1", 3)]),
    "repetitions": (
        {"a": [1, 1, 2, 2, 9, 9]},
        {"a": [1, 2, 2, 2, 9, 9]},
        [replace("/a/1", 2)],
    ),
    "one of many": ({"a": HUNDRED}, {"a": HUNDRED[:50] + HUNDRED[51:]}, [remove("/a/50")]),
    "an element moved": (
        {"a": HUNDRED},
        {"a": [*HUNDRED[1:], HUNDRED[0]]},
        [remove("/a/0"), add("/a/99", "t0")],
    ),
    "an element changed inside": (
        pod(container("a"), container("b")),
        pod(container("a"), container("b", env=[ZONE])),
        [add("/spec/containers/1/env", [ZONE])],
    ),
    "changed inside and inserted before": (
        pod(container("a"), container("b")),
        pod(container("new"), container("a", tty=True), container("b")),
        [add("/spec/containers/0/tty", True), add("/spec/containers/0", container("new"))],
    ),
    "another name is another element": (
        pod(container("a"), container("b")),
        pod(container("a"), container("c")),
        [replace("/spec/containers/1", container("c"))],
    ),
    "unnamed elements are paired by place": (
        {"t": [{"key": "a", "op": "x"}, {"key": "b", "op": "x"}, {"key": "c", "op": "x"}]},
        {"t": [{"key": "b", "op": "x"}, {"key": "c", "op": "y"}]},
        [remove("/t/0"), replace("/t/1/op", "y")],
    ),
    "lists in lists": ({"a": [[1, 2], [3]]}, {"a": [[1, 2, 3], [3]]}, [add("/a/0/2", 3)]),
    # platform-rules G.2: the container `app`
    "G.2": (
        {"env": env(CLUSTER="test", GREETING="hi $(POD_NAME)")},
        {"env": env(POD="p", HOST="h", TRACE="t", CLUSTER="cn-1", GREETING="hi $(POD_NAME)")},
        [
            replace("/env/0", {"name": "CLUSTER", "value": "cn-1"}),
            add("/env/0", {"name": "POD", "value": "p"}),
            add("/env/1", {"name": "HOST", "value": "h"}),
            add("/env/2", {"name": "TRACE", "value": "t"}),
        ],
    ),
}


@pytest.mark.parametrize(("before", "after", "patch"), DIFFS.values(), ids=list(DIFFS))
def test_diff_writes_the_patch(before: Any, after: Any, patch: list[dict[str, Any]]) -> None:
    untouched = copy.deepcopy(before)
    assert diff(before, after) == patch
    assert identical(apply(patch, before), after)
    assert before == untouched


class Untouchable(dict[str, Any]):
    """A map that fails when somebody looks inside."""

    def _refuse(self, *_: Any) -> Any:
        raise AssertionError

    __eq__ = __iter__ = __getitem__ = get = items = keys = values = _refuse
    __hash__ = None


def test_diff_does_not_look_into_shared_subtrees() -> None:
    shared = Untouchable(a=1)
    before = {"metadata": shared, "list": [shared, {"name": "a", "x": 1}, shared], "n": 1}
    after = {**before, "list": [shared, {"name": "a", "x": 1, "y": 2}, shared], "n": 2}
    assert diff(before, after) == [add("/list/1/y", 2), replace("/n", 2)]


def test_apply_shares_what_it_does_not_change() -> None:
    before = deployment()
    after = apply([replace("/spec/replicas", 3)], tweak(before, "spec.replicas", 1))
    assert after["spec"]["replicas"] == 3
    again = apply([add("/metadata/labels", {})], after)
    assert again["spec"] is after["spec"]


APPLIED: dict[str, tuple[Any, list[dict[str, Any]], Any]] = {
    "append": ({"a": [1]}, [add("/a/-", 2)], {"a": [1, 2]}),
    "add at the end": ({"a": [1]}, [add("/a/1", 2)], {"a": [1, 2]}),
    "add replaces a key": ({"a": 1, "b": 2}, [add("/a", 3)], {"a": 3, "b": 2}),
    "the root": ({"a": 1}, [replace("", [])], []),
    "escaped key": ({"a/b~1": 1}, [remove("/a~1b~01")], {}),
    "a number as a key": ({"0": 1}, [replace("/0", 2)], {"0": 2}),
}


@pytest.mark.parametrize(("before", "patch", "after"), APPLIED.values(), ids=list(APPLIED))
def test_apply_follows_the_patch(before: Any, patch: list[dict[str, Any]], after: Any) -> None:
    assert identical(apply(patch, before), after)


REFUSED: dict[str, tuple[Any, dict[str, Any]]] = {
    "remove nothing": ({}, remove("/a")),
    "replace nothing": ({}, replace("/a", 1)),
    "missing parent": ({}, add("/a/b", 1)),
    "index too high": ({"a": []}, add("/a/1", 1)),
    "replace past the end": ({"a": [1]}, replace("/a/1", 1)),
    "negative index": ({"a": [1]}, remove("/a/-1")),
    "a key into a list": ({"a": [1]}, remove("/a/b")),
    "a step into a text": ({"a": "x"}, add("/a/b", 1)),
    "another operation": ({"a": 1}, {"op": "test", "path": "/a", "value": 1}),
}


@pytest.mark.parametrize(("before", "operation"), REFUSED.values(), ids=list(REFUSED))
def test_apply_refuses_what_does_not_fit(before: Any, operation: dict[str, Any]) -> None:
    with pytest.raises(PatchError):
        apply([operation], before)


KEYS = st.sampled_from(["a", "b", "name", "~", "/", "0", ""])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(0, 1) | st.sampled_from(["", "x"]),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)
VALUES = st.dictionaries(KEYS, JSON, max_size=4) | st.lists(JSON, max_size=8)


@settings(max_examples=150, deadline=None)
@given(before=VALUES, after=VALUES)
def test_apply_undoes_diff(before: Any, after: Any) -> None:
    patch = diff(before, after)
    assert identical(apply(patch, before), after)
    assert diff(json.loads(json.dumps(before)), json.loads(json.dumps(after))) == patch
    assert diff(before, json.loads(json.dumps(before))) == []
    assert jsonpatch.apply_patch(copy.deepcopy(before), json.dumps(patch)) == after


@settings(max_examples=100, deadline=None)
@given(data=st.data(), before=st.lists(st.integers(0, 5), max_size=8))
def test_permutations_of_a_list_are_reached(data: st.DataObject, before: list[int]) -> None:
    after = data.draw(st.permutations(before).map(list))
    patch = diff(before, after)
    assert identical(apply(patch, before), after)
    assert jsonpatch.apply_patch(list(before), json.dumps(patch)) == after
