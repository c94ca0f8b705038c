"""All five rules together, on what developers do every day: no second roll-out, no endless diff."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import shop
from tests.e2e.propylon import FIVE_RULES
from tests.e2e.revisions import HASH, revisions
from tests.e2e.rights import FOR_EDITORS, cluster_role, rule
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.kubectl import Kubectl
    from tests.e2e.propylon import Propylon

BY_CLIENT: tuple[str, ...] = ()
BY_SERVER = ("--server-side", "--field-manager=shop")
HOWS = pytest.mark.parametrize("how", [BY_CLIENT, BY_SERVER], ids=["client-side", "server-side"])

POD = "rebuild-search-index"
NEXT = "registry.example.com/storefront/shop:4.12.2"
INFRASTRUCTURE = {
    "nodeSelector": {"pool": "web"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
}
PLATFORM = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web-shop", "namespace": "shop"},
    "spec": {"template": {"spec": INFRASTRUCTURE}},
}


def clean(**changes: Any) -> Any:
    """Return the shop's protected Deployment, which names nothing that is hidden."""
    return shop.clean_deployment(labels={"propylon.dev/delete-protection": "Always"}, **changes)


def with_hidden_fields() -> Any:
    """Return the same as somebody writes it who does not know the rules yet."""
    made = clean()
    made["spec"] |= {"strategy": {"type": "Recreate"}, "revisionHistoryLimit": 2}
    made["spec"]["template"]["spec"] |= {"nodeSelector": {"pool": "gpu"}, "priorityClassName": "a"}
    return made


MANIFESTS = {"clean": clean(), "with-hidden-fields": with_hidden_fields()}


@pytest.fixture(scope="module", autouse=True)
def _in_force(propylon: Propylon, developer: Kubectl) -> None:
    propylon.put_in_force("five", *FIVE_RULES)
    eventually(
        lambda: "topologySpreadConstraints" in developer.try_out(clean()).stdout,
        what="workloads are spread",
    )


@pytest.fixture
def empty_shop(developer: Kubectl, carol: Kubectl) -> Iterator[Kubectl]:
    yield developer
    carol.within("shop").run("delete", "deployment,replicaset,pod", "--all", "--now")


def template(kubectl: Kubectl) -> Any:
    return kubectl.get("deployment", "web-shop")["spec"]["template"]


@HOWS
@pytest.mark.parametrize("manifest", MANIFESTS.values(), ids=MANIFESTS.keys())
def test_applying_three_times_rolls_out_once(
    empty_shop: Kubectl, how: tuple[str, ...], manifest: Any
) -> None:
    seen = []
    for _ in range(3):
        empty_shop.apply(manifest, *how)
        seen.append(revisions(empty_shop))
    assert seen == [seen[0]] * 3
    assert seen[0].generation == 1
    assert len(seen[0].hashes) == 1
    assert difference(empty_shop, manifest, *how) == ""


def test_the_kinds_of_apply_in_turn_roll_out_once(empty_shop: Kubectl) -> None:
    seen = []
    for how in (BY_CLIENT, ("--server-side",), BY_CLIENT):
        empty_shop.apply(clean(), *how)
        seen.append(revisions(empty_shop).hashes)
    assert seen == [seen[0]] * 3
    assert difference(empty_shop, clean()) == ""


def difference(kubectl: Kubectl, manifest: Any, *how: str) -> str:
    """Return what `kubectl diff` shows; it ends with 1, an error here, when that is something."""
    return kubectl.run("diff", *how, "-f", "-", documents=manifest).stdout


def patched(admin: Kubectl) -> None:
    """Let the platform change the workload as an Update by a manager of its own."""
    text = json.dumps({"spec": PLATFORM["spec"]})
    words = ("--field-manager=platform", "--patch", text)
    admin.within("shop").run("patch", "deployment", "web-shop", *words)


@HOWS
def test_a_change_of_the_platform_survives_the_next_apply(
    empty_shop: Kubectl, admin: Kubectl, how: tuple[str, ...]
) -> None:
    """And where the developer writes other values for the same fields, by force."""
    empty_shop.apply(clean(), *how)
    patched(admin)
    before = template(empty_shop)
    assert empty_shop.apply(clean(), *how).stderr == ""
    assert template(empty_shop) == before
    assert difference(empty_shop, clean(), *how) == ""
    force = ("--force-conflicts",) if how else ()
    said = empty_shop.apply(with_hidden_fields(), *how, *force)
    assert "hide: spec.template.spec.nodeSelector kept at platform value" in said.warnings
    assert template(empty_shop) == before
    assert len(revisions(empty_shop).hashes) == 2  # the developer's and the platform's


def test_both_apply_on_the_server(empty_shop: Kubectl, admin: Kubectl) -> None:
    """Each of the two keeps what is its own, again and again, and no conflict comes of it."""
    platform = ("--server-side", "--field-manager=platform")
    empty_shop.apply(clean(), *BY_SERVER)
    for image in (NEXT, NEXT):
        assert admin.apply(PLATFORM, *platform).stderr == ""
        assert empty_shop.apply(clean(image=image), *BY_SERVER).stderr == ""
    spec = template(empty_shop)["spec"]
    assert {name: spec[name] for name in INFRASTRUCTURE} == INFRASTRUCTURE
    assert spec["containers"][1]["image"] == NEXT
    assert len(revisions(empty_shop).hashes) == 3


def test_restarting_and_going_back(empty_shop: Kubectl, admin: Kubectl) -> None:
    """What developers do beside applying; a template from before the platform's change gets it."""
    empty_shop.apply(clean())
    patched(admin)
    assert empty_shop.run("rollout", "restart", "deployment/web-shop").stderr == ""
    restarted = template(empty_shop)
    assert "kubectl.kubernetes.io/restartedAt" in restarted["metadata"]["annotations"]
    empty_shop.apply(clean())
    assert template(empty_shop) == restarted
    assert empty_shop.run("set", "image", "deployment/web-shop", f"shop={NEXT}").stderr == ""
    assert len(revisions(empty_shop).hashes) == 4
    empty_shop.run("rollout", "undo", "deployment/web-shop")
    assert template(empty_shop) == restarted
    empty_shop.run("rollout", "undo", "deployment/web-shop", "--to-revision=1")
    spec = template(empty_shop)["spec"]
    assert {name: spec[name] for name in INFRASTRUCTURE} == INFRASTRUCTURE
    assert len(revisions(empty_shop).hashes) == 4  # the first one with the platform's change


def test_kubectl_mixes_up_managers_by_itself(admin: Kubectl) -> None:
    """No rule is about `default`: kubectl gives to the platform what a developer applied.

    After a client-side apply it hands the fields to whoever applies on the server next, so the
    second such apply would remove them. Platforms patch, or see that developers apply on the
    server, too.
    """
    here = admin.within("default")
    plain, platform = clean(), copy.deepcopy(PLATFORM)
    for one in (plain, platform):
        one["metadata"] = {"name": "web-shop"}
    here.apply(plain)
    first = here.apply(platform, "--server-side", "--field-manager=platform")
    assert "failed to re-apply configuration" in first.stderr
    again = ("apply", "-f", "-", "--server-side", "--field-manager=platform")
    second = here.try_to(*again, documents=platform)
    assert "spec.selector: Required value" in second.stderr
    here.run("delete", "deployment", "web-shop")


def other(kind: str, **spec: Any) -> Any:
    """Return a labelled object of another kind with the Pod template of the shop's job."""
    made = shop.pod("other", labels={"app": "other", "propylon.dev/delete-protection": "Always"})
    template = {"metadata": {"labels": {"app": "other"}}, "spec": made["spec"]}
    if "selector" in spec:
        del template["spec"]["restartPolicy"]
    return made | {"kind": kind, "spec": {"template": template, **spec}}


SELECTOR = {"matchLabels": {"app": "other"}}
KINDS = {
    "job": {**other("Job"), "apiVersion": "batch/v1"},
    "cron-job": {
        **other("CronJob"),
        "apiVersion": "batch/v1",
        "spec": {"schedule": "0 3 1 1 *", "jobTemplate": {"spec": other("Job")["spec"]}},
    },
    "stateful-set": {
        **other("StatefulSet", selector=SELECTOR, serviceName="other"),
        "apiVersion": "apps/v1",
    },
    "replica-set": {**other("ReplicaSet", selector=SELECTOR), "apiVersion": "apps/v1"},
    "replication-controller": other("ReplicationController", selector=SELECTOR["matchLabels"]),
}


@pytest.mark.parametrize("manifest", KINDS.values(), ids=KINDS.keys())
def test_other_kinds_stay_as_they_were_applied(
    empty_shop: Kubectl, carol: Kubectl, manifest: Any
) -> None:
    """No refusal, no warning, no new generation, whatever the API server puts into them."""
    named = (manifest["kind"], "other")
    try:
        assert empty_shop.apply(manifest).stderr == ""
        before = empty_shop.get(*named)
        for how in (BY_CLIENT, ("--server-side",)):
            assert empty_shop.apply(manifest, *how).stderr == ""
            assert difference(empty_shop, manifest, *how) == ""
        after = empty_shop.get(*named)
        assert after["spec"] == before["spec"]
        assert after["metadata"]["generation"] == 1
    finally:
        carol.within("shop").run("delete", *named, "--ignore-not-found", "--wait=false")


def test_pods_of_the_replica_set_controller(empty_shop: Kubectl) -> None:
    """They get variables and mounts, which no template shows; nothing else of them is changed."""
    empty_shop.apply(clean())
    found = eventually(
        lambda: len(pods := empty_shop.get("pods")["items"]) == 3 and pods, what="three Pods"
    )
    assert isinstance(found, list)
    made = template(empty_shop)
    (hash_of_all,) = revisions(empty_shop).hashes
    for pod in found:
        main = pod["spec"]["containers"][1]
        assert shop.environment(main)["ENVIRONMENT"] == "production"
        assert len(shop.lxcfs_files(main)) == 6
        assert pod["metadata"]["labels"][HASH] == hash_of_all
        wanted = [one["topologyKey"] for one in made["spec"]["topologySpreadConstraints"]]
        got = [one["topologyKey"] for one in pod["spec"]["topologySpreadConstraints"]]
        assert got == wanted
    assert "lxcfs" not in str(made)
    assert "ENVIRONMENT" not in str(made)


def test_c_32_debugging_a_pod(empty_shop: Kubectl, admin: Kubectl) -> None:
    """kubectl's own choice wants a capability, which is the platform's; without it nobody minds."""
    rules = [rule("", "pods/ephemeralcontainers", "patch")]
    admin.apply(cluster_role("debuggers", rules, FOR_EDITORS))
    empty_shop.run("create", "-f", "-", documents=shop.pod())
    words = ("debug", POD, "--image=registry.example.com/base/tools:1", "--container=look")
    said = eventually(
        lambda: empty_shop.run(*words, "--profile=baseline"), what="editors may debug"
    )
    assert said.warnings == []
    (added,) = empty_shop.get("pod", POD)["spec"]["ephemeralContainers"]
    assert (added["name"], shop.lxcfs_files(added)) == ("look", [])
    refused = empty_shop.try_to(*words[:-1], "--profile=general")
    assert "securityContext.capabilities.add is reserved for the platform" in refused.stderr


def test_what_every_rule_says_about_one_write(empty_shop: Kubectl) -> None:
    """A create and a delete by a developer: each rule answers under its own name."""
    said = empty_shop.apply(with_hidden_fields())
    assert {text.partition(":")[0] for text in said.warnings} == {"hide"}
    made = empty_shop.get("deployment", "web-shop")
    assert "propylon.dev/spread" in made["metadata"]["annotations"]
    refused = empty_shop.try_to("delete", "deployment", "web-shop").stderr
    assert "protect: Deployment shop/web-shop is protected (Always)." in refused
