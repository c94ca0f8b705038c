"""What Spreading documents become: frozen values that the treatment reads.

No checks here: `parsing.py` has made them, `building.py` fills these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from webhook.objects.selectors import LabelSelector
from webhook.objects.workloads import WorkloadKind
from webhook.rules.actors import Actors

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"

NONE, SOFT, SOFT_AFFINITY, HARD, EXCLUSIVE = "none", "soft", "soft-affinity", "hard", "exclusive"

RANKS: Mapping[str, int] = {"dev": 0, "standard": 1, "critical": 2}
"""The tiers, the strictest last."""

REFUSING = frozenset(("enforce", "deny"))
"""Modes in which a workload may be refused."""


@dataclass(frozen=True, slots=True)
class Axis:
    """What a tier wants at one topology key; `min_domains` 0 means none."""

    key: str
    strength: str
    max_skew: int = 1
    weight: int = 50
    min_domains: int = 0

    @property
    def is_hard(self) -> bool:
        """Whether the scheduler may leave a Pod pending for it."""
        return self.strength in (HARD, EXCLUSIVE)

    @property
    def name(self) -> str:
        """The key as people say it."""
        return {HOSTNAME: "hostname", ZONE: "zone"}.get(self.key, self.key)


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier; `mode` is capped by the phase of the document, `min_replicas` 0 means none."""

    name: str
    mode: str
    axes: tuple[Axis, ...]
    min_replicas: int = 0
    is_hard: bool = field(init=False, compare=False)
    has_further_axes: bool = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Find out once whether an axis is hard, and whether there is one beside the hostname."""
        object.__setattr__(self, "is_hard", any(axis.is_hard for axis in self.axes))
        further = any(axis.key != HOSTNAME for axis in self.axes)
        object.__setattr__(self, "has_further_axes", further)


@dataclass(frozen=True, slots=True)
class Spreading:
    """The document in force for one level; `generation` names its content."""

    name: str
    generation: str
    phase: str
    exclude_namespaces: tuple[str, ...]
    default_tier: str
    max_tier: str
    tiers: Mapping[str, Tier]
    adopt: str
    opt_out_by: str
    on_scale: str
    zone_always: bool
    fix_strategy: bool
    has_autoscaler: bool
    match_label_keys: Mapping[str, bool]
    contact: str
    pod_selector: LabelSelector | None = None

    @property
    def document(self) -> str:
        """How a Decision names the document that changed the object."""
        return f"Spreading/{self.name}"

    @property
    def refuses(self) -> bool:
        """Whether some workload may be refused."""
        return self.phase == "enforce" and any(t.mode in REFUSING for t in self.tiers.values())


@dataclass(frozen=True, slots=True)
class Config:
    """The documents in force, one for each level; `version` is that of the cluster, None unknown.

    `kinds` are all whose templates are spread, by (group, kind).
    """

    templates: Spreading | None
    pods: Spreading | None
    actors: Actors
    prefix: str
    version: tuple[int, int] | None
    kinds: Mapping[tuple[str, str], WorkloadKind]

    def kind_with(self, group: str, resource: str) -> WorkloadKind | None:
        """Return the kind with a resource, None for one that is not spread."""
        asked = (group, resource)
        found = self.kinds.values()
        return next((one for one in found if (one.group, one.resource) == asked), None)

    def has(self, major: int, minor: int) -> bool:
        """Tell whether the cluster has at least this version; an unknown one does."""
        return self.version is None or self.version >= (major, minor)

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels that a document is in force for."""
        found = (("template", self.templates), ("pod", self.pods))
        return tuple(level for level, document in found if document)

    @property
    def refusing_levels(self) -> tuple[str, ...]:
        """The levels at which something may be refused: those of the validating entry."""
        found = (("template", self.templates), ("pod", self.pods))
        return tuple(level for level, document in found if document and document.refuses)

    @property
    def warns_on_scale(self) -> bool:
        """Whether the mutating entry looks at changes of scale: it never blocks them."""
        return self._on_scale("warn")

    @property
    def denies_on_scale(self) -> bool:
        """Whether the validating entry looks at changes of scale."""
        return self._on_scale("deny")

    @property
    def may_refuse(self) -> bool:
        """Whether the validating entry refuses anything, or only looks."""
        is_enforced = self.templates is not None and self.templates.phase == "enforce"
        return bool(self.refusing_levels) or (is_enforced and self.denies_on_scale)

    def _on_scale(self, what: str) -> bool:
        return self.templates is not None and self.templates.on_scale == what
