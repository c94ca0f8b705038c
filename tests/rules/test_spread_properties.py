"""Rule D, whatever is written: idempotence, template stability, the developer's own parts."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import tweak
from tests.rules.spreading import (
    HASH,
    OTHER,
    SELECTOR,
    World,
    anti,
    asked,
    config,
    marked,
    mutated,
    nodes,
    scaler,
    term,
    together,
    tsc,
    workload,
)
from webhook.objects.equality import same
from webhook.rules.spread.config import HOSTNAME, ZONE

KEYS = st.sampled_from([HOSTNAME, ZONE, "example.com/rack", "nowhere"])
PICKED = st.sampled_from([SELECTOR, OTHER, {}, None, {"matchLabels": {HASH[0]: "abc"}}])
CONSTRAINTS = st.lists(
    st.builds(
        tsc,
        KEYS,
        st.sampled_from(["ScheduleAnyway", "DoNotSchedule"]),
        st.integers(1, 3),
        PICKED,
    ),
    max_size=3,
    unique_by=lambda one: (one["topologyKey"], one["whenUnsatisfiable"]),
)
TERMS = st.lists(st.builds(term, KEYS, PICKED), max_size=2)
AFFINITIES = st.one_of(
    st.none(),
    st.builds(lambda required, wishes: anti(*required, preferred=wishes), TERMS, TERMS),
    st.builds(lambda terms: together(*terms), TERMS),
)
POD_SPECS = st.fixed_dictionaries(
    {},
    optional={
        "topologySpreadConstraints": CONSTRAINTS,
        "affinity": AFFINITIES,
        "nodeSelector": st.sampled_from([{}, {HOSTNAME: "n0"}, {"pool": "x"}]),
    },
)
WORKLOADS = st.builds(
    lambda replicas, spec, exclusive: (
        marked(workload(replicas, **spec), "exclusive", "true")
        if exclusive
        else workload(replicas, **spec)
    ),
    st.sampled_from([None, 0, 1, 3, 7]),
    POD_SPECS,
    st.booleans(),
)
WORLDS = st.builds(
    lambda count, zones, tier, most: World(
        nodes(count, zones),
        labels={"propylon.dev/tier": tier},
        scalers=(scaler(2, most),) if most else (),
    ),
    st.integers(0, 6),
    st.integers(1, 3),
    st.sampled_from(["dev", "standard", "critical"]),
    st.sampled_from([0, 4, 9]),
)
SPECS = st.fixed_dictionaries(
    {
        "fixStrategy": st.booleans(),
        "adopt": st.sampled_from(["onTemplateChange", "never"]),
        "tiers": st.fixed_dictionaries(
            {"standard": st.fixed_dictionaries({"mode": st.sampled_from(["mutate", "enforce"])})}
        ),
    }
)
WRITERS = st.sampled_from([{}, {"groups": ("sre",)}, {"groups": ("system:masters",)}])
IMAGE = "spec.template.spec.containers[0].image"


@given(WORKLOADS, SPECS, WORLDS, WRITERS)
@settings(deadline=None, max_examples=60)
def test_a_second_run_changes_nothing(value: Any, spec: Any, world: World, who: Any) -> None:
    mutated(asked(value, **who), config(spec), world)  # it compares with a second run


@given(WORKLOADS, WORKLOADS, SPECS, WORLDS, WRITERS)
@settings(deadline=None, max_examples=60)
def test_nor_on_update(value: Any, old: Any, spec: Any, world: World, who: Any) -> None:
    stored = mutated(asked(old), config(), world).object
    mutated(asked(value, stored, **who), config(spec), world)


@given(WORKLOADS, SPECS, WORLDS, WORLDS)
@settings(deadline=None, max_examples=60)
def test_a_write_of_anything_else_leaves_the_template(
    value: Any, spec: Any, before: World, after: World
) -> None:
    """Whatever has become of the policy and of the cluster, with our constraints or without.

    But for a maxSkew that mode enforce had lowered: the developer writes the higher one again.
    """
    lenient = config({"tiers": {"critical": {"mode": "mutate"}}})
    stored = mutated(asked(value, groups=("sre",)), lenient, before).object
    for written in (
        stored,
        {**stored, "spec": {**stored["spec"], "template": value["spec"]["template"]}},
    ):
        relabelled = tweak(written, "metadata.labels", {"a": "b"})
        made = mutated(asked(relabelled, stored), config(spec), after).object
        if (
            stored["metadata"].get("annotations", {}).get("propylon.dev/spread")
            or written is stored
        ):
            mode_is_on = after.labels["propylon.dev/tier"] != "dev"
            expected = stored if mode_is_on or written is stored else written
            assert same(made["spec"]["template"], expected["spec"]["template"])


@given(WORKLOADS, SPECS, WORLDS)
@settings(deadline=None, max_examples=60)
def test_what_the_developer_wrote_stays(value: Any, spec: Any, world: World) -> None:
    """But for a maxSkew that mode enforce lowers."""
    spec = {**spec, "tiers": {"critical": {"mode": "mutate"}}}
    made = mutated(asked(value), config(spec), world).object["spec"]["template"]["spec"]
    written = value["spec"]["template"]["spec"]
    had = written.get("topologySpreadConstraints") or []
    assert (made.get("topologySpreadConstraints") or [])[: len(had)] == had
    for field, lists in ((written.get("affinity") or {}).get("podAntiAffinity") or {}).items():
        assert made["affinity"]["podAntiAffinity"][field][: len(lists)] == lists


@given(st.permutations([tsc(skew=3), tsc(ZONE), tsc("example.com/rack")]), WORLDS)
@settings(deadline=None, max_examples=30)
def test_the_order_of_elements_does_not_matter(elements: list[Any], world: World) -> None:
    made = [
        mutated(asked(workload(topologySpreadConstraints=list(one))), config(), world).object
        for one in (elements, sorted(elements, key=repr))
    ]
    first, second = (
        sorted(one["spec"]["template"]["spec"]["topologySpreadConstraints"], key=repr)
        for one in made
    )
    assert first == second
