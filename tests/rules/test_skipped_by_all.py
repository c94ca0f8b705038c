"""What no rule touches (platform-rules 0.6), tried on all of them at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.builders import Object, container, deployment, namespace, owned_by, pod, request, tweak
from tests.properties.together import PEOPLE, asked_for, in_force, judged, node, stored
from webhook.engine import decide
from webhook.model import AdmissionRequest, Facts

CLUSTER: list[Object] = [
    namespace("shop", {"propylon.dev/lxcfs": "enabled"}), node(0), node(1),
]  # fmt: skip
ALWAYS = {"propylon.dev/delete-protection": "Always"}
GOING = "metadata.deletionTimestamp"
NOW = "2026-01-01T00:00:00Z"
SELECTOR = "spec.template.spec.nodeSelector"


def web(**fields: Any) -> Object:
    made: Object = tweak(deployment(container(), **fields), SELECTOR, {"pool": "gpu"})
    return made


def written(new: Object, old: Object, **fields: Any) -> AdmissionRequest:
    return asked_for(new, stored(old), **fields)


def deleted(old: Object, **fields: Any) -> AdmissionRequest:
    return request(old=stored(old), operation="DELETE", received_at=1.0, **fields)


OWNED = {**web(), "kind": "ReplicaSet"}
OWNED["metadata"] = {**OWNED["metadata"], "ownerReferences": owned_by("Deployment", "web")}
OF_CRON_JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {
        "name": "n-1", "namespace": "shop", "ownerReferences": owned_by("CronJob", "n", "batch/v1"),
    },
    "spec": {"template": web()["spec"]["template"]},
}  # fmt: skip
JOB_CONTROLLER = {
    **PEOPLE["controller"], "user": "system:serviceaccount:kube-system:cronjob-controller",
}  # fmt: skip
MIRROR = pod(nodeName="n1", annotations={"kubernetes.io/config.mirror": "1d2c"})
HELD = tweak(web(labels=ALWAYS), "metadata.finalizers", ["shop.example/wait"])
SUB_RESOURCES = (
    "status", "binding", "log", "exec", "attach", "portforward", "proxy", "approval",
)  # fmt: skip

SKIPPED: dict[str, AdmissionRequest] = {
    "on its way out, its finalizer goes": written(
        tweak(web(), GOING, NOW), tweak(HELD, GOING, NOW)
    ),
    "on its way out, deleted again": deleted(tweak(web(labels=ALWAYS), GOING, NOW)),
    "mirror Pod": asked_for(MIRROR, **PEOPLE["kubelet"]),
    "mirror Pod, deleted": deleted(MIRROR, **PEOPLE["kubelet"]),
    "what a kubelet writes": asked_for(pod(nodeName="n1"), **PEOPLE["kubelet"]),
    "an owned ReplicaSet": asked_for(OWNED, **PEOPLE["controller"]),
    "an owned Job": asked_for(OF_CRON_JOB, **JOB_CONTROLLER),
    "no difference": written(web(), web()),
    "nothing but managedFields and status": written(
        {**tweak(web(), "metadata.managedFields", [{"manager": "a"}]), "status": {"replicas": 3}},
        web(),
    ),
    **{
        f"subresource {name}": replace(written(web(), deployment(container())), sub_resource=name)
        for name in SUB_RESOURCES
    },
    "CONNECT": replace(asked_for(pod()), operation="CONNECT", sub_resource="exec"),
}


@pytest.mark.parametrize("rules", ["init", "further", "visible"])
@pytest.mark.parametrize("asked", SKIPPED.values(), ids=SKIPPED)
def test_left_alone(asked: AdmissionRequest, rules: str) -> None:
    outcome = judged(asked, rules, CLUSTER)
    assert outcome.object_after == asked.object
    assert (outcome.denials, outcome.warnings) == ((), ())


@pytest.mark.parametrize("rules", ["init", "further", "visible"])
@pytest.mark.parametrize("asked", SKIPPED.values(), ids=SKIPPED)
def test_left_alone_where_it_is_sent_all_the_same(asked: AdmissionRequest, rules: str) -> None:
    """Whatever entry it comes to: the rules themselves know what is skipped."""
    snapshot, entries = in_force(rules)
    for entry in entries:
        if not entry.path.startswith(("protect", "documents")):
            decision = decide(asked, entry, snapshot, Facts(is_sealed=True))
            assert (decision.allowed, decision.object_after) == (True, asked.object)


def test_names_for_messages() -> None:
    """The Namespace is the request's; a name that is to be generated is told with a star."""
    made = pod(namespace="")
    made["metadata"] = {"generateName": "web-"}
    made["spec"]["hostNetwork"] = True
    asked = request(made, namespace="shop", name="")
    (denial,) = judged(asked, "init", CLUSTER).denials
    assert "spec.hostNetwork is reserved" in denial.message
