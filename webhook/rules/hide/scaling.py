"""Replicas that an autoscaler manages: frozen for developers, also through `scale` (A.2.4, A.9)."""

from __future__ import annotations

from webhook.model import AdmissionRequest, Facts, Json, List
from webhook.objects.paths import Path, get
from webhook.objects.workloads import WorkloadKind
from webhook.rules.hide.config import Config
from webhook.rules.hide.entries import KEEPING, PRESETS, Entry
from webhook.rules.hide.notes import Note, Verb, Walk, as_map
from webhook.rules.hide.tree import Node

SCALE = ("spec", "replicas")
"""Where every Scale has the number."""

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
) -> tuple[tuple[str, ...], Json] | None:
    """Return place and stored number if an autoscaler manages it, else None; may raise NeedFacts."""
    kind = config.by_resource.get((request.resource.group, request.resource.resource))
    if kind is None or not kind.has_scale or request.operation != "UPDATE":
        return None
    path = tuple(map(str, kind.replicas_path))
    new, old = (get(one, path) for one in (request.object, request.old_object))
    if new == old or "O" in walk.writable or not config.spec.freeze_autoscaled:
        return None
    if not _is_autoscaled(request, kind, facts):
        return None
    if new not in (None, 1):
        walk.notes.append(Note(Verb.KEPT, path, AUTOSCALED, old))
    return None if old is None else (path, old)


def with_replicas(value: Json, path: Path, replicas: Json) -> Json:
    """Return the object with another number at the place, which may be missing."""
    if not path:
        return replicas
    inner = as_map(value)
    return {**inner, path[0]: with_replicas(inner.get(str(path[0])), path[1:], replicas)}


def judge_scale(request: AdmissionRequest, walk: Walk, config: Config, facts: Facts) -> None:
    """Note a denial when a developer scales what others scale; may raise NeedFacts."""
    kind = config.by_resource.get((request.resource.group, request.resource.resource))
    new, old = (get(one, SCALE) for one in (request.object, request.old_object))
    if kind is None or "O" in walk.writable or request.user_info.username in SCALERS or new == old:
        return
    who = "the platform"
    if not _is_hidden(kind, config, walk):
        if not config.spec.freeze_autoscaled or not _is_autoscaled(request, kind, facts):
            return
        who = "an autoscaler"
    text = f"{kind.kind} {request.name}: scaling is managed by {who}"
    walk.notes.append(Note(Verb.DENIED, SCALE, AUTOSCALED, detail=text))


def _is_hidden(kind: WorkloadKind, config: Config, walk: Walk) -> bool:
    node: Node | None = config.trees[kind.key]
    for step in kind.replicas_path:
        node = node.keys.get(str(step)) if node else None
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
