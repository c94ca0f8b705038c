"""Overlapping entries: the most specific path decides, also about elements of lists (0.8)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import container, request
from tests.rules.hiding import config, mutate, web
from webhook.rules.hide.view import explain

OPEN = {"owner": "D", "preset": "open"}
PULL = "imagePullPolicy"


def entry(path: str, **fields: Any) -> dict[str, Any]:
    return {"path": path, **OPEN, **fields}


PINNED = {"preset": "pin", "value": "Never", "owner": "I"}

# id → (entries, containers whose policy stays, the one that is pinned)
CASES: dict[str, tuple[list[Any], set[str], set[str]]] = {
    "one name": ([entry(f"$containers[name=app].{PULL}")], {"app"}, set()),
    "a glob": ([entry(f'$containers[name="app*"].{PULL}')], {"app", "app-2"}, set()),
    "a field": ([entry(f"$containers[?command].{PULL}")], {"job"}, set()),
    "a name beats a glob": (
        [entry(f'$containers[name="app*"].{PULL}', **PINNED), entry(f"$containers[name=app].{PULL}")],
        {"app"}, {"app-2"},
    ),
    "whatever the order": (
        [entry(f"$containers[name=app].{PULL}"), entry(f'$containers[name="app*"].{PULL}', **PINNED)],
        {"app"}, {"app-2"},
    ),
    "two conditions beat one": (
        [entry(f"$containers[name=job].{PULL}", **PINNED), entry(f"$containers[name=job,?command].{PULL}")],
        {"job"}, set(),
    ),
    "another field of it": ([entry("$containers[name=app].terminationMessagePath")], set(), set()),
    "a Namespace where it does not hold": (
        [entry(f"$containers[name=app].{PULL}", namespaces=["other"])], set(), set()
    ),
}  # fmt: skip


def several() -> Any:
    made = [
        container(name, imagePullPolicy="Always", image="a:1") for name in ("app", "app-2", "b")
    ]
    return web(*made, container("job", imagePullPolicy="Always", image="a:1", command=["x"]))


@pytest.mark.parametrize(("entries", "kept", "pinned"), CASES.values(), ids=CASES)
def test_the_narrowest_conditions_decide(
    entries: list[Any], kept: set[str], pinned: set[str]
) -> None:
    used = config(catalogue=entries)
    made = mutate(request(several()), used).object["spec"]["template"]["spec"]["containers"]
    policies = {one["name"]: one.get(PULL) for one in made}
    assert {name for name, one in policies.items() if one == "Always"} == kept
    assert {name for name, one in policies.items() if one == "Never"} == pinned


def test_the_rest_of_the_element_is_as_for_all() -> None:
    used = config(catalogue=[entry(f"$containers[name=app].{PULL}")])
    value = web(container("app", imagePullPolicy="Always", securityContext={"privileged": True}))
    (refused,) = mutate(request(value), used).violations
    assert "securityContext.privileged" in refused.message


def test_a_longer_path_below_a_wider_condition_wins() -> None:
    used = config(catalogue=[entry("$containers[name=app].securityContext")])
    value = web(container("app", securityContext={"privileged": True, "runAsUser": 1}))
    (refused,) = mutate(request(value), used).violations
    assert "securityContext.privileged" in refused.message


def test_an_entry_for_whole_elements_has_nothing_below() -> None:
    used = config(catalogue=[entry("$pod.volumes[name=data]")])
    volumes = [{"name": name, "hostPath": {"path": "/a"}} for name in ("data", "other")]
    (refused,) = mutate(request(web(volumes=volumes)), used).violations
    assert "volume other" in refused.message
    assert "volume data" not in refused.message


MEDIUM = "emptyDir.medium"
# id → (entries, volumes whose medium stays)
VOLUMES: dict[str, tuple[list[Any], set[str]]] = {
    "none": ([], set()),
    "a name goes before a field": ([entry(f"$pod.volumes[name=x].{MEDIUM}")], {"x"}),
    "both": ([entry(f"$pod.volumes[name=x,?emptyDir].{MEDIUM}")], {"x"}),
    "a glob": ([entry(f'$pod.volumes[name="*"].{MEDIUM}')], {"x", "y"}),
    "another name": ([entry(f"$pod.volumes[name=z].{MEDIUM}")], set()),
}


@pytest.mark.parametrize(("entries", "kept"), VOLUMES.values(), ids=VOLUMES)
def test_names_and_fields(entries: list[Any], kept: set[str]) -> None:
    volumes = [{"name": name, "emptyDir": {"medium": "Memory"}} for name in ("x", "y")]
    made = mutate(request(web(volumes=volumes)), config(catalogue=entries)).object
    found = made["spec"]["template"]["spec"]["volumes"]
    assert {one["name"] for one in found if one["emptyDir"]} == kept


def test_a_value_is_not_added_to_elements_without_the_field() -> None:
    pinned = {"path": f"$pod.volumes[?emptyDir].{MEDIUM}", "preset": "pin", "value": "Memory"}
    used = config(catalogue=[pinned, entry("$pod.volumes[name=x].configMap.name")])
    volumes = [{"name": "x", "configMap": {"name": "a"}}, {"name": "y", "emptyDir": {}}]
    made = mutate(request(web(volumes=volumes)), used).object
    assert made["spec"]["template"]["spec"]["volumes"] == [
        volumes[0],
        {"name": "y", "emptyDir": {"medium": "Memory"}},
    ]


def test_two_fields_decide_side_by_side() -> None:
    hidden = [
        {"path": "$containers[?command].workingDir", "preset": "hide"},
        {"path": "$containers[?args].stdin", "preset": "hide"},
    ]
    value = web(container("app", command=["x"], args=["y"], workingDir="/", stdin=True))
    made = mutate(request(value), config(catalogue=hidden)).object
    (app,) = made["spec"]["template"]["spec"]["containers"]
    assert {"workingDir", "stdin"}.isdisjoint(app)


def test_the_view_agrees() -> None:
    used = config(catalogue=[entry(f"$containers[name=app].{PULL}")])
    paths = [one.path for one in explain(several(), used)]
    assert not [path for path in paths if "0: app]" in path]
    assert [path for path in paths if path.endswith(PULL)]
