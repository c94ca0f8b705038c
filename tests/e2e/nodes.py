"""Simulated nodes: Node objects that are Ready, and what their kubelets would do about Pods.

No container runs: a bound Pod is said to be Running and Ready, one that is on its way out goes.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.e2e.api import Answer, Api, Call, collection, connected, is_late
from tests.e2e.background import repeated
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.e2e.cluster import Cluster

HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
CAPACITY = {"cpu": "64", "memory": "256Gi", "pods": "110"}
NODES = collection("v1", "nodes")
BOUND_PODS = f"{collection('v1', 'pods')}?fieldSelector=spec.nodeName!="


@contextlib.contextmanager
def running_nodes(cluster: Cluster, zones: Mapping[str, str]) -> Iterator[None]:
    """Keep nodes, each in its zone, until the end of the block; all exist before one is usable."""
    with connected(cluster) as api:
        api.create(NODES, [_node(name, zone) for name, zone in zones.items()])
        try:
            for name in zones:
                eventually(partial(_made_ready, api, name), what=f"{name} is ready")
            with repeated(lambda: _serve_pods(api)):
                yield
        finally:
            api.all(Call("DELETE", f"{NODES}/{name}") for name in zones)


def _node(name: str, zone: str) -> Any:
    labels = {HOSTNAME: name, ZONE: zone}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}


def _made_ready(api: Api, name: str) -> bool:
    """Give a node its capacity, and take the taint away that the API server put on it.

    Controllers note things on a new node at the same time: a conflict is an AssertionError.
    """
    node = api.call(Call("GET", f"{NODES}/{name}")).object
    ready = {"type": "Ready", "status": "True", "reason": "Simulated"}
    node["status"] = {"capacity": CAPACITY, "allocatable": CAPACITY, "conditions": [ready]}
    node = _done(api.call(Call("PUT", f"{NODES}/{name}/status", node)))
    node["spec"].pop("taints", None)
    return api.call(Call("PUT", f"{NODES}/{name}", node)).ok


def _done(answer: Answer) -> Any:
    assert answer.ok, answer
    return answer.object


def _serve_pods(api: Api) -> None:
    """Do once for all Pods what their kubelets owe them."""
    for pod in _done(api.call(Call("GET", BOUND_PODS)))["items"]:
        call = _next_step(pod)
        if call is not None:
            answer = api.call(call)
            assert answer.ok or is_late(answer), answer


def _next_step(pod: Any) -> Call | None:
    metadata = pod["metadata"]
    user = f"system:node:{pod['spec']['nodeName']}"
    path = f"{collection('v1', 'pods', metadata['namespace'])}/{metadata['name']}"
    if "deletionTimestamp" in metadata:
        now = {"gracePeriodSeconds": 0, "preconditions": {"uid": metadata["uid"]}}
        return Call("DELETE", path, now, user, ("system:nodes",))
    if pod["status"]["phase"] != "Pending":
        return None
    conditions = [{"type": name, "status": "True"} for name in ("Ready", "ContainersReady")]
    pod["status"] |= {"phase": "Running", "conditions": conditions}
    return Call("PUT", f"{path}/status", pod, user, ("system:nodes",))
