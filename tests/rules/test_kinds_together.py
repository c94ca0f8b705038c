"""The kinds of platform-rules F.3 under all rules at once: what is treated, by whom, and what not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.builders import Object, container, deployment, namespace, owned_by, pod, request, tweak
from tests.properties.together import PEOPLE, asked_for, judged, node, stored
from webhook.model import Action
from webhook.objects.paths import get

KRUISE = "apps.kruise.io/v1alpha1"
CLUSTER: list[Object] = [namespace("shop"), node(0), node(1)]
TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [container()], "nodeSelector": {"pool": "gpu"}},
}
SELECTOR = {"matchLabels": {"app": "web"}}
PLACES = ("nodeSelector", "topologySpreadConstraints")


def plain(api_version: str, kind: str, spec: Any, **metadata: Any) -> Object:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "web", "namespace": "shop", **metadata},
        "spec": spec,
    }


def in_kind(api_version: str, kind: str, **metadata: Any) -> Object:
    return plain(api_version, kind, {"selector": SELECTOR, "template": TEMPLATE}, **metadata)


UNTOUCHED: dict[str, Object] = {
    "F-K03": plain(
        KRUISE, "AdvancedCronJob",
        {"schedule": "* * * * *", "template": {"imageListPullJobTemplate": {"spec": TEMPLATE}}},
    ),
    "F-K04": plain(
        "argoproj.io/v1alpha1", "Rollout", {"replicas": 1, "workloadRef": {"name": "web"}}
    ),
    "F-K07": plain(KRUISE, "CloneSet", {"selector": SELECTOR, "template": "text"}),
    "F-K08": in_kind("shop.example/v1", "Widget"),
}  # fmt: skip


@pytest.mark.parametrize("rules", ["init", "further", "visible"])
@pytest.mark.parametrize("value", UNTOUCHED.values(), ids=UNTOUCHED)
def test_nothing_inside_is_a_template(value: Object, rules: str) -> None:
    """Allowed, without a patch: what is wrong with it, the kind's own webhook says.

    By an operator, as `workloadRef` is no developer's (A.2.4).
    """
    outcome = judged(asked_for(value, **PEOPLE["operator"]), rules, CLUSTER)
    assert outcome.object_after is value
    assert (outcome.denials, outcome.warnings, outcome.violations) == ((), (), ())


def treated(value: Object, path: tuple[str, ...] = ("spec", "template", "spec")) -> list[bool]:
    """Return whether rule A took the nodeSelector and rule D gave constraints."""
    outcome = judged(asked_for(value), "further", CLUSTER)
    assert outcome.denials == ()
    spec = get(outcome.object_after, path)
    return ["nodeSelector" not in spec, "topologySpreadConstraints" in spec]


NO_CONTROLLER = [{**owned_by("Deployment")[0], "controller": False}]
TREATED: dict[str, tuple[Object, list[bool]]] = {
    "F-K01": (in_kind("apps/v1", "StatefulSet"), [True, True]),
    "F-K01 Kruise": (in_kind(KRUISE, "StatefulSet"), [True, True]),
    "F-K10": (in_kind("apps/v1", "ReplicaSet", ownerReferences=NO_CONTROLLER), [True, True]),
    "F-K11": (
        plain("serving.knative.dev/v1", "Service", {"template": TEMPLATE}), [True, False],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), TREATED.values(), ids=TREATED)
def test_who_treats_a_template(value: Object, expected: list[bool]) -> None:
    assert treated(value) == expected


def test_f_k06_cron_jobs_of_old_clusters() -> None:
    spec = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": TEMPLATE}}}
    value = plain("batch/v1beta1", "CronJob", spec)
    outcome = judged(asked_for(value), "further", CLUSTER)
    old = judged(asked_for({**value, "apiVersion": "batch/v1"}), "further", CLUSTER)
    assert outcome.object_after["spec"] == old.object_after["spec"] != value["spec"]


def test_f_k08_pods_of_an_unknown_kind() -> None:
    """Rules B and C treat them; rule A notes what a developer may have smuggled in."""
    made = pod(nodeSelector={"pool": "gpu"})
    made["metadata"]["ownerReferences"] = owned_by("Widget", api_version="shop.example/v1")
    outcome = judged(asked_for(made, **PEOPLE["kruise"]), "further", CLUSTER)
    spec = outcome.object_after["spec"]
    assert spec["nodeSelector"] == {"pool": "gpu"}
    assert "CLUSTER" in [one["name"] for one in spec["containers"][0]["env"]]
    assert "lxcfs-meminfo" in [one["name"] for one in spec["volumes"]]
    (found,) = outcome.violations
    assert (found.origin, found.action) == ("hide", Action.AUDIT)
    notes = json.loads(outcome.audit_annotations["hide"])
    assert {"path": "spec.nodeSelector", "treatment": "removed", "phase": "audit"} in notes


def test_f_k09_an_owned_replica_set_is_its_controllers() -> None:
    """Rules A and D skip it whoever writes; a developer may not change its template."""
    old = stored({**deployment(), "kind": "ReplicaSet"})
    old["metadata"]["ownerReferences"] = owned_by("Deployment", "web")
    scaled = tweak(old, "spec.replicas", 5)
    outcome = judged(asked_for(scaled, old), "further", CLUSTER)
    assert (outcome.object_after is scaled, outcome.denials) == (True, ())
    image = tweak(old, "spec.template.spec.containers[0].image", "web:2")
    (denial,) = judged(asked_for(image, old), "further", CLUSTER).denials
    assert (denial.code, "its owner Deployment web; edit the owner" in denial.message) == (
        403,
        True,
    )
    made = judged(asked_for(image, old, **PEOPLE["controller"]), "further", CLUSTER)
    assert (made.object_after is image, made.denials) == (True, ())


def test_f_k12_nobody_but_the_platform_debugs_by_object() -> None:
    job = plain(KRUISE, "EphemeralJob", {"template": {"ephemeralContainers": []}})
    (denial,) = judged(request(job), "init", CLUSTER).denials
    assert (denial.code, denial.reason) == (403, "Forbidden")
    assert judged(request(job, **PEOPLE["platform"]), "init", CLUSTER).denials == ()
