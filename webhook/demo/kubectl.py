"""Words an answer as kubectl prints it: warnings, then the result or the error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from webhook.demo.apiserver import Answer, Request
from webhook.offline.requests import resource_name


@dataclass(frozen=True, slots=True)
class Line:
    """One line on the screen: `kind` is warning, result or error."""

    kind: str
    text: str


def lines(
    request: Request, answer: Answer, file: str = "", updated: str = "configured"
) -> Iterator[Line]:
    """Yield what the person at the terminal reads.

    `file` is what should have been created, `updated` the word for an update.
    """
    yield from (Line("warning", f"Warning: {text}") for text in answer.warnings)
    for entry, status in answer.denials:
        yield Line("error", _error(request, entry, status, file))
    if answer.allowed:
        yield Line("result", _result(request, updated))


def _result(request: Request, updated: str) -> str:
    subject = request.subject
    group = subject["apiVersion"].rpartition("/")[0]
    kind = subject["kind"].lower() + (f".{group}" if group else "")
    name = subject["metadata"]["name"]
    if request.operation == "DELETE":
        return f'{kind} "{name}" deleted'
    if request.operation == "CREATE":
        return f"{kind}/{name} created"
    # kubectl looks at what it sends, not at what became of it
    return f"{kind}/{name} {'unchanged' if request.value == request.old else updated}"


def _error(request: Request, entry: str, status: Mapping[str, Any], file: str) -> str:
    """Word a refusal: `Error from server (REASON)`, and another way for the reason Invalid."""
    message = f'admission webhook "{entry}" denied the request: {status["message"]}'
    if file:
        message = f'error when creating "{file}": {message}'
    reason, details = status.get("reason", "Forbidden"), status.get("details") or {}
    if reason != "Invalid":
        return f"Error from server ({reason}): {message}"
    # kubectl's cmd/util/helpers.go: of an invalid object it shows the causes instead of the message
    if not details.get("name"):
        return f"The request is invalid: {message}"
    subject = request.subject
    kind = details.get("kind") or resource_name("", subject["kind"])
    causes = [f"{one.get('field', '')}: {one['message']}" for one in details.get("causes", ())]
    return f'The {kind} "{details["name"]}" is invalid: {", ".join(causes)}'
