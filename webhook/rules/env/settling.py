"""What becomes of one planned variable where the container may already have that name.

The table "Conflicts" of platform-rules B.2, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from webhook.model import Json
from webhook.rules.env.meaning import contains_tokens, joined, same_meaning
from webhook.rules.env.planning import Planned


class Treatment(StrEnum):
    """What was done to a variable; the words of the audit annotation."""

    ADDED = "added"
    REPLACED = "replaced"
    APPENDED = "appended"
    PRESENT = "present"
    KEPT = "kept"
    NOT_JOINED = "not joined"
    DENIED = "denied"
    REMOVED = "removed"
    LEFT_OUT = "left out"


CONFLICTS = frozenset((Treatment.KEPT, Treatment.NOT_JOINED, Treatment.DENIED))
"""The developer's entry stays and the platform's value is not there."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The treatment of a name, and the entry that the container then has."""

    treatment: Treatment
    entry: Mapping[str, Json]


def settle(
    planned: Sequence[Planned],
    existing: Mapping[str, Json] | None,
    from_sources: Mapping[str, str],
    conflict: str,
) -> Settled:
    """Settle one name against the last entry of that name.

    `from_sources` holds what the container's envFrom is known to define (`respectEnvFrom`).
    """
    name = planned[0].variable.name
    if existing is None and name in from_sources:
        return _settle_defined(planned[0], from_sources[name], conflict)
    if conflict == "append":
        return _append(planned, existing)
    entry = planned[0].entry
    if existing is None:
        return Settled(Treatment.ADDED, entry)
    if same_meaning(existing, entry):
        return Settled(Treatment.PRESENT, existing)
    return _settle_different(entry, existing, conflict)


def _settle_different(
    entry: Mapping[str, Json], existing: Mapping[str, Json], conflict: str
) -> Settled:
    if conflict == "override":
        return Settled(Treatment.REPLACED, entry)
    return Settled(Treatment.DENIED if conflict == "deny" else Treatment.KEPT, existing)


def _settle_defined(planned: Planned, value: str, conflict: str) -> Settled:
    """Settle a name that only envFrom defines: injecting it would beat the developer's (B-25)."""
    if conflict == "override":
        return Settled(Treatment.ADDED, planned.entry)
    if conflict == "append":
        return Settled(Treatment.NOT_JOINED, planned.entry)
    if same_meaning({"value": value}, planned.entry):
        return Settled(Treatment.PRESENT, planned.entry)
    return Settled(Treatment.DENIED if conflict == "deny" else Treatment.KEPT, planned.entry)


def _append(planned: Sequence[Planned], existing: Mapping[str, Json] | None) -> Settled:
    if existing is not None and existing.get("valueFrom"):
        return Settled(Treatment.NOT_JOINED, existing)
    before = text = str((existing or {}).get("value") or "")
    for one in planned:
        if not contains_tokens(text, one.text, one.variable.separator):
            text = joined(text, one.text, one.variable.separator)
    if existing is None:
        return Settled(Treatment.ADDED, {"name": planned[0].variable.name, "value": text})
    if text == before:
        return Settled(Treatment.PRESENT, existing)
    return Settled(Treatment.APPENDED, {**existing, "value": text})
