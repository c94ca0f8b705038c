"""Rule A beside templates: revisions (A.8), sub-resources (A.9), what a UnitedDeployment wraps (F.2)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import container, owned_by, pod, request, tweak
from tests.rules.hiding import (
    config,
    kruise,
    mutate,
    notes,
    plain,
    update,
    validate,
)
from webhook.rules.hide.intercepting import hide_rules


def revision(image: Any = "app:1", **metadata: Any) -> Any:
    data = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}}
    return {**plain("ControllerRevision", None, "apps/v1", **metadata), "data": data, "revision": 1}


OWNED: dict[str, Any] = {"ownerReferences": owned_by("StatefulSet", "web")}


def test_the_data_of_an_owned_revision_is_locked() -> None:
    old, new = revision(**OWNED), revision("app:2", **OWNED)
    for outcome in (mutate(update(old, new)), validate(update(old, new))):
        (refused,) = outcome.violations
        assert refused.code == 403
        assert "edit the owner" in refused.message
        assert "StatefulSet web" in refused.message


def test_the_rest_of_an_owned_revision_is_the_controllers_business() -> None:
    old = revision(**OWNED)
    new = tweak(old, "revision", 2)
    assert mutate(update(old, new)).object is new
    system = {"groups": ("system:serviceaccounts:kube-system",)}
    changed = revision("app:2", **OWNED)
    assert mutate(update(old, changed, **system)).violations == ()


def test_a_developers_own_revision_may_not_forge_an_owner() -> None:
    made = mutate(request(revision(**OWNED))).object
    assert "ownerReferences" not in made["metadata"]


def test_an_owned_service_is_treated_as_any() -> None:
    old = plain("Service", {"clusterIP": "10.0.0.1", "ports": []}, **OWNED)
    new = tweak(old, "spec", {"ports": []})
    assert mutate(update(old, new)).object["spec"]["clusterIP"] == "10.0.0.1"


def resized(value: Any, path: str, new: Any, used: Any = None) -> Any:
    asked = update(value, tweak(value, path, new), sub_resource="resize")
    return mutate(asked, used or config())


SMALL = pod(container(resources={"requests": {"cpu": "1"}}), resources={"requests": {"cpu": "2"}})
CPU = "spec.containers[0].resources.requests.cpu"


def test_resize_is_open_by_default() -> None:
    outcome = resized(SMALL, CPU, "2")
    assert (outcome.violations, outcome.warnings, notes(outcome)) == ((), (), [])
    assert outcome.object["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "2"


def test_resize_meets_the_entries_about_resources() -> None:
    locked = {"path": "$containers[*].resources.requests.cpu", "owner": "O", "preset": "lock"}
    outcome = resized(SMALL, CPU, "2", config(catalogue=[locked]))
    assert "container app: resources.requests.cpu" in outcome.violations[0].message
    carried = {**locked, "preset": "carry"}
    outcome = resized(SMALL, CPU, "2", config(catalogue=[carried]))
    assert outcome.object["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "1"
    assert outcome.warnings


def test_resize_of_the_whole_pod_is_the_platforms() -> None:
    outcome = resized(SMALL, "spec.resources.requests.cpu", "4")
    assert outcome.object["spec"]["resources"] == {"requests": {"cpu": "2"}}
    assert [path for path, _ in notes(outcome)] == ["spec.resources"]


def test_resize_leaves_all_other_entries_alone() -> None:
    value = pod(container(resources={}), enableServiceLinks=True)
    assert notes(resized(value, CPU, "2")) == []


def test_what_the_api_server_sends() -> None:
    sent = {
        (rule["apiGroups"][0], name): tuple(rule["operations"])
        for rule in hide_rules(config())
        for name in rule["resources"]
    }
    assert sent["", "pods/resize"] == ("UPDATE",)
    assert sent["apps", "controllerrevisions"] == ("CREATE", "UPDATE")
    for name in ("status", "binding", "eviction", "log", "exec"):
        assert ("", f"pods/{name}") not in sent


CLAIM = [{"metadata": {"name": "data"}, "spec": {"storageClassName": "fast"}}]
# id → (template of a UnitedDeployment, field below its spec, stored value)
WRAPPED: dict[str, tuple[str, str, Any]] = {
    "claims of a StatefulSet": ("statefulSetTemplate", "volumeClaimTemplates", CLAIM),
    "claims of an Advanced StatefulSet": (
        "advancedStatefulSetTemplate", "volumeClaimTemplates", CLAIM
    ),
    "claims of a CloneSet": ("cloneSetTemplate", "volumeClaimTemplates", CLAIM),
    "lifecycle of a CloneSet": ("cloneSetTemplate", "lifecycle", {"preDelete": {"labelsHandler": {"a": "b"}}}),
    "lifecycle of an Advanced StatefulSet": (
        "advancedStatefulSetTemplate", "lifecycle", {"preDelete": {"labelsHandler": {"a": "b"}}}
    ),
    "strategy of a Deployment": ("deploymentTemplate", "strategy", {"type": "Recreate"}),
}  # fmt: skip


def united(name: str, **fields: Any) -> Any:
    inner = kruise("CloneSet", **fields)["spec"]
    return kruise("UnitedDeployment", template={name: {"spec": inner}})


@pytest.mark.parametrize(("name", "field", "stored"), WRAPPED.values(), ids=WRAPPED)
def test_what_a_united_deployment_wraps(name: str, field: str, stored: Any) -> None:
    old = united(name, **{field: stored})
    without = [{**one, "spec": {}} for one in stored] if isinstance(stored, list) else None
    new = united(name, **({field: without} if without else {}))
    new = tweak(new, f"spec.template.{name}.spec.template.spec.containers[0].image", "app:2")
    made = mutate(update(old, new)).object
    assert made["spec"]["template"][name]["spec"][field] == stored
    created = mutate(request(old)).object["spec"]["template"][name]["spec"].get(field)
    assert created != stored
