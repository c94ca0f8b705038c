"""One mutation of one object: evaluate the expression, build the new object (5.3, 5.4).

Which policy asks, and what an error means for the request, is not known here. Whether the result
can be decoded is for the API server to say: it decodes our patch, with the same errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webhook.cel import Budget
from webhook.cel.values import ObjectValue, type_name
from webhook.model import Facts, GroupVersionKind, Json, SchemaOf, Unavailable
from webhook.objects.json_patch import FailedTestError, JsonPatchError, Operation
from webhook.objects.json_patch import apply as apply_patch
from webhook.objects.merge import MergeError, merge
from webhook.objects.schemas import Schema, built_in_schema
from webhook.policy.evaluating import ExpressionError, OutOfBudgetError, evaluate_all
from webhook.policy.model import APPLY_CONFIGURATION, Expression, Mutation
from webhook.policy.patch_values import (
    Received,
    UnfitValueError,
    to_json,
    to_merge,
    type_mismatches,
)

Bindings = Mapping[str, Any]

SEEN = ("object", "oldObject", "request", "params", "namespaceObject")
"""The names whose values came as JSON."""

TYPED = ("apiVersion", "kind")
"""What a mutation cannot take away."""

NOT_JSON = "JSONPath valueExpression evaluated to a type that could not marshal to JSON"
NO_PATCH = "type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch"


class MutationError(Exception):
    """A mutation that cannot be applied; `str()` is upstream's text."""


class StatusError(Exception):
    """An error with a status of its own: it ends the request, whatever the failurePolicy."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


def mutate_once(
    mutation: Mutation, kind: GroupVersionKind, bindings: Bindings, budget: Budget, facts: Facts
) -> Json:
    """Return the object after one mutation; the object before is bound to `object`.

    What does not change is shared. Raises MutationError, StatusError and NeedFacts.
    """
    is_merge = mutation.patch_type == APPLY_CONFIGURATION
    schema = schema_of(kind, facts) if is_merge else None
    value = _evaluate(mutation.expression, bindings, budget)
    received = Received(bindings.get(name) for name in SEEN)
    if schema is not None:
        return _merged(value, bindings["object"], received, schema)
    return _patched(value, bindings["object"], received)


def schema_of(kind: GroupVersionKind, facts: Facts) -> Schema:
    """Return the schema of a kind: the bundled one of a built-in kind, else the cluster's."""
    schema: Any = built_in_schema(kind.api_version, kind.kind)
    if schema is None:
        schema = facts.look_up(SchemaOf(kind.api_version, kind.kind))
    if isinstance(schema, Schema):
        return schema
    text = (
        f"Resource kind {_shown(kind)} not found. There can be a delay between when "
        "CustomResourceDefinitions are created and when they are available."
    )
    if isinstance(schema, Unavailable):
        text = f"{text} ({schema.reason})"
    raise StatusError(503, "ServiceUnavailable", text)


def _shown(kind: GroupVersionKind) -> str:
    return f"{kind.group}/{kind.version}, Kind={kind.kind}"


def _evaluate(expression: Expression, bindings: Bindings, budget: Budget) -> Any:
    if expression.program is None:
        raise MutationError(expression.error)
    try:
        (value,) = evaluate_all((expression,), bindings, budget)
    except OutOfBudgetError as error:
        raise MutationError(str(error)) from None
    if isinstance(value, ExpressionError):
        raise MutationError(str(value))
    return value


def _merged(value: Any, current: Json, received: Received, schema: Schema) -> Json:
    _check_types(value, "Object")
    try:
        patch = to_merge(value, received)
        patch = {key: one for key, one in patch.items() if key not in TYPED}
        return merge(schema, current, patch)
    except (UnfitValueError, MergeError) as error:
        raise MutationError(f"error applying patch: {error}") from None


def _check_types(value: Any, root: str) -> None:
    found = list(type_mismatches(value, root))
    if found:
        raise MutationError("type mismatch: " + "\n".join(found))


def _patched(value: Any, current: Json, received: Received) -> Json:
    patch = [_operation(one, received) for one in value]
    try:
        result = apply_patch(patch, current)
    except FailedTestError:
        return current
    except JsonPatchError as error:
        raise MutationError(f"JSON Patch: {error}") from None
    lost = {key: current[key] for key in TYPED if key in current and key not in result}
    return {**lost, **result} if lost else result


def _operation(value: Any, received: Received) -> Operation:
    """Return one operation as JSON; raise MutationError for a value that cannot be JSON."""
    if not isinstance(value, ObjectValue):
        what = f"type conversion error from '{type_name(value)}' to '*mutation.JSONPatchVal'"
        raise MutationError(f"{NO_PATCH}: {what}")
    fields = value.fields
    operation = {key: _text(fields, key) for key in ("op", "path", "from")}
    if "value" in fields:
        content = fields["value"]
        if isinstance(content, ObjectValue):
            _check_types(content, content.cel_type_name)
        try:
            operation["value"] = to_json(content, received)
        except UnfitValueError as error:
            raise MutationError(f"{NOT_JSON}: {error}") from None
    return operation


def _text(fields: Mapping[str, Any], key: str) -> str:
    text = fields.get(key, "")
    if not isinstance(text, str):
        what = type_name(text)
        raise MutationError(f"unexpected type {what} for JSONPatchType '{key}' field")
    return text
