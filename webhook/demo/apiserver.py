"""Plays the API server: finds the webhook entries that a request concerns, calls them in order.

Which entries there are follows from the documents, as in a cluster; the Namespaces of the scenes
are in nobody's exceptions. Nothing is defaulted and validated, and no plugins are played.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jsonpatch
import orjson

from webhook.cel import Budget
from webhook.cel.budget import CALL_LIMIT
from webhook.codec import decode_review
from webhook.demo.serving import Server
from webhook.model import NEVER, AdmissionRequest, Facts, Registration
from webhook.offline.expressions import Scene, compile_expression
from webhook.offline.judging import sends
from webhook.offline.requests import resource_name
from webhook.policy.activation import Activation


@dataclass(frozen=True, slots=True)
class Request:
    """What reaches the API server: who wants what; `value` is the object sent, `old` the stored."""

    user: Mapping[str, Any]
    operation: str
    value: Any = None
    old: Any = None

    @property
    def subject(self) -> Any:
        """The object that it is about."""
        return self.old if self.value is None else self.value


@dataclass(frozen=True, slots=True)
class Change:
    """What one entry made of an object."""

    entry: str
    before: Any
    after: Any


@dataclass(slots=True)
class Answer:
    """What all called entries said together; `value` is the object as it would be stored."""

    value: Any
    changes: list[Change] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    denials: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    """Name of the entry and its `status`."""

    @property
    def allowed(self) -> bool:
        """Nobody refused."""
        return not self.denials


def handle(server: Server, entries: Sequence[Registration], request: Request) -> Answer:
    """Ask the mutating entries one after another, then the validating ones about their result.

    As at the API server, a refusal ends it: only the first one is told.
    """
    answer = Answer(request.value)
    for entry in sorted(_concerned(entries, request), key=lambda one: not one.mutating):
        verb = "mutate" if entry.mutating else "validate"
        response = server.post(f"{verb}/{entry.path}", _review(request, answer.value))
        answer.warnings += response.get("warnings", ())
        if not response["allowed"]:
            answer.denials.append((entry.name, response["status"]))
            break
        if "patch" in response:
            patch = json.loads(base64.b64decode(response["patch"]))
            after = jsonpatch.apply_patch(answer.value, patch)
            answer.changes.append(Change(entry.name, answer.value, after))
            answer.value = after
    answer.warnings = list(dict.fromkeys(answer.warnings))
    return answer


def _concerned(entries: Sequence[Registration], request: Request) -> list[Registration]:
    asked = decode_review(orjson.dumps(_review(request, request.value)), 0.0, NEVER)
    return [one for one in entries if sends(one.rules, asked) and _fits(one, asked)]


def _fits(entry: Registration, asked: AdmissionRequest) -> bool:
    """Tell whether every matchCondition of the entry holds."""
    values = Activation(asked, Facts()).conditions
    return all(
        compile_expression(one["expression"], Scene()).evaluate(values, Budget(CALL_LIMIT))
        for one in entry.match_conditions
    )


def _review(request: Request, value: Any) -> dict[str, Any]:
    subject = request.subject
    group, _, version = subject["apiVersion"].rpartition("/")
    kind = {"group": group, "version": version, "kind": subject["kind"]}
    name = resource_name(group, subject["kind"])
    resource = {"group": group, "version": version, "resource": name}
    options = {"apiVersion": "meta.k8s.io/v1", "kind": f"{request.operation.title()}Options"}
    metadata = subject["metadata"]
    sent = {
        "uid": str(uuid.uuid4()),
        "kind": kind,
        "resource": resource,
        "requestKind": kind,
        "requestResource": resource,
        "name": metadata.get("name", ""),
        "namespace": metadata.get("namespace") or metadata["name"],
        "operation": request.operation,
        "userInfo": request.user,
        "object": value,
        "oldObject": request.old,
        "dryRun": False,
        "options": options,
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": sent}
