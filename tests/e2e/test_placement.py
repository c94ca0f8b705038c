"""Where the real scheduler puts replicas that rule D spreads, and what it keeps pending."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import shop
from tests.e2e.nodes import running_nodes
from tests.e2e.propylon import FIVE_RULES
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.cluster import Cluster
    from tests.e2e.kubectl import Kubectl
    from tests.e2e.propylon import Propylon

ZONES = {f"place-{at}": f"zone-{at % 2}" for at in range(10)}
EACH = Counter(list(ZONES))
"""One Pod on each node."""
PLACEMENT = [file.replace("spread.yaml", "placement.yaml") for file in FIVE_RULES]
TIER, EXCLUSIVE = "propylon.dev/tier", "propylon.dev/exclusive"
NEXT = "registry.example.com/storefront/shop:4.12.2"


@pytest.fixture(scope="module", autouse=True)
def _nodes(cluster: Cluster, scheduler: None) -> Iterator[None]:
    with running_nodes(cluster, ZONES):
        yield


@pytest.fixture(scope="module", autouse=True)
def _in_force(propylon: Propylon, operator: Kubectl, _nodes: None) -> None:
    propylon.put_in_force("five", *PLACEMENT)
    tried = web(2, EXCLUSIVE)
    eventually(
        lambda: "requiredDuring" in operator.try_out(tried).stdout, what="the nodes are known"
    )


def web(replicas: int, *marks: str, **changes: Any) -> Any:
    """Return the shop's Deployment with annotations; each mark is `name=value` or a name."""
    made = shop.clean_deployment(replicas=replicas, **changes)
    named = (mark.partition("=") for mark in marks)
    made["metadata"]["annotations"] = {name: value or "true" for name, _, value in named}
    return made


@pytest.fixture
def empty_shop(operator: Kubectl) -> Iterator[Kubectl]:
    yield operator
    operator.run("delete", "deployment", "--all", "--cascade=foreground", "--timeout=60s")


def pods(kubectl: Kubectl) -> list[Any]:
    found: list[Any] = kubectl.get("pods", "-l", "app.kubernetes.io/name=web-shop")["items"]
    return [one for one in found if "deletionTimestamp" not in one["metadata"]]


def hosts(kubectl: Kubectl) -> Counter[str]:
    """Return how many Pods each node runs; "" are those that wait."""
    return Counter(one["spec"].get("nodeName", "") for one in pods(kubectl))


def rolled_out(kubectl: Kubectl) -> None:
    kubectl.run("rollout", "status", "deployment/web-shop", "--timeout=60s")


def anti_affinity(kubectl: Kubectl) -> Any:
    spec = kubectl.get("deployment", "web-shop")["spec"]["template"]["spec"]
    return spec["affinity"]["podAntiAffinity"]


def test_ten_exclusive_replicas_never_share_a_node(empty_shop: Kubectl) -> None:
    """Neither at first nor while they are replaced, and with no node to spare that comes to an end."""
    assert empty_shop.apply(web(10, EXCLUSIVE)).stderr == ""
    rolled_out(empty_shop)
    assert hosts(empty_shop) == EACH
    empty_shop.apply(web(10, EXCLUSIVE, image=NEXT))
    rolled_out(empty_shop)
    assert hosts(empty_shop) == EACH
    images = {one["spec"]["containers"][1]["image"] for one in pods(empty_shop)}
    assert images == {NEXT}


@contextlib.contextmanager
def only(admin: Kubectl, count: int) -> Iterator[None]:
    """Leave so many nodes to the shop, the last ones, until the end of the block."""
    others = list(ZONES)[: len(ZONES) - count]
    admin.run("taint", "nodes", *others, "reserved=batch:NoSchedule")
    try:
        yield
    finally:
        admin.run("taint", "nodes", *others, "reserved-")


def test_critical_replicas_share_nodes_evenly(empty_shop: Kubectl, admin: Kubectl) -> None:
    """Hard constraints for node and zone, with fewer nodes than replicas."""
    with only(admin, 6):
        empty_shop.apply(web(10, f"{TIER}=critical"))
        rolled_out(empty_shop)
    assert sorted(hosts(empty_shop).values()) == [1, 1, 2, 2, 2, 2]
    zones = Counter(ZONES[name] for name in hosts(empty_shop).elements())
    assert zones == {"zone-0": 5, "zone-1": 5}


def test_d_12_more_exclusive_replicas_than_nodes_are_refused(empty_shop: Kubectl) -> None:
    """In a tier of mode enforce; nothing is stored."""
    refused = empty_shop.try_to(
        "apply", "-f", "-", documents=web(11, EXCLUSIVE, f"{TIER}=critical")
    )
    assert refused.code == 1
    assert "exclusive placement needs 11 nodes, 10 are eligible for this template" in refused.stderr
    assert empty_shop.lacks("deployment", "web-shop")


def test_more_exclusive_replicas_than_nodes_are_only_preferred(empty_shop: Kubectl) -> None:
    """In a tier of mode mutate: a warning, and all of them run."""
    said = empty_shop.apply(web(11, EXCLUSIVE))
    text = "exclusive placement needs 11 nodes, 10 are eligible for this template"
    assert any(text in warning for warning in said.warnings), str(said)
    assert list(anti_affinity(empty_shop)) == ["preferredDuringSchedulingIgnoredDuringExecution"]
    rolled_out(empty_shop)
    assert sorted(hosts(empty_shop).values()) == [1] * 9 + [2]


def test_d_13_without_a_node_for_the_surge_it_is_only_preferred(
    empty_shop: Kubectl, admin: Kubectl
) -> None:
    """A required term would keep the first new Pod waiting for ever (D-F8)."""
    with only(admin, 3):
        said = empty_shop.apply(web(3, EXCLUSIVE))
        text = "exclusive only preferred, a roll-out needs 4 nodes, 3 eligible"
        assert any(text in warning for warning in said.warnings), str(said)
        rolled_out(empty_shop)
        assert sorted(hosts(empty_shop).values()) == [1, 1, 1]
        empty_shop.apply(web(3, EXCLUSIVE, image=NEXT))
        rolled_out(empty_shop)


def test_scaling_beyond_the_nodes_warns_and_waits(empty_shop: Kubectl) -> None:
    empty_shop.apply(web(10, EXCLUSIVE))
    said = empty_shop.run("scale", "deployment", "web-shop", "--replicas=11")
    assert any("needs 11 nodes, 10 are eligible" in text for text in said.warnings), str(said)
    eventually(
        lambda: hosts(empty_shop) == EACH + Counter([""]) and waits(empty_shop),
        what="one Pod waits, the others have a node each",
    )


def waits(kubectl: Kubectl) -> bool:
    """Tell whether the scheduler says why it could not place a Pod."""
    conditions = [c for one in pods(kubectl) for c in one["status"].get("conditions", ())]
    return any(
        one.get("reason") == "Unschedulable" and "anti-affinity" in one["message"]
        for one in conditions
    )


def test_a_soft_rule_spreads_over_nodes_and_zones(empty_shop: Kubectl) -> None:
    """What every workload gets in tier standard, from a developer who says nothing about it."""
    empty_shop.apply(web(10))
    rolled_out(empty_shop)
    assert hosts(empty_shop) == EACH


def test_e_23_a_drain_leaves_what_is_protected(
    empty_shop: Kubectl, admin: Kubectl, carol: Kubectl
) -> None:
    """Others of the node are evicted and start elsewhere; break-glass empties the node."""
    kept = shop.pod("kept", labels={"propylon.dev/delete-protection": "Always"})
    empty_shop.apply([web(10), kept])
    rolled_out(empty_shop)
    node = eventually(
        lambda: empty_shop.get("pod", "kept")["spec"].get("nodeName"), what="the Pod is placed"
    )
    drain = ("drain", node, "--force", "--delete-emptydir-data", "--timeout=30s")
    refused = admin.try_to(*drain)
    assert refused.code == 1
    assert "protect: Pod shop/kept is protected (Always)." in refused.stderr
    assert "deletionTimestamp" not in empty_shop.get("pod", "kept")["metadata"]
    rolled_out(empty_shop)
    assert node not in hosts(empty_shop)
    carol.run(*drain)
    assert empty_shop.lacks("pod", "kept")
    admin.run("uncordon", node)
