"""Which decisions people should find as Events of an object (platform-rules 0.10, C-18, E-43, E.10).

Denials and overrides of rule E, and Pods that rule C left alone with a warning. Pure; writing is
`events.py`. Texts are the rules' own: names and paths, no values of Secrets or env.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson

from webhook.model import Action, AdmissionRequest, Decision, Json
from webhook.objects.paths import get
from webhook.objects.workloads import controller_of
from webhook.rules.lxcfs.treatment import SKIPPED
from webhook.rules.messages import shorten

MAX_NOTE = 1024
"""The API server takes no longer message in an Event of the newer kind."""

MAX_NAME = 253
"""Names are not checked yet when Pods are changed; this is the longest that is valid."""

DENIED, OVERRIDDEN, LEFT_ALONE = "DeletionProtected", "ProtectionOverridden", "LxcfsSkipped"
"""The reasons of our Events."""

REASONS: Mapping[str, str] = {"deny": DENIED, "override": OVERRIDDEN}
"""The word in the audit annotation `protect` → the reason of the Event."""


@dataclass(frozen=True, slots=True)
class Regarding:
    """The object that an Event is about; `uid` is "" where nobody told it."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something worth an Event; those with the same `key` are one, which counts."""

    regarding: Regarding
    reason: str
    message: str
    user: str
    operation: str

    @property
    def key(self) -> tuple[Regarding, str, str, str]:
        """Everything but the text, which may name the minutes that are left."""
        return self.regarding, self.reason, self.user, self.operation


def occurrences(request: AdmissionRequest, decision: Decision) -> tuple[Occurrence, ...]:
    """Return what of a decision makes an Event: mostly nothing, and of a dry run never anything."""
    if request.dry_run or not (decision.audit_annotations or decision.waived_by):
        return ()
    return (*_protections(request, decision), *_skips(request, decision))


def _protections(request: AdmissionRequest, decision: Decision) -> Iterator[Occurrence]:
    """Yield what rule E refused, and what it let through although it is protected."""
    for entry in _entries(decision, "protect"):
        reason = REASONS.get(entry.get("decision", ""))
        texts = _texts(decision)
        if reason is None or not texts:
            continue
        waived = reason is DENIED and _is_waived(decision)
        who = f"{_verb(request)} by {request.user_info.username}"
        if waived:
            texts = [f"{texts[0]} Waived by {', '.join(decision.waived_by)}."]
        yield Occurrence(
            _regarding(request, entry),
            OVERRIDDEN if waived else reason,
            shorten(f"{texts[0]} ({who})", MAX_NOTE),
            request.user_info.username,
            request.operation,
        )


def _entries(decision: Decision, rule: str) -> Iterator[dict[str, Json]]:
    text = decision.audit_annotations.get(rule)
    return iter(orjson.loads(text)) if text else iter(())


def _texts(decision: Decision) -> list[str]:
    return [one.message for one in decision.violations if one.origin == "protect"]


def _is_waived(decision: Decision) -> bool:
    """Tell whether an exception turned the denial of rule E into a record."""
    mine = [one for one in decision.violations if one.origin == "protect"]
    return bool(decision.waived_by) and all(one.action is Action.AUDIT for one in mine)


def _verb(request: AdmissionRequest) -> str:
    part = f" {request.sub_resource}" if request.sub_resource else ""
    return f"{request.operation}{part}"


def _regarding(request: AdmissionRequest, entry: Mapping[str, Json]) -> Regarding:
    """Return the object of an entry; its version is that of the resource, also of a sub-resource."""
    group, version = entry.get("group", ""), request.resource.version
    return Regarding(
        f"{group}/{version}" if group else version,
        entry.get("kind", ""),
        entry.get("namespace", ""),
        entry.get("name", ""),
        entry.get("uid", ""),
    )


def _skips(request: AdmissionRequest, decision: Decision) -> Iterator[Occurrence]:
    for text in decision.warnings:
        if text.startswith(SKIPPED):
            yield Occurrence(
                _pod_or_owner(request), LEFT_ALONE, text, request.user_info.username, "CREATE"
            )


def _pod_or_owner(request: AdmissionRequest) -> Regarding:
    """Return who asked for the Pod: ten replicas are one Event, and a new Pod has no uid yet."""
    owner = controller_of(request.object)
    if owner is not None:
        keys = ("apiVersion", "kind", "name", "uid")
        texts = (str(owner.get(key, ""))[:MAX_NAME] for key in keys)
        api_version, kind, name, uid = texts
        return Regarding(api_version, kind, request.namespace, name, uid)
    name = get(request.object, ("metadata", "name"))
    if isinstance(name, str) and name:
        return Regarding("v1", "Pod", request.namespace, name[:MAX_NAME])
    return Regarding("v1", "Namespace", "", request.namespace)
