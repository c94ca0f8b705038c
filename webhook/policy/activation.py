"""What a request binds to the names that expressions use (kubernetes-cel.md 3.1), and variables.

The objects are bound as they were received: nothing is converted, nothing is copied.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from webhook.cel import Budget, EvaluationError
from webhook.model import AdmissionRequest, Facts, Json
from webhook.policy.authorizer import authorizer_bindings
from webhook.policy.environment import NAMESPACE_METADATA
from webhook.policy.model import Expression

_METADATA_FIELDS = (*NAMESPACE_METADATA, "uid")
_ESCAPED = re.compile(r"__[^_]+__")


class Variables(dict[str, Any]):
    """The variables of one stage: evaluated when first read, value or error remembered.

    The engine reads `variables.x` as `variables["x"]`. A cost is charged to the expression that
    reads; NeedFacts is neither kept nor turned into an error.
    """

    __slots__ = ("_bindings", "_budget", "_errors", "_expressions")

    def __init__(
        self, expressions: Mapping[str, Expression], bindings: Mapping[str, Any], budget: Budget
    ) -> None:
        super().__init__()
        self._expressions = expressions
        self._bindings = bindings
        self._budget = budget
        self._errors: dict[str, str] = {}

    def __missing__(self, name: str) -> Any:
        if name in self._errors:
            raise EvaluationError(self._errors[name])
        try:
            value = self[name] = self._evaluate(name)
        except EvaluationError as error:
            self._errors[name] = str(error)
            raise
        return value

    def _evaluate(self, name: str) -> Any:
        # Upstream unescapes names on lookup, so those with an escape sequence are never found.
        if name not in self._expressions or _ESCAPED.search(name):
            raise EvaluationError(f"no such key: {name}")
        expression = self._expressions[name]
        what = f'composited variable "{name}"'
        if expression.program is None:
            raise EvaluationError(f"{what} fails to compile: {expression.error}")
        try:
            bindings = {**self._bindings, "variables": self}
            return expression.program.evaluate(bindings, self._budget)
        except EvaluationError as error:
            raise EvaluationError(f"{what} fails to evaluate: {error}") from None


def at_hand(request: AdmissionRequest) -> dict[str, Any]:
    """Return what the request itself binds; all else has to be found out."""
    return {
        "object": request.object,
        "oldObject": request.old_object,
        "request": {**request.wire, "uid": "", "object": None, "oldObject": None},
    }


NOT_AT_HAND = frozenset(
    {"authorizer", "authorizer.requestResource", "namespaceObject", "params", "variables"}
)
"""The other names that a policy may read."""


class Activation:
    """The bindings of one request, shared by all policies; made once for each request.

    `full` is for variables, validations and mutations; `messages`, without the authorizer, for
    messageExpressions and auditAnnotations.
    """

    __slots__ = ("_conditions", "_request", "full", "messages")

    def __init__(self, request: AdmissionRequest, facts: Facts) -> None:
        self._request = request
        self._conditions: dict[str, Any] | None = None
        self.messages: dict[str, Any] = {
            **at_hand(request),
            "namespaceObject": None,
            "params": None,
        }
        self.full: dict[str, Any] = {**self.messages, **authorizer_bindings(request, facts)}

    def bind_namespace(self, namespace: Json) -> None:
        """Bind the request's Namespace, with the fields that policies may see."""
        shown = namespace_object(namespace)
        self.messages["namespaceObject"] = shown
        self.full["namespaceObject"] = shown

    @property
    def conditions(self) -> dict[str, Any]:
        """The bindings of matchConditions: no Namespace, and the resource asked for."""
        if self._conditions is None:
            original = self._request.original_resource
            resource = {
                "group": original.group,
                "version": original.version,
                "resource": original.resource,
            }
            request = {**self.full["request"], "resource": resource}
            self._conditions = {**self.full, "request": request, "namespaceObject": None}
        return self._conditions


def namespace_object(namespace: Json) -> Json:
    """Return the Namespace as upstream shows it: a few fields of each part, parts never absent."""
    metadata, spec, status = (namespace.get(part) or {} for part in ("metadata", "spec", "status"))
    return {
        "metadata": {key: metadata[key] for key in _METADATA_FIELDS if key in metadata},
        "spec": {key: spec[key] for key in ("finalizers",) if key in spec},
        "status": {key: status[key] for key in ("phase", "conditions") if key in status},
    }
