"""The table of what counts as spread already (platform-rules D.5), for one axis, cell by cell."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import tweak
from tests.rules.documents import Spec
from tests.rules.spreading import (
    HASH,
    OPERATOR,
    OTHER,
    World,
    anti,
    asked,
    config,
    marked,
    mutated,
    of_kind,
    term,
    tsc,
    workload,
)

HARD = "DoNotSchedule"
STRENGTHS: dict[str, tuple[Spec, bool]] = {
    "soft": ({"hostname": {"strength": "soft"}, "zone": {"strength": "none"}}, False),
    "hard": ({"hostname": {"strength": "hard"}, "zone": {"strength": "none"}}, False),
    "exclusive": ({"hostname": {"strength": "none"}, "zone": {"strength": "none"}}, True),
}


def spread(*constraints: Any) -> Any:
    return workload(topologySpreadConstraints=list(constraints))


def apart(*required: Any, preferred: Any = ()) -> Any:
    return workload(affinity=anti(*required, preferred=preferred))


BY_HASH = {"matchLabels": {HASH[0]: "abc"}}
EXISTING: dict[str, tuple[Any, list[str]]] = {
    "nothing": (workload(), []),
    "soft constraint": (spread(tsc()), ["soft"]),
    "hard constraint": (spread(tsc(when=HARD)), ["soft", "hard"]),
    "preferred term": (apart(preferred=[term()]), ["soft"]),
    "required term": (apart(term()), ["soft", "hard", "exclusive"]),
    "Rollout's own between versions": (
        tweak(
            of_kind("Rollout", "argoproj.io/v1alpha1"),
            "spec.strategy.canary.antiAffinity",
            {"requiredDuringSchedulingIgnoredDuringExecution": {}},
        ),
        [],
    ),
    "required term, no selector": (apart({"topologyKey": term()["topologyKey"]}), []),
    "required term, every Pod": (apart(term(selector={})), []),
    "required term, one revision": (apart(term(selector=BY_HASH)), []),
    "required term, other Pods": (apart(term(selector=OTHER)), []),
    "required term, another Namespace": (apart(term(namespaces=["other"])), []),
    "required term, the own Namespace": (
        apart(term(namespaces=["shop"])), ["soft", "hard", "exclusive"],
    ),
    "required term, another key": (apart(term("topology.kubernetes.io/zone")), []),
}  # fmt: skip


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize(("value", "counts"), EXISTING.values(), ids=EXISTING)
def test_satisfied(value: Any, counts: list[str], strength: str) -> None:
    tier, is_exclusive = STRENGTHS[strength]
    if is_exclusive:
        value = marked(value, "exclusive", "true")
    built = config({"tiers": {"standard": tier}})
    made = mutated(asked(value, **OPERATOR), built, World()).object
    is_left = made["spec"]["template"] == value["spec"]["template"]
    assert is_left is (strength in counts)
