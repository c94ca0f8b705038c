"""What a template lacks of what its tier wants, and how that is merged in (platform-rules D.2, D.5).

Plans only; `writing.py` makes the new object. Nothing that the developer wrote is removed, and
weights are never changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from webhook.model import Json
from webhook.objects.paths import Path
from webhook.rules.spread.config import (
    EXCLUSIVE,
    HARD,
    HOSTNAME,
    REFUSING,
    SOFT,
    SOFT_AFFINITY,
    Axis,
    Config,
    Spreading,
    Tier,
)
from webhook.rules.spread.existing import (
    ANTI_PREFERRED,
    ANTI_REQUIRED,
    ANYWAY,
    CONSTRAINTS,
    DO_NOT,
    Existing,
    existing,
    is_satisfied,
)
from webhook.rules.spread.gate import pass_gate
from webhook.rules.spread.subjects import Subject


@dataclass(frozen=True, slots=True)
class Missing:
    """One element that the template lacks, and the list of the Pod spec that it belongs to."""

    axis: Axis
    path: Path
    element: Mapping[str, Json]

    @property
    def text(self) -> str:
        """What is lacking, for people."""
        axis = self.axis
        if self.path == CONSTRAINTS:
            rest = f"maxSkew {axis.max_skew}, {self.element['whenUnsatisfiable']}"
            return f"a spread constraint for {axis.key} ({rest})"
        return f"a {str(self.path[-1]).partition('During')[0]} podAntiAffinity term for {axis.key}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the modes enforce and deny refuse a workload, and what its author can do."""

    text: str
    advice: str


@dataclass(slots=True)
class Plan:
    """What to do with one template; `tightened` are (path in the Pod spec, new maxSkew)."""

    subject: Subject
    missing: list[Missing] = field(default_factory=list)
    tightened: list[tuple[Path, int]] = field(default_factory=list)
    fixes_strategy: bool = False
    warnings: list[str] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of a template: its tier, whether exclusive, under which document."""

    tier: Tier
    is_exclusive: bool
    mode: str
    spreading: Spreading
    config: Config

    @property
    def refuses(self) -> bool:
        """Whether the mode refuses what cannot be had."""
        return self.mode in REFUSING

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the tier, the hostname's made exclusive where that is asked for."""
        if not self.is_exclusive:
            return self.tier.axes
        others = tuple(axis for axis in self.tier.axes if axis.key != HOSTNAME)
        return (Axis(HOSTNAME, EXCLUSIVE, weight=100), *others)

    @property
    def needs_room(self) -> bool:
        """Whether the nodes have to be known: for hard axes, and to see the zones."""
        return self.is_hard or (self.tier.has_further_axes and not self.spreading.zone_always)

    @property
    def needs_count(self) -> bool:
        """Whether the replicas count, and with them an autoscaler's bounds."""
        return self.is_hard or bool(self.tier.min_replicas)

    @property
    def is_hard(self) -> bool:
        """Whether any axis is hard, so that replicas and volumes count."""
        return self.is_exclusive or self.tier.is_hard


def plan(subject: Subject, wish: Wish) -> Plan:
    """Return what the template lacks, and what is to be said about it."""
    made = Plan(subject)
    _count_replicas(made, wish)
    found = tuple(existing(subject.spec, subject.around))
    made.warnings += _useless(subject, found)
    counted = [one for one in found if _is_on_nodes(one, subject)]
    for axis in wish.axes:
        _plan_axis(made, axis, wish, counted)
    return made


def _count_replicas(made: Plan, wish: Wish) -> None:
    """Look at the number of replicas: platform-rules D.3, the column for one replica."""
    count, least = made.subject.replicas, wish.tier.min_replicas
    if least and count < least:
        text = f"tier {wish.tier.name} needs at least {least} replicas, there are {count}"
        made.refusals.append(Refusal(text, "Raise replicas"))
        if not wish.refuses:
            made.warnings.append(text)
    elif count == 1 and any(axis.strength == HARD for axis in wish.tier.axes):
        made.warnings.append(f"single replica in tier {wish.tier.name}")


def _useless(subject: Subject, found: Sequence[Existing]) -> Iterator[str]:
    for one in found:
        if one.problem:
            yield f"{subject.place(one.path)} does not count: {one.problem}"
        elif one.is_own and not _is_on_nodes(one, subject):
            yield f"{subject.place(one.path)} does nothing, no node has the label {one.key}"


def _is_on_nodes(one: Existing, subject: Subject) -> bool:
    return subject.room.all is None or subject.room.sees(one.key, 1)


def _plan_axis(made: Plan, axis: Axis, wish: Wish, found: Sequence[Existing]) -> None:
    subject, spreading = made.subject, wish.spreading
    if not _is_worth_while(axis, subject, spreading):
        return
    verdict = pass_gate(
        axis, subject, may_fix=spreading.fix_strategy, has_autoscaler=spreading.has_autoscaler
    )
    if verdict.is_refusable and wish.refuses:
        made.refusals.append(Refusal(verdict.problem, verdict.advice))
        return
    if verdict.problem:
        made.warnings.append(f"{subject.place()} {verdict.problem}")
    made.fixes_strategy |= verdict.fixes_strategy
    if verdict.axis is not None and not is_satisfied(found, verdict.axis):
        _merge(made, verdict.axis, wish, found)


def _is_worth_while(axis: Axis, subject: Subject, spreading: Spreading) -> bool:
    """Tell whether the nodes show two domains; where no node is known, it does no harm."""
    if axis.is_hard or axis.key == HOSTNAME or spreading.zone_always:
        return True
    return subject.room.all is None or subject.room.sees(axis.key, 2)


def _merge(made: Plan, axis: Axis, wish: Wish, found: Sequence[Existing]) -> None:
    missing = _missing(axis, made.subject, wish.config)
    taken = [one for one in found if missing.path == CONSTRAINTS and _has_pair(one, axis)]
    if not taken:
        made.missing.append(missing)
        return
    place = made.subject.place(taken[0].path)
    if wish.mode == "enforce" and taken[0].is_own:
        made.tightened.append((taken[0].path, axis.max_skew))
    elif wish.refuses:
        made.refusals.append(Refusal(f"{place} {_reason(taken[0], axis)}", "Remove it"))
    else:
        made.warnings.append(f"{place} left as it is, it {_reason(taken[0], axis)}")


def _has_pair(one: Existing, axis: Axis) -> bool:
    """Tell whether it has the axis' pair of key and whenUnsatisfiable, of which there is one (D-F1)."""
    is_hard = HARD in one.counts_as
    return bool(one.skew) and one.key == axis.key and is_hard is (axis.strength == HARD)


def _reason(one: Existing, axis: Axis) -> str:
    if one.is_own:
        return f"allows maxSkew {one.skew}, more than {axis.max_skew}"
    return "selects other Pods than these"


def _missing(axis: Axis, subject: Subject, config: Config) -> Missing:
    if axis.strength in (SOFT, HARD):
        return Missing(axis, CONSTRAINTS, _constraint(axis, subject, config))
    term = {"labelSelector": subject.selector, "topologyKey": axis.key}
    if axis.strength == SOFT_AFFINITY:
        return Missing(axis, ANTI_PREFERRED, {"podAffinityTerm": term, "weight": axis.weight})
    return Missing(axis, ANTI_REQUIRED, term)


def _constraint(axis: Axis, subject: Subject, config: Config) -> dict[str, Json]:
    is_hard = axis.strength == HARD
    element: dict[str, Json] = {"labelSelector": subject.selector}
    if subject.hash_label and config.has(1, 27):
        element["matchLabelKeys"] = [subject.hash_label]
    element["maxSkew"] = axis.max_skew
    if is_hard and axis.min_domains and config.has(1, 27):
        element["minDomains"] = axis.min_domains
    if is_hard and config.has(1, 26):
        element["nodeTaintsPolicy"] = "Honor"
    return {
        **element,
        "topologyKey": axis.key,
        "whenUnsatisfiable": DO_NOT if is_hard else ANYWAY,
    }
