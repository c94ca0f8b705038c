"""Variables into the containers of one target: planned, settled, put in their places.

Returns what to write where; the object itself is not touched. A fixed point: on its own result it
finds nothing to do, because everything is decided by names and meaning (B-29).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import orjson

from webhook.model import NOTHING, Json
from webhook.objects.paths import Path
from webhook.rules.env.config import EnvRule, Source
from webhook.rules.env.meaning import same_meaning, same_source
from webhook.rules.env.opting_out import OptOuts
from webhook.rules.env.ordering import dependencies_first
from webhook.rules.env.planning import Context, Missing, Planned, plan
from webhook.rules.env.selection import selects_container
from webhook.rules.env.settling import CONFLICTS, Settled, Treatment, settle
from webhook.rules.env.targets import Container, Target


@dataclass(frozen=True, slots=True)
class Note:
    """What was done to one variable of one container, by which rule.

    `reason` says why it was left out, or what is wrong where another than the usual is.
    """

    treatment: Treatment
    rule: EnvRule
    container: Container
    name: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """What one pass works with.

    `rules` inject. `reserving` take names from developers by `override`, empty when no developer
    writes. `stored` holds the containers of the stored object by name: what is unchanged since
    then was not written now. `sources` holds by container path what envFrom is known to define.
    """

    rules: tuple[EnvRule, ...]
    opt_outs: OptOuts
    context: Context
    sources: Mapping[Path, Mapping[str, str]] = field(default_factory=dict)
    reserving: tuple[EnvRule, ...] = ()
    stored: Mapping[str, Container] = NOTHING


@dataclass(slots=True)
class _Pass:
    """What one pass collects."""

    changes: list[tuple[Path, Json]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    bytes_used: int = 0


def inject(target: Target, scope: Scope) -> tuple[list[tuple[Path, Json]], list[Note]]:
    """Return the lists to write (path, new env or envFrom) and what was done."""
    made = _Pass()
    left_out = _atomic_conflicts(target, scope, made)
    for container in target.containers:
        rules = [
            rule
            for rule in scope.rules
            if rule.name not in left_out and not scope.opt_outs.leave_out(rule, container.name)
        ]
        _inject_env(container, rules, scope, made)
        _inject_sources(container, rules, made)
    return (
        _settled_atomic(target, scope, made, left_out) if left_out else (made.changes, made.notes)
    )


def _settled_atomic(
    target: Target, scope: Scope, made: _Pass, left_out: frozenset[str]
) -> tuple[list[tuple[Path, Json]], list[Note]]:
    """Let in the atomic rules whose conflict another rule has just overridden.

    A second run would find no conflict any more, and both must come to the same.
    """
    after = _with_lists(target, made.changes)
    if not made.changes or _atomic_conflicts(after, scope, _Pass()) == left_out:
        return made.changes, made.notes
    changes, notes = inject(after, scope)
    return [*made.changes, *changes], [*(n for n in made.notes if n.treatment in _DONE), *notes]


_DONE = frozenset((Treatment.ADDED, Treatment.REPLACED, Treatment.APPENDED, Treatment.REMOVED))


def _with_lists(target: Target, changes: Sequence[tuple[Path, Json]]) -> Target:
    lists = dict(changes)
    containers = tuple(
        replace(one, value={**one.value, **{
            name: lists[*one.path, name]
            for name in ("env", "envFrom")
            if (*one.path, name) in lists
        }})
        for one in target.containers
    )  # fmt: skip
    return replace(target, containers=containers)


def _atomic_conflicts(target: Target, scope: Scope, made: _Pass) -> frozenset[str]:
    """Return the atomic rules of which one variable meets a conflict anywhere in the Pod."""
    found: dict[str, Note] = {}
    for rule in scope.rules:
        for container in target.containers if rule.atomic else ():
            if scope.opt_outs.leave_out(rule, container.name):
                continue
            places = _last_places(container)
            for planned in plan(container, (rule,), scope.context)[0]:
                settled = _settle(planned, container, places, scope)
                if settled.treatment in CONFLICTS - {Treatment.DENIED}:
                    reason = "one conflict leaves out the whole rule"
                    note = Note(
                        Treatment.LEFT_OUT, rule, container, planned[0].variable.name, reason
                    )
                    found.setdefault(rule.name, note)
    made.notes.extend(found.values())
    return frozenset(found)


def _settle(
    planned: Sequence[Planned], container: Container, places: Mapping[Json, int], scope: Scope
) -> Settled:
    first = planned[0]
    existing = places.get(first.variable.name)
    entry = None if existing is None else container.env[existing]
    known = scope.sources.get(container.path, NOTHING) if first.rule.respect_env_from else NOTHING
    return settle(planned, entry, known, _conflict(first, entry, container, scope))


def _conflict(
    planned: Planned, entry: Mapping[str, Json] | None, container: Container, scope: Scope
) -> str:
    """Return the rule's conflict, or override where the entry is not the developer's own."""
    conflict = planned.variable.conflict
    if entry is None or conflict == "override":
        return conflict
    is_old = conflict == "deny" and planned.rule.level == "template"
    if (is_old and is_echo(entry, container, scope.stored)) or _takes(entry, container, scope):
        return "override"
    return conflict


def _last_places(container: Container) -> dict[Json, int]:
    return {entry.get("name"): at for at, entry in enumerate(container.env)}


def _takes(entry: Mapping[str, Json], container: Container, scope: Scope) -> EnvRule | None:
    """Return the rule that takes the entry's name from the developer who writes it now."""
    if not scope.reserving:
        return None
    name = str(entry.get("name", ""))
    rule = next((one for one in scope.reserving if reserved_prefix(one, name, "override")), None)
    return None if rule is None or is_echo(entry, container, scope.stored) else rule


def reserved_prefix(rule: EnvRule, name: str, treatment: str) -> str:
    """Return the rule's reserved prefix that the name has, "" if none."""
    prefixes = (prefix for prefix, how in rule.reserved if how == treatment)
    return next((prefix for prefix in prefixes if name.startswith(prefix)), "")


def is_echo(
    entry: Mapping[str, Json], container: Container, stored: Mapping[str, Container]
) -> bool:
    """Tell whether the entry stands like this in the stored object already."""
    before = stored.get(container.name)
    return before is not None and any(
        one.get("name") == entry.get("name") and same_meaning(one, entry) for one in before.env
    )


def _inject_env(container: Container, rules: Sequence[EnvRule], scope: Scope, made: _Pass) -> None:
    chosen, missing = plan(container, rules, scope.context)
    made.notes.extend(_missing_note(one, container) for one in missing)
    places = _last_places(container)
    settled = [(planned, _settle(planned, container, places, scope)) for planned in chosen]
    kept = _within_limits(container, settled, made)
    written: dict[int, Mapping[str, Json]] = {}
    added: list[tuple[Planned, Mapping[str, Json]]] = []
    for planned, one in kept:
        made.notes.append(Note(one.treatment, planned.rule, container, planned.variable.name))
        if one.treatment is Treatment.ADDED:
            added.append((planned, one.entry))
        elif one.treatment in (Treatment.REPLACED, Treatment.APPENDED):
            written[places[planned.variable.name]] = one.entry
    planned_names = {planned[0].variable.name for planned in chosen}
    removed = _taken(container, planned_names, scope, made) if scope.reserving else set()
    if added or written or removed:
        env = [written.get(at, e) for at, e in enumerate(container.env) if at not in removed]
        made.changes.append(((*container.path, "env"), _assembled(env, added)))


def _missing_note(one: Missing, container: Container) -> Note:
    reason = f"of rule {one.rule.name} needs {', '.join(one.places)}, set it"
    return Note(Treatment.DENIED, one.rule, container, one.variable.name, reason)


def _within_limits(
    container: Container,
    settled: Sequence[tuple[Sequence[Planned], Settled]],
    made: _Pass,
) -> list[tuple[Planned, Settled]]:
    """Return what fits; counted is what the container ends up with, so that a second run agrees."""
    kept: list[tuple[Planned, Settled]] = []
    entries = 0
    for planned, one in settled:
        first = planned[0]
        if one.treatment in CONFLICTS:
            kept.append((first, one))
            continue
        size = sum(len(orjson.dumps(single.entry)) for single in planned)
        limit = _exceeded(first.rule, entries + 1, made.bytes_used + size)
        if limit:
            made.notes.append(_limit_note(first, container, limit))
            continue
        entries += 1
        made.bytes_used += size
        kept.append((first, one))
    return kept


def _limit_note(planned: Planned, container: Container, limit: str) -> Note:
    rule, name = planned.rule, planned.variable.name
    if not rule.mandatory:
        return Note(Treatment.LEFT_OUT, rule, container, name, limit)
    reason = f"of mandatory rule {rule.name} does not fit, {limit}; ask the platform team"
    return Note(Treatment.DENIED, rule, container, name, reason)


def _exceeded(rule: EnvRule, entries: int, size: int) -> str:
    if entries > rule.max_entries:
        return f"more than {rule.max_entries} variables in a container"
    return f"more than {rule.max_bytes} bytes in a Pod" if size > rule.max_bytes else ""


def _taken(container: Container, planned: set[str], scope: Scope, made: _Pass) -> set[int]:
    """Return the places of entries with a reserved name that no rule gives a value."""
    removed: set[int] = set()
    for at, entry in enumerate(container.env):
        rule = _takes(entry, container, scope)
        if rule is not None and entry.get("name") not in planned:
            removed.add(at)
            made.notes.append(Note(Treatment.REMOVED, rule, container, str(entry["name"])))
    return removed


def _assembled(
    env: Sequence[Json], added: Sequence[tuple[Planned, Mapping[str, Json]]]
) -> list[Json]:
    """Return the env with one block before the developer's entries and one behind them."""
    ordered = dependencies_first(
        added, lambda one: one[0].variable.name, lambda one: one[0].variable.references
    )
    front: dict[str, Json] = {}
    end: list[Json] = []
    for planned, entry in ordered:
        position = planned.rule.position
        resolves = planned.variable.references <= front.keys()
        if position == "first" or (position == "auto" and resolves):
            front[planned.variable.name] = entry
        else:
            end.append(entry)
    return [*front.values(), *env, *end]


def _inject_sources(container: Container, rules: Sequence[EnvRule], made: _Pass) -> None:
    front: list[Json] = []
    end: list[Json] = []
    for rule, source in _sources(container, rules):
        present = (*container.env_from, *front, *end)
        if any(same_source(source.element, one) for one in present):
            continue
        (end if source.at_end else front).append(source.element)
        made.notes.append(Note(Treatment.ADDED, rule, container, f"envFrom {_source_name(source)}"))
    if front or end:
        env_from = [*front, *container.env_from, *end]
        made.changes.append(((*container.path, "envFrom"), env_from))


def _sources(container: Container, rules: Sequence[EnvRule]) -> list[tuple[EnvRule, Source]]:
    return [
        (rule, source)
        for rule in rules
        if rule.sources and selects_container(rule.match, container)
        for source in rule.sources
    ]


def _source_name(source: Source) -> str:
    reference = source.element.get("configMapRef") or source.element["secretRef"]
    return str(reference["name"])
