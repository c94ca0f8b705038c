"""The table of workload kinds (platform-rules F); ids are its case numbers where there are any."""

from typing import Any

import pytest

from tests.builders import container, deployment, owned_by, pod, template, tweak
from webhook.objects.paths import dotted
from webhook.objects.workloads import (
    BUILT_IN,
    BUILT_IN_KINDS,
    WITHOUT_TEMPLATE,
    WorkloadKind,
    controller_of,
    plural_of,
    registry,
    templates,
    workload_kind,
)

TEMPLATE = template()


def workload(api_version: str, kind: str, spec: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "w"}, "spec": spec}


def job() -> dict[str, Any]:
    return {"spec": {"template": TEMPLATE}}


KRUISE, VOLCANO = "apps.kruise.io/v1alpha1", "batch.volcano.sh/v1alpha1"

# id → (object, paths of its templates)
OBJECTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "Pod": (pod(), [""]),
    "PodTemplate": ({"apiVersion": "v1", "kind": "PodTemplate", "template": TEMPLATE}, ["template"]),
    "ReplicationController": (
        workload("v1", "ReplicationController", {"template": TEMPLATE}), ["spec.template"]
    ),
    "ReplicationController without template": (workload("v1", "ReplicationController", {}), []),
    "Deployment": (deployment(), ["spec.template"]),
    "ReplicaSet": (workload("apps/v1", "ReplicaSet", {"template": TEMPLATE}), ["spec.template"]),
    "F-K01": (workload("apps/v1", "StatefulSet", {"template": TEMPLATE}), ["spec.template"]),
    "F-K01 Kruise": (workload(KRUISE, "StatefulSet", {"template": TEMPLATE}), ["spec.template"]),
    "DaemonSet": (workload("apps/v1", "DaemonSet", {"template": TEMPLATE}), ["spec.template"]),
    "Job": (workload("batch/v1", "Job", {"template": TEMPLATE}), ["spec.template"]),
    "CronJob": (
        workload("batch/v1", "CronJob", {"jobTemplate": job()}), ["spec.jobTemplate.spec.template"]
    ),
    "F-K06": (
        workload("batch/v1beta1", "CronJob", {"jobTemplate": job()}),
        ["spec.jobTemplate.spec.template"],
    ),
    "F-K02": (
        workload(KRUISE, "UnitedDeployment", {"template": {"cloneSetTemplate": job()}}),
        ["spec.template.cloneSetTemplate.spec.template"],
    ),
    "AdvancedCronJob, job": (
        workload(KRUISE, "AdvancedCronJob", {"template": {"jobTemplate": job()}}),
        ["spec.template.jobTemplate.spec.template"],
    ),
    "AdvancedCronJob, broadcast": (
        workload(KRUISE, "AdvancedCronJob", {"template": {"broadcastJobTemplate": job()}}),
        ["spec.template.broadcastJobTemplate.spec.template"],
    ),
    "F-K03": (
        workload(KRUISE, "AdvancedCronJob", {"template": {"imageListPullJobTemplate": job()}}), []
    ),
    "F-K04": (workload("argoproj.io/v1alpha1", "Rollout", {"workloadRef": {"name": "web"}}), []),
    "Rollout": (
        workload("argoproj.io/v1alpha1", "Rollout", {"template": TEMPLATE}), ["spec.template"]
    ),
    "F-K05": (
        workload(VOLCANO, "Job", {"tasks": [{"name": n, "template": TEMPLATE} for n in "abc"]}),
        ["spec.tasks[0].template", "spec.tasks[1].template", "spec.tasks[2].template"],
    ),
    "TFJob": (
        workload(
            "kubeflow.org/v1",
            "TFJob",
            {"tfReplicaSpecs": {"PS": {"template": TEMPLATE}, "Worker": {"template": TEMPLATE}}},
        ),
        ["spec.tfReplicaSpecs.PS.template", "spec.tfReplicaSpecs.Worker.template"],
    ),
    "JobSet": (
        workload("jobset.x-k8s.io/v1alpha2", "JobSet", {"replicatedJobs": [{"template": job()}]}),
        ["spec.replicatedJobs[0].template.spec.template"],
    ),
    "LeaderWorkerSet": (
        workload(
            "leaderworkerset.x-k8s.io/v1",
            "LeaderWorkerSet",
            {"leaderWorkerTemplate": {"workerTemplate": TEMPLATE}},
        ),
        ["spec.leaderWorkerTemplate.workerTemplate"],
    ),
    "RayCluster": (
        workload(
            "ray.io/v1",
            "RayCluster",
            {
                "headGroupSpec": {"template": TEMPLATE},
                "workerGroupSpecs": [{"template": TEMPLATE}],
            },
        ),
        ["spec.headGroupSpec.template", "spec.workerGroupSpecs[0].template"],
    ),
    "Revision": (workload("serving.knative.dev/v1", "Revision", {"containers": []}), [""]),
    "F-K07": (workload(KRUISE, "CloneSet", {"template": "a text"}), []),
    "F-K07 spec": (workload(KRUISE, "CloneSet", {"template": {"spec": ["a"]}}), []),
    "F-K07 metadata": (
        workload(KRUISE, "CloneSet", {"template": {"spec": {}, "metadata": "a"}}), []
    ),
    "template without metadata": (
        workload(KRUISE, "CloneSet", {"template": {"spec": {}}}), ["spec.template"]
    ),
    "object that is a list": (workload(KRUISE, "CloneSet", []), []),
}  # fmt: skip


@pytest.mark.parametrize(("value", "paths"), OBJECTS.values(), ids=list(OBJECTS))
def test_templates_are_found(value: dict[str, Any], paths: list[str]) -> None:
    kind = workload_kind(value["apiVersion"].rpartition("/")[0], value["kind"])
    assert kind
    found = templates(kind, value)
    assert [dotted(template.path) for template in found] == paths


def test_a_template_is_the_objects_own() -> None:
    value = deployment(container("web"))
    kind = workload_kind("apps", "Deployment")
    assert kind
    (found,) = templates(kind, value)
    assert found.spec is value["spec"]["template"]["spec"]
    assert found.metadata is value["spec"]["template"]["metadata"]


def test_an_unregistered_kind_has_no_row() -> None:
    """F-K08"""
    assert workload_kind("example.org", "App") is None
    assert workload_kind("example.org", "Deployment") is None


def test_no_kind_has_two_rows() -> None:
    names = [(row.group, row.kind) for row in BUILT_IN]
    assert len(set(names)) == len(names)
    assert WITHOUT_TEMPLATE.isdisjoint(names)


APP = WorkloadKind("example.org", ("v1",), "App", "apps", ())


def test_a_registry_knows_the_built_in_kinds_and_those_added() -> None:
    kinds = registry([APP])
    assert kinds.added == (APP,)
    assert kinds.find("example.org", "App") is APP
    assert kinds.find("apps", "Deployment") is workload_kind("apps", "Deployment")
    assert (BUILT_IN_KINDS.added, BUILT_IN_KINDS.find("example.org", "App")) == ((), None)
    assert kinds == registry([APP]) != BUILT_IN_KINDS


def test_a_registry_tells_owners_of_known_kinds() -> None:
    owner = {**owned_by("App")[0], "apiVersion": "example.org/v1"}
    value = tweak(pod(), "metadata.ownerReferences", [owner])
    assert registry([APP]).controller_of(value) == owner
    assert BUILT_IN_KINDS.controller_of(value) is None
    assert BUILT_IN_KINDS.controller_of(pod()) is None


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("App", "apps"), ("Proxy", "proxies"), ("Bus", "buses"), ("Endpoints", "endpoints")],
)
def test_plurals_are_guessed_as_kubernetes_does(kind: str, expected: str) -> None:
    assert plural_of(kind) == expected


CONTROLLER = owned_by("Deployment")[0]
OWNERS: dict[str, tuple[Any, Any]] = {
    "F-K09": ([CONTROLLER], CONTROLLER),
    "F-K10": ([{**CONTROLLER, "controller": False}], None),
    "second of two": ([{"kind": "App", "name": "a"}, CONTROLLER], CONTROLLER),
    "none": (None, None),
    "malformed": ("a", None),
    "malformed reference": (["a"], None),
}


@pytest.mark.parametrize(("references", "expected"), OWNERS.values(), ids=list(OWNERS))
def test_the_controller_is_the_owner_that_says_so(references: Any, expected: Any) -> None:
    assert controller_of(tweak(pod(), "metadata.ownerReferences", references)) == expected
