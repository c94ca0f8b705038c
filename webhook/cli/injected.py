"""What other rules put into an object, recognised by what they would put there now (A.11, step 5).

The lists that rules add to are emptied, the rules run, and what they add is taken out of the object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from webhook.model import (
    AdmissionRequest,
    Facts,
    GroupVersionKind,
    GroupVersionResource,
    Json,
)
from webhook.objects.equality import same
from webhook.objects.paths import Path, get
from webhook.objects.workloads import WorkloadKind, templates
from webhook.rules import RULES
from webhook.rules.hide.config import treated_kinds
from webhook.rules.hide.view import kind_of
from webhook.rules.hide.writing import with_value, without
from webhook.snapshot import Snapshot

CONTAINERS = ("initContainers", "containers")
OF_CONTAINERS = ("env", "envFrom", "volumeMounts")
OF_PODS: tuple[Path, ...] = (
    ("volumes",),
    ("topologySpreadConstraints",),
    *(
        ("affinity", kind, f"{strength}DuringSchedulingIgnoredDuringExecution")
        for kind in ("podAffinity", "podAntiAffinity")
        for strength in ("required", "preferred")
    ),
)


def without_injected(snapshot: Snapshot, facts: Facts) -> Callable[[Json], Json]:
    """Return a function that takes out what the rules of the snapshot would add."""
    kinds = treated_kinds(snapshot.actors.kinds)

    def taken_out(value: Json) -> Json:
        kind = kind_of(value, kinds)
        if kind is None or not kind.template_paths:
            return value
        places = [path for path in _lists(value, kind) if isinstance(get(value, path), list)]
        added = _added(value, kind, places, snapshot, facts)
        for path, elements in added.items():
            before = get(value, path)
            rest = [one for one in before if not any(same(one, other) for other in elements)]
            if len(rest) < len(before):
                value = with_value(value, path, rest) if rest else without(value, path)
        return value

    return taken_out


def _lists(value: Json, kind: WorkloadKind) -> Iterator[Path]:
    for template in templates(kind, value):
        spec = (*template.path, "spec")
        for field in CONTAINERS:
            containers = get(value, (*spec, field))
            for at in range(len(containers) if isinstance(containers, list) else 0):
                yield from ((*spec, field, at, name) for name in OF_CONTAINERS)
        yield from ((*spec, *path) for path in OF_PODS)


def _added(
    value: Json, kind: WorkloadKind, places: list[Path], snapshot: Snapshot, facts: Facts
) -> Mapping[Path, list[Json]]:
    bare = value
    for path in places:
        bare = with_value(bare, path, [])
    request = _request(bare, kind)
    for rule in RULES:
        config = snapshot.configs.get(rule.name)
        if rule.name == "hide" or rule.mutate is None or config is None:
            continue
        outcome = rule.mutate(request, config, facts.sealed())
        request = request.with_object(outcome.object)
    return {path: get(request.object, path) or [] for path in places}


def _request(value: Json, kind: WorkloadKind) -> AdmissionRequest:
    version = str(value["apiVersion"]).rpartition("/")[2]
    metadata = value.get("metadata") or {}
    return AdmissionRequest(
        uid="view",
        kind=GroupVersionKind(kind.group, version, kind.kind),
        resource=GroupVersionResource(kind.group, version, kind.resource),
        operation="CREATE",
        name=str(metadata.get("name") or ""),
        namespace=str(metadata.get("namespace") or "default"),
        object=value,
    )
