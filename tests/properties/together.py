"""All five rules at once, and requests of any kind to try them on: workloads, people, operations.

`SECRET` begins every value that is nobody's business: of variables, of Secrets, of manifests that
kubectl keeps in an annotation.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from typing import Any

from hypothesis import strategies as st

from tests.builders import Object, container, namespace, owned_by, request
from webhook.cli.init import CASES, starters
from webhook.model import (
    AdmissionRequest,
    Document,
    GroupVersionKind,
    GroupVersionResource,
    Platform,
    Registration,
)
from webhook.objects.workloads import templates as pod_templates
from webhook.objects.workloads import workload_kind
from webhook.offline.judging import Judgement, answers_from, judge
from webhook.registration import registrations
from webhook.snapshot import Snapshot, build

SECRET = "s3cr3t"
LAST = "kubectl.kubernetes.io/last-applied-configuration"
KRUISE = "apps.kruise.io/v1beta1"
NOW = 1_767_225_600.0

FURTHER = """
apiVersion: propylon.dev/v1
kind: Actors
metadata: {name: people}
spec: {operators: {groups: [application-operators]}, platform: {groups: [platform-team]}}
---
apiVersion: propylon.dev/v1
kind: HiddenFields
metadata: {name: default}
spec:
  phase: enforce
  infraContainers: [log-*]
  infraVolumes: [log-*]
  lastApplied: scrub
  managedFields: claim
  carryOnRename: single
  maxTerminationGracePeriodSeconds: 60
  catalogue:
    - {path: $pod.os, preset: pin, value: {name: linux}}
    - {path: $pod.hostname, preset: default-once, value: platform}
    - {path: "$pod.volumes[?nfs]", preset: hide}
    - {path: "$pod.imagePullSecrets[name=corp]", preset: restore, value: [{name: corp}]}
    - {path: "$containers[*].imagePullPolicy", preset: pin, value: Always}
---
apiVersion: propylon.dev/v1
kind: EnvInjection
metadata: {name: cluster}
spec:
  priority: 10
  conflict: override
  marker: true
  env:
    - {name: CLUSTER, value: cn-1}
    - {name: OPTS, value: $(APP_OPTS) -x}
    - {name: JAVA_TOOL_OPTIONS, value: "-javaagent:x", conflict: append}
---
apiVersion: propylon.dev/v1
kind: EnvInjection
metadata: {name: refused}
spec: {conflict: deny, env: [{name: REFUSED, value: platform}]}
---
apiVersion: propylon.dev/v1
kind: LxcfsInjection
metadata: {name: lxcfs}
spec: {defaultEnabled: true, marker: true, requireNode: required, reattach: true}
---
apiVersion: propylon.dev/v1
kind: Spreading
metadata: {name: spread}
spec:
  defaultTier: critical
  fixStrategy: true
  tiers: {critical: {mode: enforce, keys: {example.com/rack: {strength: soft-affinity}}}}
---
apiVersion: propylon.dev/v1
kind: DeletionProtection
metadata: {name: main}
spec:
  scaleGuard: strict
  protectChildren: true
  checkSecrets: true
  protect: [{kinds: [StatefulSet.apps], level: Cascading}]
"""
"""Documents that do as much as documents can, beside those of `propylon init`."""

VISIBLE = """
apiVersion: propylon.dev/v1
kind: EnvInjection
metadata: {name: visible}
spec:
  level: template
  env: [{name: VISIBLE, value: "1"}, {name: MINE, value: theirs}]
---
apiVersion: propylon.dev/v1
kind: EnvInjection
metadata: {name: reserved}
spec: {reservedPrefixes: [{prefix: P_, treatment: override}]}
"""
"""Variables that rule B writes into templates, or takes out of them."""


@cache
def in_force(name: str) -> tuple[Snapshot, tuple[Registration, ...]]:
    """Return the snapshot and the entries of `init`, enforced, or of `further` documents.

    `visible` are the further ones and those for templates.
    """
    texts = {"further": FURTHER, **({"visible": VISIBLE} if name == "visible" else {})}
    if name == "init":
        texts = {
            key: text.replace("phase: warn", "phase: enforce")
            for key, text in starters().items()
            if key != CASES
        }
    platform = Platform(cluster_name="cn-1", kubernetes_version="1.34")
    snapshot = build([Document(key, text) for key, text in texts.items()], None, platform)
    assert snapshot.errors == ()
    return snapshot, registrations(snapshot)


def judged(asked: AdmissionRequest, rules: str, cluster: list[Object]) -> Judgement:
    """Return what all entries say, with this cluster behind them."""
    snapshot, entries = in_force(rules)
    return judge(asked, entries, snapshot, answers_from(cluster))


def maybe(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def some(of: Any, most: int = 3, by: str = "name") -> st.SearchStrategy[list[Any]]:
    """Lists whose elements differ in one field."""
    return st.lists(of, max_size=most, unique_by=lambda one: str(one.get(by)))


secrets = st.integers(0, 9).map(lambda at: f"{SECRET}-{at}")
texts = st.one_of(secrets, secrets.map("$(CLUSTER) {}".format), st.just(""))
variables = st.one_of(
    st.fixed_dictionaries({
        "name": st.sampled_from((
            "MINE", "CLUSTER", "POD_NAME", "APP_OPTS", "OPTS", "JAVA_TOOL_OPTIONS", "P_X", "VISIBLE",
        )),
        "value": texts,
    }),
    st.sampled_from(("POD_NAME", "JAVA_TOOL_OPTIONS", "OTHER")).map(
        lambda name: {"name": name, "valueFrom": {"secretKeyRef": {"name": "key", "key": "a"}}}
    ),
    st.fixed_dictionaries({"name": st.sampled_from(("REFUSED", "A", "B")), "value": secrets}),
)  # fmt: skip
mounts = st.sampled_from((
    {"name": "data", "mountPath": "/data"},
    {"name": "host", "mountPath": "/host"},
    {"name": "nfs", "mountPath": "/nfs", "mountPropagation": "None"},
    {"name": "conf", "mountPath": "/proc/uptime"},
    {"name": "conf", "mountPath": "/sys"},
))  # fmt: skip
containers = st.builds(
    lambda name, image, fields: container(name, image=image, **fields),
    st.sampled_from(("app", "api", "proxy", "log-agent")),
    st.sampled_from(("registry.example/web:1", "registry.example/web:2", "web")),
    maybe(
        env=some(variables, 4),
        envFrom=st.just([{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "key"}}]),
        imagePullPolicy=st.sampled_from(("Always", "IfNotPresent")),
        ports=st.just([{"containerPort": 80}, {"containerPort": 81, "protocol": "UDP"}]),
        resources=st.just({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}),
        securityContext=maybe(
            runAsUser=st.just(1),
            privileged=st.sampled_from((False, False, True)),
            seccompProfile=st.sampled_from(({}, {}, {"type": "RuntimeDefault"})),
        ),
        terminationMessagePolicy=st.sampled_from(("File", "FallbackToLogsOnError")),
        volumeMounts=some(mounts, 3, "mountPath"),
        restartPolicy=st.just("Always"),
    ),
)
volumes = st.sampled_from((
    {"name": "data", "emptyDir": {}},
    {"name": "mem", "emptyDir": {"medium": "Memory"}},
    {"name": "conf", "configMap": {"name": "settings"}},
    {"name": "nfs", "nfs": {"server": "s", "path": "/"}},
    {"name": "log-dir", "emptyDir": {}},
    {"name": "claim", "persistentVolumeClaim": {"claimName": "data"}},
    {"name": "lxcfs-stat", "emptyDir": {}},
    {"name": "key", "secret": {"secretName": "key"}},
))  # fmt: skip
host_volume = {"name": "host", "hostPath": {"path": "/"}}
tolerations = st.sampled_from((
    {"key": "dedicated", "operator": "Equal", "value": "web", "effect": "NoSchedule"},
    {"key": "own", "operator": "Exists"},
    {
        "key": "node.kubernetes.io/not-ready",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": 300,
    },
))  # fmt: skip
SELECTOR = {"matchLabels": {"app": "web"}}
constraints = st.builds(
    lambda key, when, skew: {
        "topologyKey": key, "whenUnsatisfiable": when, "maxSkew": skew, "labelSelector": SELECTOR,
    },
    st.sampled_from(("kubernetes.io/hostname", "topology.kubernetes.io/zone", "nowhere")),
    st.sampled_from(("ScheduleAnyway", "DoNotSchedule")),
    st.integers(1, 3),
)  # fmt: skip
ANTI = {
    "podAntiAffinity": {
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {
                "weight": 1,
                "podAffinityTerm": {
                    "topologyKey": "kubernetes.io/hostname", "labelSelector": SELECTOR,
                },
            }
        ]
    }
}  # fmt: skip
ZONED = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [
                {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}
            ]
        }
    }
}
POD_FIELDS = (
    "containers", "initContainers", "volumes", "nodeSelector", "priorityClassName",
    "runtimeClassName", "tolerations", "topologySpreadConstraints", "affinity", "dnsPolicy",
    "hostname", "imagePullSecrets", "securityContext", "terminationGracePeriodSeconds", "os",
)  # fmt: skip
pod_specs = st.builds(
    lambda app, more, fields: {"containers": [app, *more], **fields},
    containers.map(lambda one: {**one, "name": "app"}),
    some(containers.filter(lambda one: one["name"] != "app"), 2),
    maybe(
        initContainers=some(containers.map(lambda one: {**one, "name": f"init-{one['name']}"}), 2),
        volumes=st.one_of(
            some(volumes, 4), some(volumes), some(volumes).map(lambda one: [*one, host_volume])
        ),
        nodeSelector=st.sampled_from(({"pool": "web"}, {"kubernetes.io/os": "linux"}, {})),
        priorityClassName=st.sampled_from(("gold", "silver")),
        runtimeClassName=st.sampled_from(("kata", "runc")),
        tolerations=some(tolerations, 3, "key"),
        topologySpreadConstraints=some(constraints, 2, "topologyKey"),
        affinity=st.sampled_from((ANTI, ZONED, {**ANTI, **ZONED})),
        dnsPolicy=st.sampled_from(("ClusterFirst", "None")),
        hostNetwork=st.sampled_from((False, False, False, True)),
        hostname=st.just("mine"),
        imagePullSecrets=some(st.sampled_from(({"name": "mine"}, {"name": "corp"}))),
        securityContext=maybe(fsGroup=st.sampled_from((1, 2)), runAsUser=st.just(1)),
        serviceAccountName=st.just("web"),
        shareProcessNamespace=st.booleans(),
        terminationGracePeriodSeconds=st.sampled_from((30, 900)),
        os=st.sampled_from(({"name": "linux"}, {"name": "windows"})),
        enableServiceLinks=st.booleans(),
    ),
)
templates = st.builds(
    lambda spec, annotations: {
        "metadata": {"labels": {"app": "web"}, **({"annotations": annotations} if annotations else {})},
        "spec": spec,
    },
    pod_specs,
    st.dictionaries(
        st.sampled_from(("propylon.dev/skip-env", "propylon.dev/skip-lxcfs", "team")),
        st.sampled_from(("true", "false", "maybe")),
        max_size=2,
    ),
)  # fmt: skip


def plain_spec(template: Any) -> Any:
    return {"selector": SELECTOR, "template": template, "replicas": 3}


def united(name: str) -> Callable[[Any], Any]:
    return lambda template: {
        "selector": SELECTOR, "replicas": 4,
        "template": {name: {"spec": {"selector": SELECTOR, "template": template}}},
        "topology": {"subsets": [{"name": "a"}]},
    }  # fmt: skip


def in_job(template: Any) -> Any:
    return {"jobTemplate": {"spec": {"template": template}}, "schedule": "0 0 * * *"}


KINDS: dict[str, tuple[str, str, Callable[[Any], Any]]] = {
    "Deployment": ("apps/v1", "Deployment", plain_spec),
    "StatefulSet": ("apps/v1", "StatefulSet", plain_spec),
    "ReplicaSet": ("apps/v1", "ReplicaSet", plain_spec),
    "DaemonSet": ("apps/v1", "DaemonSet", plain_spec),
    "ReplicationController": (
        "v1", "ReplicationController",
        lambda template: {**plain_spec(template), "selector": {"app": "web"}},
    ),
    "Job": ("batch/v1", "Job", lambda template: {"template": template}),
    "CronJob": ("batch/v1", "CronJob", in_job),
    "CloneSet": (KRUISE, "CloneSet", plain_spec),
    "Advanced StatefulSet": (KRUISE, "StatefulSet", plain_spec),
    "BroadcastJob": (KRUISE, "BroadcastJob", lambda template: {"template": template}),
    "AdvancedCronJob": (KRUISE, "AdvancedCronJob", lambda template: {"template": in_job(template)}),
    "UnitedDeployment": (KRUISE, "UnitedDeployment", united("deploymentTemplate")),
    "UnitedDeployment of CloneSets": (KRUISE, "UnitedDeployment", united("cloneSetTemplate")),
    "Rollout": ("argoproj.io/v1alpha1", "Rollout", plain_spec),
    "Knative Service": ("serving.knative.dev/v1", "Service", lambda template: {"template": template}),
    "Volcano Job": (
        "batch.volcano.sh/v1alpha1", "Job",
        lambda template: {"tasks": [
            {"name": name, "replicas": 1, "template": copy.deepcopy(template)} for name in "ab"
        ]},
    ),
    "JobSet": (
        "jobset.x-k8s.io/v1alpha2", "JobSet",
        lambda template: {"replicatedJobs": [
            {"name": "a", "template": {"spec": {"template": template}}}
        ]},
    ),
    "RayCluster": (
        "ray.io/v1", "RayCluster",
        lambda template: {"headGroupSpec": {"template": template}, "workerGroupSpecs": []},
    ),
}  # fmt: skip
KIND_NAMES = tuple(KINDS)

labels = st.fixed_dictionaries(
    {},
    optional={
        "team": st.just("a"),
        "propylon.dev/delete-protection": st.sampled_from(("Always", "Cascading", "Cascading")),
        "policy.kruise.io/delete-protection": st.sampled_from(("Always", "foo")),
        "propylon.dev/delete-protection-state": st.just("cooling"),
        "propylon.dev/tier": st.sampled_from(("critical", "standard", "dev")),
        "propylon.dev/own": st.just("x"),
    },
)
switches = st.dictionaries(
    st.sampled_from((
        "team", "propylon.dev/exclusive", "propylon.dev/protection-removed-at",
        "propylon.dev/skip-spread", "cluster-autoscaler.kubernetes.io/safe-to-evict",
    )),
    st.sampled_from(("true", "false", "2025-12-31T23:59:00Z")),
    max_size=3,
)  # fmt: skip
metadata = st.builds(
    lambda found, notes, finalizers, owner: {
        "name": "web",
        "namespace": "shop",
        **({"labels": found} if found else {}),
        **({"annotations": notes} if notes else {}),
        **({"finalizers": ["shop.example/wait"]} if finalizers else {}),
        **({"ownerReferences": owned_by("Team", api_version="shop.example/v1")} if owner else {}),
    },
    labels,
    switches,
    st.booleans(),
    st.sampled_from((False, False, True)),
)


def workload(kind: str, meta: Any, template: Any) -> Object:
    """Return an object of one of KINDS; for `Pod` the template itself."""
    if kind == "Pod":
        found = {**template["metadata"], **meta}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": found, "spec": template["spec"]}
    api_version, name, spec = KINDS[kind]
    return {"apiVersion": api_version, "kind": name, "metadata": meta, "spec": spec(template)}


def templates_of(value: Any) -> list[Any]:
    """Return the Pod templates of an object: labels, annotations and specification of each."""
    row = workload_kind(value["apiVersion"].rpartition("/")[0], value["kind"])
    return [(one.metadata, one.spec) for one in pod_templates(row, value)] if row else []


def as_applied(value: Any) -> Object:
    """Return the object as `kubectl apply` sends it: with itself in an annotation."""
    made: Object = copy.deepcopy(value)
    made["metadata"].setdefault("annotations", {})[LAST] = json.dumps(value)
    return made


kinds = st.sampled_from(("Pod", "Pod", *KIND_NAMES))
workloads = st.builds(
    lambda kind, meta, template, applied: (
        as_applied(workload(kind, meta, template)) if applied else workload(kind, meta, template)
    ),
    kinds,
    metadata,
    templates,
    st.booleans(),
)
others = st.sampled_from((
    {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key", "namespace": "shop"},
        "data": {"a": f"{SECRET}-1"}, "stringData": {"b": f"{SECRET}-2"},
    },
    {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"type": "ClusterIP", "clusterIP": "10.0.0.1", "ports": [{"port": 80}]},
    },
    {
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"ingressClassName": "nginx", "rules": [{"host": "a.example"}]},
    },
    {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "shop"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast"},
    },
))  # fmt: skip
labelled = st.builds(
    lambda value, meta: {**value, "metadata": {**meta, **value["metadata"]}}, others, metadata
)
objects = st.integers(0, 3).flatmap(lambda at: workloads if at else labelled)

KUBE_SYSTEM = ("system:serviceaccounts", "system:serviceaccounts:kube-system")
PEOPLE: dict[str, dict[str, Any]] = {
    "developer": {"user": "alice"},
    "unknown account": {"user": "system:serviceaccount:shop:default"},
    "operator": {"user": "olga", "groups": ("application-operators",)},
    "platform": {"user": "paul", "groups": ("platform-team",)},
    "administrator": {"user": "root", "groups": ("system:masters",)},
    "breakglass": {"user": "carol", "groups": ("propylon.dev:breakglass",)},
    "delegate": {"user": "system:serviceaccount:argocd:argocd-application-controller"},
    "controller": {
        "user": "system:serviceaccount:kube-system:replicaset-controller",
        "groups": KUBE_SYSTEM,
    },
    "one identity": {"user": "system:kube-controller-manager"},
    "collector": {
        "user": "system:serviceaccount:kube-system:generic-garbage-collector",
        "groups": KUBE_SYSTEM,
    },
    "kruise": {"user": "system:serviceaccount:kruise-system:kruise-manager"},
    "kubelet": {"user": "system:node:n1", "groups": ("system:nodes",)},
}
people = st.sampled_from(("developer", "developer", "developer", *PEOPLE)).map(PEOPLE.__getitem__)


def node(at: int) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": f"n{at}",
            "labels": {
                "kubernetes.io/hostname": f"n{at}", "topology.kubernetes.io/zone": f"z{at % 2}",
            },
        },
        "spec": {},
    }  # fmt: skip


SETTINGS = {
    "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "shop"},
    "data": {"MINE": f"{SECRET}-map"},
}  # fmt: skip
HPA = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "maxReplicas": 5,
    },
}
clusters = st.builds(
    lambda found, nodes, scaled: [
        namespace("shop", found), *map(node, range(nodes)), SETTINGS, *([HPA] if scaled else []),
    ],
    st.dictionaries(
        st.sampled_from((
            "propylon.dev/lxcfs", "propylon.dev/tier", "pod-security.kubernetes.io/enforce",
        )),
        st.sampled_from(("enabled", "critical", "baseline", "dev")),
        max_size=2,
    ),
    st.integers(0, 4),
    st.booleans(),
)  # fmt: skip
rule_sets = st.sampled_from(("init", "further", "visible"))


def stored(value: Any) -> Object:
    """Return an object as the API server keeps it."""
    made: Object = copy.deepcopy(value)
    made["metadata"] |= {"uid": "uid-of-web", "resourceVersion": "7", "generation": 1}
    return made


def asked_for(new: Any, old: Any = None, **fields: Any) -> AdmissionRequest:
    """Return the request to write an object."""
    fields = {"received_at": NOW, **fields}
    return request(new, old=old, operation="UPDATE" if old else "CREATE", **fields)


def replaced(new: Any, old: Any, who: Any) -> AdmissionRequest:
    """Return a PUT over something of the same kind, by somebody who has read it."""
    return asked_for(
        {**new, "metadata": {**new["metadata"], "uid": "uid-of-web"}}, stored(old), **who
    )


def pair(kind: str, old: Any, other: Any, fields: set[str], metas: Any) -> tuple[Any, Any]:
    """Return (new, stored): of the Pod's fields, some are as stored and some from elsewhere."""
    taken = {name: one for name, one in other["spec"].items() if name in fields}
    kept = {name: one for name, one in old["spec"].items() if name not in fields}
    new = {**old, "spec": {**kept, **taken}}
    if not fields:
        new = copy.deepcopy(old)
    return workload(kind, metas[0], new), workload(kind, metas[1], old)


pod_fields = st.sets(st.sampled_from(POD_FIELDS), max_size=5).map(
    lambda names: names | ({"containers"} if "initContainers" in names else set())
)
two_metadata = st.one_of(st.tuples(metadata, metadata), metadata.map(lambda one: (one, one)))
pairs = st.builds(pair, kinds, templates, templates, pod_fields, two_metadata)
updates = st.builds(lambda both, who: replaced(both[0], both[1], who), pairs, people)
creations = st.builds(lambda new, who: asked_for(new, **who), objects, people)
deletions = st.builds(
    lambda old, who: request(
        old=stored(old), operation="DELETE", received_at=NOW, namespace="shop", **who
    ),
    objects,
    people,
)


def scaling(replicas: int, who: Any) -> AdmissionRequest:
    scale = {
        "apiVersion": "autoscaling/v1", "kind": "Scale",
        "metadata": {"name": "web", "namespace": "shop"}, "spec": {"replicas": 3},
    }  # fmt: skip
    return asked_for(
        {**scale, "spec": {"replicas": replicas}}, scale,
        sub_resource="scale", resource=GroupVersionResource("apps", "v1", "deployments"),
        kind=GroupVersionKind("autoscaling", "v1", "Scale"), **who,
    )  # fmt: skip


def debugging(spec: Any, debug: Any, who: Any) -> AdmissionRequest:
    meta = {"name": "web", "namespace": "shop"}
    old = stored({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    new = copy.deepcopy(old)
    new["spec"]["ephemeralContainers"] = [{**debug, "name": "debugger"}]
    return asked_for(new, old, sub_resource="ephemeralcontainers", **who)


sub_resources = st.one_of(
    st.builds(scaling, st.sampled_from((0, 1, 5)), people),
    st.builds(debugging, pod_specs, containers, people),
)
KINDS_OF_REQUESTS = (creations, updates, updates, updates, deletions, sub_resources)
requests = st.integers(0, len(KINDS_OF_REQUESTS) - 1).flatmap(KINDS_OF_REQUESTS.__getitem__)
