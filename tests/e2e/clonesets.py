"""CloneSets without OpenKruise: their definition, and a controller that keeps Pods for each of them.

The controller acts as OpenKruise's own service account and does no more than these tests need:
outdated and surplus Pods go first, then missing ones come.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import TYPE_CHECKING, Any

import yaml

from tests.e2e.api import Api, Call, collection, connected, is_late
from tests.e2e.background import repeated
from tests.e2e.propylon import DATA
from tests.e2e.rights import FOR_EDITORS, binding, cluster_role, rule
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.cluster import Cluster
    from tests.e2e.kubectl import Kubectl

GROUP = "apps.kruise.io"
REVISION = "controller-revision-hash"
MANAGER = "system:serviceaccount:kruise-system:kruise-manager"
ACCOUNTS = ("system:serviceaccounts", "system:serviceaccounts:kruise-system")


def definition() -> Any:
    """Return the CustomResourceDefinition."""
    return yaml.safe_load((DATA / "cloneset-crd.yaml").read_text())


@contextlib.contextmanager
def running_clonesets(cluster: Cluster, admin: Kubectl) -> Iterator[None]:
    """Serve CloneSets and keep Pods for them until the end of the block."""
    admin.apply([definition(), *_rights()])
    admin.run("wait", "--for=condition=Established", f"crd/clonesets.{GROUP}")
    with connected(cluster) as api:
        eventually(
            lambda: api.call(Call("GET", collection(f"{GROUP}/v1beta1", "clonesets"))).ok,
            what="CloneSets are served",
        )
        with repeated(lambda: _reconcile(api)):
            yield


def _rights() -> Iterator[Any]:
    everything = rule(GROUP, "*", "*")
    yield cluster_role("clonesets-edit", [everything], FOR_EDITORS)
    yield cluster_role("kruise-manager", [everything, rule("", "pods", "*")])
    yield binding("kruise-manager", "kruise-manager", ("User", MANAGER))


def _reconcile(api: Api) -> None:
    """Look once at all CloneSets."""
    found = api.call(Call("GET", collection(f"{GROUP}/v1beta1", "clonesets")))
    for one in found.object["items"] if found.ok else ():
        if "deletionTimestamp" not in one["metadata"]:
            _keep_pods(api, one)


def _keep_pods(api: Api, cloneset: Any) -> None:
    place = collection("v1", "pods", cloneset["metadata"]["namespace"])
    uid = cloneset["metadata"]["uid"]
    pods = [one for one in api.call(Call("GET", place)).object["items"] if _owner(one) == uid]
    alive = [one for one in pods if "deletionTimestamp" not in one["metadata"]]
    revision = _revision(cloneset)
    current = [one for one in alive if one["metadata"]["labels"][REVISION] == revision]
    wanted = cloneset["spec"].get("replicas", 1)
    surplus = [one for one in alive if one not in current] or current[wanted:]
    for one in surplus:
        _act(api, "DELETE", f"{place}/{one['metadata']['name']}")
    for _ in range(wanted - len(pods)):
        if _is_there(api, cloneset):
            _act(api, "POST", place, _pod(cloneset, revision))
    _tell(api, cloneset, revision, len(pods), sum(map(_is_ready, current)))


def _is_there(api: Api, cloneset: Any) -> bool:
    """Look once more: a Pod that comes after its owner went would stay for long."""
    metadata = cloneset["metadata"]
    place = collection(f"{GROUP}/v1beta1", "clonesets", metadata["namespace"])
    found = api.call(Call("GET", f"{place}/{metadata['name']}"))
    return found.ok and found.object["metadata"]["uid"] == metadata["uid"]


def _owner(pod: Any) -> str | None:
    owners = pod["metadata"].get("ownerReferences", ())
    return next((one["uid"] for one in owners if one.get("controller")), None)


def _is_ready(pod: Any) -> bool:
    conditions = pod["status"].get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _revision(cloneset: Any) -> str:
    text = json.dumps(cloneset["spec"]["template"], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _pod(cloneset: Any, revision: str) -> Any:
    metadata, template = cloneset["metadata"], cloneset["spec"]["template"]
    owner = {
        "apiVersion": cloneset["apiVersion"],
        "kind": cloneset["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    of_pod = template["metadata"]
    made = {
        "generateName": f"{metadata['name']}-",
        "labels": {**of_pod["labels"], REVISION: revision},
        "annotations": of_pod.get("annotations", {}),
        "ownerReferences": [owner],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": made, "spec": template["spec"]}


def _tell(api: Api, cloneset: Any, revision: str, pods: int, ready: int) -> None:
    metadata = cloneset["metadata"]
    labels = cloneset["spec"]["selector"]["matchLabels"].items()
    status = {
        "labelSelector": ",".join(f"{name}={value}" for name, value in labels),
        "observedGeneration": metadata["generation"],
        "replicas": pods,
        "updateRevision": revision,
        "updatedReadyReplicas": ready,
    }
    if cloneset.get("status") != status:
        place = collection(f"{GROUP}/v1beta1", "clonesets", metadata["namespace"])
        _act(api, "PUT", f"{place}/{metadata['name']}/status", {**cloneset, "status": status})


def _act(api: Api, method: str, path: str, body: Any = None) -> None:
    """Write; what is gone, on its way out, or changed by somebody else is looked at again."""
    answer = api.call(Call(method, path, body, MANAGER, ACCOUNTS))
    assert answer.ok or is_late(answer), answer
