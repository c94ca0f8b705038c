"""Rule D: which nodes a template may run on, and how each kind replaces its Pods."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.spreading import (
    OPERATOR,
    World,
    asked,
    config,
    marked,
    mutated,
    node,
    nodes,
    of_kind,
    shown,
    workload,
)
from webhook.objects.workloads import Template
from webhook.rules.spread.config import HOSTNAME, ZONE
from webhook.rules.spread.kinds import DELETES_FIRST, Turnover, amount, turnover
from webhook.rules.spread.nodes import REQUIRED, is_eligible, is_pinned, room_for


def prefers(*terms: Any) -> Any:
    return {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": list(terms)}}}}


def wants(key: str, operator: str, *values: Any, field: str = "matchExpressions") -> Any:
    return {field: [{"key": key, "operator": operator, **({"values": values} if values else {})}]}


NODE = node("n1", "a", pool="web", cores="8")
TAINTED = node("n1", taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}])


def tolerates(**toleration: str) -> Any:
    return {"tolerations": [toleration]}


ELIGIBLE: dict[str, tuple[Any, Any, bool]] = {
    "anywhere": ({}, NODE, True),
    "cordoned": ({}, {**NODE, "spec": {"unschedulable": True}}, False),
    "its pool": ({"nodeSelector": {"pool": "web"}}, NODE, True),
    "another pool": ({"nodeSelector": {"pool": "db"}}, NODE, False),
    "a node without labels": ({"nodeSelector": {"pool": "db"}}, {"metadata": {}}, False),
    "In": (prefers(wants("pool", "In", "web", "db")), NODE, True),
    "not In": (prefers(wants("pool", "In", "db")), NODE, False),
    "NotIn": (prefers(wants("pool", "NotIn", "web")), NODE, False),
    "NotIn, absent": (prefers(wants("tier", "NotIn", "web")), NODE, True),
    "Exists": (prefers(wants("pool", "Exists")), NODE, True),
    "DoesNotExist": (prefers(wants("pool", "DoesNotExist")), NODE, False),
    "Gt": (prefers(wants("cores", "Gt", "4")), NODE, True),
    "Lt": (prefers(wants("cores", "Lt", "4")), NODE, False),
    "Gt of a text": (prefers(wants("pool", "Gt", "4")), NODE, False),
    "Gt of nothing": (prefers(wants("cores", "Gt")), NODE, False),
    "one of two terms": (prefers(wants("x", "Exists"), wants("pool", "Exists")), NODE, True),
    "an empty term": (prefers({}), NODE, False),
    "by name": (prefers(wants("metadata.name", "In", "n1", field="matchFields")), NODE, True),
    "by another name": (prefers(wants("metadata.name", "In", "n2", field="matchFields")), NODE, False),
    "taint": ({}, TAINTED, False),
    "taint tolerated": (tolerates(key="gpu", value="yes"), TAINTED, True),
    "another value": (tolerates(key="gpu", value="no"), TAINTED, False),
    "another key": (tolerates(key="x", operator="Exists"), TAINTED, False),
    "another effect": (tolerates(key="gpu", operator="Exists", effect="NoExecute"), TAINTED, False),
    "everything tolerated": (tolerates(operator="Exists"), TAINTED, True),
    "only preferred": ({}, node("n", taints=[{"key": "a", "effect": "PreferNoSchedule"}]), True),
    "not ready": (
        {}, node("n", taints=[{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}]), True,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "one", "expected"), ELIGIBLE.values(), ids=ELIGIBLE)
def test_eligible(spec: Any, one: Any, expected: bool) -> None:
    assert is_eligible(spec, one) is expected


PINNED: dict[str, tuple[Any, bool]] = {
    "nothing": ({}, False),
    "by nodeName": ({"nodeName": "n1"}, True),
    "by selector": ({"nodeSelector": {HOSTNAME: "n1"}}, True),
    "by affinity": (prefers(wants(HOSTNAME, "In", "n1")), True),
    "by field": (prefers(wants("metadata.name", "In", "n1", field="matchFields")), True),
    "one of two nodes": (prefers(wants(HOSTNAME, "In", "n1", "n2")), False),
    "two terms, one node": (prefers(wants(HOSTNAME, "In", "n1"), wants(HOSTNAME, "In", "n1")), True),
    "or anywhere": (prefers(wants(HOSTNAME, "In", "n1"), wants("pool", "Exists")), False),
    "not this one": (prefers(wants(HOSTNAME, "NotIn", "n1")), False),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "expected"), PINNED.values(), ids=PINNED)
def test_pinned(spec: Any, expected: bool) -> None:
    assert is_pinned(spec) is expected


def test_room() -> None:
    room = room_for({"nodeSelector": {"pool": "a"}}, [node("n1", "z1", pool="a"), node("n2", "z2")])
    assert (len(room.eligible), room.domains(ZONE), room.lacks(ZONE)) == (1, 1, False)
    assert room.lacks("rack")
    assert room.sees(ZONE, 2)
    assert not room.sees(ZONE, 3)
    assert not room.sees("rack", 1)


AMOUNTS: list[tuple[Any, bool, int]] = [
    ("25%", False, 0), ("25%", True, 1), ("0%", True, 0), (2, False, 2), ("2", True, 0),
    ("x%", True, 0), (None, True, 0), (True, True, 0),
]  # fmt: skip


@pytest.mark.parametrize(("value", "rounds_up", "expected"), AMOUNTS)
def test_amount(value: Any, rounds_up: bool, expected: int) -> None:
    assert amount(value, 3, rounds_up=rounds_up) == expected


ROLLING = ("spec", "strategy", "rollingUpdate")


def rolling(**fields: Any) -> Any:
    return {"strategy": {"type": "RollingUpdate", "rollingUpdate": fields}}


TURNOVERS: dict[str, tuple[str, Any, Turnover]] = {
    "defaults": ("Deployment", {}, Turnover(0, 1, strategy=ROLLING)),
    "Recreate": ("Deployment", {"strategy": {"type": "Recreate"}}, DELETES_FIRST),
    "none of both": (
        "Deployment", rolling(maxSurge=0, maxUnavailable=0), Turnover(1, 0, strategy=ROLLING),
    ),
    "given": ("Deployment", rolling(maxSurge=2, maxUnavailable=1), Turnover(1, 2, strategy=ROLLING)),
    "StatefulSet": ("StatefulSet", {}, DELETES_FIRST),
    "ReplicaSet": ("ReplicaSet", {}, DELETES_FIRST),
    "CloneSet": ("CloneSet", {}, DELETES_FIRST),
    "CloneSet v1alpha1": ("CloneSet", {"updateStrategy": {"maxSurge": 1}}, Turnover(0, 1)),
    "CloneSet v1beta1": (
        "CloneSet",
        {"updateStrategy": {"rollingUpdate": {"maxSurge": "50%", "maxUnavailable": 1}}},
        Turnover(1, 2),
    ),
    "Rollout": ("Rollout", {"strategy": {"canary": {"maxSurge": 2}}}, Turnover(0, 2)),
    "Rollout, two sets": (
        "Rollout", {"strategy": {"blueGreen": {}}}, Turnover(0, 3, is_whole_set=True),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "spec", "expected"), TURNOVERS.values(), ids=TURNOVERS)
def test_turnover(kind: str, spec: Any, expected: Turnover) -> None:
    template = Template(("spec", "template"), {}, {})
    assert turnover(kind, template, {"spec": spec}, 3) == expected


def test_a_united_deployment_turns_over_as_what_it_makes() -> None:
    path = ("spec", "template", "deploymentTemplate", "spec", "template")
    found = turnover("UnitedDeployment", Template(path, {}, {}), {}, 3)
    assert found == Turnover(0, 1, strategy=(*path[:4], "strategy", "rollingUpdate"))


@pytest.mark.parametrize(
    ("count", "strategy", "expected"),
    [
        (5, {"blueGreen": {}}, "preferred hostname"),
        (6, {"blueGreen": {}}, "required hostname"),
        (4, {"canary": {}}, "required hostname"),
    ],
)
def test_a_second_set_needs_nodes_of_its_own(count: int, strategy: Any, expected: str) -> None:
    rollout = of_kind("Rollout", "argoproj.io/v1alpha1", strategy=strategy)
    value = marked(rollout, "exclusive", "true")
    # a strategy that cannot be set is never fixed
    made = mutated(asked(value, **OPERATOR), config({"fixStrategy": True}), World(nodes(count)))
    assert expected in shown(made.object["spec"]["template"]["spec"])


def test_exclusive_where_pods_go_before_others_come() -> None:
    value = marked(workload(), "exclusive", "true")
    value["spec"]["strategy"] = {"rollingUpdate": {"maxUnavailable": 1}}
    made = mutated(asked(value, **OPERATOR), config(), World(nodes(3))).object
    assert "required hostname" in shown(made["spec"]["template"]["spec"])
