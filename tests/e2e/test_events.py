"""What people find beside an object: Events of denials, overrides and Pods without lxcfs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import shop
from tests.e2e.propylon import forbidden_calls
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from tests.e2e.cluster import Cluster
    from tests.e2e.kubectl import Kubectl
    from tests.e2e.propylon import Propylon

PROTECTED = "propylon.dev/delete-protection"
DOCUMENTS = """
apiVersion: propylon.dev/v1
kind: DeletionProtection
metadata: {name: main}
spec: {contact: the storefront platform}
---
apiVersion: propylon.dev/v1
kind: LxcfsInjection
metadata: {name: lxcfs}
spec: {defaultEnabled: true}
"""


@pytest.fixture(scope="module", autouse=True)
def _in_force(propylon: Propylon, developer: Kubectl) -> None:
    propylon.put_in_force("events", events=DOCUMENTS)


def made(admin: Kubectl, name: str, **labels: str) -> Kubectl:
    """Return kubectl within a new Namespace."""
    metadata = {"name": name, "labels": labels}
    admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    return admin.within(name)


def web(here: Kubectl, **changes: Any) -> Any:
    here.apply(shop.in_namespace(here, **changes))
    return here.get("deployment", "web")


def ours(kubectl: Kubectl, reason: str, name: str = "") -> list[Any]:
    """Return our Events of one reason, about one object if it is named."""
    about = f",involvedObject.name={name}" if name else ""
    selector = f"source=propylon,reason={reason}{about}"
    found: list[Any] = kubectl.get("events", "--field-selector", selector)["items"]
    return found


def the_event(kubectl: Kubectl, reason: str, name: str = "") -> Any:
    """Return the only Event of this reason, once it is there."""
    (one,) = eventually(lambda: ours(kubectl, reason, name), what=f"an Event {reason}")
    return one


def test_denials_of_one_person_are_one_event_that_counts(admin: Kubectl) -> None:
    here = made(admin, "told")
    stored = web(here, labels={PROTECTED: "Always"})
    here.try_to("delete", "deployment", "web")
    event = the_event(here, "DeletionProtected")
    regarding = event["involvedObject"]
    assert (regarding["kind"], regarding["name"]) == ("Deployment", "web")
    assert regarding["uid"] == stored["metadata"]["uid"]
    assert "protect: Deployment told/web is protected (Always)." in event["message"]
    assert event["message"].endswith("(DELETE by e2e-admin)")
    assert "DeletionProtected" in here.run("describe", "deployment", "web").stdout
    for _ in range(3):
        here.try_to("delete", "deployment", "web")
    eventually(
        lambda: the_event(here, "DeletionProtected")["count"] == 4,
        what="the Event counts what followed",
        within=30,
    )


def test_a_dry_run_leaves_no_trace(admin: Kubectl) -> None:
    """E-42: told by the Event that comes later, which counts one."""
    here = made(admin, "tried")
    web(here, labels={PROTECTED: "Always"})
    refused = here.try_to("delete", "deployment", "web", "--dry-run=server")
    assert "is protected (Always)" in refused.stderr
    here.try_to("delete", "deployment", "web")
    assert the_event(here, "DeletionProtected")["count"] == 1


def test_broken_glass_is_told(admin: Kubectl, carol: Kubectl) -> None:
    """E-43: on the object, and on a Namespace in `default`, where it outlives it."""
    here = made(admin, "broken")
    web(here, labels={PROTECTED: "Always"})
    carol.within("broken").run("delete", "deployment", "web")
    event = the_event(here, "ProtectionOverridden")
    assert "override by breakglass for Deployment broken/web (DELETE by carol)" in event["message"]
    carol.run("delete", "namespace", "broken", "--wait=false")
    event = the_event(admin.within("default"), "ProtectionOverridden", "broken")
    assert event["involvedObject"]["kind"] == "Namespace"
    assert event["involvedObject"]["name"] == "broken"


def test_pods_without_lxcfs_are_told_at_their_replica_set(admin: Kubectl) -> None:
    """C-18: the Pods are created, and one Event speaks for all of them."""
    here = made(admin, "strict", **{"pod-security.kubernetes.io/enforce": "baseline"})
    web(here, replicas=3)
    eventually(lambda: len(here.get("pods")["items"]) == 3, what="three Pods")
    event = the_event(here, "LxcfsSkipped")
    assert event["involvedObject"]["kind"] == "ReplicaSet"
    assert event["message"].startswith("lxcfs: skipped, namespace enforces Pod Security baseline")
    eventually(
        lambda: the_event(here, "LxcfsSkipped")["count"] >= 3, what="all are counted", within=30
    )


def test_values_are_in_no_event(admin: Kubectl) -> None:
    everything = json.dumps(
        admin.get("events", "--all-namespaces", "--field-selector=source=propylon")
    )
    for one in shop.deployment("web")["spec"]["template"]["spec"]["containers"]:
        for variable in one.get("env", []):
            assert not variable.get("value") or variable["value"] not in everything


def test_too_many_deletions_in_a_row_are_refused(propylon: Propylon, admin: Kubectl) -> None:
    """The rate guard (E.9): with two replicas each would let through its own two."""
    here = made(admin, "many")
    guard = "massDelete: {max: 2, per: 1h, kinds: [ConfigMap]}"
    propylon.put_in_force("events", events=DOCUMENTS.replace("platform}", f"platform, {guard}}}"))
    for name in ("one", "two", "three"):
        here.run("create", "configmap", name)
    here.run("delete", "configmap", "one", "--dry-run=server")
    here.run("delete", "configmap", "one", "two")
    refused = here.try_to("delete", "configmap", "three")
    assert "e2e-admin deleted 2 objects within 1h, 2 may be" in refused.stderr
    assert "ask the storefront platform" in refused.stderr
    propylon.put_in_force("events", events=DOCUMENTS)
    here.run("delete", "configmap", "three")


def test_nothing_was_refused_to_propylon(propylon: Propylon, cluster: Cluster) -> None:
    """The shipped roles allow all of it."""
    assert not [call for call in forbidden_calls(cluster) if "/events" in call]
    (replica,) = propylon.replicas
    assert "propylon_events_dropped_total 0.0" in replica.metrics()
