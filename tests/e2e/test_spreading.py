"""Workloads are spread, and nothing rolls out twice, whichever command writes them (rule D)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import shop
from tests.e2e.propylon import DATA
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.kubectl import Kubectl
    from tests.e2e.propylon import Propylon

HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
NODES = [f"spread-{at}" for at in range(5)]
BOTH = [(HOSTNAME, 1), (ZONE, 1)]
EXCLUSIVE = "propylon.dev/exclusive=true"


@pytest.fixture(scope="module", autouse=True)
def _in_force(propylon: Propylon, admin: Kubectl, developer: Kubectl) -> Iterator[None]:
    admin.apply([node(name, f"zone-{at % 3}") for at, name in enumerate(NODES)])
    propylon.put_in_force("spreading", "spread.yaml")
    eventually(
        lambda: constraints(tried(developer)) == BOTH, what="workloads are spread over both keys"
    )
    yield
    admin.run("delete", "node", *NODES)


@pytest.fixture
def empty_shop(developer: Kubectl) -> Iterator[Kubectl]:
    yield developer
    developer.run("delete", "deployment", "--all", "--now")


def node(name: str, zone: str) -> Any:
    labels = {HOSTNAME: name, ZONE: zone}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}


def tried(developer: Kubectl) -> Any:
    return developer.try_out(shop.deployment()).object


def constraints(deployment: Any) -> list[tuple[str, int]]:
    spec = deployment["spec"]["template"]["spec"]
    return [(one["topologyKey"], one["maxSkew"]) for one in spec["topologySpreadConstraints"]]


def stored(kubectl: Kubectl) -> Any:
    return kubectl.get("deployment", "web-shop")


def template(kubectl: Kubectl) -> Any:
    return stored(kubectl)["spec"]["template"]


def test_full_replacement_does_not_roll_out(empty_shop: Kubectl) -> None:
    """It takes kubectl's annotation away, which counts as a generation, but rolls out nothing."""
    empty_shop.apply(shop.deployment())
    before = template(empty_shop)
    empty_shop.run("replace", "-f", "-", documents=shop.deployment())
    assert template(empty_shop) == before
    assert "propylon.dev/spread" in stored(empty_shop)["metadata"]["annotations"]


def test_null_does_not_roll_out(empty_shop: Kubectl) -> None:
    empty_shop.apply(shop.deployment())
    patch = '{"spec": {"template": {"spec": {"topologySpreadConstraints": null}}}}'
    empty_shop.run("patch", "deployment", "web-shop", "--type=merge", "-p", patch)
    assert constraints(stored(empty_shop)) == BOTH
    assert stored(empty_shop)["metadata"]["generation"] == 1


def test_a_changed_policy_waits_for_the_next_roll_out(
    empty_shop: Kubectl, propylon: Propylon
) -> None:
    text = (DATA / "documents" / "spread.yaml").read_text()
    empty_shop.apply(shop.deployment())
    try:
        wider = text.replace("      mode: enforce\n", "      hostname: {maxSkew: 2}\n")
        propylon.put_in_force("spreading", spread=wider)
        before = template(empty_shop)
        empty_shop.apply(shop.deployment(labels={"team": "a"}))
        assert template(empty_shop) == before
        empty_shop.apply(shop.deployment(labels={"team": "a"}, image="registry.example/shop:9.9.9"))
        assert sorted(constraints(stored(empty_shop))) == [(HOSTNAME, 2), (ZONE, 1)]
    finally:
        propylon.put_in_force("spreading", "spread.yaml")


def test_exclusive_placement_is_for_operators(empty_shop: Kubectl, operator: Kubectl) -> None:
    empty_shop.apply(shop.deployment())
    said = empty_shop.run("annotate", "deployment", "web-shop", EXCLUSIVE)
    assert any("operators decide on it" in text for text in said.warnings), str(said)
    assert "propylon.dev/exclusive" not in stored(empty_shop)["metadata"]["annotations"]
    before = template(empty_shop)
    operator.run("annotate", "deployment", "web-shop", EXCLUSIVE)
    assert template(empty_shop) == before
    empty_shop.apply(shop.deployment(image="registry.example/shop:9.9.9"))
    affinity = stored(empty_shop)["spec"]["template"]["spec"]["affinity"]["podAntiAffinity"]
    (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["topologyKey"] == HOSTNAME


def test_more_replicas_than_nodes(empty_shop: Kubectl, operator: Kubectl) -> None:
    exclusive = shop.deployment(replicas=9)
    exclusive["metadata"]["annotations"] = {"propylon.dev/exclusive": "true"}
    refused = operator.try_to("apply", "-f", "-", documents=exclusive)
    text = "spread: exclusive placement needs 9 nodes, 5 are eligible for this template"
    assert text in refused.stderr, str(refused)
    assert "Lower replicas or ask #platform." in refused.stderr
    exclusive["spec"]["replicas"] = 3
    operator.apply(exclusive)
    scaled = empty_shop.run("scale", "deployment", "web-shop", "--replicas=9")
    assert any(text in warning for warning in scaled.warnings), str(scaled)
