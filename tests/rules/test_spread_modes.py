"""Rule D: phases, modes, actor classes, tiers and other marks, adoption, the gate's details."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.builders import tweak
from tests.rules.documents import Spec
from tests.rules.spreading import (
    BREAKGLASS,
    HASH,
    OPERATOR,
    OTHER,
    PLATFORM,
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
    scaler,
    shown,
    term,
    together,
    tsc,
    workload,
)
from webhook.model import Action, Facts, Unavailable
from webhook.rules.spread import RULE
from webhook.rules.spread.config import HOSTNAME, ZONE

BOTH = ["soft hostname 1", "soft zone 1"]
HARD = ["hard hostname 1", "hard zone 1"]
TEMPLATE = "spec.template.metadata.annotations"
LABELS = "metadata.labels"
CRITICAL = {"propylon.dev/tier": "critical"}
DENYING: Spec = {"tiers": {"standard": {"mode": "deny"}}}
WARNING: Spec = {"tiers": {"standard": {"mode": "warn"}}}
LACKS = (
    "spec.template.spec lacks a spread constraint for kubernetes.io/hostname (maxSkew 1, ScheduleAnyway)",
    "spec.template.spec lacks a spread constraint for topology.kubernetes.io/zone (maxSkew 1, ScheduleAnyway)",
)
EXCLUSIVE = marked(workload(), "exclusive", "true")
WITH_CLAIM = workload(volumes=[{"persistentVolumeClaim": {"claimName": "data"}}, {"emptyDir": {}}])


def claim(answer: Any) -> Any:
    metadata = {"name": "data"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata} | (
        {"spec": {"accessModes": [answer]}} if isinstance(answer, str) else {"answer": answer}
    )


def critical(nodes_: Any = None, **fields: Any) -> World:
    given = {} if nodes_ is None else {"nodes": nodes_}
    return World(**given, labels=CRITICAL, **fields)


@dataclass(frozen=True)
class Case:
    """A write, what the template then has, parts of the warnings, part of the refusal."""

    value: Any
    expected: Sequence[str]
    texts: Sequence[str] = ()
    denial: str = ""
    spec: Spec = field(default_factory=dict)
    world: World = field(default_factory=World)
    who: Mapping[str, Any] = field(default_factory=dict)
    old: Any = None
    actions: Sequence[Action] = ()


ZONED: Spec = {"zoneAlways": True}
UPDATE: Mapping[str, Any] = {"old": workload(image="app:0")}
BARE: list[Any] = [
    {"metadata": {"name": f"n{at}", "labels": {HOSTNAME: f"n{at}"}}} for at in range(3)
]

CASES: dict[str, Case] = {
    # phases and modes
    "phase audit": Case(workload(), [], spec={"phase": "audit"}, actions=[Action.AUDIT]),
    "phase warn": Case(workload(), [], LACKS, spec={"phase": "warn"}, actions=[Action.WARN]),
    "phase off": Case(workload(), [], spec={"phase": "off"}),
    "mode warn": Case(workload(), [], LACKS, spec=WARNING, actions=[Action.WARN]),
    "mode warn, all there": Case(
        workload(topologySpreadConstraints=[tsc(), tsc(ZONE)]), BOTH, spec=WARNING
    ),
    "mode deny": Case(
        workload(), [], denial='lacks {"labelSelector":{"matchLabels":{"app":"web"}}', spec=DENYING
    ),
    "mode deny, too much skew": Case(
        workload(topologySpreadConstraints=[tsc(skew=2), tsc(ZONE)]),
        ["soft hostname 2", "soft zone 1"],
        denial="topologySpreadConstraints[0] allows maxSkew 2, more than 1. Remove it or ask",
        spec=DENYING,
    ),
    "mode deny, all there": Case(
        workload(topologySpreadConstraints=[tsc(), tsc(ZONE)]), BOTH, spec=DENYING
    ),
    "mode deny, a selector of other Pods": Case(
        tweak(workload(), "spec.selector", OTHER), [], spec=DENYING
    ),
    "excluded Namespace": Case(workload(), [], spec={"excludeNamespaces": ["sh*"]}),
    # who writes
    "platform": Case(workload(), [], LACKS, who=PLATFORM, actions=[Action.WARN]),
    "platform in tier dev": Case(
        workload(), [], who=PLATFORM, world=World(labels={"propylon.dev/tier": "dev"})
    ),
    "break-glass": Case(workload(), [], ["not applied to break-glass access"], who=BREAKGLASS),
    "delegate": Case(workload(), BOTH, who={"user": "cd"}),
    # tiers
    "tier dev": Case(workload(), [], world=World(labels={"propylon.dev/tier": "dev"})),
    "tier by annotation of the template": Case(marked(workload(), "tier", "critical", TEMPLATE), HARD),
    "tier of the template before the workload's": Case(
        marked(marked(workload(), "tier", "critical", TEMPLATE), "tier", "standard"), HARD
    ),
    "tier by an operator above the limit": Case(
        marked(workload(), "tier", "critical"), HARD, spec={"maxTier": "standard"}, who=OPERATOR
    ),
    "tier kept as an operator set it": Case(
        marked(workload(), "tier", "critical"),
        HARD,
        spec={"maxTier": "standard"},
        old=marked(workload(image="app:0"), "tier", "critical"),
    ),
    "tier above the limit put back": Case(
        marked(workload(), "tier", "critical"),
        [],
        ['"propylon.dev/tier"] stays "dev", operators decide on it'],
        spec={"maxTier": "standard"},
        old=marked(workload(image="app:0"), "tier", "dev"),
    ),
    "tier below the Namespace's": Case(
        marked(workload(), "tier", "dev"),
        BOTH,
        ['metadata.annotations["propylon.dev/tier"] removed, operators decide on it'],
    ),
    "unknown tier": Case(
        marked(workload(), "tier", "gold"), BOTH, ['"gold" is none of dev, standard, critical']
    ),
    "unknown tier of the Namespace": Case(
        workload(), BOTH, world=World(labels={"propylon.dev/tier": "gold"})
    ),
    "a number as a label": Case(tweak(workload(), LABELS, {"propylon.dev/tier": 1}), BOTH),
    "Namespace above the limit": Case(
        workload(), HARD, spec={"maxTier": "standard"}, world=critical()
    ),
    # exclusive, opting out
    "exclusive by a developer": Case(
        EXCLUSIVE, BOTH, ['"propylon.dev/exclusive"] removed, operators decide on it']
    ),
    "exclusive as an operator set it": Case(
        EXCLUSIVE,
        ["soft zone 1", "required hostname"],
        old=marked(workload(image="app:0"), "exclusive", "true"),
    ),
    "exclusive taken away by a developer": Case(
        workload(),
        ["soft zone 1", "required hostname"],
        ['exclusive"] stays "yes", operators decide on it'],
        old=marked(workload(image="app:0"), "exclusive", "yes"),
    ),
    "exclusive said otherwise": Case(
        marked(workload(), "exclusive", "on"),
        ["soft zone 1", "required hostname"],
        old=marked(workload(image="app:0"), "exclusive", "true"),
    ),
    "exclusive of another word": Case(
        marked(workload(), "exclusive", "perhaps"), BOTH, ['"perhaps" is neither true nor false']
    ),
    "exclusive with no replicas": Case(
        marked(workload(0), "exclusive", "true"),
        ["soft zone 1", "required hostname"],
        who=OPERATOR,
        world=World(nodes(2)),
    ),
    "skip by an operator": Case(marked(workload(), "skip-spread", "true"), [], who=OPERATOR),
    "skip by a developer": Case(
        marked(workload(), "skip-spread", "true"), BOTH, ['skip-spread"] removed, operators decide']
    ),
    "anyone may skip": Case(
        marked(workload(), "skip-spread", "true", TEMPLATE), [], spec={"optOutBy": "anyone"}
    ),
    "only the platform may skip": Case(
        marked(workload(), "skip-spread", "true"),
        BOTH,
        ['skip-spread"] removed, the platform decides'],
        spec={"optOutBy": "platform"},
        who=OPERATOR,
    ),
    "the Namespace skips": Case(
        workload(), [], world=World(annotations={"propylon.dev/skip-spread": "on"})
    ),
    "the Namespace does not": Case(
        workload(), BOTH, world=World(annotations={"propylon.dev/skip-spread": "no"})
    ),
    "the Namespace says something else": Case(
        workload(),
        BOTH,
        ['of the Namespace: "perhaps" is neither true nor false'],
        world=World(annotations={"propylon.dev/skip-spread": "perhaps"}),
    ),
    # replicas and autoscalers
    "one replica, critical": Case(
        workload(1), BOTH, ["single replica in tier critical"], world=critical()
    ),
    "no replicas, critical": Case(workload(0), BOTH, world=critical()),
    "fewer than minReplicas": Case(
        workload(1),
        BOTH,
        denial="spread: tier critical needs at least 2 replicas, there are 1. Raise replicas or ask",
        spec={"tiers": {"critical": {"minReplicas": 2}}},
        world=critical(),
    ),
    "fewer than minReplicas, mutate": Case(
        workload(1),
        BOTH,
        ["tier standard needs at least 2 replicas, there are 1"],
        spec={"tiers": {"standard": {"minReplicas": 2}}},
    ),
    "an autoscaler's least": Case(workload(1), HARD, world=critical(scalers=(scaler(2, 4),))),
    "an autoscaler of another workload": Case(
        workload(1),
        BOTH,
        ["single replica"],
        world=critical(scalers=(scaler(2, 4, name="db"), scaler(2, 4, "StatefulSet"), "text")),
    ),
    "an autoscaler without a target": Case(
        workload(1), BOTH, ["single replica"], world=critical(scalers=({"spec": {}},))
    ),
    "autoscalers cannot be read": Case(
        workload(), HARD, world=critical(scalers=Unavailable("away"))
    ),
    "an autoscaler's most counts for nodes": Case(
        EXCLUSIVE,
        ["soft zone 1", "preferred hostname"],
        ["needs 9 nodes, 5 are eligible"],
        world=World(scalers=(scaler(1, 9),)),
        who=OPERATOR,
    ),
    # nodes
    "nodes cannot be read, standard": Case(workload(), BOTH, world=World(Unavailable("away"))),
    "nodes cannot be read, critical": Case(
        workload(),
        BOTH,
        ["hostname spreading only preferred, the nodes are not known", "zone spreading only preferred"],
        world=critical(Unavailable("away")),
    ),
    "no node at all": Case(workload(), BOTH, world=World([])),
    "one zone": Case(workload(), ["soft hostname 1"], world=World(nodes(5, 1))),
    "one zone, zoneAlways": Case(workload(), BOTH, world=World(nodes(5, 1)), spec=ZONED),
    "one node, critical": Case(
        workload(),
        BOTH,
        ["hostname spreading only preferred, 1 eligible node", "zone spreading only preferred, 1 eligible domain"],
        world=critical(nodes(1)),
    ),
    "a node without a zone, critical": Case(
        workload(),
        ["hard hostname 1", "soft zone 1"],
        ["zone spreading only preferred, a node lacks its label"],
        world=critical([*nodes(3), *BARE[:1]]),
    ),
    "hard wanted beside the developer's soft": Case(
        workload(topologySpreadConstraints=[tsc()]), ["soft hostname 1", *HARD], world=critical()
    ),
    "hard with the developer's skew": Case(
        workload(topologySpreadConstraints=[tsc(when="DoNotSchedule", skew=3)]),
        HARD,
        world=critical(),
    ),
    "a contradiction with a soft wish": Case(
        workload(affinity=together(term())), ["soft zone 1"], ["podAffinity wants these Pods at one"]
    ),
    "podAffinity to others": Case(workload(affinity=together(term(selector=OTHER))), BOTH),
    # volumes
    "a claim for one node": Case(
        WITH_CLAIM,
        BOTH,
        ["hostname spreading only preferred, volumes may be tied", "zone spreading only preferred, volumes"],
        world=critical(objects=[claim("ReadWriteOnce")]),
    ),
    "a claim for many": Case(WITH_CLAIM, HARD, world=critical(objects=[claim("ReadWriteMany")])),
    "a claim that is not there": Case(WITH_CLAIM, HARD, world=critical(objects=[claim(None)])),
    "a claim that cannot be read": Case(
        WITH_CLAIM,
        BOTH,
        ["volumes may be tied", "volumes may be tied"],
        world=critical(objects=[claim(Unavailable("away"))]),
    ),
    # adoption
    "adopt never, new image": Case(
        workload(), [], spec={"adopt": "never"}, actions=[Action.AUDIT], **UPDATE
    ),
    "adopt never, created": Case(workload(), BOTH, spec={"adopt": "never"}),
    "adopt always": Case(
        workload(4),
        BOTH,
        ["changed although the write did not (adopt: always); this rolls out"],
        spec={"adopt": "always"},
        old=workload(),
    ),
    "adopt always, all there": Case(
        workload(4, topologySpreadConstraints=[tsc(), tsc(ZONE)]),
        BOTH,
        spec={"adopt": "always"},
        old=workload(topologySpreadConstraints=[tsc(), tsc(ZONE)]),
    ),
    # what the document says otherwise
    "soft-affinity": Case(
        workload(),
        ["soft zone 1", "preferred hostname"],
        spec={"tiers": {"standard": {"hostname": {"strength": "soft-affinity"}}}},
    ),
    "soft-affinity there already": Case(
        workload(affinity=anti(preferred=[term()])),
        ["soft zone 1", "preferred hostname"],
        spec={"tiers": {"standard": {"hostname": {"strength": "soft-affinity"}}}},
    ),
    "a rack": Case(
        workload(),
        [*BOTH, "soft example.com/rack 2"],
        spec={"zoneAlways": True, "tiers": {"standard": {"keys": {"example.com/rack": {"maxSkew": 2}}}}},
    ),
    "no zone": Case(
        workload(),
        ["soft hostname 1"],
        spec={"tiers": {"standard": {"zone": {"strength": "none"}}}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_modes(case: Case) -> None:
    built, one = config(case.spec), asked(case.value, case.old, **case.who)
    outcome = mutated(one, built, case.world)
    assert shown(outcome.object["spec"]["template"]["spec"]) == list(case.expected)
    assert len(outcome.warnings) == len(case.texts), outcome.warnings
    for text, warning in zip(case.texts, outcome.warnings, strict=True):
        assert text in warning
    assert [one.action for one in outcome.violations] == list(case.actions)
    found = denials(one.with_object(outcome.object), built, case.world)
    assert len(found) == bool(case.denial), found
    assert case.denial in "".join(found)


def test_what_a_developer_may_not_mark_is_put_back() -> None:
    """Else the next write would find it stored, and take it for an operator's."""
    made = mutated(asked(EXCLUSIVE), config(), World()).object
    assert "propylon.dev/exclusive" not in made["metadata"]["annotations"]
    for phase in ("warn", "audit"):
        assert mutated(asked(EXCLUSIVE), config({"phase": phase}), World()).object is EXCLUSIVE


@pytest.mark.parametrize(
    ("domains", "autoscaler", "expected"), [(3, False, 3), (4, False, None), (4, True, 4)]
)
def test_min_domains_only_where_there_are_as_many(
    domains: int, autoscaler: bool, expected: int | None
) -> None:
    zone: Spec = {"zone": {"minDomains": domains}}
    spec: Spec = {"clusterAutoscaler": autoscaler, "tiers": {"critical": zone}}
    made = mutated(asked(workload()), config(spec), critical()).object
    constraints = made["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert [one.get("minDomains") for one in constraints] == [None, expected]


def managed(value: Any, fields: Any) -> Any:
    return tweak(value, "metadata.managedFields", [{"manager": "kubectl", "fieldsV1": fields}])


def owned(key: str) -> Any:
    pair = f'k:{{"topologyKey":"{key}","whenUnsatisfiable":"ScheduleAnyway"}}'
    spec: Spec = {"f:topologySpreadConstraints": {pair: {".": {}}}}
    return {"f:spec": {"f:template": {"f:spec": spec}}}


OWN = tweak(
    marked(workload(), "spread", "0123abcd"),
    "spec.template.spec.topologySpreadConstraints",
    [tsc(skew=3), tsc(ZONE, skew=3)],
)
NEW_IMAGE = "spec.template.spec.containers[0].image"


def test_what_the_developer_owns_is_not_replaced() -> None:
    """F-01: a webhook's fields have no owner."""
    stored = managed(OWN, owned(HOSTNAME))
    outcome = mutated(asked(tweak(stored, NEW_IMAGE, "b"), stored), config(), World())
    assert shown(outcome.object["spec"]["template"]["spec"]) == ["soft hostname 3", "soft zone 1"]


def test_without_our_annotation_nothing_is_ours() -> None:
    stored = tweak(OWN, "metadata.annotations", {})
    outcome = mutated(asked(tweak(workload(), NEW_IMAGE, "b"), stored), config(), World())
    assert shown(outcome.object["spec"]["template"]["spec"]) == BOTH
    kept = mutated(asked(tweak(stored, NEW_IMAGE, "b"), stored), config(), World())
    assert shown(kept.object["spec"]["template"]["spec"]) == ["soft hostname 3", "soft zone 3"]


def test_terms_of_an_older_policy_are_replaced() -> None:
    affinity = anti(term(), preferred=[term(ZONE), term("other")])
    stored = marked(workload(affinity=affinity), "spread", "0123abcd")
    outcome = mutated(asked(tweak(stored, NEW_IMAGE, "b"), stored), config(), World())
    assert shown(outcome.object["spec"]["template"]["spec"]) == BOTH


def test_other_terms_are_never_touched() -> None:
    affinity = anti(term(selector=OTHER), term(namespaces=["x"]), preferred=[term(selector=OTHER)])
    stored = marked(workload(affinity=affinity), "spread", "0123abcd")
    outcome = mutated(asked(tweak(stored, NEW_IMAGE, "b"), stored), config(), World())
    assert outcome.object["spec"]["template"]["spec"]["affinity"] == affinity


def test_hard_constraints_stay_while_the_nodes_cannot_be_read() -> None:
    hard = mutated(asked(workload()), config(), critical()).object
    blind = critical(Unavailable("away"))
    outcome = mutated(asked(tweak(hard, NEW_IMAGE, "b"), hard), config(), blind)
    assert shown(outcome.object["spec"]["template"]["spec"]) == HARD


def test_changed_metadata_of_the_template_is_a_change() -> None:
    value = tweak(workload(), TEMPLATE, {"a": "b"})
    outcome = mutated(asked(value, workload()), config(), World())
    assert shown(outcome.object["spec"]["template"]["spec"]) == BOTH


def test_the_order_of_constraints_is_the_developers() -> None:
    rack = tsc("example.com/rack", matchLabelKeys=HASH)
    value = workload(topologySpreadConstraints=[tsc(ZONE), rack])
    stored = mutated(asked(value), config(), World()).object
    constraints = stored["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert constraints[:2] == [tsc(ZONE), rack]


def test_a_forged_annotation_is_carried_back() -> None:
    stored = mutated(asked(workload()), config(), World()).object
    value = marked(tweak(stored, "spec.replicas", 4), "spread", "forged")
    made = mutated(asked(value, stored), config(), World()).object
    assert made["metadata"]["annotations"] == stored["metadata"]["annotations"]


def test_a_forged_annotation_is_not_taken() -> None:
    value = marked(workload(topologySpreadConstraints=[tsc(), tsc(ZONE)]), "spread", "forged")
    made = mutated(asked(value), config(), World()).object
    assert made["metadata"]["annotations"] == {}


def test_a_sealed_set_of_facts_is_enough() -> None:
    """Past the deadline: the default tier, soft constraints."""
    assert RULE.mutate is not None
    outcome = RULE.mutate(asked(workload()), config(), Facts().sealed())
    assert shown(outcome.object["spec"]["template"]["spec"]) == BOTH


def test_selectors_with_other_namespaces_are_not_our_own() -> None:
    rows: dict[str, tuple[Spec, bool]] = {
        "its own by name": ({"namespaces": ["x", "shop"]}, True),
        "another one": ({"namespaces": ["x"]}, False),
        "all": ({"namespaceSelector": {}}, True),
        "by its label": ({"namespaceSelector": {"matchLabels": {"a": "b"}}}, False),
        "malformed": ({"namespaceSelector": "x"}, False),
        "between revisions": ({"mismatchLabelKeys": HASH}, False),
        "no selector": ({"labelSelector": None}, False),
        "a malformed selector": ({"labelSelector": "x"}, False),
    }
    for name, (fields, is_own) in rows.items():
        value = workload(affinity=anti({**term(), **fields}))
        made = mutated(asked(value), config(), World()).object
        constraints = made["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert len(constraints) == (1 if is_own else 2), name


def test_malformed_lists_are_left_to_the_api_server() -> None:
    value = workload(
        topologySpreadConstraints=["text", {**tsc(), "maxSkew": "1"}],
        affinity=anti("text", preferred=["text"]),
    )
    made = mutated(asked(value), config(), World()).object
    assert (
        made["spec"]["template"]["spec"]["affinity"]
        == value["spec"]["template"]["spec"]["affinity"]
    )


def test_several_revisions_by_the_documents_word() -> None:
    value = of_kind("CloneSet", "apps.kruise.io/v1beta1")
    made = mutated(asked(value), config({"matchLabelKeys": {"CloneSet": True}}), World()).object
    expected = ["controller-revision-hash"]
    assert made["spec"]["template"]["spec"]["topologySpreadConstraints"] == [
        tsc(key, selector=SELECTOR, matchLabelKeys=expected) for key in (HOSTNAME, ZONE)
    ]
