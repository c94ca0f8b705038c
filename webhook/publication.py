"""Check a ConfigMap that publishes documents before the API server stores it.

It refuses what does not parse or compile, repeats a name, is a grant in the name of somebody else
or an exception by somebody who may make none. What is in force is not touched. With a reason in the
annotation `PFX/break-glass` a broken document may be stored all the same, and that is recorded.
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
from webhook.rules.actors import ActorClass, classify
from webhook.snapshot import Snapshot, check_documents_in_steps
from webhook.steps import Steps, finish

LABEL = "policies"
"""The ConfigMaps with `PFX/policies: "true"` hold documents."""


BREAK_GLASS = "break-glass"
"""With `PFX/break-glass: REASON` broken documents are stored, with a warning."""


MAY_WAIVE = frozenset((
    ActorClass.BREAKGLASS,
    ActorClass.SYSTEM,
    ActorClass.PLATFORM,
    ActorClass.DELEGATE,
))  # fmt: skip
"""Who may write PolicyExceptions: what a GitOps account applies was agreed on in Git."""


def judge_publication(request: AdmissionRequest, snapshot: Snapshot) -> Outcome:
    """Judge the ConfigMap by its documents, its grants and its exceptions."""
    return finish(judge_publication_in_steps(request, snapshot))


def judge_publication_in_steps(request: AdmissionRequest, snapshot: Snapshot) -> Steps[Outcome]:
    """Do as `judge_publication`, with pauses: all that is new is compiled."""
    errors = yield from _check_publication(request, snapshot)
    warnings = tuple(
        f"documents: stored with errors ({one.found}); what is in force stays"
        for one in errors
        if one.action is Action.WARN
    )
    return Outcome(
        request.object,
        (*errors, *check_permissions(request, snapshot)),
        warnings,
        overridden_by=(BREAK_GLASS,) if warnings else (),
    )


def _check_publication(
    request: AdmissionRequest, snapshot: Snapshot
) -> Steps[tuple[Violation, ...]]:
    """Return one violation that lists every error of the ConfigMap's documents, or none."""
    config_map, prefix = request.object, snapshot.platform.prefix
    if not publishes(config_map, prefix):
        return ()
    # A document may move from one key to another in the same update.
    leaving = [one.origin for one in documents_of(_published_before(request, prefix))]
    documents = documents_of(config_map)
    errors = yield from check_documents_in_steps(documents, snapshot, leaving)
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


def check_permissions(request: AdmissionRequest, snapshot: Snapshot) -> tuple[Violation, ...]:
    """Return a violation when the user may not write a new or changed grant or exception."""
    errors = (*_grant_errors(request, snapshot), *_exception_errors(request, snapshot))
    return (Violation("documents", _message(errors)),) if errors else ()


def _grant_errors(request: AdmissionRequest, snapshot: Snapshot) -> Iterator[ConfigError]:
    """Yield an error for each new DeletionGrant that is not the writing user's own."""
    user, path = request.user_info.username, ("spec", "createdBy")
    for item in _written(request, snapshot.platform.prefix, "DeletionGrant"):
        if get(item.value, path) != user:
            yield item.error(path, f"must be {user!r}, the user who writes this grant")


def _exception_errors(request: AdmissionRequest, snapshot: Snapshot) -> Iterator[ConfigError]:
    """Yield an error for each new PolicyException of somebody who may make none."""
    actor = classify(request.user_info, snapshot.actors)
    if actor in MAY_WAIVE:
        return
    user, allowed = request.user_info.username, ", ".join(sorted(MAY_WAIVE))
    for item in _written(request, snapshot.platform.prefix, "PolicyException"):
        if not (_lifts_protection_only(item) and _may_override(request, snapshot)):
            text = f"{user!r} counts as {actor} and may not waive rules; {allowed} may (Actors)"
            yield item.error(("kind",), text)


def _lifts_protection_only(item: Item) -> bool:
    waives = get(item.value, ("spec", "waives"))
    kinds = [get(one, ("kind",)) for one in waives] if isinstance(waives, list) else []
    return set(kinds) == {"DeletionProtection"}


def _may_override(request: AdmissionRequest, snapshot: Snapshot) -> bool:
    """Tell whether protection against deletion does not bind the user anyway."""
    config = snapshot.configs.get("protect")
    return config is not None and config.may_override.contain(request.user_info)


def _written(request: AdmissionRequest, prefix: str, kind: str) -> Iterator[Item]:
    """Yield the documents of a kind that were not published like this before."""
    if publishes(request.object, prefix):
        stored = {item.text for item in _items(_published_before(request, prefix), kind)}
        yield from (item for item in _items(request.object, kind) if item.text not in stored)


def _published_before(request: AdmissionRequest, prefix: str) -> Json:
    """Return the stored ConfigMap if it published documents, else an empty one."""
    return request.old_object if publishes(request.old_object, prefix) else {}


def _items(config_map: Json, kind: str) -> Iterator[Item]:
    """Yield the documents of a kind; their parsers refuse those that do not spell it plainly."""
    for document in documents_of(config_map):
        items, _ = parse_document(document) if kind in document.text else ((), ())
        yield from (item for item in items if item.kind == kind)


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
