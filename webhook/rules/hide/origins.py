"""Where an object comes from: unchanged, owned by a controller, copied from a CronJob (A.8)."""

from __future__ import annotations

from collections.abc import Mapping

from webhook.model import AdmissionRequest, Facts, Get, Json
from webhook.objects.equality import same
from webhook.objects.paths import get
from webhook.objects.workloads import Registry, WorkloadKind, controller_of, templates
from webhook.rules.hide.catalogue import MARKERS, is_generated_selector
from webhook.rules.hide.notes import as_map

LEFT_OUT = frozenset(("metadata", "status"))
BOOKKEEPING = frozenset(
    ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
)
"""What the API server decides on; a full replacement leaves it out."""


GENERATED = frozenset(
    f"{prefix}{name}"
    for prefix in ("", "batch.kubernetes.io/")
    for name in ("controller-uid", "job-name")
)
"""Labels in a Job's template; they come between mutating and validating webhooks."""

BESIDE = ("managedBy", "manualSelector", "scheduling", "selector")
"""What is locked in a Job beside its template; the API server defaults most other fields."""


def is_echo(request: AdmissionRequest, prefix: str) -> bool:
    """Tell whether the object is the stored one but for managedFields and status (0.6).

    Nor do marks count that other rules have written since: this one is then called again.
    """
    if request.operation != "UPDATE" or not isinstance(request.object, dict):
        return False
    new, old = request.object, as_map(request.old_object)
    if new.get("spec") != old.get("spec"):  # most writes change something there
        return False
    if any(new.get(key) != old.get(key) for key in (new.keys() | old.keys()) - LEFT_OUT):
        return False
    mine, theirs = as_map(new.get("metadata")), as_map(old.get("metadata"))
    keys = (mine.keys() | theirs.keys()) - BOOKKEEPING
    return all(
        mine.get(key) == theirs.get(key)
        or (key in MARKERS and _unmarked(mine, key, prefix) == _unmarked(theirs, key, prefix))
        for key in keys
    )


def _unmarked(metadata: Mapping[str, Json], key: str, prefix: str) -> Json:
    """Return labels or annotations without the marks of other rules."""
    marks = {f"{prefix}/{name}" for name in MARKERS[key]}
    return {name: one for name, one in as_map(metadata.get(key)).items() if name not in marks}


def owner_of(request: AdmissionRequest, kinds: Registry) -> str:
    """Return kind and name of the stored object's controller of a known kind, "" without one."""
    owner = kinds.controller_of(request.old_object)
    return "" if owner is None else f"{owner.get('kind')} {owner.get('name')}"


def template_differs(request: AdmissionRequest, kind: WorkloadKind) -> bool:
    """Tell whether a Pod template of the object means something else than the stored one."""
    new, old = (templates(kind, one) for one in (request.object, request.old_object))
    return not same([_content(one) for one in new], [_content(one) for one in old])


def data_differs(request: AdmissionRequest) -> bool:
    """Tell whether a ControllerRevision holds something else than the stored one."""
    new, old = (get(one, ("data",)) for one in (request.object, request.old_object))
    return not same(new, old)


def _content(template: Json) -> Json:
    return {"metadata": template.metadata, "spec": template.spec}


def has_unknown_owner(request: AdmissionRequest, kinds: Registry) -> bool:
    """Tell whether a new Pod was made by a controller of a kind that nobody registered."""
    is_pod = (request.kind.group, request.kind.kind) == ("", "Pod")
    if not is_pod or request.operation != "CREATE" or request.sub_resource:
        return False
    return controller_of(request.object) is not None and kinds.controller_of(request.object) is None


def accepted_copy(request: AdmissionRequest, facts: Facts) -> bool:
    """Tell whether a new Job is a CronJob's template as it is (`kubectl create job --from`).

    May raise NeedFacts; a CronJob that cannot be read is no excuse.
    """
    is_job = (request.kind.group, request.kind.kind) == ("batch", "Job")
    if not is_job or request.operation != "CREATE":
        return False
    references = get(request.object, ("metadata", "ownerReferences"))
    for owner in references if isinstance(references, list) else ():
        if get(owner, ("kind",)) == "CronJob":
            name = str(get(owner, ("name",)))
            live = facts.look_up(Get("batch/v1", "CronJob", request.namespace, name))
            return _is_copy(request.object, owner, live)
    return False


def _is_copy(job: Json, owner: Json, live: Json) -> bool:
    if not isinstance(live, dict) or get(live, ("metadata", "uid")) != get(owner, ("uid",)):
        return False
    mine, theirs = get(job, ("spec",)), get(live, ("spec", "jobTemplate", "spec"))
    if not (isinstance(mine, dict) and isinstance(theirs, dict) and "template" in theirs):
        return False
    is_same = same(_without_generated(mine.get("template")), theirs["template"])
    return is_same and not any(_differs(name, mine, theirs) for name in BESIDE)


def _differs(name: str, mine: Mapping[str, Json], theirs: Mapping[str, Json]) -> bool:
    """Tell whether a Job asks for something there that its CronJob does not ask for."""
    value = mine.get(name)
    if not value or (name == "selector" and is_generated_selector(value)):
        return False
    return not same(value, theirs.get(name))


def _without_generated(template: Json) -> Json:
    """Return a Job's template without the labels that the API server gives each Job."""
    labels = get(template, ("metadata", "labels"))
    if not isinstance(labels, dict):
        return template
    own = {name: one for name, one in labels.items() if name not in GENERATED}
    return {**template, "metadata": {**template["metadata"], "labels": own}}
