"""What users read and what clients get: messages, reasons, codes, details (2.7, 2.8, 2.9)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from webhook.model import AdmissionRequest, Json
from webhook.policy.model import Validation
from webhook.policy.texts import byte_length, trimmed

MAX_MESSAGE = 5120  # bytes
DEFAULT_REASON = "Invalid"
DEFAULT_CODE = 422

CODES: Mapping[str, int] = {
    "Forbidden": 403,
    "Unauthorized": 401,
    "RequestEntityTooLarge": 413,
    "NotFound": 404,
}
"""HTTP codes of the reasons; all others have DEFAULT_CODE."""

_ESCAPES = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


def failure_message(validation: Validation, evaluated: Any) -> str:
    """Return the message of a failed validation; `evaluated` is what messageExpression gave."""
    if isinstance(evaluated, str):
        text = trimmed(evaluated)
        if text and byte_length(text) <= MAX_MESSAGE and "\n" not in text:
            return text
    text = trimmed(validation.message)
    return text or f"failed expression: {trimmed(validation.expression.text)}"


def denial(policy: str, binding: str, message: str) -> str:
    """Return the text of a denial; `binding` is "" when none is involved."""
    with_binding = f" with binding '{binding}'" if binding else ""
    return f"ValidatingAdmissionPolicy '{policy}'{with_binding} denied request: {message}"


def mutation_denial(policy: str, binding: str, message: str) -> str:
    """Return the text of a denial by a mutating policy; `binding` is "" when none is involved."""
    who = f"policy '{policy}' with binding '{binding}'" if binding else f'policy "{policy}"'
    return f"{who} denied request: {message}"


def warning(policy: str, binding: str, message: str) -> str:
    """Return the text of a warning."""
    return (
        f"Validation failed for ValidatingAdmissionPolicy '{policy}' "
        f"with binding '{binding}': {message}"
    )


def details_of(request: AdmissionRequest, message: str) -> Mapping[str, Json]:
    """Return `status.details` of a denial, empty fields left out."""
    resource = request.original_resource
    details = {"name": subject_name(request), "group": resource.group, "kind": resource.resource}
    named = {key: value for key, value in details.items() if value}
    return {**named, "causes": [{"message": message}]}


def subject_name(request: AdmissionRequest) -> str:
    """Return the name of the object as upstream writes it into errors."""
    metadata = (request.object or {}).get("metadata") or {}
    return request.name or metadata.get("name") or metadata.get("generateName") or "Unknown"


def go_json(value: Json) -> str:
    """Return JSON as Go writes it: no spaces, and no character that means something in HTML."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.translate(_ESCAPES)


def joined(values: Iterable[str]) -> str:
    """Return different values of one audit annotation as one text, in order."""
    return ", ".join(dict.fromkeys(values))
