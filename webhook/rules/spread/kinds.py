"""The kinds that rule D spreads, and how each replaces its Pods (platform-rules D.2, D.4, F.1).

A built-in kind without a row is exempt: DaemonSets, Jobs and CronJobs of all groups, bare Pods,
Knative. A kind that a document added is spread when its selector and its replicas are known.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from webhook.model import NOTHING, Json
from webhook.objects.paths import Path, get
from webhook.objects.workloads import BUILT_IN, Registry, Template, WorkloadKind

HASH_LABELS = frozenset((
    "pod-template-hash", "controller-revision-hash", "rollouts-pod-template-hash",
))  # fmt: skip
"""Labels whose value changes with each revision: never copied as a literal."""

_KRUISE = "apps.kruise.io"
_PERCENT = re.compile(r"(\d{1,9})%")


@dataclass(frozen=True, slots=True)
class Spread:
    """One kind: the label for `matchLabelKeys` ("" for none), and whether it is used by default."""

    hash_label: str = ""
    uses_hash: bool = False


KINDS: Mapping[tuple[str, str], Spread] = {
    ("", "ReplicationController"): Spread(),
    ("apps", "Deployment"): Spread("pod-template-hash", uses_hash=True),
    ("apps", "ReplicaSet"): Spread(),
    ("apps", "StatefulSet"): Spread("controller-revision-hash"),
    (_KRUISE, "CloneSet"): Spread("controller-revision-hash"),
    (_KRUISE, "StatefulSet"): Spread("controller-revision-hash"),
    (_KRUISE, "UnitedDeployment"): Spread(),
    ("argoproj.io", "Rollout"): Spread("rollouts-pod-template-hash", uses_hash=True),
}
"""(group, kind) → what is particular to it."""

HASHED_KINDS = tuple(sorted({kind for (_, kind), row in KINDS.items() if row.hash_label}))
"""The kinds that `matchLabelKeys` of a document may name, beside added ones."""

KNOWN_NAMES = frozenset(row.kind for row in BUILT_IN)


@dataclass(frozen=True, slots=True)
class Turnover:
    """How a roll-out replaces Pods: how many may be missing, how many come in addition.

    `deletes_first` is true where no Pod is made before an old one is gone. `strategy` is where
    `maxUnavailable` and `maxSurge` are in the object, () where they cannot be set; `is_whole_set`
    is true where all new Pods have to run before the first old one goes.
    """

    unavailable: int = 0
    surge: int = 0
    deletes_first: bool = False
    strategy: Path = ()
    is_whole_set: bool = False

    @property
    def needed(self) -> int:
        """How many Pods have to find room beside all old ones."""
        return self.surge if self.is_whole_set else min(self.surge, 1)


DELETES_FIRST = Turnover(deletes_first=True)
_WRAPPED: Mapping[Json, str] = {
    "deploymentTemplate": "Deployment",
    "cloneSetTemplate": "CloneSet",
    "statefulSetTemplate": "StatefulSet",
    "advancedStatefulSetTemplate": "StatefulSet",
}
"""What a UnitedDeployment makes out of each of its templates."""


def spread_kinds(kinds: Registry) -> tuple[WorkloadKind, ...]:
    """Return the rows of the registry that rule D spreads."""
    added = (row for row in kinds.added if row.template_paths and row.selector_path)
    return (
        *(row for row in kinds.rows if row.key in KINDS),
        *(row for row in added if row.replicas_path),
    )


def hash_of(kind: WorkloadKind) -> Spread:
    """Return which label tells the revisions of a kind apart; an added kind names its own."""
    return KINDS.get(kind.key) or Spread(kind.hash_label, uses_hash=bool(kind.hash_label))


def turnover(kind: str, template: Template, value: Json, replicas: int) -> Turnover:
    """Return how the workload of that kind replaces its Pods with so many replicas."""
    parent = template.path[:-2]
    kind = _WRAPPED.get(parent[-1], kind) if parent else kind
    spec = get(value, (*parent, "spec"))
    if kind == "Deployment":
        return _of_deployment(spec, replicas, (*parent, "spec", "strategy", "rollingUpdate"))
    if kind == "CloneSet":
        return _of_clone_set(spec, replicas)
    if kind == "Rollout":
        return _of_rollout(spec, replicas)
    return DELETES_FIRST


def _of_deployment(spec: Json, replicas: int, strategy: Path) -> Turnover:
    if get(spec, ("strategy", "type")) == "Recreate":
        return DELETES_FIRST
    return _rolling(get(spec, ("strategy", "rollingUpdate")), replicas, strategy)


def _of_clone_set(spec: Json, replicas: int) -> Turnover:
    strategy = get(spec, ("updateStrategy",)) or NOTHING
    rolling = get(strategy, ("rollingUpdate",)) or NOTHING  # F.2: flat in v1alpha1
    surge = get(rolling, ("maxSurge",)) or get(strategy, ("maxSurge",)) or 0
    unavailable = get(rolling, ("maxUnavailable",)) or get(strategy, ("maxUnavailable",)) or "20%"
    count = amount(surge, replicas, rounds_up=True)
    if not count:
        return DELETES_FIRST
    return Turnover(amount(unavailable, replicas, rounds_up=False), count)


def _of_rollout(spec: Json, replicas: int) -> Turnover:
    if get(spec, ("strategy", "blueGreen")) is not None:
        return Turnover(0, replicas, is_whole_set=True)
    return _rolling(get(spec, ("strategy", "canary")), replicas, ())


def _rolling(given: Json, replicas: int, strategy: Path) -> Turnover:
    unavailable = amount(_given(given, "maxUnavailable"), replicas, rounds_up=False)
    surge = amount(_given(given, "maxSurge"), replicas, rounds_up=True)
    if not unavailable and not surge:
        unavailable = 1  # what the Deployment controller does
    return Turnover(unavailable, surge, strategy=strategy)


def _given(given: Json, field: str) -> Json:
    found = get(given, (field,))
    return "25%" if found is None else found


def amount(value: Json, total: int, *, rounds_up: bool) -> int:
    """Return an int-or-percent as a number of Pods; what is malformed is none."""
    percent = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if percent:
        share = int(percent[1]) * total / 100
        return math.ceil(share) if rounds_up else math.floor(share)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
