"""What EnvInjection documents become: frozen values that the treatment reads.

No checks here: `parsing.py` has made them, `building.py` fills these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from webhook.model import Json
from webhook.objects.selectors import LabelSelector
from webhook.rules.actors import Actors
from webhook.rules.env.literals import Literal


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a rule: a literal, or the `valueFrom` to write.

    `resource` is what `resourceFieldRef` reads (`("limits", "cpu")`), () for other sources.
    """

    name: str
    conflict: str
    separator: str
    if_missing: str
    literal: Literal | None = None
    value_from: Mapping[str, Json] | None = None
    resource: tuple[str, ...] = ()
    only_with_limit: bool = False

    @property
    def references(self) -> frozenset[str]:
        """The names that the value refers to with `$(NAME)`."""
        return self.literal.references if self.literal else frozenset()


@dataclass(frozen=True, slots=True)
class Source:
    """One element for `envFrom`; `at_end` lets it win over the developer's sources."""

    element: Mapping[str, Json]
    at_end: bool


@dataclass(frozen=True, slots=True)
class Match:
    """Which Pods and containers a rule concerns; empty means no condition."""

    namespaces: tuple[str, ...] = ()
    exclude_namespaces: tuple[str, ...] = ()
    namespace_selector: LabelSelector | None = None
    pod_selector: LabelSelector | None = None
    annotations: tuple[tuple[str, str], ...] = ()
    owner_kinds: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    os: str = ""
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    kinds: frozenset[str] = frozenset(("app", "init", "sidecar"))


@dataclass(frozen=True, slots=True)
class EnvRule:
    """One document. `variables` are sorted by dependency, `generation` names its content."""

    name: str
    generation: str
    phase: str
    priority: int
    level: str
    adopt: str
    match: Match
    variables: tuple[Variable, ...]
    sources: tuple[Source, ...]
    position: str
    mandatory: bool
    atomic: bool
    respect_env_from: bool
    warn_on_keep: bool
    opt_out_by: str
    reserved: tuple[tuple[str, str], ...]
    max_entries: int
    max_bytes: int
    marker: bool

    @property
    def document(self) -> str:
        """How a Decision names the rule that changed the object."""
        return f"EnvInjection/{self.name}"

    @property
    def may_refuse(self) -> bool:
        """Whether the rule can refuse anything: a value, a name, an opt-out, or what does not fit."""
        return (
            self.mandatory
            or bool(self.reserved)
            or self.opt_out_by != "anyone"
            or any("deny" in (one.conflict, one.if_missing) for one in self.variables)
        )

    @property
    def concerns_templates(self) -> bool:
        """Whether the rule must see workloads: it injects there or judges what developers write."""
        return (
            self.level == "template"
            or bool(self.reserved)
            or self.opt_out_by != "anyone"
            or any("deny" in (one.conflict, one.if_missing) for one in self.variables)
        )


@dataclass(frozen=True, slots=True)
class Config:
    """All rules that are not off, by priority and name, and what they share.

    `names` are those of all documents: an opt-out may name a rule that is off. `needs_templates`
    and `needs_ephemeral` say what the webhook must be registered for, `changes_templates` and
    `judges_templates` whether the two halves of the rule can come to anything on a workload.
    """

    rules: tuple[EnvRule, ...]
    names: frozenset[str]
    actors: Actors
    prefix: str
    cluster_name: str
    needs_templates: bool
    needs_ephemeral: bool
    changes_templates: bool = field(init=False, compare=False)
    judges_templates: bool = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Find out once whether workloads have to be looked at: most rules are about Pods."""
        changes = any(one.level == "template" or one.reserved for one in self.rules)
        object.__setattr__(self, "changes_templates", changes)
        judges = any(one.may_refuse for one in self.rules)
        object.__setattr__(self, "judges_templates", judges)


def leave_out(config: Config, names: frozenset[str]) -> Config:
    """Return the configuration without the rules of these names."""
    return replace(config, rules=tuple(one for one in config.rules if one.name not in names))
