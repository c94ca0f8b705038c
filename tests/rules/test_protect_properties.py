"""What holds for any object: no crash, a fixed point, nothing changed but our own texts."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.rules.protection import (
    ALIAS,
    AT,
    BY,
    LEVEL,
    OURS,
    STATE,
    World,
    config,
    create,
    delete,
    mutate,
    system,
    update,
    validate,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "Always", "web", "true"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["name", "spec", "template", "metadata", "kind"]), inner, max_size=2
        )
    ),
    max_leaves=6,
)
OWN = (OURS, ALIAS, STATE)
WORDS = st.sampled_from(["Always", "Cascading", "cooling", "foo", "2025-12-31T23:59:00Z", "alice"])
TEXTS = st.dictionaries(st.sampled_from([*OWN, AT, BY, LEVEL, "app"]), WORDS | JSON, max_size=5)
METADATA = st.fixed_dictionaries(
    {"name": st.just("web"), "namespace": st.just("shop")},
    optional={
        "labels": TEXTS | JSON,
        "annotations": TEXTS | JSON,
        "ownerReferences": JSON
        | st.lists(st.fixed_dictionaries({"controller": st.just(True), "kind": JSON})),
    },
)
KINDS = st.sampled_from([
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("v1", "PersistentVolume"),
    ("batch/v1", "CronJob"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("example.com/v1", "Widget"),
])  # fmt: skip
BODIES = st.fixed_dictionaries({}, optional={"spec": JSON, "status": JSON})
MODES = ("cooldown", "twoPerson", "allow", "denyDevelopers")
SPECS = st.builds(
    lambda mode, strict: {"onRemove": {"mode": mode}, "protectChildren": strict},
    st.sampled_from(MODES),
    st.booleans(),
)


def built(kind: tuple[str, str], metadata: Any, body: Any) -> Any:
    return {"apiVersion": kind[0], "kind": kind[1], "metadata": metadata, **body}


PAIRS = st.builds(
    lambda kind, one, other, body, second: (built(kind, one, body), built(kind, other, second)),
    KINDS,
    METADATA,
    METADATA,
    BODIES,
    BODIES,
)


@given(PAIRS, SPECS, st.booleans())
def test_nothing_crashes(pair: tuple[Any, Any], spec: Any, is_system: bool) -> None:
    old, new = pair
    user = system("deployment-controller") if is_system else {}
    for asked in (delete(old, **user), update(old, new, **user), create(new, **user)):
        outcome = validate(asked, config(spec), World(old))
        assert outcome.object is asked.object


@given(PAIRS, SPECS)
def test_state_is_a_fixed_point(pair: tuple[Any, Any], spec: Any) -> None:
    old, new = pair
    for asked in (update(old, new), create(new)):
        outcome = mutate(asked, config(spec))
        again = mutate(asked.with_object(outcome.object), config(spec))
        assert again.object is outcome.object


def _foreign(value: Any, field: str) -> Any:
    texts = value["metadata"].get(field)
    if not isinstance(texts, dict):
        return None
    return {key: one for key, one in texts.items() if key not in {STATE, AT, BY, LEVEL}} or None


@given(PAIRS, SPECS)
def test_only_the_state_changes(pair: tuple[Any, Any], spec: Any) -> None:
    old, new = pair
    after = mutate(update(old, new), config(spec)).object
    assert {**after, "metadata": 0} == {**new, "metadata": 0}
    for field in ("labels", "annotations"):
        assert _foreign(after, field) == _foreign(new, field)
