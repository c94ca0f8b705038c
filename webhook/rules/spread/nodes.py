"""Which nodes a template may run on, and how many domains they form (platform-rules D.4).

The scheduler's conditions that do not change by the hour: selectors, affinity, taints. Not free
capacity, and not whether a node is ready: a short outage should not change a template.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from webhook.model import NOTHING, Json
from webhook.objects.paths import Path, get
from webhook.rules.spread.config import HOSTNAME

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_NODE_TERMS: Path = ("affinity", "nodeAffinity", REQUIRED, "nodeSelectorTerms")

_PASSING_TAINTS = "node.kubernetes.io/"
"""Taints of this prefix come and go with the state of a node."""

_KEEPING_OUT = frozenset(("NoSchedule", "NoExecute"))


@dataclass(frozen=True, slots=True)
class Room:
    """The nodes of the cluster, and those that a template may run on; None where unknown."""

    all: Sequence[Json] | None
    eligible: Sequence[Json] = ()

    def domains(self, key: str) -> int:
        """Return how many values of the label the eligible nodes have."""
        return len({labels_of(node).get(key) for node in self.eligible} - {None})

    def lacks(self, key: str) -> bool:
        """Tell whether an eligible node has no such label."""
        return any(key not in labels_of(node) for node in self.eligible)

    def sees(self, key: str, count: int) -> bool:
        """Tell whether the nodes of the cluster have so many values of the label."""
        seen: set[Json] = set()
        for node in self.all or ():
            seen.add(labels_of(node).get(key))
            seen.discard(None)
            if len(seen) >= count:
                return True
        return False


def room_for(spec: Mapping[str, Json], nodes: Json) -> Room:
    """Return the room for Pods of this spec; `nodes` is the answer to the lookup of all nodes.

    A cluster that shows no node at all says nothing.
    """
    room = room_of(nodes)
    return Room(room.all, [node for node in room.all or () if is_eligible(spec, node)])


def room_of(nodes: Json) -> Room:
    """Return the nodes without saying which are eligible."""
    return Room(nodes if isinstance(nodes, list) and nodes else None)


def labels_of(node: Json) -> Mapping[str, Json]:
    """Return the labels of an object."""
    found = get(node, ("metadata", "labels"))
    return found if isinstance(found, dict) else NOTHING


def is_eligible(spec: Mapping[str, Json], node: Json) -> bool:
    """Tell whether the node is schedulable for Pods of this spec."""
    if get(node, ("spec", "unschedulable")) is True:
        return False
    wanted = get(spec, ("nodeSelector",))
    labels = labels_of(node)
    if isinstance(wanted, dict) and any(labels.get(k) != v for k, v in wanted.items()):
        return False
    terms = maps(get(spec, _NODE_TERMS))
    if terms and not any(_meets_term(term, node) for term in terms):
        return False
    return _is_tolerated(spec, node)


def maps(value: Json) -> list[Mapping[str, Json]]:
    """Return the maps of a list; what has another type than the API's is left out."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _meets_term(term: Mapping[str, Json], node: Json) -> bool:
    expressions, fields = maps(term.get("matchExpressions")), maps(term.get("matchFields"))
    names = {"metadata.name": get(node, ("metadata", "name"))}
    if not expressions and not fields:
        return False  # an empty term matches no node
    return all(_meets(one, labels_of(node)) for one in expressions) and all(
        _meets(one, names) for one in fields
    )


def _meets(expression: Mapping[str, Json], labels: Mapping[str, Json]) -> bool:
    found = labels.get(expression.get("key", ""))
    values: Json = expression.get("values") or []
    operator = expression.get("operator")
    if operator == "In":
        return found in values
    if operator == "NotIn":
        return found not in values
    if operator in ("Exists", "DoesNotExist"):
        return (found is not None) is (operator == "Exists")
    return _compares(operator, found, values)


def _compares(operator: Json, found: Json, values: Json) -> bool:
    """Compare as the scheduler does for Gt and Lt: both are whole numbers, or nothing matches."""
    try:
        number, limit = int(found), int(values[0])
    except (TypeError, ValueError, LookupError):
        return False
    return number > limit if operator == "Gt" else number < limit


def _is_tolerated(spec: Mapping[str, Json], node: Json) -> bool:
    tolerations = maps(spec.get("tolerations"))
    return all(
        any(_tolerates(one, taint) for one in tolerations)
        for taint in maps(get(node, ("spec", "taints")))
        if taint.get("effect") in _KEEPING_OUT
        and not str(taint.get("key", "")).startswith(_PASSING_TAINTS)
    )


def _tolerates(toleration: Mapping[str, Json], taint: Mapping[str, Json]) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    key = toleration.get("key") or ""
    if toleration.get("operator") == "Exists":
        return key in ("", taint.get("key"))
    return key == taint.get("key") and (toleration.get("value") or "") == (taint.get("value") or "")


def is_pinned(spec: Mapping[str, Json]) -> bool:
    """Tell whether the Pods can only run on one node, which the spec names."""
    if spec.get("nodeName") or get(spec, ("nodeSelector", HOSTNAME)) is not None:
        return True
    if not spec.get("affinity"):
        return False
    hosts = [_hosts(term) for term in maps(get(spec, _NODE_TERMS))]
    names: set[Json] = set()
    for one in hosts:
        names.update(one)
    return bool(hosts) and all(hosts) and len(names) == 1


def _hosts(term: Mapping[str, Json]) -> Iterable[Json]:
    """Return the nodes that a term names, () when it does not name them."""
    expressions = (*maps(term.get("matchExpressions")), *maps(term.get("matchFields")))
    for one in expressions:
        if one.get("key") in (HOSTNAME, "metadata.name") and one.get("operator") == "In":
            return tuple(one.get("values") or ())
    return ()
