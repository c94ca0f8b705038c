"""What Cascading means for each kind (platform-rules E.4): what there is still to lose.

Each function looks at one object and returns what blocks its deletion, or None. Kinds without a
row have nothing to count: Cascading is Always there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from webhook.model import Facts, Get, Json
from webhook.objects.paths import get
from webhook.objects.workloads import KUBERNETES, WorkloadKind, controller_of, templates
from webhook.rules.protect.asking import ask, listing, objects, served
from webhook.rules.protect.config import Config
from webhook.rules.protect.kinds import WORKLOADS, Key
from webhook.rules.protect.references import (
    is_terminated,
    names_named,
    names_used,
    uses_account,
    uses_claim,
)
from webhook.rules.protect.subjects import Subject, dicts_at, number_at


@dataclass(frozen=True, slots=True)
class Block:
    """Why something stays: the reason code, what is there, what to do about it."""

    code: str
    text: str
    advice: str


HOLDERS: tuple[tuple[str, str], ...] = (
    ("v1", "Pod"),
    ("networking.k8s.io/v1", "Ingress"),
    ("v1", "ServiceAccount"),
    *(
        (f"{row.group}/v1" if row.group else "v1", row.kind)
        for row in KUBERNETES
        if row.kind not in {"Pod", "PodTemplate"}
    ),
)
"""apiVersion and kind of all in Kubernetes that may refer to a Secret or ConfigMap; Pods first."""

FEW = 10
"""So many objects of a definition are enough to know; there may be a hundred thousand."""

Count = Callable[[Subject, Config, Facts], Block | None]
"""May raise NeedFacts, and UnverifiedError when something cannot be counted."""


def count_replicas(subject: Subject, config: Config, _facts: Facts) -> Block | None:
    """Return how many replicas are wanted or still there; OpenKruise looks at the wish only."""
    row = config.actors.kinds.by_name[subject.key]
    wanted = number_at(subject.value, row.replicas_path, 1)
    if config.settings.kruise_compat:
        replicas = number_at(subject.value, row.replicas_path)
    else:
        replicas = max(wanted, number_at(subject.value, row.status_replicas_path))
    if replicas <= 0:
        return None
    still = "still wanted" if wanted else "still there"
    text = f"{plural(replicas, 'replica')} {still}"
    return Block("CascadingReplicas", text, "Scale to 0 first")


def _count_scheduled(subject: Subject, _config: Config, _facts: Facts) -> Block | None:
    scheduled = number_at(subject.value, ("status", "currentNumberScheduled"))
    return _pods(scheduled, "scheduled", "Let it select no node first")


def _count_active(subject: Subject, _config: Config, _facts: Facts) -> Block | None:
    active = number_at(subject.value, ("status", "active"))
    return _pods(active, "active", "Wait until it has finished")


def _count_matched(subject: Subject, _config: Config, _facts: Facts) -> Block | None:
    return _pods(
        number_at(subject.value, ("status", "matchedPods")), "matched", "Let it match none"
    )


def _pods(count: int, word: str, advice: str) -> Block | None:
    text = f"{plural(count, 'Pod')} {word}"
    return Block("CascadingPods", text, advice) if count > 0 else None


def _count_runs(subject: Subject, _config: Config, _facts: Facts) -> Block | None:
    suspended = get(subject.value, ("spec", "suspend")) or get(subject.value, ("spec", "paused"))
    if suspended is not True:
        return Block("InUse", "it is not suspended", "Suspend it first")
    active = len(dicts_at(subject.value, ("status", "active")))
    text = f"{plural(active, 'job')} active"
    return Block("InUse", text, "Wait until they have finished") if active else None


def _count_namespace(subject: Subject, _config: Config, facts: Facts) -> Block | None:
    lookups = [listing("v1", kind, subject.name) for kind in ("Pod", "PersistentVolumeClaim")]
    pods, claims = ask(facts, lookups)
    active = sum(not is_terminated(one) and not is_going(one) for one in pods)
    if active:
        return _pods(active, "active", "Remove what runs there first")
    bound = sum(get(one, ("status", "phase")) == "Bound" and not is_going(one) for one in claims)
    text = f"{plural(bound, 'claim')} bound (PVC)"
    return Block("CascadingPVC", text, "Delete the claims first") if bound else None


def _count_claim(subject: Subject, config: Config, facts: Facts) -> Block | None:
    users = _pods_using(subject, facts, lambda pod: uses_claim(pod, subject.name))
    if users is not None or not config.settings.strict_templates:
        return users
    kinds = [one for one in WORKLOADS if one.kind in {"StatefulSet", "CloneSet"}]
    for version, kind in served(facts, kinds):
        for owner in objects(facts, version, kind, subject.namespace):
            if _would_claim(owner, subject.name):
                name = get(owner, ("metadata", "name"))
                return Block("InUse", f"{kind}/{name} would use it again", "Delete that first")
    return None


def _would_claim(owner: Json, claim: str) -> bool:
    """Tell whether a volumeClaimTemplate gives claims such a name: template-owner-suffix."""
    own = get(owner, ("metadata", "name"))
    names = (
        get(one, ("metadata", "name")) for one in dicts_at(owner, ("spec", "volumeClaimTemplates"))
    )
    return any(re.fullmatch(rf"{re.escape(f'{name}-{own}')}-[a-z0-9]+", claim) for name in names)


def _count_volume(subject: Subject, _config: Config, _facts: Facts) -> Block | None:
    if get(subject.value, ("status", "phase")) != "Bound":
        return None
    return Block("InUse", "it is bound", "Delete its claim first")


def _count_account(subject: Subject, _config: Config, facts: Facts) -> Block | None:
    return _pods_using(subject, facts, lambda pod: uses_account(pod, subject.name))


def _pods_using(subject: Subject, facts: Facts, uses: Callable[[Json], bool]) -> Block | None:
    pods = objects(facts, "v1", "Pod", subject.namespace)
    users = [one for one in pods if not is_terminated(one) and uses(one)]
    if not users:
        return None
    first = get(users[0], ("metadata", "name"))
    rest = f" and {len(users) - 1} more use it" if len(users) > 1 else " uses it"
    return Block("InUse", f"Pod {first}{rest}", "Delete what uses it first")


def _count_references(subject: Subject, config: Config, facts: Facts) -> Block | None:
    """Look for a Secret or ConfigMap in Pods, templates, Ingresses and service accounts."""
    further = [one for one in config.kinds if one.is_workload and one.is_optional]
    holders = (*HOLDERS, *served(facts, further))
    lookups = [listing(*place, subject.namespace) for place in holders]
    answers = zip(holders, ask(facts, lookups), strict=True)
    for (version, kind), found in answers:
        row = config.actors.kinds.find(version.rpartition("/")[0], kind)
        for one in found:
            if subject.name in _names_in(kind, row, one, subject.kind):
                name = get(one, ("metadata", "name"))
                verb = "uses" if kind == "Pod" else "refers to"
                return Block("InUse", f"{kind}/{name} {verb} it", "Delete or change that first")
    return None


def _names_in(holder: str, row: WorkloadKind | None, value: Json, kind: str) -> frozenset[str]:
    """Return the names of Secrets or ConfigMaps that an object refers to; `row` is a workload's."""
    if holder == "Pod":
        spec = get(value, ("spec",))
        return frozenset() if is_terminated(value) else names_used(spec, kind)
    if row is None:
        return names_named(value, holder) if kind == "Secret" else frozenset()
    if _is_past(value):
        return frozenset()
    specs = (one.spec for one in templates(row, value))
    return frozenset(name for spec in specs for name in names_used(spec, kind))


def _is_past(workload: Json) -> bool:
    """Tell whether a template counts for nothing: a controller's child, or a finished Job."""
    conditions = dicts_at(workload, ("status", "conditions"))
    done = {one.get("type") for one in conditions if one.get("status") == "True"}
    return controller_of(workload) is not None or bool(done & {"Complete", "Failed"})


def _count_endpoints(subject: Subject, config: Config, facts: Facts) -> Block | None:
    if config.settings.kruise_compat:
        return None
    selector = f"kubernetes.io/service-name={subject.name}"
    slices = objects(facts, "discovery.k8s.io/v1", "EndpointSlice", subject.namespace, selector)
    endpoints = [one for part in slices for one in dicts_at(part, ("endpoints",))]
    ready = sum(get(one, ("conditions", "ready")) is not False for one in endpoints)
    text = f"{plural(ready, 'ready endpoint')}"
    return Block("InUse", text, "Stop what it leads to first") if ready else None


def _count_backends(subject: Subject, config: Config, facts: Facts) -> Block | None:
    if config.settings.kruise_compat:
        return None
    names = sorted(_backends(subject.value))
    lookups = [Get("v1", "Service", subject.namespace, name, live=True) for name in names]
    for name, found in zip(names, ask(facts, lookups), strict=True):
        if found is not None:
            return Block("InUse", f"its backend Service/{name} exists", "Delete that first")
    return None


def _backends(ingress: Json) -> set[str]:
    path: tuple[str, ...] = ("service", "name")
    found = [get(ingress, ("spec", "defaultBackend", *path))]
    for rule in dicts_at(ingress, ("spec", "rules")):
        found += [get(one, ("backend", *path)) for one in dicts_at(rule, ("http", "paths"))]
    return {name for name in found if isinstance(name, str)}


def count_instances(subject: Subject, _config: Config, facts: Facts) -> Block | None:
    """Return how many objects a CustomResourceDefinition still has, in any Namespace."""
    place = stored_kind(subject.value)
    known, is_all = ask(facts, [listing(*place, "", limit=FEW)])[0], False
    if len(known) == FEW and all(map(is_going, known)):  # others may be there to stay
        known, is_all = objects(facts, *place, ""), True
    found = sum(not is_going(one) for one in known)
    least = "at least " if len(known) == FEW and not is_all else ""
    text = f"{least}{plural(found, 'object')} of this kind"
    return Block("CascadingCR", text, "Delete them first") if found else None


def stored_kind(definition: Json) -> tuple[str, str]:
    """Return apiVersion and kind of a definition's objects: the stored version if it is served."""
    versions = dicts_at(definition, ("spec", "versions"))
    ranked = sorted(versions, key=lambda one: (not one.get("served"), not one.get("storage")))
    version = ranked[0].get("name") if ranked else ""
    group = get(definition, ("spec", "group"))
    return f"{group}/{version}", str(get(definition, ("spec", "names", "kind")))


def is_going(value: Json) -> bool:
    """Tell whether an object is on its way out."""
    return get(value, ("metadata", "deletionTimestamp")) is not None


def plural(count: int, noun: str) -> str:
    """Return `1 replica`, `3 replicas`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


COUNTS: Mapping[Key, Count] = {
    **{
        (row.group, row.kind): count_replicas
        for row in WORKLOADS
        if row.kind in {"Deployment", "ReplicaSet", "ReplicationController", "StatefulSet",
                        "CloneSet", "UnitedDeployment", "Rollout"}
    },
    ("apps", "DaemonSet"): _count_scheduled,
    ("apps.kruise.io", "DaemonSet"): _count_scheduled,
    ("batch", "Job"): _count_active,
    ("apps.kruise.io", "BroadcastJob"): _count_active,
    ("batch", "CronJob"): _count_runs,
    ("apps.kruise.io", "AdvancedCronJob"): _count_runs,
    ("apps.kruise.io", "SidecarSet"): _count_matched,
    ("", "Namespace"): _count_namespace,
    ("", "PersistentVolumeClaim"): _count_claim,
    ("", "PersistentVolume"): _count_volume,
    ("", "Secret"): _count_references,
    ("", "ConfigMap"): _count_references,
    ("", "ServiceAccount"): _count_account,
    ("", "Service"): _count_endpoints,
    ("networking.k8s.io", "Ingress"): _count_backends,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): count_instances,
}  # fmt: skip
"""(group, kind) → what Cascading counts there."""


def count_of(subject: Subject, config: Config) -> Count | None:
    """Return what Cascading counts: replicas for an added kind that has any; None for nothing."""
    row = config.actors.kinds.find(*subject.key)
    if row is not None and row in config.actors.kinds.added and row.replicas_path:
        return count_replicas
    return COUNTS.get(subject.key)
