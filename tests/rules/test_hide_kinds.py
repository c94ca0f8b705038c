"""Rule A on the kinds of the registry: the ids are those of platform-rules F.3 that concern it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import container, owned_by, request, tweak
from tests.rules.hiding import PINNED, config, kruise, mutate, notes, plain, update, web
from webhook.rules.hide.catalogue import CATALOGUE
from webhook.rules.hide.config import KINDS
from webhook.rules.hide.tree import concerns

HIDDEN: dict[str, Any] = {
    "metadata": {},
    "spec": {"containers": [container()], "nodeSelector": {"pool": "gpu"}, **PINNED},
}
SELECTOR = "nodeSelector"


def at(*steps: str | int) -> Any:
    """A specification with the template at these steps."""
    value: Any = HIDDEN
    for step in reversed(steps):
        value = [value] if isinstance(step, int) else {step: value}
    return value


def tasks(*names: str) -> Any:
    return {"tasks": [{"name": name, "replicas": 1, "template": HIDDEN} for name in names]}


KRUISE = "apps.kruise.io/v1alpha1"
SETS = ("apps/v1", "apps.kruise.io/v1beta1")
OWNER = {"ownerReferences": owned_by("Deployment")}
NO_CONTROLLER = {"ownerReferences": [{**owned_by("Deployment")[0], "controller": False}]}
REMOVED: dict[str, tuple[Any, tuple[str, ...]]] = {
    "F-K02": (
        plain("UnitedDeployment", at("template", "cloneSetTemplate", "spec", "template"), KRUISE),
        ("spec.template.cloneSetTemplate.spec.template.spec",),
    ),
    "F-K03": (
        plain("AdvancedCronJob", at("template", "imageListPullJobTemplate", "spec"), KRUISE), ()
    ),
    "F-K04": (plain("Rollout", {"replicas": 1}, "argoproj.io/v1alpha1"), ()),
    "F-K05": (
        plain("Job", tasks("a", "b", "c"), "batch.volcano.sh/v1alpha1"),
        tuple(f"spec.tasks[{index}].template.spec" for index in range(3)),
    ),
    "F-K06": (
        plain("CronJob", at("jobTemplate", "spec", "template"), "batch/v1beta1"),
        ("spec.jobTemplate.spec.template.spec",),
    ),
    "F-K07": (plain("CloneSet", {"template": "text"}, KRUISE), ()),
    "F-K08": (plain("Widget", {"template": HIDDEN}, "shop.example/v1"), ()),
    "F-K10": (
        plain("ReplicaSet", {"template": HIDDEN}, "apps/v1", **NO_CONTROLLER),
        ("spec.template.spec",),
    ),
    "F-K11": (
        plain("Service", {"template": HIDDEN}, "serving.knative.dev/v1"), ("spec.template.spec",)
    ),
    "PodTemplate": (
        {**plain("PodTemplate", {}), "template": HIDDEN}, ("template.spec",)
    ),
    "RayCluster": (
        plain(
            "RayCluster",
            {"headGroupSpec": {"template": HIDDEN}, **at("workerGroupSpecs", 0, "template")},
            "ray.io/v1",
        ),
        ("spec.headGroupSpec.template.spec", "spec.workerGroupSpecs[0].template.spec"),
    ),
    "Revision": (plain("Revision", HIDDEN["spec"], "serving.knative.dev/v1"), ()),
}  # fmt: skip


@pytest.mark.parametrize(("value", "places"), REMOVED.values(), ids=REMOVED)
def test_templates_of_the_kind(value: Any, places: tuple[str, ...]) -> None:
    found = [
        path
        for path, treatment in notes(mutate(request(value)))
        if path.endswith(SELECTOR) and treatment == "removed"
    ]
    assert found == [f"{place}.{SELECTOR}" for place in places]


def test_f_k01_stateful_sets_are_told_apart_by_group() -> None:
    """OpenKruise's keeps the state of a roll-out as one block, the built-in one hides a field."""
    paths = [
        {one.path for one in CATALOGUE if concerns(one, kind)}
        for kind in KINDS
        if kind.kind == "StatefulSet"
    ]
    assert ["spec.reserveOrdinals" in one for one in paths] == [False, True]


def test_f_k05_messages_name_index_and_task() -> None:
    outcome = mutate(request(REMOVED["F-K05"][0]))
    assert outcome.warnings[1] == ("hide: spec.tasks[1: b].template.spec.nodeSelector removed")


def test_f_k09_owned_replica_set() -> None:
    """Skipped, also when a developer writes; another template is refused."""
    old = {**web(metadata=OWNER), "kind": "ReplicaSet"}
    labelled = tweak(old, "metadata.labels", {"propylon.dev/x": "1"})
    assert mutate(update(old, labelled)).object is labelled
    changed = tweak(old, "spec.template.spec.nodeName", "n1")
    assert "edit the owner" in mutate(update(old, changed)).violations[0].message


def test_f_k12_ephemeral_job() -> None:
    job = plain("EphemeralJob", {"template": {"ephemeralContainers": []}}, KRUISE)
    assert mutate(request(job)).violations[0].code == 403


VERSIONS = {"v1alpha1": {"partition": 1}, "v1beta1": {"rollingUpdate": {"partition": 1}}}


@pytest.mark.parametrize(("version", "strategy"), VERSIONS.items(), ids=VERSIONS)
def test_both_versions_of_open_kruise(version: str, strategy: Any) -> None:
    old = kruise("CloneSet", version, updateStrategy=strategy)
    new = tweak(kruise("CloneSet", version), "spec.template.spec.containers[0].image", "web:2")
    assert mutate(update(old, new), config()).object["spec"]["updateStrategy"] == strategy
