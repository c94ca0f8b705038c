"""How strictly an object is protected, and by what: labels, a removal not long ago, policies.

Platform-rules E.4 and the reading half of E.6. Writing the state is `state.py`'s part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from webhook.model import AdmissionRequest
from webhook.objects.selectors import matches
from webhook.rules.protect.config import ALIAS, LEVELS, Config, Level
from webhook.rules.protect.parsing import parse_time
from webhook.rules.protect.subjects import Subject, metadata_of

COOLING = "cooling"
PHASES = ("enforce", "warn", "audit")
"""The strictest first."""


@dataclass(frozen=True, slots=True)
class Source:
    """One reason why an object is protected.

    `name` is the label or the document; `left` are the seconds of a cool-down, `by` who removed
    the label, both only for a state.
    """

    level: Level
    phase: str
    name: str
    by: str = ""
    left: float | None = None
    is_state: bool = False


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and when (seconds since the epoch)."""

    username: str
    now: float


def is_marked(request: AdmissionRequest, config: Config) -> bool:
    """Tell whether an object has, or had, a label or annotation of ours: most never have."""
    for value in (request.object, request.old_object):
        metadata = metadata_of(value)
        for texts in (metadata.get("labels"), metadata.get("annotations")):
            if isinstance(texts, dict) and not config.kept.isdisjoint(texts):
                return True
    return False


def label_level(labels: Mapping[str, Any], config: Config) -> Level:
    """Return the level that the two labels give; an unknown value of ours counts as Always."""
    own = labels.get(config.names.level)
    given = Level.NONE if own is None else LEVELS.get(own, Level.ALWAYS)
    return max(given, LEVELS.get(labels.get(ALIAS, ""), Level.NONE))


def sources(subject: Subject, config: Config, asker: Asker) -> tuple[Source, ...]:
    """Return all that protects an object, the strictest first; a state behind the others."""
    found = [
        *_labels(subject, config),
        *_policies(subject, config),
        *_state(subject, config, asker),
    ]
    return tuple(sorted(found, key=lambda one: (-one.level, one.is_state)))


def in_phase(found: tuple[Source, ...], phase: str) -> tuple[Source, ...]:
    """Return the sources that count when denials of a phase are looked for: it or a stricter."""
    counted = PHASES[: PHASES.index(phase) + 1]
    return tuple(one for one in found if one.phase in counted)


def _labels(subject: Subject, config: Config) -> Iterator[Source]:
    own = subject.labels.get(config.names.level)
    if own is not None:
        yield Source(LEVELS.get(own, Level.ALWAYS), config.phase, config.names.level)
    alias = LEVELS.get(subject.labels.get(ALIAS, ""))
    if alias is not None:
        yield Source(alias, config.phase, ALIAS)


def _policies(subject: Subject, config: Config) -> Iterator[Source]:
    for rule in config.policies:
        namespace = subject.name if subject.kind == "Namespace" else subject.namespace
        if rule.concerns(subject.key, namespace) and matches(rule.selector, subject.labels):
            yield Source(rule.level, rule.phase, rule.document)


def _state(subject: Subject, config: Config, asker: Asker) -> Iterator[Source]:
    """Yield the former level while a removal is not yet in force for this user."""
    if subject.labels.get(config.names.state) != COOLING:
        return
    at, by, _ = config.names.removed
    former = former_level(subject, config)
    remover = str(subject.annotations.get(by) or "")
    mode = config.settings.on_remove.mode
    if mode == "twoPerson" and remover in ("", asker.username):
        yield Source(former, config.phase, config.names.state, remover, None, is_state=True)
    if mode == "cooldown":
        left = seconds_left(subject.annotations.get(at), config.cooldown, asker.now)
        if left > 0:
            yield Source(former, config.phase, config.names.state, remover, left, is_state=True)


def former_level(subject: Subject, config: Config) -> Level:
    """Return the level before a removal, as the state says it; NONE without a state."""
    if subject.labels.get(config.names.state) != COOLING:
        return Level.NONE
    return LEVELS.get(subject.annotations.get(config.names.removed[2], ""), Level.ALWAYS)


def held_level(subject: Subject, config: Config, now: float) -> Level:
    """Return the former level while the state still means something, whoever asks."""
    mode = config.settings.on_remove.mode
    if mode == "twoPerson":
        return former_level(subject, config)
    removed_at = subject.annotations.get(config.names.removed[0])
    if mode == "cooldown" and seconds_left(removed_at, config.cooldown, now) > 0:
        return former_level(subject, config)
    return Level.NONE


def seconds_left(removed_at: object, cooldown: float, now: float) -> float:
    """Return what is left of a cool-down; a time in the future, or none, counts as now."""
    removed = parse_time(removed_at) if isinstance(removed_at, str) else None
    elapsed = max(0.0, now - (now if removed is None else removed))
    return cooldown - elapsed


def duration_text(seconds: float) -> str:
    """Return a time as people write it, rounded up: `45s`, `29m`, `1h30m`, `2d`."""
    if seconds < 60:
        return f"{int(-(-seconds // 1))}s"
    minutes = int(-(-seconds // 60))
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{minutes}m"
    if hours >= 24 and minutes % (24 * 60) == 0:
        return f"{hours // 24}d"
    return f"{hours}h{rest:02}m" if rest else f"{hours}h"
