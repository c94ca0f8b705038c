"""Replicas that an autoscaler manages: frozen for developers, also through `scale` (A.2.4, A.9)."""

from __future__ import annotations

from webhook.model import AdmissionRequest, Facts, Json, List
from webhook.objects.paths import get
from webhook.objects.workloads import WorkloadKind
from webhook.rules.hide.config import BY_RESOURCE, Config
from webhook.rules.hide.entries import KEEPING, PRESETS, Entry
from webhook.rules.hide.notes import Note, Verb, Walk

REPLICAS = ("spec", "replicas")
AUTOSCALED = Entry(
    "spec.replicas",
    "O",
    *PRESETS["freeze"],
    reason="scaled automatically",
    show_value=True,
    why="managed by autoscaler",
)
SCALERS = frozenset(("system:serviceaccount:keda:keda-operator",))
"""Autoscalers outside of kube-system, whose accounts are not system users."""


def frozen_replicas(
    request: AdmissionRequest, walk: Walk, config: Config, facts: Facts
) -> Json | None:
    """Return the stored number if an autoscaler manages it, None otherwise; may raise NeedFacts."""
    kind = BY_RESOURCE.get((request.resource.group, request.resource.resource))
    if kind is None or kind.replicas_path != REPLICAS or request.operation != "UPDATE":
        return None
    new, old = (get(one, REPLICAS) for one in (request.object, request.old_object))
    if new == old or "O" in walk.writable or not config.spec.freeze_autoscaled:
        return None
    if not _is_autoscaled(request, kind, facts):
        return None
    if new not in (None, 1):
        walk.notes.append(Note(Verb.KEPT, REPLICAS, AUTOSCALED, old))
    return old


def judge_scale(request: AdmissionRequest, walk: Walk, config: Config, facts: Facts) -> None:
    """Note a denial when a developer scales what others scale; may raise NeedFacts."""
    kind = BY_RESOURCE.get((request.resource.group, request.resource.resource))
    new, old = (get(one, REPLICAS) for one in (request.object, request.old_object))
    if kind is None or "O" in walk.writable or request.user_info.username in SCALERS or new == old:
        return
    who = "the platform"
    if not _is_hidden(kind, config, walk):
        if not config.spec.freeze_autoscaled or not _is_autoscaled(request, kind, facts):
            return
        who = "an autoscaler"
    text = f"{kind.kind} {request.name}: scaling is managed by {who}"
    walk.notes.append(Note(Verb.DENIED, REPLICAS, AUTOSCALED, detail=text))


def _is_hidden(kind: WorkloadKind, config: Config, walk: Walk) -> bool:
    spec = config.trees[kind.group, kind.kind].keys.get("spec")
    node = spec.keys.get("replicas") if spec else None
    entry = walk.entry_of(node.rows) if node else None
    return entry is not None and walk.treatment_of(entry, 1) not in KEEPING


def _is_autoscaled(request: AdmissionRequest, kind: WorkloadKind, facts: Facts) -> bool:
    found = facts.look_up(List("autoscaling/v2", "HorizontalPodAutoscaler", request.namespace))
    targets = [get(one, ("spec", "scaleTargetRef")) for one in found] if _is_list(found) else []
    return any(_is_target(one, kind, request.name) for one in targets)


def _is_list(found: Json) -> bool:
    return isinstance(found, list | tuple)


def _is_target(target: Json, kind: WorkloadKind, name: str) -> bool:
    if get(target, ("kind",)) != kind.kind or get(target, ("name",)) != name:
        return False
    version = get(target, ("apiVersion",))
    return not version or str(version).rpartition("/")[0] == kind.group
