"""What a template has already, and how strong it counts (platform-rules D.5, the first table)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from webhook.model import NOTHING, Json
from webhook.objects.paths import Path, get
from webhook.objects.selectors import LabelSelector, SelectorError, matches, parse_selector
from webhook.rules.spread.config import EXCLUSIVE, HARD, HOSTNAME, SOFT, SOFT_AFFINITY, Axis
from webhook.rules.spread.kinds import HASH_LABELS
from webhook.rules.spread.nodes import PREFERRED, REQUIRED, maps

CONSTRAINTS: Path = ("topologySpreadConstraints",)
ANTI_REQUIRED: Path = ("affinity", "podAntiAffinity", REQUIRED)
ANTI_PREFERRED: Path = ("affinity", "podAntiAffinity", PREFERRED)
_TOGETHER: Path = ("affinity", "podAffinity", REQUIRED)

LISTS: tuple[Path, ...] = (CONSTRAINTS, ANTI_REQUIRED, ANTI_PREFERRED)
"""The lists of a Pod spec that rule D adds to."""

ANYWAY, DO_NOT = "ScheduleAnyway", "DoNotSchedule"


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Whose Pods a selector has to match to spread this template: its labels, its Namespace.

    `selector` is the workload's own, and `parsed` the same parsed, None for one that is none:
    constraints have it as a rule.
    """

    labels: Mapping[str, Json]
    namespace: str
    namespace_labels: Mapping[str, Json] = NOTHING
    hash_labels: frozenset[str] = HASH_LABELS
    selector: Json = None
    parsed: LabelSelector | None = None


@dataclass(frozen=True, slots=True)
class Existing:
    """One constraint or term: where it is in the Pod spec, its key, and as what it counts.

    `is_own` tells whether it is about the template's own Pods; `problem` says why a selector that
    looks so is not. `skew` is 0 for terms.
    """

    path: Path
    key: str
    counts_as: frozenset[str]
    is_own: bool
    problem: str = ""
    skew: int = 0


_SOFT = frozenset((SOFT, SOFT_AFFINITY))
_COUNTS: Mapping[str, frozenset[str]] = {
    ANYWAY: _SOFT,
    DO_NOT: _SOFT | {HARD},
    PREFERRED: _SOFT,
    REQUIRED: _SOFT | {HARD},
}


def parsed_or_none(selector: Json) -> LabelSelector | None:
    """Return a parsed selector, None for what is no selector."""
    try:
        return parse_selector(selector)
    except SelectorError:
        return None


def existing(spec: Mapping[str, Json], around: Neighbourhood) -> tuple[Existing, ...]:
    """Return all spread constraints and anti-affinity terms of a Pod spec."""
    return (*_constraints(spec, around), *_anti_affinity(spec, around))


def satisfies(one: Existing, axis: Axis) -> bool:
    """Tell whether it keeps the Pods apart as the axis wants it."""
    is_there = one.is_own and one.key == axis.key and axis.strength in one.counts_as
    return is_there and one.skew <= axis.max_skew


def is_satisfied(found: Iterable[Existing], axis: Axis) -> bool:
    """Tell whether any of them does."""
    return any(satisfies(one, axis) for one in found)


def keeps_together(spec: Mapping[str, Json], axis: Axis, around: Neighbourhood) -> bool:
    """Tell whether the template wants its own Pods at one place of the axis (D-26)."""
    if not spec.get("affinity"):
        return False
    return any(
        term.get("topologyKey") == axis.key and _is_own_term(term, around)[0]
        for term in maps(get(spec, _TOGETHER))
    )


def _constraints(spec: Mapping[str, Json], around: Neighbourhood) -> Iterator[Existing]:
    for index, one in _numbered(spec, CONSTRAINTS):
        is_own, problem = _is_own(one.get("labelSelector"), around)
        yield Existing(
            path=(*CONSTRAINTS, index),
            key=str(one.get("topologyKey")),
            counts_as=_COUNTS.get(str(one.get("whenUnsatisfiable")), frozenset()),
            is_own=is_own,
            problem=problem,
            skew=_skew(one),
        )


def _skew(constraint: Mapping[str, Json]) -> int:
    skew = constraint.get("maxSkew")
    return skew if isinstance(skew, int) else 1


def _anti_affinity(spec: Mapping[str, Json], around: Neighbourhood) -> Iterator[Existing]:
    for index, one in _numbered(spec, ANTI_REQUIRED):
        yield _term((*ANTI_REQUIRED, index), one, _COUNTS[REQUIRED], around)
    for index, one in _numbered(spec, ANTI_PREFERRED):
        term = one.get("podAffinityTerm")
        if isinstance(term, dict):
            path = (*ANTI_PREFERRED, index, "podAffinityTerm")
            yield _term(path, term, _COUNTS[PREFERRED], around)


def _numbered(spec: Mapping[str, Json], path: Path) -> Iterator[tuple[int, Mapping[str, Json]]]:
    found = get(spec, path)
    for index, one in enumerate(found if isinstance(found, list) else ()):
        if isinstance(one, dict):
            yield index, one


def _term(
    path: Path, term: Mapping[str, Json], counts_as: frozenset[str], around: Neighbourhood
) -> Existing:
    key = str(term.get("topologyKey"))
    is_own, problem = _is_own_term(term, around)
    if key == HOSTNAME and HARD in counts_as:
        counts_as |= {EXCLUSIVE}
    return Existing(path, key, counts_as, is_own=is_own, problem=problem)


def _is_own_term(term: Mapping[str, Json], around: Neighbourhood) -> tuple[bool, str]:
    if not _includes_namespace(term, around) or term.get("mismatchLabelKeys"):
        return False, ""
    return _is_own(term.get("labelSelector"), around)


def _includes_namespace(term: Mapping[str, Json], around: Neighbourhood) -> bool:
    names, selector = term.get("namespaces") or (), term.get("namespaceSelector")
    if around.namespace in names or (not names and selector is None):
        return True
    try:
        return matches(parse_selector(selector), around.namespace_labels)
    except SelectorError:
        return False


def _is_own(selector: Json, around: Neighbourhood) -> tuple[bool, str]:
    """Tell whether a selector matches the template's own Pods, else what is wrong with it."""
    parsed = around.parsed if selector == around.selector else parsed_or_none(selector)
    if parsed is None:
        return False, ""  # the API's validation answers
    if not parsed.requirements:
        return False, "its selector takes every Pod"
    hashes = sorted(one.key for one in parsed.requirements if one.key in around.hash_labels)
    if hashes:
        return False, f"its selector names {hashes[0]}"
    return matches(parsed, around.labels), ""
