"""Checks of names, texts and counts in policy documents, as the API server makes them (2.1).

They look at the cleaned values of `shapes.read` and only report; nothing is converted here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webhook.objects.paths import Path
from webhook.policy.formats import dns_1123_subdomain, is_identifier, label_value, qualified_name
from webhook.policy.model import APPLY_CONFIGURATION, JSON_PATCH
from webhook.policy.report import Report
from webhook.policy.texts import byte_length, trimmed

MAX_CONDITIONS = 64
MAX_ANNOTATIONS = 20
MAX_VALUE_EXPRESSION = 5 * 1024
REASONS = frozenset(("Forbidden", "Invalid", "RequestEntityTooLarge"))
"""Upstream documents Unauthorized as well, its engine maps it to 401, its validation refuses it."""

MEMBERS: Mapping[str, str] = {
    APPLY_CONFIGURATION: "applyConfiguration",
    JSON_PATCH: "jsonPatch",
}
"""The field of a mutation that goes with each patchType."""

Value = Mapping[str, Any]


def check_metadata(value: Value, report: Report) -> None:
    """Check name, labels and annotations; both kinds are cluster-scoped."""
    metadata: Value = value.get("metadata") or {}
    for problem in dns_1123_subdomain(metadata.get("name") or ""):
        report.invalid(("metadata", "name"), metadata.get("name"), problem)
    if metadata.get("namespace"):
        report.forbidden(("metadata", "namespace"), "not allowed on this type")
    for key, text in (metadata.get("labels") or {}).items():
        for problem in qualified_name(key):
            report.invalid(("metadata", "labels", key), key, problem)
        for problem in label_value(text or ""):
            report.invalid(("metadata", "labels", key), text, problem)
    for key in metadata.get("annotations") or {}:
        for problem in qualified_name(key.lower()):
            report.invalid(("metadata", "annotations", key), key, problem)


def check_conditions(spec: Value, report: Report) -> None:
    """Check matchConditions but for what their expressions say."""
    path: Path = ("spec", "matchConditions")
    entries = spec.get("matchConditions") or ()
    if len(entries) > MAX_CONDITIONS:
        report.too_many(path, len(entries), MAX_CONDITIONS)
    for index, entry in enumerate(entries):
        check_blank(entry, "expression", (*path, index), report)
        name = entry.get("name") or ""
        if not name:
            report.required((*path, index, "name"))
        for problem in qualified_name(name) if name else ():
            report.invalid((*path, index, "name"), name, problem)
    _check_unique(entries, "name", path, report)


def check_variables(spec: Value, report: Report) -> None:
    """Check variables but for what their expressions say."""
    path: Path = ("spec", "variables")
    entries = spec.get("variables") or ()
    for index, entry in enumerate(entries):
        check_blank(entry, "expression", (*path, index), report)
        name = entry.get("name") or ""
        if not trimmed(name):
            report.required((*path, index, "name"), "name is not specified")
        elif not is_identifier(name):
            report.invalid((*path, index, "name"), name, "name is not a valid CEL identifier")
    _check_unique(entries, "name", path, report)


def check_validations(spec: Value, report: Report) -> None:
    """Check validations but for what their expressions say."""
    for index, entry in enumerate(spec.get("validations") or ()):
        path: Path = ("spec", "validations", index)
        check_blank(entry, "expression", path, report)
        _check_message(entry, path, report)
        reason = entry.get("reason")
        if reason is not None and reason not in REASONS:
            report.not_supported((*path, "reason"), reason, REASONS)


def _check_message(entry: Value, path: Path, report: Report) -> None:
    text = entry.get("messageExpression") or ""
    if text and not trimmed(text):
        report.invalid((*path, "messageExpression"), text, "must be non-empty if specified")
    message = entry.get("message") or ""
    if message and not trimmed(message):
        report.invalid((*path, "message"), message, "message must be non-empty if specified")
    elif any(mark in trimmed(message) for mark in "\n\r"):
        report.invalid((*path, "message"), message, "message must not contain line breaks")


def check_mutations(spec: Value, report: Report) -> None:
    """Check mutations but for what their expressions say."""
    path: Path = ("spec", "mutations")
    entries = spec.get("mutations") or ()
    if report.has_shape and not entries:
        report.required(path, "mutations must contain at least one item")
    for index, entry in enumerate(entries):
        kind = entry.get("patchType")
        if not kind:
            report.required((*path, index, "patchType"), f"write {' or '.join(MEMBERS)}")
        elif kind not in MEMBERS:
            report.not_supported((*path, index, "patchType"), kind, MEMBERS)
        else:
            _check_members(entry, kind, (*path, index), report)


def _check_members(entry: Value, kind: str, path: Path, report: Report) -> None:
    for other, member in MEMBERS.items():
        if other != kind and entry.get(member) is not None:
            why = f"must not be specified when patchType is {kind}"
            report.invalid((*path, member), f"{{{member}}}", why)
        elif other == kind and entry.get(member) is None:
            report.required((*path, member), f"must be specified when patchType is {kind}")
        elif other == kind:
            check_blank(entry[member], "expression", (*path, member), report)


def check_value_annotations(spec: Value, policy: str, report: Report) -> None:
    """Check auditAnnotations but for what their expressions say."""
    path: Path = ("spec", "auditAnnotations")
    entries = spec.get("auditAnnotations") or ()
    if len(entries) > MAX_ANNOTATIONS:
        report.too_many(path, len(entries), MAX_ANNOTATIONS)
    for index, entry in enumerate(entries):
        key = entry.get("key") or ""
        for problem in qualified_name(f"{policy}/{key}"):
            report.invalid((*path, index, "key"), f"{policy}/{key}", problem)
        check_blank(entry, "valueExpression", (*path, index), report)
        text = trimmed(entry.get("valueExpression") or "")
        if byte_length(text) > MAX_VALUE_EXPRESSION:
            where = (*path, index, "valueExpression")
            report.required(where, f"must not exceed {MAX_VALUE_EXPRESSION} bytes in length")
    _check_unique(entries, "key", path, report)


def check_blank(entry: Value, key: str, path: Path, report: Report) -> None:
    """Report an expression that is missing or only white space."""
    if not trimmed(entry.get(key) or ""):
        report.required((*path, key), f"{key} is not specified")


def _check_unique(entries: Any, key: str, path: Path, report: Report) -> None:
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        name = entry.get(key)
        if name and name in seen:
            report.duplicate((*path, index, key), name)
        seen.add(name)
