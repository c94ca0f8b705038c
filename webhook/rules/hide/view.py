"""The developer view (platform-rules A.11): an object as a role should see and send it.

A projection for people, not confidentiality. Whoever sends it back as a developer changes nothing:
the rule brings the rest back. Never fails on what it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from webhook.model import Json
from webhook.objects.equality import MEANINGFUL_WHEN_EMPTY
from webhook.objects.paths import get
from webhook.objects.workloads import KUBERNETES, WorkloadKind, roots_at, templates
from webhook.rules.actors import ActorClass
from webhook.rules.hide.catalogue import MARKERS, is_default_toleration
from webhook.rules.hide.config import KINDS, PLAIN_KINDS, Config
from webhook.rules.hide.entries import ABSENT, PRESETS, Entry
from webhook.rules.hide.fields import DEFAULTS
from webhook.rules.hide.last_applied import LAST_APPLIED
from webhook.rules.hide.notes import Walk, as_map
from webhook.rules.hide.projection import project
from webhook.rules.hide.reporting import path_text
from webhook.rules.hide.settling import equals_default
from webhook.rules.hide.tree import Node, compile_tree
from webhook.rules.hide.walking import meets
from webhook.rules.hide.writing import with_value, without

SERVER_FIELDS = (
    "managedFields", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink",
)  # fmt: skip
TYPED = {(kind.group, kind.kind) for kind in (*KUBERNETES, *PLAIN_KINDS)}
"""Kinds whose defaults the API server fills in again; custom resources keep theirs."""

TOKEN_VOLUME = (("name", "kube-api-access-*"), ("projected", None))
CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")

Injected = Callable[[Json], Json]
"""An object → the object without what other rules put into it."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to leave in besides the view itself."""

    role: ActorClass = ActorClass.DEVELOPER
    with_status: bool = False
    for_edit: bool = False
    keep_defaults: bool = False


@dataclass(frozen=True, slots=True)
class Hidden:
    """One place that the view leaves out, whose it is and why; never its value."""

    path: str
    owner: str
    reason: str


def view(
    value: Json, config: Config, options: Options | None = None, injected: Injected | None = None
) -> Json:
    """Return the object as the role should see it; the given one stays as it is."""
    return _viewed(value, config, options or Options(), injected)[0]


def explain(value: Json, config: Config, role: ActorClass = ActorClass.DEVELOPER) -> list[Hidden]:
    """Return what the view of the role leaves out because of the catalogue."""
    walk = _viewed(value, config, Options(role=role), None)[1]
    return [
        Hidden(path_text(note.place), note.entry.owner, note.entry.reason) for note in walk.notes
    ]


def _viewed(
    value: Json, config: Config, options: Options, injected: Injected | None
) -> tuple[Json, Walk]:
    walk = Walk(
        spec=config.spec,
        prefix=config.prefix,
        namespace=str(get(value, ("metadata", "namespace")) or ""),
        writable=config.writable(options.role) - {"system"},
        incoming=value,
        roots=roots_at(()),
    )
    if not isinstance(value, dict):
        return value, walk
    kind = kind_of(value, config.kinds)
    made = _without_bookkeeping(value, options, config.prefix)
    if injected is not None:
        made = injected(made)
    if kind is not None:
        if kind.kind == "Pod":
            made = _without_derived(made)
        made = project(config.trees[kind.group, kind.kind], made, walk)
        made = _without_admission(made, kind)
        if not options.keep_defaults and (kind.group, kind.kind) in TYPED:
            made = _without_defaults(made, kind)
    return made, walk


def kind_of(value: Json, kinds: Sequence[WorkloadKind] = KINDS) -> WorkloadKind | None:
    """Return the row of the object's kind, None for one that is not treated."""
    group, _, _ = str(as_map(value).get("apiVersion") or "").rpartition("/")
    kind = as_map(value).get("kind")
    return next((one for one in kinds if one.key == (group, kind)), None)


def _without_bookkeeping(
    value: Mapping[str, Json], options: Options, prefix: str
) -> dict[str, Json]:
    made = {key: one for key, one in value.items() if key != "status" or options.with_status}
    metadata = as_map(value.get("metadata"))
    left_out = set(SERVER_FIELDS) - ({"resourceVersion"} if options.for_edit else set())
    kept = {key: one for key, one in metadata.items() if key not in left_out}
    for field, names in MARKERS.items():
        marks = {LAST_APPLIED, *(f"{prefix}/{name}" for name in names)}
        rest = {key: one for key, one in as_map(kept.pop(field, None)).items() if key not in marks}
        if rest:
            kept[field] = rest
    return {**made, "metadata": kept} if "metadata" in value else made


def _without_derived(pod: Json) -> Json:
    """Leave out what in-tree admission computed on a Pod: the numeric priority, the overhead."""
    for field in ("priority", "preemptionPolicy", "overhead"):
        pod = without(pod, ("spec", field))
    return pod


def _without_admission(value: Json, kind: WorkloadKind) -> Json:
    """Leave out token volumes with their mounts, and the two default tolerations."""
    for template in templates(kind, value):
        spec = (*template.path, "spec")
        tolerations = get(value, (*spec, "tolerations"))
        if isinstance(tolerations, list):
            rest = [one for one in tolerations if not is_default_toleration(one)]
            value = _with_list(value, (*spec, "tolerations"), rest, tolerations)
        volumes = get(value, (*spec, "volumes"))
        if isinstance(volumes, list):
            rest = [one for one in volumes if not meets(one, TOKEN_VOLUME)]
            gone = {get(one, ("name",)) for one in volumes if meets(one, TOKEN_VOLUME)}
            value = _with_list(value, (*spec, "volumes"), rest, volumes)
            value = _without_mounts(value, spec, gone)
    return value


def _without_mounts(value: Json, spec: tuple[str | int, ...], gone: set[Json]) -> Json:
    for field in CONTAINER_LISTS if gone else ():
        containers = get(value, (*spec, field))
        for at in range(len(containers) if isinstance(containers, list) else 0):
            path = (*spec, field, at, "volumeMounts")
            mounts = get(value, path)
            if isinstance(mounts, list):
                rest = [one for one in mounts if get(one, ("name",)) not in gone]
                value = _with_list(value, path, rest, mounts)
    return value


def _with_list(
    value: Json, path: tuple[str | int, ...], rest: list[Json], before: list[Json]
) -> Json:
    if len(rest) == len(before):
        return value
    return with_value(value, path, rest) if rest else without(value, path)


def _default_trees() -> Mapping[tuple[str, str], Node]:
    """Return trees of all places with a default."""
    entries = [
        Entry(path, "system", *PRESETS["ignore"], kinds=(kind,))
        for kind, path in DEFAULTS
        if path != "$pod.securityContext"  # it has places below; an empty map is left out anyway
    ]
    kinds = [kind for kind in KINDS if (kind.group, kind.kind) in TYPED]
    return {(kind.group, kind.kind): compile_tree(kind, entries) for kind in kinds}


_TREES = _default_trees()


def _without_defaults(value: Json, kind: WorkloadKind) -> Json:
    made = _stripped(_TREES[kind.group, kind.kind], value, {}, on_host=_is_on_host(value, kind))
    return {} if made is ABSENT else made


def _is_on_host(value: Json, kind: WorkloadKind) -> bool:
    return any(one.spec.get("hostNetwork") is True for one in templates(kind, value))


def _stripped(node: Node, value: Json, around: Mapping[str, Json], *, on_host: bool) -> Json:
    """Return the value without what equals a default, and without what that leaves empty."""
    if node.rows:
        default = node.rows[0].default
        is_default = default is not None and equals_default(value, default(around, on_host))
        return ABSENT if is_default else value
    if isinstance(value, dict):
        return _stripped_map(node, value, on_host=on_host)
    if isinstance(value, list) and node.elements:
        return [_stripped_element(node, one, on_host=on_host) for one in value]
    return value


def _stripped_map(node: Node, value: Mapping[str, Json], *, on_host: bool) -> Json:
    made = {}
    for key, one in value.items():
        child = node.keys.get(key)
        inner = one if child is None else _stripped(child, one, value, on_host=on_host)
        if inner is ABSENT and key in MEANINGFUL_WHEN_EMPTY:
            inner = {}
        if inner is not ABSENT:
            made[key] = inner
    return made or ABSENT


def _stripped_element(node: Node, element: Json, *, on_host: bool) -> Json:
    for conditions, child in node.elements:
        if meets(element, conditions):
            inner = _stripped(child, element, {}, on_host=on_host)
            element = element if inner is ABSENT else inner
    return element
