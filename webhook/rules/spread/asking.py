"""The facts that rule D needs, and the subjects that are made out of them.

The nodes are watched; autoscalers, claims and parents are read live. What cannot be read makes
rules softer, never refusals (house-style 2.1: D warns).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from webhook.model import NOTHING, AdmissionRequest, Facts, Get, Json, List, Lookup, NeedFacts
from webhook.objects.paths import get
from webhook.objects.selectors import matches
from webhook.objects.workloads import Template, WorkloadKind
from webhook.rules.spread.existing import Neighbourhood, parsed_or_none
from webhook.rules.spread.kinds import DELETES_FIRST, HASH_LABELS, hash_of, turnover
from webhook.rules.spread.nodes import Room, labels_of, maps, room_for, room_of
from webhook.rules.spread.planning import Wish
from webhook.rules.spread.subjects import Subject, without_hashes

NODES = List("v1", "Node", "")
AUTOSCALER = ("autoscaling/v2", "HorizontalPodAutoscaler")
_TIED = frozenset(("ReadWriteOnce", "ReadWriteOncePod"))
_POD_HASH = "pod-template-hash"


def look_up_all(lookups: Iterable[Lookup], facts: Facts) -> Mapping[Lookup, Any]:
    """Return the answers to all lookups; raise NeedFacts with all that are missing."""
    answers: dict[Lookup, Any] = {}
    missing: set[Lookup] = set()
    for one in lookups:
        try:
            answers[one] = facts.look_up(one)
        except NeedFacts as need:
            missing |= need.lookups
    if missing:
        raise NeedFacts(frozenset(missing))
    return answers


def _answers(lookups: Iterable[Lookup], wish: Wish, facts: Facts) -> Mapping[Lookup, Any]:
    """Return the answers to the lookups, and the nodes where the wish needs them."""
    return look_up_all([*lookups, *([NODES] if wish.needs_room else [])], facts)


def subject_of(
    request: AdmissionRequest,
    value: Json,
    kind: WorkloadKind,
    template: Template,
    namespace: Json,
    wish: Wish,
    facts: Facts,
) -> Subject:
    """Return a template of the object (the request's own, or its parent) as a wish is judged on it."""
    claims = _claims(request.namespace, template) if wish.is_hard else []
    scalers = List(*AUTOSCALER, request.namespace) if wish.needs_count else None
    answers = _answers([*claims, *([scalers] if scalers else [])], wish, facts)
    least, most = _counts(kind, value, answers[scalers] if scalers else None)
    selector = selector_of(kind, value)
    return Subject(
        path=template.path,
        spec=template.spec,
        around=around(template, request.namespace, namespace, selector, kind.hash_label),
        selector=selector,
        hash_label=_hash_label(kind, wish),
        replicas=least,
        most=most,
        turnover=turnover(kind.kind, template, value, most) if wish.is_hard else DELETES_FIRST,
        has_tied_volumes=wish.is_hard
        and (
            _has_templates(request, value, template)
            or any(_is_tied(answers[claim]) for claim in claims)
        ),
        room=_room(template, answers.get(NODES), wish),
    )


def _room(template: Template, nodes: Json, wish: Wish) -> Room:
    """Return the nodes; which of them are eligible counts for hard axes only."""
    return room_for(template.spec, nodes) if wish.is_hard else room_of(nodes)


def around(
    template: Template, name: str, namespace: Json, selector: Json, hash_label: str = ""
) -> Neighbourhood:
    """Return the labels and the Namespace of a template's Pods, and their workload's selector."""
    labels = template.metadata.get("labels")
    return Neighbourhood(
        labels if isinstance(labels, dict) else NOTHING,
        name,
        labels_of(namespace),
        HASH_LABELS if hash_label in HASH_LABELS else HASH_LABELS | {hash_label},
        selector,
        None if selector is None else parsed_or_none(selector),
    )


def selector_of(kind: WorkloadKind, value: Json) -> Mapping[str, Json] | None:
    """Return the workload's selector as constraints get it; a plain map for old kinds."""
    found = get(value, kind.selector_path)
    is_map = (kind.group, kind.kind) == ("", "ReplicationController")
    return without_hashes({"matchLabels": found} if is_map else found, kind.hash_label)


def _hash_label(kind: WorkloadKind, wish: Wish) -> str:
    row = hash_of(kind)
    is_used = wish.spreading.match_label_keys.get(kind.kind, row.uses_hash)
    return row.hash_label if is_used else ""


def _claims(namespace: str, template: Template) -> list[Lookup]:
    names = (
        get(one, ("persistentVolumeClaim", "claimName"))
        for one in maps(template.spec.get("volumes"))
    )
    return [
        Get("v1", "PersistentVolumeClaim", namespace, name)
        for name in names
        if isinstance(name, str)
    ]


def _is_tied(claim: Json) -> bool:
    """Tell whether only one node can mount the volume; one that cannot be read counts as such."""
    if claim is None:
        return False
    modes = get(claim, ("spec", "accessModes"))
    return not isinstance(modes, list) or not _TIED.isdisjoint(modes)


def _has_templates(request: AdmissionRequest, value: Json, template: Template) -> bool:
    """Tell whether there are volumes of an earlier Pod with the same number (D-36)."""
    path = (*template.path[:-1], "volumeClaimTemplates")
    return request.operation == "UPDATE" and bool(get(value, path))


def replicas_of(value: Json, kind: WorkloadKind) -> int:
    """Return the wanted replicas; absent means one (D-03)."""
    found = get(value, kind.replicas_path)
    return found if isinstance(found, int) and not isinstance(found, bool) else 1


def _counts(kind: WorkloadKind, value: Json, scalers: Json) -> tuple[int, int]:
    """Return how many replicas run at least and at most."""
    replicas = replicas_of(value, kind)
    name = get(value, ("metadata", "name"))
    for scaler in maps(scalers):
        target = get(scaler, ("spec", "scaleTargetRef")) or NOTHING
        group = str(target.get("apiVersion", "")).rpartition("/")[0]
        if (group, target.get("kind"), target.get("name")) == (kind.group, kind.kind, name):
            least, most = (get(scaler, ("spec", f"{bound}Replicas")) for bound in ("min", "max"))
            return least or 1, max(replicas, most or 1)
    return replicas, replicas


def pod_subject(
    request: AdmissionRequest, parent: Json, namespace: Json, wish: Wish, facts: Facts
) -> Subject:
    """Return a new Pod that a ReplicaSet makes, spread by the ReplicaSet's selector (level pod)."""
    value = request.object
    template = Template((), get(value, ("metadata",)) or {}, get(value, ("spec",)) or {})
    selector = without_hashes(get(parent, ("spec", "selector")))
    near = around(template, request.namespace, namespace, selector)
    claims = _claims(request.namespace, template) if wish.is_hard else []
    answers = _answers(claims, wish, facts)
    replicas = get(parent, ("spec", "replicas"))
    count = replicas if isinstance(replicas, int) else 1
    return Subject(
        path=(),
        spec=template.spec,
        around=near,
        selector=selector,
        hash_label=_POD_HASH if _POD_HASH in near.labels else "",
        replicas=count,
        most=count,
        turnover=DELETES_FIRST,
        has_tied_volumes=any(_is_tied(answers[claim]) for claim in claims),
        room=_room(template, answers.get(NODES), wish),
    )


def is_spreadable(subject: Subject) -> bool:
    """Tell whether the selector matches the template; where not, the API's validation answers."""
    near = subject.around
    return near.parsed is not None and matches(near.parsed, near.labels)
