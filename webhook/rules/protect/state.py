"""The protection state on objects (platform-rules E.6): written on a removal, carried, cleared.

Nobody but this webhook writes the state label and its annotations; what others wrote is undone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from webhook.model import NOTHING, AdmissionRequest, Facts, Json, Outcome
from webhook.rules.messages import limited
from webhook.rules.protect.config import Config, Level
from webhook.rules.protect.levels import (
    COOLING,
    duration_text,
    held_level,
    is_marked,
    label_level,
)
from webhook.rules.protect.overriding import is_kept, standing_override
from webhook.rules.protect.subjects import Subject, metadata_of, subject_of

Texts = dict[str, str | None]
"""Labels or annotations to write; None takes one away."""

KEEPING_MODES = ("cooldown", "twoPerson")


def mutate(request: AdmissionRequest, config: Config, _facts: Facts) -> Outcome:
    """Return the object with an honest protection state; needs no facts."""
    if config.phase != "enforce" or request.sub_resource or not is_marked(request, config):
        return Outcome(request.object)
    subject = subject_of(request, request.object)
    if subject.is_going or request.operation not in {"CREATE", "UPDATE"}:
        return Outcome(request.object)
    labels, annotations, warnings = _update(request, subject, config)
    value = _written(request.object, labels, annotations)
    changed = () if value is request.object else (config.document,)
    return Outcome(value, warnings=limited("protect", warnings), mutated_by=changed)


def timestamp(seconds: float) -> str:
    """Return a time as the API writes it."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _update(
    request: AdmissionRequest, new: Subject, config: Config
) -> tuple[Texts, Texts, list[str]]:
    """Return labels and annotations to write, and warnings; on creation all of ours are stripped."""
    names = config.names
    old = subject_of(request, request.old_object)
    confirmation, warnings = _confirmation(request, new, old, config)
    before, after = label_level(old.labels, config), label_level(new.labels, config)
    held = held_level(old, config, request.received_at)
    if _is_recorded(request, config) and after < before:
        removal, warning = _removal(request, max(before, held), config)
        return {names.state: COOLING}, {**removal, **confirmation}, [warning, *warnings]
    if after >= held:  # the label is set again, or the cool-down is over; a weaker label is not it
        return {names.state: None}, {**dict.fromkeys(names.removed), **confirmation}, warnings
    carried = {key: old.annotations.get(key) for key in names.removed}
    return {names.state: COOLING}, {**carried, **confirmation}, warnings


def _is_recorded(request: AdmissionRequest, config: Config) -> bool:
    """Tell whether a removal of the label by this user starts a state."""
    is_kept = config.settings.on_remove.mode in KEEPING_MODES
    return is_kept and standing_override(request, config) is None


def _removal(request: AdmissionRequest, level: Level, config: Config) -> tuple[Texts, str]:
    at, by, former = config.names.removed
    written: Texts = {
        at: timestamp(request.received_at),
        by: request.user_info.username,
        former: level.text,
    }
    if config.settings.on_remove.mode == "twoPerson":
        return written, "protect: protection removed; somebody else must delete the object"
    span = duration_text(config.cooldown)
    until = " while something is left to protect" if level is Level.CASCADING else ""
    return written, f"protect: deletion stays blocked for {span}{until}"


def _confirmation(
    request: AdmissionRequest, new: Subject, old: Subject, config: Config
) -> tuple[Texts, list[str]]:
    """Return the confirmation's annotations: written for who may confirm, else as they were."""
    names = config.names
    known = old.annotations if is_kept(old, config) else NOTHING
    stored = {key: known.get(key) for key in (names.confirm, *names.confirmed)}
    wanted = new.annotations.get(names.confirm)
    if wanted is None:
        return dict.fromkeys(stored), []
    if wanted == stored[names.confirm]:
        return stored, []
    if not config.may_confirm.contain(request.user_info):
        return stored, [f"protect: only people in mayConfirm may set {names.confirm}; ignored"]
    at, by = names.confirmed
    written: Texts = {
        names.confirm: wanted,
        at: timestamp(request.received_at),
        by: request.user_info.username,
    }
    return written, []


def _written(value: Json, labels: Texts, annotations: Texts) -> Json:
    """Return the object with these texts, the same object when it has them already."""
    metadata = metadata_of(value)
    changed = {
        field: merged
        for field, texts in (("labels", labels), ("annotations", annotations))
        if (merged := _merged(metadata.get(field), texts)) is not None
    }
    return {**value, "metadata": {**metadata, **changed}} if changed else value


def _merged(stored: Json, texts: Texts) -> dict[str, Any] | None:
    """Return the map with the texts, None when nothing changes."""
    before = stored if isinstance(stored, dict) else {}
    after = {key: one for key, one in before.items() if key not in texts}
    after.update({key: one for key, one in texts.items() if one is not None})
    return None if after == before else after
