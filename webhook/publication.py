"""Check a ConfigMap that publishes documents before the API server stores it.

It refuses what does not parse or compile, repeats a name, or is a grant in the name of somebody
else. What is in force is not touched. With a reason in the annotation `PFX/break-glass` a broken
document may be stored all the same, and that is recorded.
"""

from __future__ import annotations

from collections.abc import Iterator

from webhook.documents import Item, parse_document
from webhook.model import (
    Action,
    AdmissionRequest,
    ConfigError,
    Document,
    Json,
    Outcome,
    Violation,
)
from webhook.objects.paths import get
from webhook.snapshot import Snapshot, check_documents

LABEL = "policies"
"""The ConfigMaps with `PFX/policies: "true"` hold documents."""


BREAK_GLASS = "break-glass"
"""With `PFX/break-glass: REASON` broken documents are stored, with a warning."""


def judge_publication(request: AdmissionRequest, snapshot: Snapshot) -> Outcome:
    """Judge the ConfigMap by its documents and its grants."""
    errors = check_publication(request, snapshot)
    warnings = tuple(
        f"documents: stored with errors ({one.found}); what is in force stays"
        for one in errors
        if one.action is Action.WARN
    )
    return Outcome(request.object, (*errors, *check_grants(request, snapshot)), warnings)


def check_publication(request: AdmissionRequest, snapshot: Snapshot) -> tuple[Violation, ...]:
    """Return one violation that lists every error of the ConfigMap's documents, or none."""
    config_map, prefix = request.object, snapshot.platform.prefix
    if not publishes(config_map, prefix):
        return ()
    # A document may move from one key to another in the same update.
    leaving = [one.origin for one in documents_of(_published_before(request, prefix))]
    errors = check_documents(documents_of(config_map), snapshot, leaving)
    if not errors:
        return ()
    reason = get(config_map, ("metadata", "annotations", f"{prefix}/{BREAK_GLASS}"))
    has_reason = isinstance(reason, str) and reason.strip() != ""
    return (
        Violation(
            "documents",
            _message(errors),
            Action.WARN if has_reason else Action.DENY,
            found=f"{BREAK_GLASS}: {reason}" if has_reason else "",
            reason="Invalid",
            code=422,
        ),
    )


def check_grants(request: AdmissionRequest, snapshot: Snapshot) -> tuple[Violation, ...]:
    """Return a violation when a new or changed DeletionGrant is not the writing user's own."""
    config_map, prefix = request.object, snapshot.platform.prefix
    if not publishes(config_map, prefix):
        return ()
    stored = {item.text for item in _grants(_published_before(request, prefix))}
    user = request.user_info.username
    path = ("spec", "createdBy")
    errors = tuple(
        item.error(path, f"must be {user!r}, the user who writes this grant")
        for item in _grants(config_map)
        if item.text not in stored and get(item.value, path) != user
    )
    return (Violation("documents", _message(errors)),) if errors else ()


def _published_before(request: AdmissionRequest, prefix: str) -> Json:
    """Return the stored ConfigMap if it published documents, else an empty one."""
    return request.old_object if publishes(request.old_object, prefix) else {}


def _grants(config_map: Json) -> Iterator[Item]:
    for document in documents_of(config_map):
        items, _ = parse_document(document)
        yield from (item for item in items if item.kind == "DeletionGrant")


def publishes(config_map: Json, prefix: str) -> bool:
    """Tell whether a ConfigMap carries the label that makes its `.yaml` keys documents."""
    metadata = config_map.get("metadata") if isinstance(config_map, dict) else None
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return isinstance(labels, dict) and labels.get(f"{prefix}/{LABEL}") == "true"


def documents_of(config_map: Json) -> tuple[Document, ...]:
    """Return one Document for each `.yaml` key of a ConfigMap, by key."""
    metadata = config_map.get("metadata") or {}
    name = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
    version = str(metadata.get("resourceVersion", ""))
    data = config_map.get("data") or {}
    return tuple(
        Document(f"ConfigMap {name}, key {key}", data[key], version)
        for key in sorted(data)
        if key.endswith(".yaml") and isinstance(data[key], str)
    )


def _message(errors: tuple[ConfigError, ...]) -> str:
    count = f"{len(errors)} errors" if len(errors) > 1 else "an error"
    lines = "\n".join(str(error) for error in errors)
    return f"documents: this ConfigMap has {count}; what is in force stays:\n{lines}"
