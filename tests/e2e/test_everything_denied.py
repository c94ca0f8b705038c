"""The worst policy denies everything: what must go on goes on, and kubectl alone repairs it.

Everything is tried twice: while Propylon serves and denies, and while nobody answers at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import shop
from tests.e2e.propylon import CONFIGURATIONS, POLICIES, ROOT, SYSTEM, Propylon
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.kubectl import Kubectl, Result

NOTHING = "denied request: nothing is allowed"
UNANSWERED = 'failed calling webhook "policies.propylon.dev"'


def try_pod(admin: Kubectl) -> Result:
    document = shop.pod(namespace="default")
    return admin.try_out(document)


def serve(_propylon: Propylon) -> str:
    return NOTHING


def die(propylon: Propylon) -> str:
    propylon.kill_all()
    return UNANSWERED


@pytest.fixture(scope="module", params=[serve, die], ids=["serving", "dead"])
def denying(
    request: pytest.FixtureRequest, installation: Propylon, admin: Kubectl
) -> Iterator[Propylon]:
    """Return Propylon with a policy in force that denies everything."""
    admin.run("apply", "-k", str(ROOT / "manifests"))
    installation.start()
    assert installation.set_documents("trap", "everything.yaml").ok
    eventually(lambda: NOTHING in try_pod(admin).stderr, what="nothing is allowed", within=30)
    state: Callable[[Propylon], str] = request.param
    refusal = state(installation)
    eventually(lambda: refusal in try_pod(admin).stderr, what="everything is refused")
    yield installation
    admin.run("delete", ",".join(CONFIGURATIONS), "propylon")
    installation.withdraw("trap")
    installation.stop_all()
    eventually(lambda: try_pod(admin).ok, what="Pods are allowed again")
    admin.within(SYSTEM).run("delete", "deployment,service,pdb,networkpolicy", "propylon")
    installation.install()


SPARED = {
    "apply-all-of-propylon": f"apply -k {ROOT / 'manifests'}",
    "change-its-deployment": f"set env deployment/propylon PROPYLON_LOG_LEVEL=debug -n {SYSTEM}",
    "restart-its-deployment": f"rollout restart deployment/propylon -n {SYSTEM}",
    "scale-its-deployment": f"scale deployment/propylon --replicas 3 -n {SYSTEM}",
    "delete-its-pods": f"delete pods --all --now -n {SYSTEM}",
    "change-its-rights": "label clusterrole propylon example.com/seen=yes --overwrite",
    "change-its-binding": "label clusterrolebinding propylon example.com/seen=yes --overwrite",
    "get-its-token": f"create token propylon -n {SYSTEM}",
    "label-its-namespace": f"label namespace {SYSTEM} example.com/seen=yes --overwrite",
    "add-a-document": f"create configmap note --from-literal=a=b -n {POLICIES}",
    "delete-a-document": f"delete configmap note -n {POLICIES}",
    "ask-who-i-am": "auth whoami",
    "ask-what-i-may": "auth can-i create pods",
    "work-in-kube-system": "create serviceaccount spared --dry-run=server -n kube-system",
    "install-a-native-policy": "create --dry-run=server -f -",
    "change-the-configurations": f"label {CONFIGURATIONS[1]} propylon example.com/seen=yes --overwrite",
}

NATIVE = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicyBinding",
    "metadata": {"name": "spared"},
    "spec": {"policyName": "spared", "validationActions": ["Deny"]},
}


@pytest.mark.parametrize("command", SPARED.values(), ids=SPARED.keys())
def test_is_spared(command: str, denying: Propylon, admin: Kubectl) -> None:
    documents = NATIVE if command.endswith("-f -") else None
    result = admin.try_to(*command.split(), documents=documents)
    assert result.ok, str(result)


def test_node_heartbeats_are_spared(denying: Propylon, admin: Kubectl) -> None:
    lease: Any = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "node-1", "namespace": "kube-node-lease"},
        "spec": {"holderIdentity": "node-1"},
    }
    assert admin.try_out(lease).ok


def test_pods_of_its_deployment_are_made(denying: Propylon, admin: Kubectl) -> None:
    own = admin.within(SYSTEM)
    own.run("delete", "pods", "--all", "--now")
    eventually(lambda: own.get("pods")["items"], what="the ReplicaSet controller makes Pods")


def test_correcting_the_document_repairs_it(denying: Propylon, admin: Kubectl) -> None:
    """While nobody serves, a replica that is started (kubelet would do it) reads the new text."""
    denying.stop_all()
    assert denying.set_documents("trap", "replicas.yaml").ok
    denying.start()
    eventually(lambda: try_pod(admin).ok, what="Pods are allowed again", within=30)
