"""OpenKruise's CloneSets under all five rules, like Deployments: its kinds, not its code."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import shop
from tests.e2e.clonesets import GROUP, REVISION, running_clonesets
from tests.e2e.nodes import HOSTNAME, ZONE, running_nodes
from tests.e2e.propylon import FIVE_RULES
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.cluster import Cluster
    from tests.e2e.kubectl import Kubectl
    from tests.e2e.propylon import Propylon

ZONES = {f"clone-{at}": f"zone-{at % 2}" for at in range(4)}
EACH = Counter(list(ZONES))
BY_CLIENT: tuple[str, ...] = ()
BY_SERVER = ("--server-side", "--field-manager=shop")
HOWS = pytest.mark.parametrize("how", [BY_CLIENT, BY_SERVER], ids=["client-side", "server-side"])
OURS, THEIRS = "propylon.dev/delete-protection", "policy.kruise.io/delete-protection"
EXCLUSIVE = "propylon.dev/exclusive"
DEFINITION = f"clonesets.{GROUP}"
NEXT = "registry.example.com/storefront/shop:4.12.2"


@pytest.fixture(scope="module", autouse=True)
def _in_force(
    cluster: Cluster, admin: Kubectl, developer: Kubectl, propylon: Propylon, scheduler: None
) -> Iterator[None]:
    with running_nodes(cluster, ZONES), running_clonesets(cluster, admin):
        propylon.put_in_force("five", *FIVE_RULES)
        eventually(
            lambda: HOSTNAME in developer.try_out(clones()).stdout, what="CloneSets are spread"
        )
        yield


def clones(version: str = "v1beta1", **changes: Any) -> Any:
    """Return the shop as a CloneSet, with `fields` in the Pod spec, `marks` in its annotations."""
    fields, marks = changes.pop("fields", {}), changes.pop("marks", {})
    made = shop.clean_deployment(**changes)
    made |= {"apiVersion": f"{GROUP}/{version}", "kind": "CloneSet"}
    made["metadata"]["annotations"] = marks
    made["spec"]["template"]["spec"] |= {"terminationGracePeriodSeconds": 0, **fields}
    return made


@pytest.fixture
def empty_shop(developer: Kubectl, carol: Kubectl) -> Iterator[Kubectl]:
    yield developer
    here = carol.within("shop")
    here.run("delete", "cloneset", "--all")
    # The garbage collector needs up to 30 s to notice a new kind.
    eventually(
        lambda: here.run("delete", "pod", "--all") and not pods(here), what="the shop is empty"
    )


def stored(kubectl: Kubectl) -> Any:
    return kubectl.get("cloneset", "web-shop")


def settled(kubectl: Kubectl) -> Any:
    """Return the CloneSet once its controller has made all Pods of the newest template."""

    def look() -> Any:
        found = stored(kubectl)
        status, wanted = found.get("status", {}), found["spec"]["replicas"]
        pods = status.get("replicas"), status.get("updatedReadyReplicas")
        is_seen = status.get("observedGeneration") == found["metadata"]["generation"]
        return found if is_seen and pods == (wanted, wanted) else None

    return eventually(look, what="the CloneSet has its Pods")


def pods(kubectl: Kubectl) -> list[Any]:
    found: list[Any] = kubectl.get("pods", "-l", "app.kubernetes.io/name=web-shop")["items"]
    return [one for one in found if "deletionTimestamp" not in one["metadata"]]


def wait_for_a_node_each(kubectl: Kubectl) -> None:
    def look() -> bool:
        return Counter(one["spec"].get("nodeName") for one in pods(kubectl)) == EACH

    eventually(look, what="each node runs one Pod")


def names(kubectl: Kubectl) -> set[str]:
    return {one["metadata"]["name"] for one in pods(kubectl)}


@pytest.mark.parametrize(
    ("version", "how"),
    [("v1beta1", BY_CLIENT), ("v1alpha1", BY_SERVER)],
    ids=["v1beta1-client-side", "v1alpha1-server-side"],
)
def test_applying_three_times_rolls_out_once(
    empty_shop: Kubectl, version: str, how: tuple[str, ...]
) -> None:
    manifest = clones(version, labels={OURS: "Always"}, fields={"nodeSelector": {"pool": "gpu"}})
    empty_shop.apply(manifest, *how)
    first = settled(empty_shop)
    made = names(empty_shop)
    for _ in range(2):
        empty_shop.apply(manifest, *how)
    last = settled(empty_shop)
    assert last["spec"] == first["spec"]
    assert (last["metadata"]["generation"], names(empty_shop)) == (1, made)
    assert empty_shop.run("diff", *how, "-f", "-", documents=manifest).stdout == ""


@HOWS
def test_a_change_of_the_platform_survives_the_next_apply(
    empty_shop: Kubectl, admin: Kubectl, how: tuple[str, ...]
) -> None:
    empty_shop.apply(clones(), *how)
    patch = '{"spec": {"template": {"spec": {"nodeSelector": {"kubernetes.io/os": "linux"}}}}}'
    words = ("cloneset", "web-shop", "--type=merge", "--field-manager=platform", "--patch", patch)
    admin.within("shop").run("patch", *words)
    assert empty_shop.apply(clones(image=NEXT), *how).stderr == ""
    spec = stored(empty_shop)["spec"]["template"]["spec"]
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert spec["containers"][1]["image"] == NEXT


def test_hidden_fields(empty_shop: Kubectl) -> None:
    said = empty_shop.apply(clones(fields={"priorityClassName": "gold"}))
    assert said.warnings == ["hide: spec.template.spec.priorityClassName removed"]
    assert "priorityClassName" not in stored(empty_shop)["spec"]["template"]["spec"]
    refused = empty_shop.try_to("apply", "-f", "-", documents=clones(fields={"hostNetwork": True}))
    assert "spec.template.spec.hostNetwork is reserved for the platform" in refused.stderr


def test_pods_are_spread_and_get_variables_and_mounts(empty_shop: Kubectl) -> None:
    """The template is spread without a hash label; variables and mounts are only in Pods."""
    empty_shop.apply(clones(replicas=4))
    spec = settled(empty_shop)["spec"]["template"]["spec"]
    wanted = spec["topologySpreadConstraints"]
    assert [one["topologyKey"] for one in wanted] == [HOSTNAME, ZONE]
    assert not any("matchLabelKeys" in one for one in wanted)
    assert "lxcfs" not in str(spec)
    wait_for_a_node_each(empty_shop)
    for pod in pods(empty_shop):
        main = pod["spec"]["containers"][1]
        assert shop.environment(main)["ENVIRONMENT"] == "production"
        assert len(shop.lxcfs_files(main)) == 6


def test_exclusive_placement(empty_shop: Kubectl, operator: Kubectl) -> None:
    """A CloneSet deletes before it creates: as many nodes as replicas are enough."""
    marks = {EXCLUSIVE: "true"}
    refused = operator.try_to("apply", "-f", "-", documents=clones(replicas=5, marks=marks))
    assert "exclusive placement needs 5 nodes, 4 are eligible" in refused.stderr
    assert operator.apply(clones(replicas=4, marks=marks)).stderr == ""
    settled(empty_shop)
    empty_shop.apply(clones(replicas=4, image=NEXT))
    settled(empty_shop)
    wait_for_a_node_each(empty_shop)
    said = empty_shop.run("scale", "cloneset", "web-shop", "--replicas=5")
    assert any("needs 5 nodes, 4 are eligible" in text for text in said.warnings), str(said)


@pytest.mark.parametrize(
    ("version", "label"),
    [("v1beta1", OURS), ("v1alpha1", THEIRS)],
    ids=["v1beta1-ours", "v1alpha1-alias"],
)
def test_what_is_protected_always(empty_shop: Kubectl, version: str, label: str) -> None:
    empty_shop.apply(clones(replicas=1, labels={label: "Always"}))
    name = f"clonesets.{version}.{GROUP}/web-shop"
    assert (
        "CloneSet shop/web-shop is protected (Always)" in empty_shop.try_to("delete", name).stderr
    )
    zero = "may not be scaled to 0"
    assert zero in empty_shop.try_to("scale", name, "--replicas=0").stderr
    patch = '{"spec": {"replicas": 0}}'
    assert zero in empty_shop.try_to("patch", name, "--type=merge", "-p", patch).stderr
    assert stored(empty_shop)["spec"]["replicas"] == 1


def test_what_is_protected_cascading(empty_shop: Kubectl) -> None:
    """Scale to 0, then delete: what is still there counts, not only what is wanted (E-04)."""
    empty_shop.apply(clones(labels={OURS: "Cascading"}))
    settled(empty_shop)
    refused = empty_shop.try_to("delete", "clone", "web-shop")
    assert "is protected (Cascading): 3 replicas still wanted." in refused.stderr
    empty_shop.run("scale", "clone", "web-shop", "--replicas=0")
    eventually(
        lambda: empty_shop.try_to("delete", "clone", "web-shop").ok, what="the CloneSet may go"
    )
    assert not pods(empty_shop)


def test_its_controller_replaces_pods_that_people_cannot_delete(
    empty_shop: Kubectl, operator: Kubectl
) -> None:
    made = clones(replicas=2)
    made["spec"]["template"]["metadata"]["labels"][OURS] = "Always"
    empty_shop.apply(made)
    settled(empty_shop)
    before = names(empty_shop)
    assert "is protected (Always)" in empty_shop.try_to("delete", "pod", *before).stderr
    made["spec"]["template"]["metadata"]["annotations"]["example.com/at"] = "2"
    empty_shop.apply(made)
    revision = settled(empty_shop)["status"]["updateRevision"]
    eventually(lambda: before.isdisjoint(names(empty_shop)), what="the old Pods are gone")
    assert {one["metadata"]["labels"][REVISION] for one in pods(empty_shop)} == {revision}
    refused = empty_shop.try_to("delete", "clone", "web-shop")
    assert "CloneSet shop/web-shop has protected dependents: Pod/web-shop-" in refused.stderr
    empty_shop.run("delete", "clone", "web-shop", "--cascade=orphan")


@pytest.mark.parametrize("how", ["background", "foreground"])
def test_the_garbage_collector_finishes(empty_shop: Kubectl, how: str) -> None:
    empty_shop.apply(clones())
    settled(empty_shop)
    empty_shop.run("delete", "clone", "web-shop", f"--cascade={how}", "--timeout=40s")
    eventually(lambda: not pods(empty_shop), what="its Pods go", within=40)


def test_e_16_a_namespace_stays_for_a_cloneset(admin: Kubectl, carol: Kubectl) -> None:
    """E-17: once it is on its way out, the namespace controller deletes what is protected."""
    here = shop.namespace(admin, "cloned")
    made = clones(replicas=1, labels={OURS: "Always"})
    made["metadata"]["namespace"] = "cloned"
    here.apply(made)
    settled(here)
    refused = admin.try_to("delete", "namespace", "cloned")
    child = "contains protected objects: CloneSet/web-shop (Always)."
    assert f"protect: Namespace cloned {child}" in refused.stderr
    carol.run("delete", "namespace", "cloned", "--timeout=60s")


def test_the_definition_stays_while_there_are_clonesets(
    developer: Kubectl, admin: Kubectl, carol: Kubectl
) -> None:
    """E-25: a protected one keeps even an unlabelled definition; E-24: a labelled one waits for all.

    Stands at the end, because the definition goes.
    """
    developer.apply(clones(replicas=0, labels={OURS: "Always"}))
    refused = admin.try_to("delete", "crd", DEFINITION)
    assert f"{DEFINITION} has protected objects: CloneSet/web-shop (Always)." in refused.stderr
    carol.within("shop").run("label", "cloneset", "web-shop", f"{OURS}-")
    admin.run("label", "crd", DEFINITION, f"{OURS}=Cascading")
    refused = admin.try_to("delete", "crd", DEFINITION)
    assert "is protected (Cascading): 1 object of this kind." in refused.stderr
    carol.within("shop").run("delete", "cloneset", "web-shop")
    shop.namespace(admin, "afterwards")
    admin.run("delete", "namespace", "afterwards", "--dry-run=server")
    admin.run("delete", "crd", DEFINITION, "--timeout=30s")
    # Nobody can list CloneSets any more, and nobody needs to.
    admin.run("delete", "namespace", "afterwards", "--wait=false")
