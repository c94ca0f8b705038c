"""The path language (platform-rules 0.8) and concrete paths."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import container, deployment, pod
from webhook.objects.paths import (
    Path,
    PathError,
    dotted,
    get,
    holds,
    parse_guard,
    parse_path,
    pointer,
    select,
)
from webhook.objects.workloads import roots, templates, workload_kind

POD = pod(
    container("app", ports=[{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 81}]),
    container("proxy", tty=True),
    volumes=[{"name": "data", "hostPath": {"path": "/data"}}, {"name": "tmp", "hostPath": None}],
    annotations={"a.b/c": "1", "team.example/x": "2", "team.example/y": "3"},
    replicas=None,
)

POINTERS: dict[str, tuple[Path, str, str]] = {
    "the whole": ((), "", ""),
    "keys and indexes": (("spec", "containers", 0), "/spec/containers/0", "spec.containers[0]"),
    "a slash in a key": (("metadata", "a.b/c"), "/metadata/a.b~1c", 'metadata["a.b/c"]'),
    "a tilde in a key": (("a~b",), "/a~0b", '["a~b"]'),
    "a quote in a key": (("a", 'b"\\c'), '/a/b"\\c', 'a["b\\"\\\\c"]'),
}


@pytest.mark.parametrize(("path", "as_pointer", "as_text"), POINTERS.values(), ids=list(POINTERS))
def test_paths_are_written(path: Path, as_pointer: str, as_text: str) -> None:
    assert pointer(path) == as_pointer
    assert dotted(path) == as_text


GETS: dict[str, tuple[Path, Any]] = {
    "there": (("spec", "containers", 1, "name"), "proxy"),
    "null": (("spec", "replicas"), None),
    "the whole": ((), POD),
    "key missing": (("spec", "nothing"), "default"),
    "index too high": (("spec", "containers", 2), "default"),
    "index too low": (("spec", "containers", -1), "default"),
    "key into a list": (("spec", "containers", "name"), "default"),
    "step into a text": (("kind", "name"), "default"),
    "index into a map": (("spec", 0), "default"),
}


@pytest.mark.parametrize(("path", "expected"), GETS.values(), ids=list(GETS))
def test_get_returns_what_is_there(path: Path, expected: Any) -> None:
    assert get(POD, path, "default") == expected


SELECTIONS: dict[str, tuple[str, list[str]]] = {
    "a key": ("kind", ["kind"]),
    "keys": ("metadata.name", ["metadata.name"]),
    "a key with dots": ('metadata.annotations["a.b/c"]', ['metadata.annotations["a.b/c"]']),
    "a glob on keys": (
        'metadata.annotations["team.example/*"]',
        ['metadata.annotations["team.example/x"]', 'metadata.annotations["team.example/y"]'],
    ),
    "a bare glob": ("spec.contain*[name=app].name", ["spec.containers[0].name"]),
    "every element": (
        "spec.containers[*].name",
        ["spec.containers[0].name", "spec.containers[1].name"],
    ),
    "elements by field": ("spec.containers[name=proxy]", ["spec.containers[1]"]),
    "elements by quoted value": ('spec.containers[name="proxy"]', ["spec.containers[1]"]),
    "elements by number": (
        "spec.containers[name=app].ports[containerPort=80,protocol=TCP]",
        ["spec.containers[0].ports[0]"],
    ),
    "elements by boolean": ("spec.containers[tty=true].name", ["spec.containers[1].name"]),
    "elements by a boolean that differs": ("spec.containers[tty=false]", []),
    "elements that have a field": ("spec.volumes[?hostPath].name", ["spec.volumes[0].name"]),
    "two conditions": ("spec.volumes[name=tmp,?hostPath]", []),
    "a missing key of an element": ("spec.containers[*].stdin", []),
    "a key of a text": ("spec.containers[*].name.first", []),
    "a missing parent": ("spec.template.spec.containers[*]", []),
    "null is absent": ("spec.replicas", []),
    "elements of a map": ("spec[*]", []),
    "a key of a list": ("spec.containers.name", []),
    "conditions on texts": ("kind[name=app]", []),
    "the Pod spec": ("$pod.volumes[name=data].hostPath.path", ["spec.volumes[0].hostPath.path"]),
    "the metadata": ("$meta.name", ["metadata.name"]),
    "the containers": ("$containers[name=app].image", ["spec.containers[0].image"]),
    "a root alone": ("$meta", ["metadata"]),
}


@pytest.mark.parametrize(("text", "expected"), SELECTIONS.values(), ids=list(SELECTIONS))
def test_select_finds_every_place(text: str, expected: list[str]) -> None:
    kind = workload_kind("", "Pod")
    assert kind
    places = roots(templates(kind, POD)[0])
    found = list(select(parse_path(text), POD, places))
    assert [dotted(path) for path, _ in found] == expected
    assert all(get(POD, path) is value for path, value in found)


NESTED = st.recursive(
    st.sampled_from((None, 0, False, "", "b")),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.sampled_from("abc"), inner)),
)


@given(NESTED, st.lists(st.sampled_from("abc"), min_size=1, max_size=3))
def test_plain_paths_name_at_most_one_place(value: Any, keys: list[str]) -> None:
    found = value
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    expected = [] if found is None else [(tuple(keys), found)]
    assert list(select(parse_path(".".join(keys)), value)) == expected


def test_select_knows_no_roots_by_itself() -> None:
    assert list(select(parse_path("$pod.volumes"), POD)) == []


def test_containers_are_those_of_the_template_and_of_the_chosen_lists() -> None:
    value = deployment()
    value["spec"]["template"]["spec"]["initContainers"] = [container("init")]
    value["spec"]["template"]["spec"]["ephemeralContainers"] = [container("debug")]
    kind = workload_kind("apps", "Deployment")
    assert kind
    template = templates(kind, value)[0]
    pattern = parse_path("$containers[*].name")
    assert [name for _, name in select(pattern, value, roots(template))] == ["init", "app"]
    debug = roots(template, ("containers", "ephemeralContainers"))
    assert [name for _, name in select(pattern, value, debug)] == ["app", "debug"]


MISTAKES: dict[str, tuple[str, int, str]] = {
    "empty": ("", 0, "empty"),
    "an index": ("spec.containers[0]", 15, "index"),
    "an index with a dot": ("spec.containers.0", 15, "index"),
    "a negative index": ("spec.containers[-1]", 15, "index"),
    "two dots": ("spec..a", 5, "expected a key"),
    "a dot at the start": (".spec", 0, "expected a key"),
    "a dot at the end": ("spec.", 5, "expected a key"),
    "no dot after a bracket": ("a[*]b", 4, "expected '.'"),
    "an unknown root": ("$node.a", 0, "expected a key"),
    "an empty bracket": ("a[]", 2, "expected *"),
    "an open bracket": ("a[name=app", 10, "expected ','"),
    "a comma at the end": ("a[name=app,]", 11, "expected *"),
    "an open quote": ('a["b]', 2, "expected *"),
    "a character that needs quotes": ("a.b/c", 3, "expected '.'"),
}


@pytest.mark.parametrize(("text", "position", "message"), MISTAKES.values(), ids=list(MISTAKES))
def test_a_mistake_names_its_place(text: str, position: int, message: str) -> None:
    with pytest.raises(PathError) as caught:
        parse_path(text)
    assert caught.value.position == position
    assert message in caught.value.message
    assert f"character {position + 1}" in str(caught.value)


GUARDS: dict[str, tuple[str, bool]] = {
    "something is there": ("@exists(spec.volumes[?hostPath])", True),
    "nothing is there": ("@exists(spec.nodeName)", False),
    "nothing may be there": ("@missing(spec.nodeName)", True),
    "something may not be there": ("@missing($pod.containers[*])", False),
}


@pytest.mark.parametrize(("text", "expected"), GUARDS.values(), ids=list(GUARDS))
def test_a_guard_looks_at_the_object(text: str, expected: bool) -> None:
    kind = workload_kind("", "Pod")
    assert kind
    assert holds(parse_guard(text), POD, roots(templates(kind, POD)[0])) is expected


@pytest.mark.parametrize("text", ["spec.a", "@exists(spec.a", "@exist(a)", "@missing()"])
def test_a_guard_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(PathError):
        parse_guard(text)
