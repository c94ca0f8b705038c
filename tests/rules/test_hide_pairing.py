"""Hidden fields stay with their element when the writer reorders a list (platform-rules A.5.1)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.builders import container, tweak
from tests.rules.hiding import config, mutate, plain, update, web
from webhook.objects.paths import get
from webhook.rules.hide.entries import PRESETS, Treatment

POD = ("spec", "template", "spec")
FIRST = (*POD, "containers", 0)
UNITED = "apps.kruise.io/v1beta1"


def with_list(path: tuple[Any, ...], *elements: Any) -> Any:
    return tweak(web(container()), path, list(elements))


def of_kind(kind: str, api_version: str, path: tuple[Any, ...], *elements: Any) -> Any:
    return tweak(plain(kind, {}, api_version), path, list(elements))


PORT = {"containerPort": 80}
MOUNT = {"name": "a", "mountPath": "/a"}
HOST_PORTS = ({"path": "$containers[*].ports[*].hostPort"},)
LISTS: dict[str, tuple[Any, tuple[Any, ...], tuple[str, ...], tuple[Any, ...]]] = {
    "containers": (
        with_list((*POD, "containers"), container(), container("b")),
        (*POD, "containers"), ("terminationMessagePath",), (),
    ),
    "initContainers": (
        with_list((*POD, "initContainers"), container("a"), container("b")),
        (*POD, "initContainers"), ("imagePullPolicy",), (),
    ),
    "volumes": (
        with_list((*POD, "volumes"), *({"name": one, "emptyDir": {"sizeLimit": "1Gi"}} for one in "ab")),
        (*POD, "volumes"), ("emptyDir", "medium"), (),
    ),
    "volumeMounts, by mountPath": (
        with_list((*FIRST, "volumeMounts"), MOUNT, {**MOUNT, "mountPath": "/b"}),
        (*FIRST, "volumeMounts"), ("recursiveReadOnly",), (),
    ),
    "ports, by number and protocol": (
        with_list((*FIRST, "ports"), PORT, {**PORT, "protocol": "UDP"}),
        (*FIRST, "ports"), ("hostPort",), HOST_PORTS,
    ),
    "env, by name": (
        with_list((*FIRST, "env"), {"name": "A", "value": "1"}, {"name": "B", "value": "2"}),
        (*FIRST, "env"), ("valueFrom",), ({"path": "$containers[*].env[*].valueFrom"},),
    ),
    "topologySpreadConstraints, by two keys": (
        with_list(
            (*POD, "topologySpreadConstraints"),
            {"topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"},
            {"topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"},
        ),
        (*POD, "topologySpreadConstraints"), ("minDomains",),
        ({"path": "$pod.topologySpreadConstraints[*].minDomains"},),
    ),
    "hostAliases, by address": (
        with_list((*POD, "hostAliases"), {"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}),
        (*POD, "hostAliases"), ("hostnames",),
        ({"path": "$pod.hostAliases", "preset": "open"}, {"path": "$pod.hostAliases[*].hostnames"}),
    ),
    "ports of a Service": (
        of_kind("Service", "v1", ("spec", "ports"), {"port": 80}, {"port": 80, "protocol": "UDP"}),
        ("spec", "ports"), ("nodePort",), (),
    ),
    "claim templates": (
        of_kind(
            "StatefulSet", "apps/v1", ("spec", "volumeClaimTemplates"),
            *({"metadata": {"name": one}, "spec": {"accessModes": ["a"]}} for one in "ab"),
        ),
        ("spec", "volumeClaimTemplates"), ("spec", "storageClassName"), (),
    ),
    "subsets": (
        of_kind(
            "UnitedDeployment", UNITED, ("spec", "topology", "subsets"), {"name": "a"}, {"name": "b"}
        ),
        ("spec", "topology", "subsets"), ("replicas",), (),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("manifest", "path", "hidden", "entries"), LISTS.values(), ids=LISTS)
def test_reordered_elements_keep_what_is_theirs(
    manifest: Any, path: tuple[Any, ...], hidden: tuple[str, ...], entries: tuple[Any, ...]
) -> None:
    stored = copy.deepcopy(manifest)
    for at in range(2):
        stored = tweak(stored, (*path, at, *hidden), f"platform-{at}")
    turned = tweak(manifest, path, list(reversed(get(manifest, path))))
    after = mutate(update(stored, turned), config(catalogue=list(entries))).object
    assert get(after, path) == list(reversed(get(stored, path)))


def test_the_last_of_two_variables_of_a_name_is_paired_with_the_last() -> None:
    """The last one wins (B-F3), so the hidden field of the first is nobody's."""
    used = config(catalogue=[{"path": "$containers[*].env[*].valueFrom"}])
    old = [
        {"name": "A", "value": "1"},
        {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x"}}},
    ]
    new = [{"name": "A", "value": "2"}, {"name": "A"}]
    stored, manifest = (web(container(env=one)) for one in (old, new))
    after = mutate(update(stored, manifest), used).object
    assert get(after, (*FIRST, "env")) == [new[0], old[1]]


def test_presets_are_pairs_of_treatments() -> None:
    """The table of presets in A.3; a seed without a value strips."""
    words = {
        "hide": ("strip", "carry"),
        "seed": ("reset", "carry"),
        "default-once": ("default", "carry"),
        "freeze": ("allow", "carry"),
        "pin": ("reset", "reset"),
        "lock": ("deny", "denyOnChange"),
        "restore": ("restore", "restore"),
        "advise": ("warn", "warn"),
        "open": ("allow", "allow"),
    }
    found = {name: tuple(Treatment(one).value for one in PRESETS[name][:2]) for name in words}
    assert found == words
