"""What DeletionProtection and DeletionGrant documents become: frozen values, no checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from webhook.model import UserInfo
from webhook.objects.selectors import EVERYTHING, LabelSelector, glob
from webhook.rules.actors import Actors, Subjects
from webhook.rules.protect.kinds import ProtectedKind
from webhook.rules.protect.settings import DeletionProtectionSpec

ALIAS = "policy.kruise.io/delete-protection"
"""OpenKruise's label."""


class Level(IntEnum):
    """How strictly an object is protected; the greater is the stricter."""

    NONE = 0
    CASCADING = 1
    ALWAYS = 2

    @property
    def text(self) -> str:
        """The level as labels spell it."""
        return self.name.capitalize()


LEVELS = {level.text: level for level in (Level.CASCADING, Level.ALWAYS)}


@dataclass(frozen=True, slots=True)
class Names:
    """The labels and annotations of this installation."""

    prefix: str

    @property
    def level(self) -> str:
        """The protection label."""
        return f"{self.prefix}/delete-protection"

    @property
    def state(self) -> str:
        """The label that only the webhook writes."""
        return f"{self.prefix}/delete-protection-state"

    @property
    def removed(self) -> tuple[str, str, str]:
        """The annotations with time, user and former level of a removal."""
        name = f"{self.prefix}/protection-removed"
        return f"{name}-at", f"{name}-by", f"{name}-level"

    @property
    def confirm(self) -> str:
        """The annotation by which people confirm a deletion."""
        return f"{self.prefix}/confirm-delete"

    @property
    def confirmed(self) -> tuple[str, str]:
        """The annotations with time and user of a confirmation."""
        return f"{self.prefix}/confirmed-at", f"{self.prefix}/confirmed-by"

    @property
    def floor(self) -> str:
        """The annotation with the number of replicas below which people may not go."""
        return f"{self.prefix}/min-replicas"

    @property
    def kept(self) -> frozenset[str]:
        """The labels and annotations of which the state is made up."""
        return frozenset((*self.labels, *self.removed, self.confirm, *self.confirmed))

    @property
    def labels(self) -> tuple[str, str, str]:
        """The three labels that make an object one of ours."""
        return self.level, ALIAS, self.state


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One entry of `protect`."""

    document: str
    phase: str
    kinds: tuple[ProtectedKind, ...]
    level: Level
    namespaces: tuple[str, ...] = ()
    exclude_namespaces: tuple[str, ...] = ()
    selector: LabelSelector = EVERYTHING
    keys: frozenset[tuple[str, str]] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Collect what tells the kinds apart."""
        object.__setattr__(self, "keys", frozenset(one.key for one in self.kinds))

    def concerns(self, kind: tuple[str, str], namespace: str) -> bool:
        """Tell whether objects of a kind (group, kind) in a Namespace may be protected by it."""
        if kind not in self.keys:
            return False
        if self.namespaces and not any(glob(one, namespace) for one in self.namespaces):
            return False
        return not any(glob(one, namespace) for one in self.exclude_namespaces)


@dataclass(frozen=True, slots=True)
class Grant:
    """One DeletionGrant; `expires` is in seconds since the epoch."""

    name: str
    who: Subjects
    group: str | None
    kind: str
    namespace: str
    object_name: str
    uid: str
    reason: str
    expires: float
    created_by: str


@dataclass(frozen=True, slots=True)
class MassDelete:
    """The rate guard: how many deletions of these kinds this replica lets through in a span."""

    most: int
    seconds: float
    span: str
    kinds: frozenset[tuple[str, str]]
    resources: tuple[str, ...]
    only_humans: bool
    replicas: int


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that rule E knows; `settings` are those of the first document by name."""

    document: str
    settings: DeletionProtectionSpec
    names: Names
    actors: Actors
    cooldown: float
    policies: tuple[PolicyRule, ...] = ()
    grants: tuple[Grant, ...] = ()
    kinds: tuple[ProtectedKind, ...] = ()
    check_dependents: frozenset[tuple[str, str]] = frozenset()
    approvers: Subjects = field(default_factory=Subjects)
    may_override: Subjects = field(default_factory=Subjects)
    may_confirm: Subjects = field(default_factory=Subjects)
    mass_delete: MassDelete | None = None
    kept: frozenset[str] = field(init=False, compare=False, repr=False)
    phases: frozenset[str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Collect the names of the state, and the phases in which anything is in force."""
        object.__setattr__(self, "kept", self.names.kept)
        phases = frozenset((self.phase, *(rule.phase for rule in self.policies)))
        object.__setattr__(self, "phases", phases)

    @property
    def phase(self) -> str:
        """The phase of everything but `protect` entries of other documents."""
        return self.settings.phase

    @property
    def owners(self) -> tuple[str, ...]:
        """The resources (`apps/deployments`) whose unlabelled objects may have protected kin."""
        kinds = {one.path for one in self.kinds if one.key in self.check_dependents}
        if self.settings.protect_children:
            kinds |= {one.path for one in self.kinds if one.is_workload}
        return tuple(sorted(kinds - set(self.by_policy)))

    @property
    def by_policy(self) -> tuple[str, ...]:
        """The resources whose objects may be protected without any label."""
        return tuple(sorted({one.path for rule in self.policies for one in rule.kinds}))

    def is_autoscaler(self, user: UserInfo) -> bool:
        """Tell whether this user scales by measurements."""
        return any(glob(one, user.username) for one in self.settings.autoscalers)
