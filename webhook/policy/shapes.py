"""The form of the policy documents: which fields there are and of what type.

Tables and one walk over them. What the values may be is checked in `checks`, `parse` and
`matches`; a field that has the wrong type is left out of the result and marked in the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from webhook.model import Json
from webhook.objects.paths import Path
from webhook.policy.report import Report


@dataclass(frozen=True, slots=True)
class Text:
    """A string; other scalars are refused, because YAML reads bare words as other types."""


@dataclass(frozen=True, slots=True)
class Anything:
    """Whatever it is, nobody reads it."""


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of equal elements."""

    element: Shape


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map with free keys."""

    value: Shape


@dataclass(frozen=True, slots=True)
class Record:
    """A map with these keys and no other."""

    fields: Mapping[str, Shape]


Shape = Text | Anything | ListOf | MapOf | Record

TEXT = Text()
TEXTS = ListOf(TEXT)
ANYTHING = Anything()


def read(shape: Shape, value: Json, path: Path, report: Report) -> Any:
    """Return the value without what does not fit the shape; report that.

    null counts as absent, as in the API server.
    """
    if value is None or isinstance(shape, Anything):
        return value
    if isinstance(shape, Text):
        return _read_text(value, path, report)
    if isinstance(shape, ListOf):
        return _read_list(shape, value, path, report)
    if not isinstance(value, dict):
        return report.misfit(path, f"must be a map, got {kind_of(value)}")
    if isinstance(shape, MapOf):
        pairs = ((key, read(shape.value, one, (*path, key), report)) for key, one in value.items())
        return dict(pairs)
    return _read_record(shape, value, path, report)


def _read_text(value: Json, path: Path, report: Report) -> Any:
    if isinstance(value, str):
        return value
    hint = "" if isinstance(value, dict | list) else "; write it in quotes"
    return report.misfit(path, f"must be a string, got {kind_of(value)}{hint}")


def _read_list(shape: ListOf, value: Json, path: Path, report: Report) -> Any:
    if not isinstance(value, list):
        return report.misfit(path, f"must be a list, got {kind_of(value)}")
    return [_read_element(shape, one, (*path, index), report) for index, one in enumerate(value)]


def _read_element(shape: ListOf, value: Json, path: Path, report: Report) -> Any:
    """Return the element; one that does not fit becomes an empty one, so that indexes stay."""
    result = read(shape.element, value, path, report)
    if value is None:
        report.misfit(path, "must not be null")
    if result is None:
        return {} if isinstance(shape.element, Record) else ""
    return result


def _read_record(shape: Record, value: dict[str, Json], path: Path, report: Report) -> Any:
    result: dict[str, Any] = {}
    for key, one in value.items():
        known = shape.fields.get(key)
        if known is None:
            report.misfit((*path, key), f"unknown field{_suggestion(key, shape)}")
        else:
            result[key] = read(known, one, (*path, key), report)
    return result


def _suggestion(key: str, shape: Record) -> str:
    close = get_close_matches(key, shape.fields, 1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; allowed: {', '.join(shape.fields)}"


def kind_of(value: Json) -> str:
    """Name a JSON value for a message: `a list`, `true`, `the number 3`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return "a string"
    return "a map" if isinstance(value, dict) else "a list"


_METADATA = Record(
    {
        "name": TEXT,
        "namespace": TEXT,
        "labels": MapOf(TEXT),
        "annotations": MapOf(TEXT),
        **dict.fromkeys(
            (
                "generateName",
                "uid",
                "resourceVersion",
                "generation",
                "creationTimestamp",
                "deletionTimestamp",
                "deletionGracePeriodSeconds",
                "finalizers",
                "ownerReferences",
                "managedFields",
                "selfLink",
            ),
            ANYTHING,
        ),
    }
)

_SELECTOR = Record(
    {
        "matchLabels": MapOf(TEXT),
        "matchExpressions": ListOf(Record({"key": TEXT, "operator": TEXT, "values": TEXTS})),
    }
)

_RESOURCE_RULE = Record(
    {
        "operations": TEXTS,
        "apiGroups": TEXTS,
        "apiVersions": TEXTS,
        "resources": TEXTS,
        "scope": TEXT,
        "resourceNames": TEXTS,
    }
)

_MATCH_RESOURCES = Record(
    {
        "namespaceSelector": _SELECTOR,
        "objectSelector": _SELECTOR,
        "resourceRules": ListOf(_RESOURCE_RULE),
        "excludeResourceRules": ListOf(_RESOURCE_RULE),
        "matchPolicy": TEXT,
    }
)

_PARAM_REF = Record(
    {"name": TEXT, "namespace": TEXT, "selector": _SELECTOR, "parameterNotFoundAction": TEXT}
)

_NAMED_EXPRESSION = Record({"name": TEXT, "expression": TEXT})

SHARED_SPEC: Mapping[str, Shape] = {
    "paramKind": Record({"apiVersion": TEXT, "kind": TEXT}),
    "matchConstraints": _MATCH_RESOURCES,
    "failurePolicy": TEXT,
    "matchConditions": ListOf(_NAMED_EXPRESSION),
    "variables": ListOf(_NAMED_EXPRESSION),
}
"""The fields of `spec` that validating and mutating policies share."""

SHARED_BINDING_SPEC: Mapping[str, Shape] = {
    "policyName": TEXT,
    "paramRef": _PARAM_REF,
    "matchResources": _MATCH_RESOURCES,
}
"""The fields of `spec` that both kinds of bindings share."""


def document(spec: Mapping[str, Shape]) -> Record:
    """Return the shape of a whole document with that spec; a `status` is ignored."""
    return Record(
        {
            "apiVersion": TEXT,
            "kind": TEXT,
            "metadata": _METADATA,
            "spec": Record(spec),
            "status": ANYTHING,
        }
    )


VALIDATING_POLICY = document(
    {
        **SHARED_SPEC,
        "validations": ListOf(
            Record({"expression": TEXT, "message": TEXT, "messageExpression": TEXT, "reason": TEXT})
        ),
        "auditAnnotations": ListOf(Record({"key": TEXT, "valueExpression": TEXT})),
    }
)

VALIDATING_BINDING = document({**SHARED_BINDING_SPEC, "validationActions": TEXTS})

_EXPRESSION = Record({"expression": TEXT})

MUTATING_POLICY = document(
    {
        **SHARED_SPEC,
        "mutations": ListOf(
            Record({"patchType": TEXT, "applyConfiguration": _EXPRESSION, "jsonPatch": _EXPRESSION})
        ),
        "reinvocationPolicy": TEXT,
    }
)

MUTATING_BINDING = document(SHARED_BINDING_SPEC)
