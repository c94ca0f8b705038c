"""Send AdmissionReviews as the API server does: TLS, a checked certificate, one JSON body."""

from __future__ import annotations

import http.client
import json
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the webhook answered."""

    status: int
    text: str

    @property
    def response(self) -> Any:
        """The `response` of an AdmissionReview."""
        return json.loads(self.text)["response"]


def connect(port: int, authority: str, timeout: float = 20.0) -> http.client.HTTPSConnection:
    """Return a connection to 127.0.0.1 that trusts only `authority` (PEM text)."""
    context = ssl.create_default_context(cadata=authority)
    return http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=timeout)


def ask(
    connection: http.client.HTTPSConnection,
    path: str,
    body: bytes,
    headers: Mapping[str, str] = JSON,
) -> Answer:
    """Post a body and read the whole answer; the connection stays open."""
    connection.request("POST", path, body, dict(headers))
    answer = connection.getresponse()
    return Answer(answer.status, answer.read().decode())


def post(
    port: int, authority: str, path: str, body: bytes, headers: Mapping[str, str] = JSON
) -> Answer:
    """Post one body over a connection of its own."""
    connection = connect(port, authority)
    try:
        return ask(connection, path, body, headers)
    finally:
        connection.close()


def shown_certificate(port: int) -> str:
    """Return the certificate, as PEM text, that a server shows to a new connection."""
    return ssl.get_server_certificate(("127.0.0.1", port), timeout=10)


def review(
    operation: str, document: Any, resource: str, old: Any = None, uid: str = "e2e-1"
) -> bytes:
    """Return an AdmissionReview about an object; `resource` is `group/version/plural`."""
    group, version, plural = resource.split("/")
    subject = document if document is not None else old
    kind = {"group": group, "version": version, "kind": subject["kind"]}
    named = {"group": group, "version": version, "resource": plural}
    request = {
        "uid": uid,
        "kind": kind,
        "resource": named,
        "requestKind": kind,
        "requestResource": named,
        "name": subject["metadata"]["name"],
        "namespace": subject["metadata"].get("namespace", ""),
        "operation": operation,
        "userInfo": {"username": "dana", "groups": ["developers", "system:authenticated"]},
        "object": document,
        "oldObject": old,
        "dryRun": False,
        "options": None,
    }
    envelope = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    return json.dumps(envelope).encode()
