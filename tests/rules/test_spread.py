"""Rule D, case by case: the ids are those of platform-rules D.8, and the worked example G.4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.builders import REMOVED, owned_by, tweak
from tests.rules.documents import Spec
from tests.rules.spreading import (
    CONTROLLER,
    HASH,
    OPERATOR,
    OTHER,
    SELECTOR,
    World,
    anti,
    asked,
    config,
    denials,
    marked,
    mutated,
    nodes,
    of_kind,
    shown,
    term,
    together,
    tsc,
    workload,
)
from webhook.engine import decide
from webhook.model import Action, Document, NeedFacts
from webhook.objects.paths import get
from webhook.registration import registrations
from webhook.rules.spread import RULE
from webhook.rules.spread.config import HOSTNAME, ZONE
from webhook.snapshot import build

BOTH = ["soft hostname 1", "soft zone 1"]
HARD = ["hard hostname 1", "hard zone 1"]
CRITICAL = {"labels": {"propylon.dev/tier": "critical"}}
FIVE, THREE, FOUR, FLAT = World(), World(nodes(3)), World(nodes(4)), World(nodes(5, 1))
TSC = ("spec", "template", "spec", "topologySpreadConstraints")
MUTATING: Spec = {"tiers": {"critical": {"mode": "mutate"}}}
ENFORCING: Spec = {"tiers": {"standard": {"mode": "enforce"}}}
EXCLUSIVE = marked(workload(), "exclusive", "true")
KRUISE = "apps.kruise.io/v1alpha1"


@dataclass(frozen=True)
class Case:
    """A write and what becomes of it; `old` is what is stored, `texts` parts of the warnings."""

    value: Any
    expected: Sequence[str]
    texts: Sequence[str] = ()
    denial: str = ""
    old: Any = None
    spec: Spec = field(default_factory=dict)
    world: World = FIVE
    who: Mapping[str, Any] = field(default_factory=dict)
    version: str = "1.34"
    path: tuple[str | int, ...] = ("spec", "template", "spec")


def critical(nodes_: Any = None, **fields: Any) -> World:
    given = {} if nodes_ is None else {"nodes": nodes_}
    return World(**given, labels={"propylon.dev/tier": "critical"}, **fields)


def united(name: str) -> Any:
    made = of_kind("UnitedDeployment", KRUISE)
    inner = {"template": made["spec"].pop("template"), "selector": SELECTOR}
    return tweak(made, "spec.template", {name: {"metadata": {}, "spec": inner}})


def stateful(**spec: Any) -> Any:
    return of_kind("StatefulSet", **spec)


def injected(value: Any, generation: str = "") -> Any:
    """Return the workload as this rule leaves it, stored under this or another policy."""
    made = mutated(asked(value), config(), FIVE).object
    return marked(made, "spread", generation) if generation else made


STORED = injected(workload())
OLDER = tweak(
    marked(workload(), "spread", "0123abcd"),
    TSC,
    [tsc(skew=3, matchLabelKeys=HASH), tsc(ZONE, skew=3, matchLabelKeys=HASH)],
)
OLD_BOTH = ["soft hostname 3", "soft zone 3"]
CLAIMS = [{"metadata": {"name": "data"}}]
ROLLOUT = of_kind("Rollout", "argoproj.io/v1alpha1")
CRON_JOB = {
    "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "n", "namespace": "shop"},
    "spec": {"jobTemplate": {"spec": {"template": workload()["spec"]["template"]}}},
}  # fmt: skip
OWNED = tweak(of_kind("ReplicaSet"), "metadata.ownerReferences", owned_by("Deployment", "web"))

CASES: dict[str, Case] = {
    "D-01": Case(workload(), BOTH),
    "D-02": Case(workload(1), BOTH),
    "D-03": Case(workload(None), BOTH),
    "D-05": Case(workload(topologySpreadConstraints=[tsc()]), BOTH),
    "D-06": Case(
        workload(topologySpreadConstraints=[tsc(skew=5)]),
        ["soft hostname 5", "soft zone 1"],
        ["topologySpreadConstraints[0] left as it is, it allows maxSkew 5, more than 1"],
    ),
    "D-06 enforced": Case(
        workload(topologySpreadConstraints=[tsc(skew=5)]), BOTH, spec=ENFORCING
    ),
    "D-06 of other Pods": Case(
        workload(topologySpreadConstraints=[tsc(selector=OTHER)]), BOTH, ["selects other Pods"]
    ),
    "D-06 of other Pods, enforced": Case(
        workload(topologySpreadConstraints=[tsc(selector=OTHER)]),
        BOTH,
        denial="topologySpreadConstraints[0] selects other Pods than these. Remove it or ask",
        spec=ENFORCING,
    ),
    "D-07": Case(
        workload(affinity=anti(preferred=[term(selector=OTHER)])), [*BOTH, "preferred hostname"]
    ),
    "D-08": Case(workload(affinity=anti(term())), ["soft zone 1", "required hostname"]),
    "D-09": Case(
        workload(affinity=anti(term(selector={"matchLabels": {"pod-template-hash": "abc"}}))),
        [*BOTH, "required hostname"],
        ["does not count: its selector names pod-template-hash"],
    ),
    "D-09 everything": Case(
        workload(affinity=anti(term(selector={}))),
        [*BOTH, "required hostname"],
        ["does not count: its selector takes every Pod"],
    ),
    "D-09 a key that no node has": Case(
        workload(topologySpreadConstraints=[tsc("zone")]),
        ["soft zone 1", *BOTH],
        ["does nothing, no node has the label zone"],
    ),
    "D-10": Case(workload(), HARD, world=critical()),
    "D-11": Case(
        workload(),
        ["hard hostname 1", "soft zone 1"],
        ["zone spreading only preferred, 1 eligible domain"],
        world=critical(nodes(5, 1)),
    ),
    "D-12": Case(
        marked(workload(5), "exclusive", "true"),
        ["soft zone 1"],
        denial="spread: exclusive placement needs 5 nodes, 3 are eligible for this template."
        " Lower replicas or ask the platform team.",
        spec=ENFORCING,
        world=THREE,
        who=OPERATOR,
    ),
    "D-12 downgraded": Case(
        marked(workload(5), "exclusive", "true"),
        ["soft zone 1", "preferred hostname"],
        ["exclusive placement needs 5 nodes, 3 are eligible"],
        world=THREE,
        who=OPERATOR,
    ),
    "D-13": Case(
        EXCLUSIVE,
        ["soft zone 1", "preferred hostname"],
        ["exclusive only preferred, a roll-out needs 4 nodes, 3 eligible"],
        world=THREE,
        who=OPERATOR,
    ),
    "D-13 fixed": Case(
        EXCLUSIVE,
        ["soft zone 1", "required hostname"],
        world=THREE,
        who=OPERATOR,
        spec={"fixStrategy": True},
    ),
    "D-14": Case(EXCLUSIVE, ["soft zone 1", "required hostname"], world=FOUR, who=OPERATOR),
    "D-15": Case(
        marked(stateful(), "exclusive", "true"),
        ["soft zone 1", "required hostname"],
        world=THREE,
        who=OPERATOR,
    ),
    "D-16 DaemonSet": Case(of_kind("DaemonSet"), []),
    "D-16 Job": Case(of_kind("Job", "batch/v1"), []),
    "D-16 CronJob": Case(
        CRON_JOB, [], path=("spec", "jobTemplate", "spec", "template", "spec")
    ),
    "D-16 BroadcastJob": Case(of_kind("BroadcastJob", KRUISE), []),
    "D-17": Case(workload(3), [], old=workload(1)),
    "D-17 injected before": Case(
        tweak(STORED, "spec.replicas", 5), BOTH, old=STORED
    ),
    "D-18": Case(workload(image="app:2"), BOTH, old=workload()),
    "D-19": Case(tweak(workload(), "metadata.labels", {"a": "b"}), [], old=workload()),
    "D-20": Case(tweak(workload(), "metadata.labels", {"a": "b"}), BOTH, old=STORED),
    "D-20 of an older policy": Case(
        tweak(workload(), "metadata.labels", {"a": "b"}), OLD_BOTH, old=OLDER
    ),
    "D-21": Case(tweak(OLDER, "spec.replicas", 4), OLD_BOTH, old=OLDER),
    "D-22": Case(tweak(STORED, TSC, None), BOTH, old=STORED),
    "older policy, new image": Case(
        tweak(OLDER, "spec.template.spec.containers[0].image", "app:2"), BOTH, old=OLDER
    ),
    "D-25": Case(
        workload(nodeSelector={HOSTNAME: "n1"}),
        ["soft zone 1"],
        ["contradiction: the template names one node"],
    ),
    "D-26": Case(
        workload(affinity=together(term())),
        ["hard zone 1"],
        denial="spread: contradiction: podAffinity wants these Pods at one hostname, not spread over several. Remove",
        world=critical(),
    ),
    "D-26 mutate": Case(
        workload(affinity=together(term())),
        ["hard zone 1"],
        ["contradiction: podAffinity wants these Pods at one hostname"],
        spec=MUTATING,
        world=critical(),
    ),
    "D-27": Case(workload(), HARD, version="1.24", world=critical()),
    "D-28 CloneSet": Case(of_kind("CloneSet", KRUISE), BOTH),
    **{
        f"D-28 UnitedDeployment, {name}": Case(
            united(name), BOTH, path=("spec", "template", name, "spec", "template", "spec")
        )
        for name in (
            "statefulSetTemplate",
            "advancedStatefulSetTemplate",
            "cloneSetTemplate",
            "deploymentTemplate",
        )
    },
    "D-29": Case(
        tweak(tweak(ROLLOUT, "spec.template", REMOVED), "spec.workloadRef", {"name": "web"}), []
    ),
    "D-29 with a template": Case(ROLLOUT, BOTH),
    "D-30": Case(OWNED, []),
    "D-31": Case(of_kind("ReplicaSet"), BOTH),
    "D-32": Case(
        marked(workload(), "tier", "critical", "metadata.labels"),
        BOTH,
        ['metadata.labels["propylon.dev/tier"] stays "standard", operators decide on it'],
        world=World(labels={"propylon.dev/max-tier": "standard"}),
    ),
    "D-33": Case(tweak(workload(), "spec.selector", OTHER), []),
    "D-34": Case(of_kind("Service", "serving.knative.dev/v1"), []),
    "D-36": Case(
        stateful(volumeClaimTemplates=CLAIMS, template=workload(image="app:2")["spec"]["template"]),
        BOTH,
        ["hostname spreading only preferred, volumes may be tied", "zone spreading only preferred"],
        old=stateful(volumeClaimTemplates=CLAIMS),
        world=critical(),
    ),
    "D-36 created": Case(stateful(volumeClaimTemplates=CLAIMS), HARD, world=critical()),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_numbered_cases(case: Case) -> None:
    built, one = config(case.spec, case.version), asked(case.value, case.old, **case.who)
    outcome = mutated(one, built, case.world)
    assert shown(get(outcome.object, case.path)) == list(case.expected)
    assert len(outcome.warnings) == len(case.texts), outcome.warnings
    for text, warning in zip(case.texts, outcome.warnings, strict=True):
        assert text in warning
    found = denials(one.with_object(outcome.object), built, case.world)
    assert len(found) == bool(case.denial), found
    assert case.denial in "".join(found)


def elements(value: Any, version: str = "1.34", world: World = FIVE) -> list[Any]:
    outcome = mutated(asked(value), config(version=version), world)
    return list(get(outcome.object, TSC))


def test_the_worked_example() -> None:
    """G.4: `version` is not part of the selector and is not used."""
    value = tweak(workload(), "spec.template.metadata.labels", {"app": "web", "version": "v2"})
    built = config()
    outcome = mutated(asked(value), built, FIVE)
    assert built.templates
    assert outcome.object["metadata"]["annotations"] == {
        "propylon.dev/spread": built.templates.generation
    }
    assert elements(value) == [tsc(key, matchLabelKeys=HASH) for key in (HOSTNAME, ZONE)]
    assert outcome.mutated_by == ("Spreading/spread",)
    assert outcome.audit_annotations["spread"] == (
        '[{"path":"spec.template.spec","treatment":"added",'
        '"constraints":["soft kubernetes.io/hostname","soft topology.kubernetes.io/zone"]}]'
    )


def test_the_worked_example_refused() -> None:
    """G.4: exclusive, five replicas, three eligible nodes, mode enforce."""
    value = marked(workload(5, nodeSelector={"pool": "web"}), "exclusive", "true")
    pool = [tweak(one, "metadata.labels.pool", "web") for one in nodes(3)]
    world = World([*pool, *nodes(5)[3:]])
    spec = {**ENFORCING, "contact": "#platform"}
    assert denials(asked(value, **OPERATOR), config(spec), world) == [
        (
            "spread: exclusive placement needs 5 nodes, 3 are eligible for this template"
            " (nodeSelector pool=web). Lower replicas or ask #platform."
        )
    ]


def test_what_is_stored_is_never_refused() -> None:
    value = marked(workload(5, nodeSelector={"pool": "web"}), "exclusive", "true")
    relabelled = tweak(value, "metadata.labels", {"a": "b"})
    assert denials(asked(value, **OPERATOR), config(ENFORCING), FIVE)
    assert not denials(asked(relabelled, value, **OPERATOR), config(ENFORCING), FIVE)


SELECTORS: dict[str, tuple[Any, Any]] = {
    "D-04": (
        {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "x"]}]},
        {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "x"]}]},
    ),
    "D-31 orphaned": (
        {"matchLabels": {"app": "web", "pod-template-hash": "abc"}}, SELECTOR,
    ),
    "hash in an expression": (
        {**SELECTOR, "matchExpressions": [{"key": "controller-revision-hash", "operator": "Exists"}]},
        SELECTOR,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("selector", "expected"), SELECTORS.values(), ids=SELECTORS)
def test_the_selector_is_the_workloads(selector: Any, expected: Any) -> None:
    value = tweak(of_kind("ReplicaSet"), "spec.selector", selector)
    assert elements(value) == [tsc(key, selector=expected) for key in (HOSTNAME, ZONE)]


REPLICAS = {"D-01": 3, "D-02": 1, "D-03": None}


@pytest.mark.parametrize("replicas", REPLICAS.values(), ids=REPLICAS)
def test_soft_constraints_are_written_out(replicas: int | None) -> None:
    """The workload's selector, each revision counted apart; the same at every replica count."""
    expected = [tsc(key, matchLabelKeys=HASH) for key in (HOSTNAME, ZONE)]
    assert elements(workload(replicas)) == expected


def test_d_03_no_number_is_one() -> None:
    """One replica in tier critical gets no hard constraint, and a warning."""
    absent, one = (mutated(asked(workload(at)), config(), critical()) for at in (None, 1))
    assert absent.object["spec"]["template"] == one.object["spec"]["template"]
    assert shown(get(absent.object, TSC[:-1])) == BOTH
    assert absent.warnings == one.warnings
    assert ["single replica in tier critical" in text for text in one.warnings] == [True]


def test_d_10_hard_constraints_are_written_out() -> None:
    """Taints count, and Pods of each revision are counted apart."""
    hard: dict[str, Any] = {
        "when": "DoNotSchedule",
        "nodeTaintsPolicy": "Honor",
        "matchLabelKeys": HASH,
    }
    expected = [tsc(key, **hard) for key in (HOSTNAME, ZONE)]
    assert elements(workload(), world=critical()) == expected


def test_d_27_old_clusters_get_what_they_know() -> None:
    """Neither matchLabelKeys nor nodeTaintsPolicy."""
    expected = [tsc(key, "DoNotSchedule") for key in (HOSTNAME, ZONE)]
    assert elements(workload(), "1.24", critical()) == expected
    made = mutated(asked(workload()), config(version="1.18"), FIVE).object
    assert shown(made["spec"]["template"]["spec"]) == ["preferred hostname", "preferred zone"]


UNITED = ("spec", "template", "cloneSetTemplate", "spec", "template", "spec", TSC[-1])


def test_d_28_united_deployments_count_no_revisions_apart() -> None:
    after = mutated(asked(united("cloneSetTemplate")), config(), FIVE).object
    assert get(after, UNITED) == [tsc(key) for key in (HOSTNAME, ZONE)]


HASHES: dict[str, tuple[Any, list[str] | None]] = {
    "D-28 CloneSet": (of_kind("CloneSet", KRUISE), None),
    "D-31 ReplicaSet": (of_kind("ReplicaSet"), None),
    "StatefulSet": (stateful(), None),
    "Rollout": (ROLLOUT, ["rollouts-pod-template-hash"]),
    "Deployment": (workload(), HASH),
}


@pytest.mark.parametrize(("value", "expected"), HASHES.values(), ids=HASHES)
def test_match_label_keys_follow_the_kind(value: Any, expected: list[str] | None) -> None:
    assert [one.get("matchLabelKeys") for one in elements(value)] == [expected, expected]


def test_replication_controllers_are_spread_by_their_map() -> None:
    value = tweak(of_kind("ReplicationController", "v1"), "spec.selector", {"app": "web"})
    assert elements(value) == [tsc(key) for key in (HOSTNAME, ZONE)]


def test_d_19_a_change_of_labels_leaves_the_template_and_counts_drift() -> None:
    """Nobody is warned about what they did not do."""
    value = tweak(workload(), "metadata.labels", {"a": "b"})
    outcome = mutated(asked(value, workload()), config(), FIVE)
    assert outcome.object is value
    assert outcome.warnings == ()
    found = [(one.action, one.policy) for one in outcome.violations]
    assert found == [(Action.AUDIT, "Spreading/spread")]
    assert '"treatment":"drift"' in outcome.audit_annotations["spread"]


@pytest.mark.parametrize("stored", [STORED, OLDER], ids=["this policy", "older policy"])
def test_d_20_a_full_replacement_gets_the_stored_template(stored: Any) -> None:
    """The generation stays, and so does the annotation."""
    value = tweak(workload(), "metadata.labels", {"a": "b"})
    outcome = mutated(asked(value, stored), config(), FIVE)
    assert outcome.object["spec"] == stored["spec"]
    assert outcome.object["metadata"]["annotations"] == stored["metadata"]["annotations"]
    assert outcome.object["metadata"]["labels"] == {"a": "b"}


def test_d_20_a_replacement_without_what_rule_b_had_added() -> None:
    """What another rule wrote into the template has no owner, so nobody took it out (F-01)."""
    at = ("spec", "template", "spec", "containers", 0, "env")
    stored = tweak(OLDER, at, [{"name": "CLUSTER", "value": "cn-1"}])
    fields: Any = {"f:spec": {"f:template": {"f:spec": {"f:containers": {
        'k:{"name":"app"}': {"f:name": {}, "f:image": {}},
    }}}}}  # fmt: skip
    stored = tweak(stored, "metadata.managedFields", [{"manager": "a", "fieldsV1": fields}])
    made = mutated(asked(workload(), stored), config(), FIVE).object
    assert made["spec"]["template"] == stored["spec"]["template"]


def test_d_22_an_explicit_null_gets_the_stored_template() -> None:
    made = mutated(asked(tweak(STORED, TSC, None), STORED), config(), FIVE).object
    assert made == STORED


@pytest.mark.parametrize("replicas", [1, 5])
def test_d_17_a_change_of_replicas_leaves_the_template(replicas: int) -> None:
    value = tweak(workload(replicas), "spec.replicas", 3)
    outcome = mutated(asked(value, workload(replicas)), config(), FIVE)
    assert (outcome.object is value, outcome.warnings) == (True, ())


def test_d_13_the_strategy_is_fixed_where_that_is_allowed() -> None:
    """To maxUnavailable 1 and maxSurge 0; the rest of the strategy stays."""
    value = tweak(EXCLUSIVE, "spec.strategy", {"type": "RollingUpdate"})
    made = mutated(asked(value, **OPERATOR), config({"fixStrategy": True}), THREE).object
    assert made["spec"]["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
    }


def test_d_35_kube_system_is_left_out() -> None:
    """By the entries' own selector; what arrives all the same is left as it is."""
    text = "apiVersion: propylon.dev/v1\nkind: Spreading\nmetadata: {name: a}\nspec: {}"
    snapshot = build([Document("a.yaml", text)])
    entries = [one for one in registrations(snapshot) if one.path == "spread"]
    assert [one.mutating for one in entries] == [True, False]
    for entry in entries:
        (left_out,) = entry.namespace_selector["matchExpressions"]
        assert left_out["key"] == "kubernetes.io/metadata.name"
        assert left_out["operator"] == "NotIn"
        assert "kube-system" in left_out["values"]
        one = asked(tweak(workload(), "metadata.namespace", "kube-system"))
        decision = decide(one, entry, snapshot, FIVE.facts)
        assert decision.object_after is one.object
        assert (decision.allowed, decision.warnings) == (True, ())
    changed = decide(asked(workload()), entries[0], snapshot, FIVE.facts).object_after
    assert shown(get(changed, TSC[:-1])) == BOTH


UNTOUCHED: dict[str, Any] = {
    "status": asked(workload(), workload(image="b"), sub_resource="status"),
    "DELETE": asked(None, workload(), operation="DELETE"),
    "on its way out": asked(tweak(workload(), "metadata.deletionTimestamp", "2026-01-01T00:00:00Z")),
    "a controller": asked(workload(image="b"), workload(), **CONTROLLER),
    "D-30 a controller": asked(OWNED, **CONTROLLER),
    "another kind": asked({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}),
    "a bare Pod": asked({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}),
    "nothing but managedFields": asked(
        tweak(workload(), "metadata.managedFields", [{"manager": "a"}]), workload()
    ),
    "a template that is a text": asked(tweak(workload(), "spec.template", "text")),
    "a selector that is a text": asked(tweak(workload(), "spec.selector", "text")),
    "a selector that is none": asked(tweak(workload(), "spec.selector", {"matchLabels": {"-": "a"}})),
    "labels that are a text": asked(tweak(workload(), "spec.template.metadata.labels", "text")),
}  # fmt: skip


@pytest.mark.parametrize("one", UNTOUCHED.values(), ids=UNTOUCHED)
def test_untouched(one: Any) -> None:
    outcome = mutated(one, config(), FIVE)
    assert outcome.object is one.object
    assert (outcome.warnings, outcome.violations) == ((), ())
    assert denials(one, config(), FIVE) == []


def kinds_of(need: NeedFacts) -> set[str]:
    return {str(getattr(one, "kind", "")) for one in need.lookups}


def test_facts_are_asked_for_at_once() -> None:
    assert RULE.mutate is not None
    world = critical()
    known: dict[Any, Any] = dict(world.facts.known)
    with pytest.raises(NeedFacts) as need:
        RULE.mutate(asked(workload()), config(), type(world.facts)({}))
    assert kinds_of(need.value) == {"Namespace"}
    known = {lookup: answer for lookup, answer in known.items() if lookup.kind == "Namespace"}
    with pytest.raises(NeedFacts) as need:
        RULE.mutate(asked(workload()), config(), type(world.facts)(known))
    assert kinds_of(need.value) == {"Node", "HorizontalPodAutoscaler"}
