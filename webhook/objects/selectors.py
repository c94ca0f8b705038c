"""Label selectors as the Kubernetes API means them, and globs.

Checks what the API server checks (apimachinery `meta/v1/helpers.go`, `labels/selector.go`), since
nobody else does it for our own documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_DNS_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_PREFIX = re.compile(rf"{_DNS_LABEL}(\.{_DNS_LABEL})*")
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


class SelectorError(ValueError):
    """A value that is no label selector: what is wrong, and where inside the selector."""

    def __init__(self, path: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label; `values` are sorted."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """A checked selector: all requirements must be met, sorted by key; none selects everything."""

    requirements: tuple[Requirement, ...] = ()


EVERYTHING = LabelSelector()
NOTHING = LabelSelector(
    (
        Requirement("kubernetes.io/metadata.name", "DoesNotExist"),
        Requirement("kubernetes.io/metadata.name", "Exists"),
    )
)
"""What an absent selector selects: a contradiction, so that its text selects nothing as well."""


def parse_selector(value: Any) -> LabelSelector:
    """Parse `{matchLabels, matchExpressions}`; null selects nothing, {} everything.

    Raises SelectorError for the first mistake.
    """
    if value is None:
        return NOTHING
    _expect(isinstance(value, dict), (), "must be a map with matchLabels and matchExpressions")
    for field in value:
        known = field in ("matchLabels", "matchExpressions")
        _expect(known, (field,), "unknown field; allowed are matchLabels and matchExpressions")
    requirements = [
        *_parse_labels(value.get("matchLabels") or {}),
        *_parse_expressions(value.get("matchExpressions") or []),
    ]
    if len(requirements) > 1:
        requirements.sort(key=lambda r: (r.key, r.operator, r.values))
    return LabelSelector(tuple(requirements))


def _parse_labels(labels: Any) -> Iterator[Requirement]:
    _expect(isinstance(labels, dict), ("matchLabels",), "must be a map of label values")
    for key, value in labels.items():
        path = ("matchLabels", key)
        _expect_key(path, key)
        _expect_value(path, value)
        yield Requirement(key, "In", (value,))


def _parse_expressions(expressions: Any) -> Iterator[Requirement]:
    _expect(isinstance(expressions, list), ("matchExpressions",), "must be a list")
    for index, expression in enumerate(expressions):
        yield _parse_expression(("matchExpressions", index), expression)


def _parse_expression(path: tuple[str | int, ...], expression: Any) -> Requirement:
    _expect(isinstance(expression, dict), path, "must be a map with key, operator and values")
    for field in expression:
        known = field in ("key", "operator", "values")
        _expect(known, (*path, field), "unknown field; allowed are key, operator and values")
    key, operator = expression.get("key"), expression.get("operator")
    _expect_key((*path, "key"), key)
    allowed = f"must be one of {', '.join(_OPERATORS)}"
    _expect(operator in _OPERATORS, (*path, "operator"), allowed)
    values = expression.get("values") or []
    _expect(isinstance(values, list), (*path, "values"), "must be a list of label values")
    needed = operator in ("In", "NotIn")
    count = f"must {'not be empty' if needed else 'be absent'} when operator is {operator}"
    _expect(bool(values) is needed, (*path, "values"), count)
    for index, value in enumerate(values):
        _expect_value((*path, "values", index), value)
    return Requirement(key, operator, tuple(sorted(set(values))))


def _expect(condition: object, path: tuple[str | int, ...], message: str) -> None:
    if not condition:
        raise SelectorError(path, message)


def _expect_key(path: tuple[str | int, ...], key: Any) -> None:
    prefix, slash, name = key.rpartition("/") if isinstance(key, str) else ("", "", "")
    fits = _NAME.fullmatch(name) and (
        not slash or (len(prefix) <= 253 and _PREFIX.fullmatch(prefix))
    )
    if not fits:
        raise SelectorError(path, f"{key!r} is no label key; write name or dns.prefix/name")


def _expect_value(path: tuple[str | int, ...], value: Any) -> None:
    if not isinstance(value, str) or (value and not _NAME.fullmatch(value)):
        rule = "at most 63 letters, digits, '-', '_' or '.', starting and ending with one of the first two"
        raise SelectorError(path, f"{value!r} is no label value; write a text of {rule}")


def matches(selector: LabelSelector, labels: Mapping[str, Any] | None) -> bool:
    """Tell whether the selector selects an object with these labels; None is no labels."""
    present = labels or {}
    return all(_meets(requirement, present) for requirement in selector.requirements)


def _meets(requirement: Requirement, labels: Mapping[str, Any]) -> bool:
    if requirement.operator == "In":
        return labels.get(requirement.key) in requirement.values
    if requirement.operator == "NotIn":
        return labels.get(requirement.key) not in requirement.values
    return (requirement.key in labels) is (requirement.operator == "Exists")


def selector_text(selector: LabelSelector) -> str:
    """Return the text for the API's labelSelector query parameter; "" selects everything."""
    return ",".join(map(_requirement_text, selector.requirements))


def _requirement_text(requirement: Requirement) -> str:
    key, values = requirement.key, ",".join(requirement.values)
    if requirement.operator == "In":
        return f"{key} in ({values})" if len(requirement.values) > 1 else f"{key}={values}"
    if requirement.operator == "NotIn":
        return f"{key} notin ({values})"
    return key if requirement.operator == "Exists" else f"!{key}"


def glob(pattern: str, text: str) -> bool:
    """Tell whether the text fits the pattern, in which `*` stands for any run of characters."""
    if "*" not in pattern:
        return text == pattern
    first, *rest = pattern.split("*")
    if not text.startswith(first):
        return False
    position = len(first)
    for part in rest[:-1]:
        found = text.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return len(text) - position >= len(rest[-1]) and text.endswith(rest[-1])
