"""How deletions go on and end: collections, cascades and namespaces, with the real controllers."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import shop
from tests.e2e.api import Api, Call, collection, connected
from tests.e2e.nodes import running_nodes
from tests.e2e.propylon import DATA
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.cluster import Cluster
    from tests.e2e.kubectl import Kubectl
    from tests.e2e.propylon import Propylon

OURS = "propylon.dev/delete-protection"
NEXT = "registry.example.com/storefront/shop:4.12.2"
COOLDOWN = "2s"
NUMBERS = itertools.count(1)
EVERYTHING = "deployments,replicasets,pods"
ACCOUNT = "system:serviceaccount:kube-system:"


@pytest.fixture(scope="module", autouse=True)
def _in_force(cluster: Cluster, propylon: Propylon, scheduler: None) -> Iterator[None]:
    text = (DATA / "documents" / "protection.yaml").read_text()
    propylon.put_in_force("protection", protection=text.replace("1h", COOLDOWN))
    with running_nodes(cluster, {"delete-0": "zone-0", "delete-1": "zone-1"}):
        yield


@pytest.fixture
def api(cluster: Cluster) -> Iterator[Api]:
    with connected(cluster) as api:
        yield api


@pytest.fixture
def here(admin: Kubectl, carol: Kubectl) -> Iterator[Kubectl]:
    """Return the administrator's kubectl within a new Namespace."""
    name = f"deletion-{next(NUMBERS)}"
    yield shop.namespace(admin, name)
    carol.run("delete", "namespace", name, "--wait=false", "--ignore-not-found")


def web(here: Kubectl, name: str = "web", level: str = "", **changes: Any) -> Any:
    """Return the shop's Deployment, protected if it has a level; its Pods go at once."""
    built = shop.in_namespace(here, name, labels={OURS: level} if level else {}, **changes)
    built["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 0
    return built


def names(kubectl: Kubectl, what: str) -> list[str]:
    return [one["metadata"]["name"] for one in kubectl.get(what)["items"]]


def three_of_which_one_is_protected(here: Kubectl) -> None:
    here.apply([web(here, "a"), web(here, "b", "Always"), web(here, "c")])


def running(here: Kubectl, count: int) -> list[str]:
    """Return the names of the Pods once so many run."""
    here.run("rollout", "status", "deployment/web", "--timeout=60s")
    return eventually(
        lambda: found if len(found := names(here, "pods")) == count else None, what="Pods run"
    )


def test_e_53_all_but_the_protected_one_are_deleted(here: Kubectl) -> None:
    three_of_which_one_is_protected(here)
    said = here.try_to("delete", "deployment", "--all")
    assert said.code == 1
    assert said.stderr.count("(Forbidden)") == 1
    assert f"protect: Deployment {here.namespace}/b is protected (Always)." in said.stderr
    assert names(here, "deployments") == ["b"]


def test_e_54_a_collection_ends_at_the_protected_one(here: Kubectl, api: Api) -> None:
    """The API server deletes one after the other; what came before is gone."""
    three_of_which_one_is_protected(here)
    answer = api.call(Call("DELETE", collection("apps/v1", "deployments", here.namespace)))
    assert answer.code == 403
    assert f"Deployment {here.namespace}/b is protected (Always)." in answer.message
    assert "Objects of the collection that were deleted before it are gone." in answer.message
    assert names(here, "deployments") == ["b", "c"]


@pytest.mark.parametrize("level", ["", "Always"], ids=["plain", "protected"])
def test_e_57_another_uid_is_a_conflict(here: Kubectl, api: Api, level: str) -> None:
    here.apply(web(here, level=level))
    path = f"{collection('apps/v1', 'deployments', here.namespace)}/web"
    answer = api.call(Call("DELETE", path, {"preconditions": {"uid": "another"}}))
    assert (answer.code, answer.object["reason"]) == (409, "Conflict")
    assert names(here, "deployments") == ["web"]


def test_e_41_a_forced_replacement_deletes_nothing(here: Kubectl) -> None:
    here.apply(web(here, level="Always"))
    before = here.get("deployment", "web")["metadata"]["uid"]
    said = here.try_to("replace", "--force", "-f", "-", documents=web(here, level="Always"))
    assert "is protected (Always)" in said.stderr
    assert here.get("deployment", "web")["metadata"]["uid"] == before


@pytest.mark.parametrize("how", ["background", "foreground"])
def test_the_garbage_collector_finishes(here: Kubectl, how: str) -> None:
    """E-47: a Cascading Deployment without replicas may go, with what is below it."""
    here.apply([web(here), web(here, "labelled", "Cascading")])
    here.run("scale", "deployment", "labelled", "--replicas=0")
    running(here, 1)
    eventually(
        lambda: here.try_to("delete", "deployment", "labelled", f"--cascade={how}").ok,
        what="nothing is left of the labelled one",
    )
    here.run("delete", "deployment", "web", f"--cascade={how}")
    eventually(lambda: not names(here, EVERYTHING), what="ReplicaSets and Pods go")


def test_orphans_stay_and_stay_protected(here: Kubectl) -> None:
    """Deleting the owner alone is no way round: its Pods carry the label of the template."""
    built = web(here, replicas=2)
    built["spec"]["template"]["metadata"]["labels"][OURS] = "Always"
    here.apply(built)
    pods = running(here, 2)
    assert "has protected dependents" in here.try_to("delete", "deployment", "web").stderr
    here.run("delete", "deployment", "web", "--cascade=orphan")
    (left,) = here.get("replicasets")["items"]
    assert "ownerReferences" not in left["metadata"]
    assert names(here, "pods") == pods
    refused = here.try_to("delete", "replicaset", left["metadata"]["name"])
    assert "is protected (Always)" in refused.stderr


def test_e_20_old_replica_sets_are_tidied_up(here: Kubectl) -> None:
    """Though they carry the label: their Deployment's controller deletes them."""
    built = web(here)
    built["spec"]["revisionHistoryLimit"] = 1
    built["spec"]["template"]["metadata"]["labels"][OURS] = "Always"
    for at in range(4):
        built["spec"]["template"]["metadata"]["annotations"]["example.com/at"] = str(at)
        here.apply(built)
        running(here, 1)
    eventually(lambda: len(names(here, "replicasets")) == 2, what="only one old one is kept")


def test_a_namespace_goes_once_what_it_contains_is_released(here: Kubectl, admin: Kubectl) -> None:
    here.apply([web(here, level="Always"), web(here, "plain", replicas=2)])
    refused = admin.try_to("delete", "namespace", here.namespace)
    child = "contains protected objects: Deployment/web (Always)."
    assert f"protect: Namespace {here.namespace} {child}" in refused.stderr
    here.run("label", "deployment", "web", f"{OURS}-")
    assert "Deployment/web" in admin.try_to("delete", "namespace", here.namespace).stderr
    eventually(
        lambda: admin.try_to("delete", "namespace", here.namespace, "--wait=false").ok,
        what="the cool-down ends",
    )
    eventually(
        lambda: admin.lacks("namespace", here.namespace),
        what="the namespace controller finishes",
        within=30,
    )


def test_e_49_nobody_finalizes_a_namespace_by_hand(here: Kubectl, admin: Kubectl) -> None:
    here.apply(web(here, level="Always"))
    running(here, 1)
    found = admin.get("namespace", here.namespace)
    found["spec"]["finalizers"] = []
    path = f"/api/v1/namespaces/{here.namespace}/finalize"
    refused = admin.try_to("replace", "--raw", path, "-f", "-", documents=found)
    assert "contains protected objects: Deployment/web (Always)." in refused.stderr
    assert admin.get("namespace", here.namespace)["spec"]["finalizers"] == ["kubernetes"]


def test_e_37_a_claim_stays_while_a_pod_uses_it(here: Kubectl) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "uploads", "labels": {OURS: "Cascading"}},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    pod = shop.pod("user", namespace=here.namespace)
    source = {"claimName": "uploads"}
    pod["spec"]["volumes"] = [{"name": "uploads", "persistentVolumeClaim": source}]
    here.apply([claim, pod])
    refused = here.try_to("delete", "persistentvolumeclaim", "uploads")
    assert "is protected (Cascading): Pod user uses it." in refused.stderr
    here.run("delete", "pod", "user", "--now")
    here.run("delete", "persistentvolumeclaim", "uploads", "--timeout=30s")


def job(name: str, level: str) -> Any:
    """Return a Job that its controller deletes as soon as it is done."""
    spec = shop.pod()["spec"]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": {OURS: level}},
        "spec": {"ttlSecondsAfterFinished": 0, "template": {"spec": spec}},
    }


def test_e_51_a_finished_job_goes_unless_it_is_to_stay(here: Kubectl, cluster: Cluster) -> None:
    here.apply([job("done", "Cascading"), job("kept", "Always")])
    pods = eventually(
        lambda: found if len(found := names(here, "pods")) == 2 else None, what="both have Pods"
    )
    patch = '{"status": {"phase": "Succeeded"}}'
    for pod in pods:
        here.run("patch", "pod", pod, "--subresource=status", "--type=merge", "-p", patch)
    eventually(lambda: names(here, "jobs") == ["kept"], what="the one that may go is gone")
    eventually(lambda: is_refused(cluster, here, "kept"), what="the other was to be deleted, too")
    assert names(here, "jobs") == ["kept"]


def is_refused(cluster: Cluster, here: Kubectl, job: str) -> bool:
    """Tell whether the API server refused that the TTL controller deletes a Job."""
    return any(
        event["verb"] == "delete"
        and event["user"]["username"] == f"{ACCOUNT}ttl-after-finished-controller"
        and (event["objectRef"]["namespace"], event["objectRef"]["name"]) == (here.namespace, job)
        and event["responseStatus"]["code"] == 403
        for event in cluster.audit_events()
    )


def test_e_43_break_glass_leaves_a_trace(here: Kubectl, carol: Kubectl, cluster: Cluster) -> None:
    here.apply(web(here, level="Always"))
    carol.within(here.namespace).run("delete", "deployment", "web")
    (notes,) = (
        event["annotations"]
        for event in cluster.audit_events()
        if event["verb"] == "delete" and event["user"]["username"] == "carol"
        and event["objectRef"].get("namespace") == here.namespace
    )  # fmt: skip
    (note,) = (text for name, text in notes.items() if name.endswith("/protect"))
    assert '"decision":"override"' in note
    assert '"by":"breakglass"' in note
