"""What people are told about a pass: warnings, violations, the audit annotation.

Names, paths and treatments; never a value (platform-rules 0.10).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from webhook.model import Action, Json, Violation
from webhook.objects.paths import dotted
from webhook.rules.env.config import EnvRule
from webhook.rules.env.injection import Note
from webhook.rules.env.settling import Treatment
from webhook.rules.messages import audit_text

WRITTEN = frozenset((Treatment.ADDED, Treatment.REPLACED, Treatment.APPENDED, Treatment.REMOVED))
"""Treatments that change the object."""

_WARNED = {
    Treatment.REPLACED: "{name} replaced by rule {rule}",
    Treatment.REMOVED: "{name} removed, rule {rule} reserves the name",
    Treatment.NOT_JOINED: "{name} kept, rule {rule} cannot append to it",
    Treatment.LEFT_OUT: "{name} of rule {rule} left out, {reason}",
}
_OBSERVED = {
    **_WARNED,
    Treatment.REPLACED: "{name} would be replaced by rule {rule}",
    Treatment.REMOVED: "{name} would be removed, rule {rule} reserves the name",
    Treatment.DENIED: "{name} would be denied by rule {rule}",
}
_ACTIONS = {"enforce": Action.DENY, "warn": Action.WARN, "audit": Action.AUDIT}


def changed_by(notes: Iterable[Note]) -> tuple[EnvRule, ...]:
    """Return the rules that changed the object, in order."""
    return tuple({n.rule.name: n.rule for n in notes if n.treatment in WRITTEN}.values())


def warnings(notes: Iterable[Note]) -> Iterator[str]:
    """Yield what the writer should know about enforced rules."""
    for note in notes:
        text = _WARNED.get(note.treatment, "")
        if note.treatment is Treatment.KEPT and note.rule.warn_on_keep:
            text = "{name} kept, rule {rule} has another value"
        if text:
            yield _worded(text, note)


def observed_warnings(notes: Sequence[Note]) -> Iterator[str]:
    """Yield what rules in phase `warn` would do: conflicts one by one, additions as a count."""
    warned = [note for note in notes if note.rule.phase == "warn"]
    for note in warned:
        if note.treatment in _OBSERVED:
            yield _worded(_OBSERVED[note.treatment], note)
    for rule in _rules(warned):
        added = [n for n in warned if n.rule is rule and n.treatment is Treatment.ADDED]
        if added:
            containers = len({note.container.path for note in added})
            yield (
                f"env: rule {rule.name} (phase warn) would add {_count(len(added), 'entry', 'entries')}"
                f" to {_count(containers, 'container', 'containers')}"
            )


def _worded(text: str, note: Note) -> str:
    what = text.format(name=note.name, rule=note.rule.name, reason=note.reason)
    return f"env: container {note.container.name}: {what}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _rules(notes: Iterable[Note]) -> list[EnvRule]:
    return list({note.rule.name: note.rule for note in notes}.values())


def denials(notes: Iterable[Note]) -> tuple[Violation, ...]:
    """Return one violation for each rule that denies; it lists everything that the rule denies."""
    denied = [note for note in notes if note.treatment is Treatment.DENIED]
    return tuple(
        violation(rule, [note for note in denied if note.rule is rule]) for rule in _rules(denied)
    )


def first_says_all(violations: Sequence[Violation]) -> tuple[Violation, ...]:
    """Return them with all denials in the message of the first: it is what the caller reads."""
    denied = [one for one in violations if one.action is Action.DENY]
    if len(denied) < 2:
        return tuple(violations)
    text = "; ".join(one.message.removeprefix("env: ") for one in denied)
    others = [one for one in violations if one is not denied[0]]
    return (replace(denied[0], message=f"env: {text}"), *others)


def violation(rule: EnvRule, notes: Sequence[Note]) -> Violation:
    """Return the violation of one rule with all its problems."""
    first = notes[0]
    path = dotted((*first.container.path, "env"))
    return denial(rule, "; ".join(_problem(note) for note in notes), path, found=first.name)


def denial(rule: EnvRule, text: str, path: str = "", found: str = "") -> Violation:
    """Return a violation with the action of the rule's phase."""
    return Violation(
        origin="env",
        message=f"env: {text}",
        action=_ACTIONS[rule.phase],
        path=path,
        found=found,
        policy=rule.document,
    )


def _problem(note: Note) -> str:
    default = f"is set by the platform, rule {note.rule.name}, remove it"
    return f"container {note.container.name}: {note.name} {note.reason or default}"


def observed_violations(notes: Sequence[Note]) -> Iterator[Violation]:
    """Yield one violation for each rule in phase warn or audit that would have done something."""
    shown = [note for note in notes if note.treatment in WRITTEN | {Treatment.DENIED}]
    for rule in _rules(shown):
        own = [note for note in shown if note.rule is rule]
        denied = [note for note in own if note.treatment is Treatment.DENIED]
        if denied:
            yield violation(rule, denied)
        else:
            counts = ", ".join(
                f"{how} {_count(n, 'entry', 'entries')}" for how, n in _counted(own).items()
            )
            yield denial(rule, f"rule {rule.name} (phase {rule.phase}) would have {counts}")


def _counted(notes: Iterable[Note]) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for note in notes:
        counts[note.treatment] = counts.get(note.treatment, 0) + 1
    return counts


def annotation(notes: Iterable[Note]) -> Mapping[str, str]:
    """Return the audit annotation `env`: path, rule, treatment and names; none for no notes."""
    groups: dict[tuple[str, str, str], tuple[Note, list[str]]] = {}
    for note in notes:
        if note.treatment is not Treatment.PRESENT:
            key = (dotted(note.container.path), note.rule.name, note.treatment)
            groups.setdefault(key, (note, []))[1].append(note.name)
    entries = [_entry(*key, *group) for key, group in groups.items()]
    return {"env": audit_text(entries)} if entries else {}


def _entry(path: str, rule: str, treatment: str, note: Note, names: list[str]) -> Json:
    entry = {"path": path, "rule": rule, "treatment": treatment, "names": names}
    return entry if note.rule.phase == "enforce" else {**entry, "phase": note.rule.phase}
