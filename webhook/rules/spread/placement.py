"""Where the replicas of a workload run, and whether that is what its tier expects (platform-rules D.7).

Not part of admission: pure functions over objects that somebody listed. A Pod belongs to a workload
when the workload's selector matches it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from webhook.model import Json
from webhook.objects.paths import get
from webhook.objects.selectors import LabelSelector, SelectorError, glob, matches, parse_selector
from webhook.objects.workloads import Template, WorkloadKind, templates
from webhook.rules.actors import ActorClass
from webhook.rules.spread.asking import selector_of
from webhook.rules.spread.config import EXCLUSIVE, HOSTNAME, ZONE, Axis, Config
from webhook.rules.spread.nodes import is_eligible, labels_of, maps
from webhook.rules.spread.planning import Wish
from webhook.rules.spread.stability import marker_path
from webhook.rules.spread.wishing import wish_of

ENDED = frozenset(("Succeeded", "Failed"))
UNMET = ("topology spread constraints", "anti-affinity")
"""How the scheduler says that no node fits because of what spreads Pods."""


@dataclass(frozen=True, slots=True)
class PlacedPod:
    """What counts of a Pod: `node` is "" while it waits, `waits_for` why the scheduler lets it."""

    name: str
    labels: Mapping[str, Json]
    node: str
    waits_for: str = ""


@dataclass(frozen=True, slots=True)
class Nodes:
    """The nodes by name."""

    by_name: Mapping[str, Json]

    def domain(self, node: str, key: str) -> str:
        """Return what the node's label says, "" when it has none or is gone."""
        found = labels_of(self.by_name.get(node)).get(key, node if key == HOSTNAME else "")
        return str(found)

    def eligible(self, spec: Mapping[str, Json], key: str) -> frozenset[str]:
        """Return the domains in which Pods of this spec may run."""
        able = (one for one in self.by_name.values() if is_eligible(spec, one))
        return frozenset(str(found) for one in able if (found := labels_of(one).get(key)))


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one workload runs.

    `nodes` and `zones` count its placed Pods; the skews are the differences between the fullest and
    the emptiest place where they may run. `broken` says, one text for each axis of its tier, what
    is not as expected; `pending` are Pods that wait because of a constraint of rule D.
    """

    kind: str
    group: str
    namespace: str
    name: str
    tier: str
    nodes: Mapping[str, int]
    zones: Mapping[str, int]
    node_skew: int = 0
    zone_skew: int = 0
    broken: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()

    @property
    def running(self) -> int:
        """How many replicas have a node."""
        return sum(self.nodes.values())

    @property
    def co_located(self) -> int:
        """How many replicas are on a node beyond its first."""
        return sum(count - 1 for count in self.nodes.values())

    @property
    def is_alarming(self) -> bool:
        """Whether somebody should look at it."""
        return bool(self.broken or self.pending)


def placed_pod(pod: Json) -> PlacedPod | None:
    """Return what counts of a Pod, None for one that has ended or is on its way out."""
    is_over = get(pod, ("status", "phase")) in ENDED
    if is_over or get(pod, ("metadata", "deletionTimestamp")) is not None:
        return None
    node = get(pod, ("spec", "nodeName")) or ""
    name = str(get(pod, ("metadata", "name")) or "")
    return PlacedPod(name, labels_of(pod), str(node), "" if node else _waits_for(pod))


def _waits_for(pod: Json) -> str:
    for one in maps(get(pod, ("status", "conditions"))):
        if one.get("type") == "PodScheduled" and one.get("reason") == "Unschedulable":
            return str(one.get("message") or "")
    return ""


def is_looked_at(value: Json, config: Config, left_out: Iterable[str]) -> bool:
    """Tell whether rule D is about this workload: not owned, and not in a Namespace left out."""
    spreading = config.templates
    namespace = get(value, ("metadata", "namespace"))
    if spreading is None or namespace in left_out or config.actors.kinds.controller_of(value):
        return False
    return not any(glob(one, str(namespace)) for one in spreading.exclude_namespaces)


def placement_of(
    kind: WorkloadKind,
    value: Json,
    pods: Iterable[PlacedPod],
    nodes: Nodes,
    namespace: Json,
    config: Config,
) -> Placement | None:
    """Return where a workload runs, None for one that no selector or template tells anything about.

    `pods` are those of its Namespace, `namespace` is that object.
    """
    selector, template = _selector(kind, value), next(iter(templates(kind, value)), None)
    if selector is None or template is None or config.templates is None:
        return None
    own = [one for one in pods if matches(selector, one.labels)]
    wish, marks = wish_of(
        value, value, template.path, namespace, config.templates, config, ActorClass.OPERATOR
    )
    everywhere = {key: _everywhere(own, template, nodes, key) for key in (HOSTNAME, ZONE)}
    is_ours = get(value, marker_path(config.prefix)) is not None
    return Placement(
        kind=kind.kind,
        group=kind.group,
        namespace=str(get(value, ("metadata", "namespace")) or ""),
        name=str(get(value, ("metadata", "name")) or ""),
        tier=marks.tier,
        nodes=Counter(one.node for one in own if one.node),
        zones={zone: count for zone, count in everywhere[ZONE].items() if count},
        node_skew=_skew(everywhere[HOSTNAME]),
        zone_skew=_skew(everywhere[ZONE]),
        broken=tuple(_broken(own, template, nodes, wish)) if wish else (),
        pending=tuple(one.name for one in own if is_ours and _is_unmet(one)),
    )


def _selector(kind: WorkloadKind, value: Json) -> LabelSelector | None:
    try:
        found = selector_of(kind, value)
        return None if found is None else parse_selector(found)
    except SelectorError:
        return None


def _everywhere(
    pods: Iterable[PlacedPod], template: Template, nodes: Nodes, key: str
) -> Mapping[str, int]:
    """Return the Pods of each domain; one where they may run and none does counts 0."""
    counts = Counter(nodes.domain(one.node, key) for one in pods if one.node)
    counts.pop("", None)
    return {**dict.fromkeys(nodes.eligible(template.spec, key), 0), **counts}


def _skew(counts: Mapping[str, int]) -> int:
    return max(counts.values(), default=0) - min(counts.values(), default=0)


def _is_unmet(pod: PlacedPod) -> bool:
    return any(text in pod.waits_for for text in UNMET)


def _broken(
    pods: Sequence[PlacedPod], template: Template, nodes: Nodes, wish: Wish
) -> Iterator[str]:
    for axis in wish.axes:
        counts = _everywhere(pods, template, nodes, axis.key)
        text = _exclusive(counts) if axis.strength == EXCLUSIVE else _uneven(counts, axis)
        if text:
            yield f"{axis.name}: {text}"


def _exclusive(counts: Mapping[str, int]) -> str:
    together = {name: count for name, count in counts.items() if count > 1}
    return f"{_listed(together)}, exclusive allows 1" if together else ""


def _uneven(counts: Mapping[str, int], axis: Axis) -> str:
    if _skew(counts) <= axis.max_skew:
        return ""
    most, least = max(counts.values()), min(counts.values())
    full = {name: count for name, count in counts.items() if count == most}
    return f"{_listed(full)}, elsewhere {least}: {axis.max_skew} apart is allowed"


def _listed(counts: Mapping[str, int]) -> str:
    names = sorted(counts)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(f"{counts[name]} on {name}" for name in names[:3]) + more


def nodes_of(objects: Iterable[Json]) -> Nodes:
    """Return the nodes by name."""
    return Nodes({str(get(one, ("metadata", "name"))): one for one in objects})
