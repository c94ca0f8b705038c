"""Nothing protected disappears by mistake: rule E on a real API server, with its controllers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import shop
from tests.e2e.propylon import DATA
from tests.e2e.rights import FOR_PROPYLON, cluster_role, rule
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from tests.e2e.kubectl import Kubectl
    from tests.e2e.propylon import Propylon

OURS = "propylon.dev/delete-protection"
STATE = "propylon.dev/delete-protection-state"
WIDGETS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {
            "kind": "Widget",
            "plural": "widgets",
            "singular": "widget",
            "listKind": "WidgetList",
        },
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object"}},
            }
        ],
    },
}
MAY_LIST_WIDGETS = cluster_role(
    "propylon-widgets", [rule("example.com", "widgets", "get", "list")], FOR_PROPYLON
)


@pytest.fixture(scope="module", autouse=True)
def _in_force(propylon: Propylon, developer: Kubectl) -> None:
    propylon.put_in_force("protection", "protection.yaml")


def labels(kubectl: Kubectl, *what: str) -> Any:
    return kubectl.get(*what)["metadata"].get("labels", {})


def web(kubectl: Kubectl, level: str = "Always", **changes: Any) -> None:
    kubectl.apply(shop.in_namespace(kubectl, labels={OURS: level}, **changes))


def test_the_administrator_is_bound_and_a_dry_run_says_so(admin: Kubectl) -> None:
    here = shop.namespace(admin, "bound")
    web(here)
    for flags in ([], ["--dry-run=server"], ["--cascade=orphan"], ["--force", "--grace-period=0"]):
        refused = here.try_to("delete", "deployment", "web", *flags)
        assert "protect: Deployment bound/web is protected (Always)." in refused.stderr
        assert "ask the storefront platform" in refused.stderr


def test_a_namespace_stays_while_something_in_it_is_protected(
    admin: Kubectl, carol: Kubectl
) -> None:
    here = shop.namespace(admin, "crowded")
    web(here)
    refused = admin.try_to("delete", "namespace", "crowded")
    assert (
        "protect: Namespace crowded contains protected objects: Deployment/web (Always)."
        in refused.stderr
    )
    assert admin.get("namespace", "crowded")["status"]["phase"] == "Active"
    carol.run("delete", "namespace", "crowded", "--wait=false")


def test_an_empty_namespace_goes(admin: Kubectl) -> None:
    shop.namespace(admin, "empty")
    admin.run("delete", "namespace", "empty", "--wait=false")


def test_a_labelled_namespace_stays_while_pods_are_active(admin: Kubectl) -> None:
    here = shop.namespace(admin, "running")
    admin.run("label", "namespace", "running", f"{OURS}=Cascading")
    here.apply(shop.pod("job", namespace="running"))
    assert "1 Pod active" in admin.try_to("delete", "namespace", "running").stderr
    here.run("delete", "pod", "job", "--now")
    admin.run("delete", "namespace", "running", "--wait=false")


def test_a_definition_stays_while_an_object_of_it_is_protected(
    admin: Kubectl, carol: Kubectl
) -> None:
    admin.apply(WIDGETS)
    admin.run("wait", "--for=condition=Established", "crd/widgets.example.com")
    widget = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "one", "namespace": "default", "labels": {OURS: "Always"}},
    }
    eventually(
        lambda: admin.try_to("apply", "-f", "-", documents=widget).ok, what="Widgets are served"
    )
    blind = admin.try_to("delete", "crd", "widgets.example.com")
    assert "Propylon lacks the right to list it" in blind.stderr
    admin.apply(MAY_LIST_WIDGETS)
    refused = eventually(
        lambda: (
            seen
            if "Widget/one (Always)"
            in (seen := admin.try_to("delete", "crd", "widgets.example.com").stderr)
            else ""
        ),
        what="Propylon may list Widgets",
    )
    assert "widgets.example.com has protected objects" in refused
    assert "is protected (Always)" in admin.try_to("delete", "widget", "one").stderr
    carol.run("delete", "crd", "widgets.example.com", "--timeout=60s")


def test_an_eviction_is_refused(admin: Kubectl) -> None:
    here = shop.namespace(admin, "drained")
    pod = shop.pod("kept", namespace="drained", labels={OURS: "Always"})
    here.apply(pod)
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": "kept", "namespace": "drained"},
    }
    url = "/api/v1/namespaces/drained/pods/kept/eviction"
    refused = admin.try_to("create", "--raw", url, "-f", "-", documents=eviction)
    assert "Pod drained/kept is protected (Always)" in refused.stderr
    assert not here.lacks("pod", "kept")


def test_scaling_to_zero(admin: Kubectl) -> None:
    here = shop.namespace(admin, "scaled")
    web(here, replicas=2)
    refused = here.try_to("scale", "deployment", "web", "--replicas=0")
    assert "may not be scaled to 0" in refused.stderr
    patch = '{"spec":{"replicas":0}}'
    assert "may not be scaled to 0" in here.try_to("patch", "deployment", "web", "-p", patch).stderr
    here.run("scale", "deployment", "web", "--replicas=1")


def test_roll_outs_and_cascading_deletions_work(admin: Kubectl) -> None:
    """Scale to 0, then delete: what Cascading asks for, with the real controllers."""
    here = shop.namespace(admin, "cascading")
    web(here, "Cascading")
    assert "still wanted" in here.try_to("delete", "deployment", "web").stderr
    web(here, "Cascading", image="registry.example.com/shop:2")
    eventually(
        lambda: len(here.get("replicasets")["items"]) == 2, what="the roll-out makes a ReplicaSet"
    )
    here.run("scale", "deployment", "web", "--replicas=0")
    eventually(
        lambda: here.try_to("delete", "deployment", "web").ok,
        what="the Deployment may go",
        within=60,
    )
    eventually(lambda: here.get("replicasets")["items"] == [], what="its ReplicaSets go", within=60)


def test_controllers_delete_what_is_theirs(admin: Kubectl, carol: Kubectl) -> None:
    """The label in a template protects Pods from people, not from their ReplicaSet."""
    here = shop.namespace(admin, "templated")
    built = shop.in_namespace(here, replicas=2)
    built["spec"]["template"]["metadata"]["labels"][OURS] = "Always"
    said = here.apply(built)
    assert said.stderr == ""
    pods = eventually(
        lambda: len(found := here.get("pods")["items"]) == 2 and found, what="two Pods"
    )
    assert isinstance(pods, list)
    name = pods[0]["metadata"]["name"]
    assert "is protected (Always)" in here.try_to("delete", "pod", name).stderr
    here.run("scale", "deployment", "web", "--replicas=1")
    eventually(lambda: len(here.get("pods")["items"]) == 1, what="the ReplicaSet removes a Pod")
    refused = here.try_to("delete", "deployment", "web").stderr
    assert "Deployment templated/web has protected dependents: ReplicaSet/web-" in refused
    carol.run("delete", "namespace", "templated", "--wait=false")
    eventually(lambda: admin.lacks("namespace", "templated"), what="all of it goes", within=60)


def test_a_removed_label_holds_for_a_while(admin: Kubectl, developer: Kubectl) -> None:
    developer.apply(shop.deployment("web", labels={OURS: "Always"}))
    said = developer.run("label", "deployment", "web", f"{OURS}-")
    assert said.warnings == ["protect: deletion stays blocked for 1h"]
    assert labels(developer, "deployment", "web")[STATE] == "cooling"
    refused = developer.try_to("delete", "deployment", "web").stderr
    assert "was protected (Always) until dana removed that" in refused
    assert "1h left" in refused or "60m left" in refused or "59m left" in refused
    developer.run("label", "deployment", "web", f"{STATE}-")
    assert labels(developer, "deployment", "web")[STATE] == "cooling"
    developer.run("label", "deployment", "web", f"{OURS}=Always")
    assert STATE not in labels(developer, "deployment", "web")


def test_a_cool_down_ends(propylon: Propylon, admin: Kubectl) -> None:
    here = shop.namespace(admin, "cooled")
    web(here)
    text = (DATA / "documents" / "protection.yaml").read_text()
    propylon.put_in_force("protection", protection=text.replace("1h", "3s"))
    here.run("label", "deployment", "web", f"{OURS}-")
    assert "left" in here.try_to("delete", "deployment", "web").stderr
    eventually(lambda: here.try_to("delete", "deployment", "web").ok, what="the cool-down ends")
    propylon.put_in_force("protection", "protection.yaml")


GRANT = """
apiVersion: propylon.dev/v1
kind: DeletionGrant
metadata: {name: move}
spec:
  who: {groups: [system:masters]}
  target: {kind: Deployment, namespace: granted, name: web}
  reason: moving away
  expires: "2999-01-01T00:00:00Z"
  createdBy: CREATOR
"""


def test_a_grant_is_its_writers_own(propylon: Propylon, admin: Kubectl) -> None:
    here = shop.namespace(admin, "granted")
    web(here)
    refused = propylon.set_documents("grants", grant=GRANT.replace("CREATOR", "dana"))
    assert "spec.createdBy: must be 'e2e-admin', the user who writes this grant" in refused.stderr
    propylon.put_in_force("grants", grant=GRANT.replace("CREATOR", "e2e-admin"))
    here.run("delete", "deployment", "web")


def test_without_a_replica_only_what_is_protected_waits(propylon: Propylon, admin: Kubectl) -> None:
    here = shop.namespace(admin, "outage")
    web(here)
    here.run("create", "deployment", "plain", "--image=registry.example.com/plain:1")
    propylon.kill_all()
    assert "failed calling webhook" in here.try_to("delete", "deployment", "web").stderr
    here.run("delete", "deployment", "plain")
    grant = propylon.set_documents("grants", grant=GRANT.replace("CREATOR", "dana"))
    assert "failed calling webhook" in grant.stderr
    propylon.start()
    assert "is protected (Always)" in here.try_to("delete", "deployment", "web").stderr
