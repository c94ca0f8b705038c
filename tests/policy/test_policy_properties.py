"""Whatever a document holds, it is read or refused; whatever a policy says, it is judged."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.builders import namespace, pod, request
from tests.policy.policies import binding, binding_document, policy_document
from webhook.documents import Item, parse_document
from webhook.model import Document, Facts, Get
from webhook.policy import build_policy_set, parse_binding, parse_policy, validate

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
FULL = policy_document(
    failurePolicy="Fail",
    paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
    matchConditions=[{"name": "c", "expression": "1 < 2"}],
    variables=[{"name": "v", "expression": "1"}],
    validations=[
        {"expression": "1 > 2", "message": "m", "messageExpression": "'x'", "reason": "Invalid"}
    ],
    auditAnnotations=[{"key": "k", "valueExpression": "'x'"}],
)
BINDING = binding_document(
    paramRef={"name": "n", "parameterNotFoundAction": "Allow"},
    matchResources={"objectSelector": {"matchLabels": {"a": "b"}}},
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of everything below a value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    found = [(*path, key) for key, _ in pairs if path or key in {"metadata", "spec"}]
    for at in list(found):
        inner = value[at[-1]]
        if isinstance(inner, dict | list):
            found += places(inner, at)
    return found


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return a copy with something else at a path."""
    if not path:
        return new
    if isinstance(value, dict):
        return {**value, path[0]: replaced(value[path[0]], path[1:], new)}
    return [replaced(one, path[1:], new) if at == path[0] else one for at, one in enumerate(value)]


def read(value: Any) -> Item | None:
    """Return the document as it is read from a file; None when it is refused there."""
    items, errors = parse_document(Document("p.yaml", json.dumps(value, ensure_ascii=False)))
    return None if errors else items[0]


@given(st.sampled_from(places(FULL)), VALUES)
def test_any_policy_document(path: tuple[Any, ...], new: Any) -> None:
    item = read(replaced(FULL, path, new))
    if item is None:
        return
    parsed, errors = parse_policy(item)
    assert parsed is not None or errors
    if parsed is not None:
        known = Facts({Get("v1", "Namespace", "", "shop"): namespace()}).sealed()
        policy_set = build_policy_set([parsed], [binding("b")])
        validate(request(pod()), policy_set, known)


@given(st.sampled_from(places(BINDING)), VALUES)
def test_any_binding_document(path: tuple[Any, ...], new: Any) -> None:
    item = read(replaced(BINDING, path, new))
    if item is not None:
        parsed, errors = parse_binding(item)
        assert parsed is not None or errors
