"""Workloads, nodes and documents for the tests of rule D, as short as they can be written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.builders import container, deployment, namespace, request, tweak
from tests.rules.documents import Spec, item
from webhook.model import Action, AdmissionRequest, Facts, Get, List, Outcome, Platform
from webhook.objects.patch import apply, diff
from webhook.objects.paths import get
from webhook.rules.actors import Actors, build_actors
from webhook.rules.spread import RULE, Config
from webhook.rules.spread.config import HOSTNAME, ZONE
from webhook.rules.spread.nodes import PREFERRED, REQUIRED

P = "propylon.dev"
NODES = List("v1", "Node", "")
SELECTOR = {"matchLabels": {"app": "web"}}
OTHER = {"matchLabels": {"app": "other"}}
HASH = ["pod-template-hash"]

OPERATORS: Actors = build_actors(
    (item("Actors", "a", {"operators": {"groups": ["sre"]}, "delegates": {"users": ["cd"]}}),),
    Platform(),
)[0]
OPERATOR: dict[str, Any] = {"groups": ("sre",)}
PLATFORM: dict[str, Any] = {"groups": ("system:masters",)}
BREAKGLASS: dict[str, Any] = {"groups": ("propylon.dev:breakglass",)}
CONTROLLER: dict[str, Any] = {
    "user": "system:serviceaccount:kube-system:deployment-controller",
    "groups": ("system:serviceaccounts:kube-system",),
}


def node(name: str, zone: str = "", taints: Sequence[Any] = (), **labels: str) -> Any:
    """Return a node; further words are labels."""
    found = {HOSTNAME: name, **({ZONE: zone} if zone else {}), **labels}
    spec = {"taints": list(taints)} if taints else {}
    return {"metadata": {"name": name, "labels": found}, "spec": spec}


def nodes(count: int, zones: int = 3) -> list[Any]:
    """Return nodes that are spread over so many zones."""
    return [node(f"n{at}", f"z{at % zones}") for at in range(count)]


def workload(replicas: int | None = 3, image: str = "app:1", **pod: Any) -> Any:
    """Return a Deployment; further words go into the spec of its template."""
    given: dict[str, Any] = {} if replicas is None else {"replicas": replicas}
    made = deployment(container(image=image), **given)
    made["spec"]["template"]["spec"].update(pod)
    return made


def of_kind(kind: str, api_version: str = "apps/v1", value: Any = None, **spec: Any) -> Any:
    """Return a workload of another kind with the same template; further words go into its spec."""
    made = workload() if value is None else value
    return {
        **made,
        "apiVersion": api_version,
        "kind": kind,
        "spec": {**made["spec"], **spec},
    }


def marked(value: Any, name: str, text: str, at: str = "metadata.annotations") -> Any:
    """Return the workload with a label or annotation of ours."""
    return tweak(value, f'{at}["{P}/{name}"]', text)


def tsc(
    key: str = HOSTNAME,
    when: str = "ScheduleAnyway",
    skew: int = 1,
    selector: Any = SELECTOR,
    **fields: Any,
) -> Any:
    """Return a spread constraint."""
    made = {"topologyKey": key, "whenUnsatisfiable": when, "maxSkew": skew, **fields}
    return made if selector is None else {**made, "labelSelector": selector}


def term(key: str = HOSTNAME, selector: Any = SELECTOR, **fields: Any) -> Any:
    """Return an affinity term."""
    return {"topologyKey": key, "labelSelector": selector, **fields}


def anti(*required: Any, preferred: Sequence[Any] = ()) -> Any:
    """Return an affinity with these anti-affinity terms."""
    wishes = [{"weight": 1, "podAffinityTerm": one} for one in preferred]
    lists = {REQUIRED: list(required), PREFERRED: wishes}
    return {"podAntiAffinity": {key: value for key, value in lists.items() if value}}


def together(*required: Any) -> Any:
    """Return an affinity that wants Pods at one place."""
    return {"podAffinity": {REQUIRED: list(required)}}


def shown(spec: Any) -> list[str]:
    """Return what a Pod spec has, one text for each constraint or term."""
    names = {HOSTNAME: "hostname", ZONE: "zone"}
    found = []
    for one in get(spec, ("topologySpreadConstraints",)) or []:
        when = {"ScheduleAnyway": "soft", "DoNotSchedule": "hard"}[one["whenUnsatisfiable"]]
        key = names.get(one["topologyKey"], one["topologyKey"])
        found.append(f"{when} {key} {one['maxSkew']}")
    terms = get(spec, ("affinity", "podAntiAffinity", REQUIRED)) or []
    wishes = get(spec, ("affinity", "podAntiAffinity", PREFERRED)) or []
    inner = [one["podAffinityTerm"] for one in wishes]
    return [
        *found,
        *(f"required {names[one['topologyKey']]}" for one in terms),
        *(f"preferred {names[one['topologyKey']]}" for one in inner),
    ]


def config(spec: Spec | None = None, version: str = "1.34", **documents: Spec) -> Config:
    """Return the configuration of one document (`spread`), or of those given by name."""
    given = documents or {"spread": spec or {}}
    items = tuple(item("Spreading", name, one) for name, one in given.items())
    assert [error for one in items for error in RULE.parse(one)] == []
    built, errors = RULE.build(items, OPERATORS, Platform(kubernetes_version=version))
    assert errors == ()
    assert isinstance(built, Config)
    return built


@dataclass(frozen=True)
class World:
    """What there is in the cluster; `labels` are the Namespace's."""

    nodes: Any = field(default_factory=lambda: nodes(5))
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    scalers: Any = ()
    objects: Sequence[Any] = ()

    @property
    def facts(self) -> Facts:
        known: dict[Any, Any] = {
            Get("v1", "Namespace", "", "shop"): namespace(
                "shop", dict(self.labels), dict(self.annotations)
            ),
            NODES: self.nodes,
            List("autoscaling/v2", "HorizontalPodAutoscaler", "shop"): (
                list(self.scalers) if isinstance(self.scalers, tuple) else self.scalers
            ),
        }
        for one in self.objects:
            lookup = Get(one["apiVersion"], one["kind"], "shop", one["metadata"]["name"])
            known[lookup] = one.get("answer", one)
        return Facts(known)


def scaler(least: int, most: int, kind: str = "Deployment", name: str = "web") -> Any:
    """Return a HorizontalPodAutoscaler."""
    target = {"apiVersion": "apps/v1", "kind": kind, "name": name}
    return {"spec": {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": most}}


def asked(value: Any, old: Any = None, **who: Any) -> AdmissionRequest:
    """Return a request: an UPDATE where something is stored."""
    operation = who.pop("operation", "CREATE" if old is None else "UPDATE")
    return request(value, old=old, operation=operation, **who)


def mutated(one: AdmissionRequest, built: Config, world: World) -> Outcome:
    """Return what rule D makes of a request: patched correctly, and the same a second time."""
    assert RULE.mutate is not None
    outcome = RULE.mutate(one, built, world.facts)
    assert apply(diff(one.object, outcome.object), one.object) == outcome.object
    again = RULE.mutate(one.with_object(outcome.object), built, world.facts)
    assert again.object == outcome.object
    return outcome


def denials(one: AdmissionRequest, built: Config, world: World) -> list[str]:
    """Return the messages of the violations that validation finds."""
    assert RULE.validate is not None
    outcome = RULE.validate(one, built, world.facts)
    assert outcome.object is one.object
    denied = [found for found in outcome.violations if found.action is Action.DENY]
    assert {(found.code, found.reason) for found in denied} <= {(403, "Forbidden")}
    return [violation.message for violation in outcome.violations]
