"""Rule B under any rules and Pods: a fixed point, order kept, nothing lost, no value told."""

from __future__ import annotations

import copy
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import container, pod, request
from tests.rules.documents import ACTORS, facts, item, literal
from webhook.documents import Item
from webhook.model import Outcome, Platform
from webhook.objects.patch import apply, diff
from webhook.rules.env import RULE, Config

NAMES = ("A", "B", "C", "D", "P_X")
SECRET = "hunter2"  # what no message may hold

names = st.sampled_from(NAMES)
texts = st.one_of(
    st.sampled_from(("x", "", "y z", '{{pod.labels["app"]}}', '{{pod.labels["no"]}}')),
    names.map("$({})".format),
)
conflicts = st.sampled_from(("keep", "override", "deny", "append"))
entries: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"name": names, "value": texts}),
    st.fixed_dictionaries({
        "name": names,
        "valueFrom": st.just({"fieldRef": {"fieldPath": "metadata.name"}}),
        "conflict": st.sampled_from(("keep", "override", "deny")),
    }),
)  # fmt: skip
rules: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"env": st.lists(entries, min_size=1, max_size=4, unique_by=lambda one: str(one["name"]))},
    optional={
        "priority": st.integers(0, 2),
        "conflict": conflicts,
        "position": st.sampled_from(("auto", "first", "last")),
        "phase": st.sampled_from(("enforce", "enforce", "warn", "audit")),
        "atomic": st.booleans(),
        "mandatory": st.booleans(),
        "marker": st.booleans(),
        "limits": st.fixed_dictionaries({"bytes": st.integers(10, 200)}),
        "reservedPrefixes": st.just([{"prefix": "P_", "treatment": "override"}]),
        "envFrom": st.just([{"configMapRef": {"name": "platform"}}]),
        "ifMissing": st.sampled_from(("skip", "empty", "deny")),
    },
)
written = st.one_of(
    st.builds(literal, names, st.sampled_from((SECRET, f"{SECRET} x", f"$(A){SECRET}"))),
    names.map(
        lambda name: {"name": name, "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    ),
)
containers = st.builds(
    lambda env, name: container(name, env=env), st.lists(written, max_size=5), st.sampled_from("ab")
)
pods = st.builds(
    lambda some, init: pod(*some, initContainers=init, labels={"app": "x"}),
    st.lists(containers, min_size=1, max_size=2),
    st.lists(containers, max_size=1),
)
QUICK = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def built(specs: list[dict[str, Any]]) -> Config:
    """Return the configuration of those documents that have no errors."""
    items: list[Item] = []
    for at, spec in enumerate(specs):
        one = item("EnvInjection", f"r{at}", spec)
        if not RULE.parse(one):
            items.append(one)
    found, _ = RULE.build(tuple(items), ACTORS, Platform())
    assert isinstance(found, Config)
    return found


def mutated(config: Config, obj: dict[str, Any]) -> Outcome:
    assert RULE.mutate is not None
    return RULE.mutate(request(obj), config, facts())


def env_lists(obj: dict[str, Any]) -> list[list[Any]]:
    spec = obj["spec"]
    return [one.get("env") or [] for one in (*spec["containers"], *spec["initContainers"])]


@QUICK
@given(st.lists(rules, max_size=3), pods)
def test_second_run_changes_nothing(specs: list[dict[str, Any]], obj: dict[str, Any]) -> None:
    config = built(specs)
    first = mutated(config, obj)
    again = mutated(config, first.object)
    assert again.object is first.object
    assert again.mutated_by == ()


@QUICK
@given(st.lists(rules, max_size=3), pods)
def test_order_of_the_developer_is_kept(specs: list[dict[str, Any]], obj: dict[str, Any]) -> None:
    """What is left of the developer's entries stands in the developer's order, as one piece."""
    outcome = mutated(built(specs), obj)
    for before, after in zip(env_lists(obj), env_lists(outcome.object), strict=True):
        kept = [one["name"] for one in before if not one["name"].startswith("P_")]
        names = [one["name"] for one in after if not one["name"].startswith("P_")]
        assert any(names[at : at + len(kept)] == kept for at in range(len(names) - len(kept) + 1))


@QUICK
@given(st.lists(rules, max_size=3), pods)
def test_patch_leads_to_the_result_and_the_input_stays(
    specs: list[dict[str, Any]], obj: dict[str, Any]
) -> None:
    received = copy.deepcopy(obj)
    outcome = mutated(built(specs), obj)
    assert obj == received
    assert apply(diff(obj, outcome.object), obj) == outcome.object
    assert (outcome.object is obj) is (outcome.object == obj)
    assert (outcome.object is obj) is (outcome.mutated_by == ())


@QUICK
@given(st.lists(rules, max_size=3), pods)
def test_no_value_is_told(specs: list[dict[str, Any]], obj: dict[str, Any]) -> None:
    outcome = mutated(built(specs), obj)
    told = (
        [(one.message, one.found, one.path) for one in outcome.violations],
        outcome.warnings,
        dict(outcome.audit_annotations),
    )
    assert SECRET not in orjson.dumps(told).decode()
    assert len(outcome.warnings) <= 11
    assert all(len(text) <= 120 for text in outcome.warnings)


@QUICK
@given(st.lists(rules, max_size=3), pods)
def test_same_input_same_answer(specs: list[dict[str, Any]], obj: dict[str, Any]) -> None:
    assert mutated(built(specs), obj) == mutated(built(list(specs)), copy.deepcopy(obj))


junk = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from(("", "A", "app"))),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(("name", "value", "valueFrom", "fieldRef", "env", "envFrom", "prefix")),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)
broken_containers = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("name", "image", "env", "envFrom", "resources", "restartPolicy"), junk),
)
broken = st.fixed_dictionaries(
    {"containers": st.one_of(junk, st.lists(broken_containers, max_size=2))},
    optional=dict.fromkeys(("initContainers", "ephemeralContainers", "os", "nodeSelector"), junk),
)
broken_metadata = st.fixed_dictionaries(
    {"name": st.just("x")},
    optional=dict.fromkeys(("labels", "annotations", "ownerReferences", "managedFields"), junk),
)
EVERYTHING = {
    "env": [
        literal("A", '{{pod.labels["app"]}}'),
        {"name": "B", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
        {**literal("C", "c"), "conflict": "append"},
    ],
    "match": {"containers": {"kinds": ["app", "init", "sidecar", "ephemeral"]}},
    "envFrom": [{"configMapRef": {"name": "platform"}}],
    "reservedPrefixes": [{"prefix": "A"}, {"prefix": "n", "treatment": "override"}],
    "respectEnvFrom": True,
    "optOutBy": "operator",
    "atomic": True,
}
KINDS = {
    "Pod": lambda metadata, spec: {
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec,
    },
    "CloneSet": lambda metadata, spec: {
        "apiVersion": "apps.kruise.io/v1alpha1",
        "kind": "CloneSet",
        "metadata": metadata,
        "spec": {"template": {"metadata": metadata, "spec": spec}},
    },
}  # fmt: skip
REQUESTS = (
    ("Pod", "CREATE", ""),
    ("Pod", "UPDATE", "ephemeralcontainers"),
    ("CloneSet", "CREATE", ""),
    ("CloneSet", "UPDATE", ""),
)


@settings(QUICK, max_examples=200)
@given(st.sampled_from(REQUESTS), broken_metadata, broken, broken_metadata, broken)
def test_nothing_that_arrives_breaks_the_rule(
    what: tuple[str, str, str],
    metadata: dict[str, Any],
    spec: dict[str, Any],
    old_metadata: dict[str, Any],
    old_spec: dict[str, Any],
) -> None:
    kind, operation, sub_resource = what
    asked = request(
        KINDS[kind](metadata, spec),
        old=KINDS[kind](old_metadata, old_spec),
        operation=operation,
        sub_resource=sub_resource,
        namespace="shop",
    )
    config = built([EVERYTHING, {**EVERYTHING, "level": "template", "priority": 1}])
    assert RULE.mutate is not None
    assert RULE.validate is not None
    outcome = RULE.mutate(asked, config, facts().sealed())
    assert apply(diff(asked.object, outcome.object), asked.object) == outcome.object
    again = RULE.mutate(asked.with_object(outcome.object), config, facts().sealed())
    assert again.object is outcome.object
    RULE.validate(asked, config, facts().sealed())
