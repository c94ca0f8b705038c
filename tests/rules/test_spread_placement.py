"""Rule D's report (platform-rules D.7): where replicas run, and what is not as their tier expects."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import namespace, pod
from tests.rules.spreading import config, marked, node, nodes, of_kind, workload
from webhook.objects.workloads import workload_kind
from webhook.rules.spread.placement import (
    Placement,
    is_looked_at,
    nodes_of,
    placed_pod,
    placement_of,
)

UNMET = "0/3 nodes are available: 3 node(s) didn't match pod topology spread constraints."


def replica(at: str, name: str = "web-1", labels: Any = None, **status: Any) -> Any:
    """Return a Pod of the workload on a node; "" for one that waits."""
    built = pod(name=name, labels=labels or {"app": "web", "pod-template-hash": "5d4f"})
    if at:
        built["spec"]["nodeName"] = at
    return {**built, "status": {"phase": "Running" if at else "Pending", **status}}


def waiting(message: str = UNMET) -> Any:
    condition = {"type": "PodScheduled", "reason": "Unschedulable", "message": message}
    return replica("", "web-9", conditions=[{"type": "Ready"}, condition])


def placed(
    *places: Any, value: Any = None, seen: Any = None, labels: Any = None, **spec: Any
) -> Placement:
    """Return the placement of a Deployment whose Pods are on these nodes (or are these Pods)."""
    found = [replica(one) if isinstance(one, str) else one for one in places]
    pods = [made for one in found if (made := placed_pod(one)) is not None]
    value = value or workload()
    kind = workload_kind(value["apiVersion"].rpartition("/")[0], value["kind"])
    assert kind is not None
    known = nodes_of(nodes(3) if seen is None else seen)
    result = placement_of(kind, value, pods, known, namespace("shop", labels), config(spec))
    assert result is not None
    return result


def test_counts_by_node_and_zone() -> None:
    found = placed("n0", "n0", "n1", "n3", seen=nodes(4, zones=3))
    assert (found.kind, found.namespace, found.name, found.tier) == (
        "Deployment",
        "shop",
        "web",
        "standard",
    )
    assert dict(found.nodes) == {"n0": 2, "n1": 1, "n3": 1}
    assert dict(found.zones) == {"z0": 3, "z1": 1}
    assert (found.running, found.co_located) == (4, 1)
    assert (found.node_skew, found.zone_skew) == (2, 3)


BROKEN: dict[str, tuple[Placement, tuple[str, ...]]] = {
    "even": (placed("n0", "n1", "n2"), ()),
    "none at all": (placed(), ()),
    "more replicas than nodes": (placed("n0", "n0", "n1", "n1", "n2"), ()),
    "two on one of three": (
        placed("n0", "n0"),
        (
            "hostname: 2 on n0, elsewhere 0: 1 apart is allowed",
            "zone: 2 on z0, elsewhere 0: 1 apart is allowed",
        ),
    ),
    "one node only": (placed("n0", "n0", seen=[node("n0")]), ()),
    "no node may be used beside it": (
        placed("n0", "n0", seen=[node("n0"), node("n1", taints=[{"effect": "NoSchedule"}])]),
        (),
    ),
    "node is gone": (placed("gone", "gone", seen=[node("n1")]), (
        "hostname: 2 on gone, elsewhere 0: 1 apart is allowed",
    )),
    "nodes without a zone": (placed("n0", "n0", "n1", seen=[node("n0"), node("n1")]), ()),
    "larger skew allowed": (
        placed("n0", "n0", seen=[node("n0"), node("n1")], tiers={"standard": {"hostname": {"maxSkew": 2}}}),
        (),
    ),
    "axis without a wish": (
        placed("n0", "n0", tiers={"standard": {"hostname": {"strength": "none"}}}),
        ("zone: 2 on z0, elsewhere 0: 1 apart is allowed",),
    ),
    "tier dev": (placed("n0", "n0", labels={"propylon.dev/tier": "dev"}), ()),
    "opted out": (placed("n0", "n0", value=marked(workload(), "skip-spread", "true")), ()),
    "exclusive": (
        placed("n0", "n0", "n1", "n1", "n2", value=marked(workload(), "exclusive", "true")),
        ("hostname: 2 on n0, 2 on n1, exclusive allows 1",),
    ),
    "exclusive and apart": (
        placed("n0", "n1", value=marked(workload(), "exclusive", "true")),
        (),
    ),
    "many full nodes": (
        placed(*[f"n{at}" for at in range(4)] * 2, seen=nodes(5, zones=1)),
        ("hostname: 2 on n0, 2 on n1, 2 on n2 and 1 more, elsewhere 0: 1 apart is allowed",),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("found", "broken"), BROKEN.values(), ids=BROKEN)
def test_what_is_not_as_expected(found: Placement, broken: tuple[str, ...]) -> None:
    assert found.broken == broken
    assert found.is_alarming is bool(broken)


PENDING: dict[str, tuple[Any, Any, tuple[str, ...]]] = {
    "our constraint": (waiting(), marked(workload(), "spread", "1a2b"), ("web-9",)),
    "anti-affinity": (
        waiting("0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules."),
        marked(workload(), "spread", "1a2b"),
        ("web-9",),
    ),
    "somebody else's": (waiting(), workload(), ()),
    "no memory": (
        waiting("0/3 nodes are available: 3 Insufficient memory."),
        marked(workload(), "spread", "1a2b"),
        (),
    ),
    "not looked at yet": (replica("", "web-9"), marked(workload(), "spread", "1a2b"), ()),
}


@pytest.mark.parametrize(("one", "value", "expected"), PENDING.values(), ids=PENDING)
def test_pods_that_wait_for_rule_d(one: Any, value: Any, expected: tuple[str, ...]) -> None:
    found = placed(one, value=value)
    assert found.pending == expected
    assert found.is_alarming is bool(expected)


def test_other_pods_do_not_count() -> None:
    ended = replica("n0", phase="Succeeded")
    going = replica("n0")
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    other = replica("n0", labels={"app": "other"})
    assert placed(ended, going, other, "n1").running == 1


def test_old_kinds_select_by_a_plain_map() -> None:
    value = of_kind("ReplicationController", "v1", selector={"app": "web"})
    assert placed("n0", "n1", value=value).running == 2


NOTHING_TO_SAY = {
    "no selector": of_kind("Deployment", selector=None),
    "malformed selector": of_kind("Deployment", selector={"matchLabels": 3, "matchExpressions": [{"key": "a"}]}),
    "no template": of_kind("Deployment", template=None),
}  # fmt: skip


@pytest.mark.parametrize("value", NOTHING_TO_SAY.values(), ids=NOTHING_TO_SAY)
def test_what_cannot_be_told(value: Any) -> None:
    kind = workload_kind("apps", "Deployment")
    assert kind is not None
    assert placement_of(kind, value, [], nodes_of([]), None, config()) is None


def test_level_pod_alone_says_nothing_about_workloads() -> None:
    kind = workload_kind("apps", "Deployment")
    assert kind is not None
    only_pods = config(pods={"level": "pod"})
    assert placement_of(kind, workload(), [], nodes_of([]), None, only_pods) is None
    assert not is_looked_at(workload(), only_pods, ())


def owned() -> Any:
    value = workload()
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "controller": True}
    value["metadata"]["ownerReferences"] = [owner]
    return value


LOOKED_AT: dict[str, tuple[Any, tuple[str, ...], dict[str, Any], bool]] = {
    "plain": (workload(), (), {}, True),
    "owned by a known kind": (owned(), (), {}, False),
    "namespace left out": (workload(), ("shop",), {}, False),
    "namespace excluded": (workload(), (), {"excludeNamespaces": ["sh*"]}, False),
}


@pytest.mark.parametrize(
    ("value", "left_out", "spec", "expected"), LOOKED_AT.values(), ids=LOOKED_AT
)
def test_which_workloads_count(
    value: Any, left_out: tuple[str, ...], spec: dict[str, Any], expected: bool
) -> None:
    assert is_looked_at(value, config(spec), left_out) is expected
