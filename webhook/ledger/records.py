"""What the ledger keeps of one decision, and what it must not keep (design.md 4).

Pure: a request and a decision become a Record. Values under `env` and everything of a Secret are
kept as type and length only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

import orjson

from webhook.model import Action, AdmissionRequest, Decision, Json, Registration, Violation
from webhook.objects.patch import diff

UNTOLD = frozenset(("env", "kubectl.kubernetes.io/last-applied-configuration"))
"""Fields whose values are never kept; the annotation is a whole manifest, with its env."""

OUTCOMES = ("denied", "failed", "exempted", "overridden", "warned", "audited", "mutated")
"""What a record can be about, the weightiest first; `start` and `stop` frame a chain."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision on its way into the ledger; `sequence` is given when the decision is made.

    `latency` is in seconds; `stored` is called once the record is in the database.
    """

    sequence: int
    request: AdmissionRequest
    registration: Registration
    decision: Decision
    latency: float
    stored: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One row of the ledger, without its place in the chain.

    `time` is in seconds since the epoch, `latency_ms` in milliseconds; `results` holds one entry
    for each violation, `patch` the JSON Patch of a mutation, both redacted.
    """

    sequence: int
    time: float
    outcome: str
    entry: str = ""
    uid: str = ""
    operation: str = ""
    kind: str = ""
    resource: str = ""
    sub_resource: str = ""
    namespace: str = ""
    name: str = ""
    username: str = ""
    groups: tuple[str, ...] = ()
    message: str = ""
    policies: tuple[str, ...] = ()
    results: tuple[Mapping[str, Json], ...] = ()
    warnings: tuple[str, ...] = ()
    patch: tuple[Mapping[str, Json], ...] = ()
    digest: str = ""
    latency_ms: float = 0.0
    known_by: str = ""

    def content(self) -> dict[str, Any]:
        """Return the record as plain JSON values, without NUL, which PostgreSQL cannot store."""
        text = orjson.dumps(asdict(self)).replace(rb"\u0000", b"\xef\xbf\xbd")
        return cast("dict[str, Any]", orjson.loads(text))


def outcome_of(request: AdmissionRequest, decision: Decision) -> str | None:
    """Return what makes a decision worth a record; None for a plain allow and for dry runs."""
    if request.dry_run:
        return None
    if decision.failed:
        return "failed"
    if not decision.allowed:
        return "denied"
    if decision.waived_by:
        return "exempted"
    if decision.overridden_by:
        return "overridden"
    if decision.warnings:
        return "warned"
    if decision.violations:
        return "audited"
    return "mutated" if decision.object_after is not request.object else None


def record_of(entry: Entry, known_by: str) -> Record:
    """Return the Record of an entry for which `outcome_of` gave an outcome."""
    request, decision = entry.request, entry.decision
    is_secret = request.resource.group == "" and request.resource.resource == "secrets"
    redact = _type_and_length if is_secret else str
    return Record(
        sequence=entry.sequence,
        time=request.received_at,
        outcome=outcome_of(request, decision) or "audited",
        entry=entry.registration.name,
        uid=request.uid,
        operation=request.operation,
        kind=request.kind.kind,
        resource=request.resource.group_resource,
        sub_resource=request.sub_resource,
        namespace=request.namespace,
        name=name_of(request),
        username=request.user_info.username,
        groups=request.user_info.groups,
        message=redact(decision.message),
        policies=_policies(decision),
        results=tuple(_result(one, redact) for one in decision.violations),
        warnings=tuple(redact(text) for text in decision.warnings),
        patch=_patch(request, decision, is_secret=is_secret),
        digest=decision.digest,
        latency_ms=round(entry.latency * 1000, 3),
        known_by=known_by,
    )


def name_of(request: AdmissionRequest) -> str:
    """Return the object's name; `NAME*` when the API server will generate it (F-10)."""
    for value in (request.object, request.old_object):
        metadata = value.get("metadata") if isinstance(value, dict) else None
        if isinstance(metadata, dict):
            if metadata.get("name"):
                return str(metadata["name"])
            if metadata.get("generateName"):
                return f"{metadata['generateName']}*"
    return request.name


def _policies(decision: Decision) -> tuple[str, ...]:
    """Return the documents involved: policies by name, rules as `EnvInjection/name` or `env`."""
    names = [one.policy or one.origin for one in decision.violations]
    waivers = (f"PolicyException/{name}" for name in decision.waived_by)
    return tuple(dict.fromkeys([*names, *decision.mutated_by, *waivers]))


def _result(violation: Violation, redact: Any) -> Mapping[str, Json]:
    result = {
        "origin": violation.origin,
        "policy": violation.policy,
        "binding": violation.binding,
        "action": Action(violation.action).value,
        "path": violation.path,
        "message": redact(violation.message),
        "found": redact(violation.found) if violation.found else "",
        "reason": violation.reason,
    }
    return {key: value for key, value in result.items() if value}


def _patch(
    request: AdmissionRequest, decision: Decision, *, is_secret: bool
) -> tuple[Mapping[str, Json], ...]:
    if not decision.allowed or decision.object_after is request.object:
        return ()
    operations = diff(request.object, decision.object_after)
    return tuple(_redact_operation(one, is_secret=is_secret) for one in operations)


def _redact_operation(operation: Mapping[str, Json], *, is_secret: bool) -> Mapping[str, Json]:
    if "value" not in operation:
        return operation
    steps = operation["path"].replace("~1", "\0").split("/")
    is_below = any(step.replace("\0", "/") in UNTOLD for step in steps)
    return {**operation, "value": redacted(operation["value"], hide=is_secret or is_below)}


def redacted(value: Json, *, hide: bool) -> Json:
    """Return a JSON value with the texts under UNTOLD (all when `hide`) as type and length.

    Keys stay, and so do the names of variables and the references of `valueFrom`.
    """
    if isinstance(value, dict):
        return {
            key: one
            if hide and key in ("name", "valueFrom")
            else redacted(one, hide=hide or key in UNTOLD)
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [redacted(one, hide=hide) for one in value]
    return _type_and_length(value) if hide else value


def _type_and_length(value: Json) -> str:
    if isinstance(value, str):
        return f"<string of {len(value)}>"
    return f"<{type(value).__name__}>"
