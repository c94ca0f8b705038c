"""Rule A beyond the numbered cases: every treatment, pairing, coupling and kind of writer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.builders import REMOVED, container, owned_by, pod, request, tweak
from tests.rules.documents import item
from tests.rules.hiding import (
    ADMIN,
    POD,
    config,
    kruise,
    mutate,
    plain,
    update,
    validate,
    web,
)
from webhook.model import (
    Action,
    AdmissionRequest,
    Facts,
    Get,
    GroupVersionResource,
    List,
    NeedFacts,
    Platform,
    Unavailable,
)
from webhook.objects.patch import diff
from webhook.rules.actors import build_actors
from webhook.rules.hide.couplings import with_couplings
from webhook.rules.hide.ownership import owned_at, owns_element
from webhook.rules.hide.templates import means_same

DEFAULT = config()
SPEC = "/spec/template/spec"
APP = f"{SPEC}/containers/0"
NEW = container(image="web:2")


@dataclass(frozen=True)
class Row:
    """A request, the settings, and what comes of it: (operation and place) of the patch."""

    request: AdmissionRequest
    spec: dict[str, Any] = field(default_factory=dict)
    patch: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    denied: str = ""


def entry(path: str, preset: str = "hide", **more: Any) -> dict[str, Any]:
    return {"catalogue": [{"path": path, "preset": preset, **more}]}


def create(value: Any, **fields: Any) -> AdmissionRequest:
    return request(value, **fields)


def put(old: Any, new: Any) -> AdmissionRequest:
    """A manifest that replaces the object: it does not know the uid."""
    return update(tweak(old, "metadata.uid", "1"), new)


HOST_VOLUME = {"name": "h", "hostPath": {"path": "/"}}
MOUNT = {"name": "h", "mountPath": "/data"}
BARE: dict[str, Any] = {"automountServiceAccountToken": False, "enableServiceLinks": False}
OWN_TOLERATION = {"key": "own", "operator": "Exists"}
DEFAULT_TOLERATION = {
    "key": "node.kubernetes.io/unreachable",
    "operator": "Exists",
    "effect": "NoExecute",
    "tolerationSeconds": 300,
}
DEDICATED = {"key": "dedicated", "operator": "Exists"}
CONSTRAINT = {"topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "maxSkew": 1}
UNOWNED = {
    "uid": "1",
    "managedFields": [{"manager": "a", "fieldsV1": {"f:spec": {"f:replicas": {}}}}],
}
OWNED = {
    "uid": "1",
    "managedFields": [
        {"manager": "a", "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:affinity": {}}}}}}
    ],
}
ANTI: dict[str, Any] = {"podAntiAffinity": {"required": []}}
PRIORITIZED = pod(
    container(), priorityClassName="gold", priority=9, preemptionPolicy="Never",
    runtimeClassName="kata", overhead={"cpu": "1"}, **BARE,
)  # fmt: skip
GATED = pod(container(), schedulingGates=[{"name": "kueue"}], **BARE)
LAST = "kubectl.kubernetes.io/last-applied-configuration"
APPLIED = web(
    nodeSelector={"pool": "gpu"},
    metadata={
        "annotations": {
            LAST: '{"kind":"Deployment","spec":{"template":{"spec":{"nodeSelector":{}}}}}'
        }
    },
)
BATCH_JOB = {
    **web(), "apiVersion": "batch/v1", "kind": "Job",
    "spec": {"template": {"spec": {"containers": [container()], **BARE}}},
}  # fmt: skip
INGRESS = plain(
    "Ingress", {"rules": [{"host": "a.shop.example"}, {"http": {}}]}, "networking.k8s.io/v1"
)
HOSTS = {"ingressHosts": [{"suffixes": [".shop.example"]}]}
CLAIM = plain("PersistentVolumeClaim", {"dataSourceRef": {"name": "x", "namespace": "other"}})
SET = plain(
    "StatefulSet",
    {
        "volumeClaimTemplates": [
            {"metadata": {"name": "data"}, "spec": {"storageClassName": "fast"}},
        ]
    },
    "apps/v1",
)
LATER = "is reserved for the platform and may be refused later"
SEED = "hide: spec.template.spec.priorityClassName"
VOLCANO = plain(
    "Job",
    {"tasks": [{"name": "worker", "template": {"spec": {
        "containers": [container(imagePullPolicy="Never")], "nodeName": "n1", **BARE,
    }}}]},
    "batch.volcano.sh/v1alpha1",
)  # fmt: skip

ROWS: dict[str, Row] = {
    "seed sets its value": Row(
        create(web()), entry("$pod.priorityClassName", "seed", value="low"),
        (f"add {SPEC}/priorityClassName",),
    ),
    "seed replaces another one": Row(
        create(web(priorityClassName="gold")), entry("$pod.priorityClassName", "seed", value="low"),
        (f"replace {SPEC}/priorityClassName",), (f"{SEED} set to platform value",),
    ),
    "seed may show it": Row(
        create(web(priorityClassName="gold")),
        entry("$pod.priorityClassName", "seed", value="low", showValue=True),
        (f"replace {SPEC}/priorityClassName",), (f'{SEED} set to "low" (set by the platform)',),
    ),
    "a long value is not shown": Row(
        create(web(priorityClassName="gold")),
        entry("$pod.priorityClassName", "seed", value="x" * 50, showValue=True),
        (f"replace {SPEC}/priorityClassName",), (f"{SEED} set to platform value",),
    ),
    "default-once lets the developer choose": Row(
        create(web(priorityClassName="gold")),
        entry("$pod.priorityClassName", "default-once", value="low"),
    ),
    "default-once fills in": Row(
        create(web()), entry("$pod.priorityClassName", "default-once", value="low"),
        (f"add {SPEC}/priorityClassName",),
    ),
    "default on update is drift": Row(
        put(web(), web()),
        {"catalogue": [{"path": "$pod.os", "create": "default", "update": "default", "value": {}}]},
    ),
    "default waits for a change of the template": Row(
        put(web(nodeSelector={"a": "b"}), web()),
        {"catalogue": [
            {"path": "$pod.hostname", "create": "default", "update": "default", "value": "x"}
        ]},
        (f"add {SPEC}/nodeSelector",),
    ),
    "default comes with a change": Row(
        put(web(hostname="x"), web(NEW)),
        {"catalogue": [
            {"path": "$pod.hostname", "create": "default", "update": "default", "value": "x"}
        ]},
        (f"add {SPEC}/hostname",),
    ),
    "cap waits for a change of the template": Row(
        put(web(terminationGracePeriodSeconds=900, nodeSelector={"a": "b"}),
            web(terminationGracePeriodSeconds=900)),
        {"maxTerminationGracePeriodSeconds": 60}, (f"add {SPEC}/nodeSelector",),
    ),
    "advise about a default": Row(create(web(shareProcessNamespace=False))),
    "a locked number as a text": Row(
        update(
            web(container(ports=[{"containerPort": 80, "hostPort": 81}])),
            web(container(image="web:2", ports=[{"containerPort": 80, "hostPort": "81"}])),
        )
    ),
    "a volume without name": Row(
        create(web(volumes=[{"hostPath": {}}])), denied="hide: volume 0 uses hostPath. Ask"
    ),
    "the infra container in other words": Row(
        update(web(container(), container("log-a")), web(NEW, container("log-a", env=[]))),
        {"infraContainers": ["log-*"]},
    ),
    "Service that somebody owns": Row(
        update(
            plain("Service", {}, ownerReferences=owned_by("Deployment")),
            plain("Service", {"externalIPs": ["10.0.0.1"]}, ownerReferences=owned_by("Deployment")),
        ),
        denied="spec.externalIPs is reserved",
    ),
    "a stored default that is still one": Row(
        update(
            web(container(image="web:1", imagePullPolicy="IfNotPresent")),
            web(container(image="web:3")),
        ),
        {}, (f"add {APP}/imagePullPolicy",),
    ),
    "an empty list where nothing was": Row(
        update(web(), web(NEW, securityContext={"sysctls": [], "runAsUser": 1}))
    ),
    "a locked default that is left out": Row(
        update(web(hostNetwork=False), web(NEW)), {}, (f"add {SPEC}/hostNetwork",)
    ),
    "host network without further traces": Row(
        create(web(hostNetwork=True)), {"catalogue": [{"path": "$pod.hostNetwork"}]},
        (f"remove {SPEC}/hostNetwork",), ("hide: spec.template.spec.hostNetwork removed",),
    ),
    "carry at creation takes the value": Row(
        create(web()), entry("spec.paused", "carry", value=True), ("add /spec/paused",)
    ),
    "strip on update": Row(
        update(web(os={"name": "linux"}), web(NEW, os={"name": "linux"})),
        {"catalogue": [{"path": "$pod.os", "update": "strip"}]},
        (f"remove {SPEC}/os",),
    ),
    "strip waits for a change of the template": Row(
        put(web(os={"name": "linux"}), web()),
        {"catalogue": [{"path": "$pod.os", "update": "strip"}]},
        (f"add {SPEC}/os",),
    ),
    "pin takes away what it has no value for": Row(
        create(web(os={"name": "linux"})),
        {"catalogue": [{"path": "$pod.os", "preset": "seed"}]},
        (f"remove {SPEC}/os",), ("hide: spec.template.spec.os removed",),
    ),
    "cap": Row(
        create(web(terminationGracePeriodSeconds=900)), {"maxTerminationGracePeriodSeconds": 60},
        (f"replace {SPEC}/terminationGracePeriodSeconds",),
        ("hide: spec.template.spec.terminationGracePeriodSeconds set to 60 (set by the platform)",),
    ),
    "below the cap": Row(
        create(web(terminationGracePeriodSeconds=30)), {"maxTerminationGracePeriodSeconds": 60}
    ),
    "cap of what was stored": Row(
        update(web(terminationGracePeriodSeconds=900), web(NEW, terminationGracePeriodSeconds=900)),
        {"maxTerminationGracePeriodSeconds": 60},
        (f"replace {SPEC}/terminationGracePeriodSeconds",),
    ),
    "advise": Row(
        create(web(shareProcessNamespace=True)), {}, (),
        (f"hide: spec.template.spec.shareProcessNamespace {LATER}",),
    ),
    "advise about nothing new": Row(
        update(web(shareProcessNamespace=True), web(NEW, shareProcessNamespace=True))
    ),
    "deny on update": Row(
        update(web(os={"name": "linux"}), web(NEW, os={"name": "linux"})),
        {"catalogue": [{"path": "$pod.os", "create": "allow", "update": "deny"}]},
        denied="spec.template.spec.os is reserved",
    ),
    "the platform's own value is not denied": Row(
        create(web(os={"name": "linux"})),
        entry("$pod.os", "lock", value={"name": "linux"}),
    ),
    "locked value changed": Row(
        update(web(hostNetwork=True), web(NEW, hostNetwork=True, hostPID=True)),
        denied="spec.template.spec.hostPID is reserved for the platform. Ask",
    ),
    "locked value omitted": Row(
        update(web(hostNetwork=True), web(NEW)), {}, (f"add {SPEC}/hostNetwork",)
    ),
    "locked value set to its default": Row(
        update(web(hostNetwork=True), web(NEW, hostNetwork=False)), {},
        (f"replace {SPEC}/hostNetwork",),
    ),
    "locked default": Row(create(web(hostNetwork=False, hostUsers=True))),
    "tightening is free": Row(
        update(
            web(container(securityContext={"allowPrivilegeEscalation": True})),
            web(container(securityContext={"allowPrivilegeEscalation": False})),
        )
    ),
    "null is absent": Row(create(web(nodeSelector=None, tolerations=None))),
    "a text where a map is": Row(create(web(securityContext="x"))),
    "a text where a list is": Row(create(web(tolerations="x", volumes="y")), {}, (
        f"remove {SPEC}/tolerations",
    ), ("hide: spec.template.spec.tolerations removed",)),
    "a list where a text was": Row(
        update(web(tolerations="x"), web(NEW, tolerations=[])), {},
        (f"replace {SPEC}/tolerations",),
    ),
    "a template that is a text": Row(
        create({**kruise("CloneSet"), "spec": {"template": "x"}})
    ),
    "default tolerations stay": Row(create(web(tolerations=[DEFAULT_TOLERATION]))),
    "own tolerations go": Row(
        create(web(tolerations=[DEFAULT_TOLERATION, OWN_TOLERATION])), {},
        (f"remove {SPEC}/tolerations/1",), ("hide: spec.template.spec.tolerations removed",),
    ),
    "stored tolerations come back": Row(
        update(web(tolerations=[DEDICATED]), web(NEW, tolerations=[DEFAULT_TOLERATION])), {},
        (f"add {SPEC}/tolerations/0",),
    ),
    "own tolerations go, stored ones stay": Row(
        update(web(tolerations=[DEDICATED]), web(NEW, tolerations=[DEDICATED, OWN_TOLERATION])), {},
        (f"remove {SPEC}/tolerations/1",),
        ("hide: spec.template.spec.tolerations kept at platform value",),
    ),
    "tolerations of a Pod are locked": Row(
        update(pod(tolerations=[DEDICATED], **BARE), pod(tolerations=[DEDICATED, OWN_TOLERATION], **BARE)),
        denied="spec.tolerations is reserved",
    ),
    "default tolerations of a Pod are not": Row(
        update(
            pod(tolerations=[DEDICATED], **BARE),
            pod(tolerations=[DEDICATED, DEFAULT_TOLERATION], **BARE),
        )
    ),
    "first tolerations of a Pod": Row(
        update(pod(**BARE), pod(tolerations=[DEFAULT_TOLERATION], **BARE)),
    ),
    "tolerations of a Pod that are a text": Row(
        update(pod(tolerations=[DEDICATED], **BARE), pod(tolerations="x", **BARE)),
        denied="spec.tolerations is reserved",
    ),
    "removing a scheduling gate": Row(
        update(GATED, pod(**BARE)), denied="spec.schedulingGates is reserved"
    ),
    "a manifest without the gate": Row(
        put(GATED, pod(**BARE)), {}, ("add /spec/schedulingGates",)
    ),
    "a manifest without finalizers": Row(
        put(web(metadata={"finalizers": ["a/b"]}), web()), {}, ("add /metadata/finalizers",)
    ),
    "what webhooks added comes back": Row(
        update(web(metadata=UNOWNED, topologySpreadConstraints=[CONSTRAINT], affinity=ANTI), web(NEW)),
        {}, (f"add {SPEC}/affinity", f"add {SPEC}/topologySpreadConstraints"),
    ),
    "what webhooks added beside own terms comes back": Row(
        update(
            web(metadata=UNOWNED, topologySpreadConstraints=[CONSTRAINT]),
            web(NEW, topologySpreadConstraints=[{**CONSTRAINT, "topologyKey": "host"}]),
        ),
        {}, (f"add {SPEC}/topologySpreadConstraints/1",),
    ),
    "own terms may go": Row(
        update(web(metadata=OWNED, affinity=ANTI), web(NEW, metadata={"uid": "1"}))
    ),
    "own terms may change": Row(
        update(web(metadata=UNOWNED, affinity=ANTI), web(affinity={"podAntiAffinity": {"a": 1}}))
    ),
    "constraints that nobody changed": Row(
        update(
            web(metadata=UNOWNED, topologySpreadConstraints=[CONSTRAINT]),
            web(NEW, topologySpreadConstraints=[dict(CONSTRAINT)]),
        )
    ),
    "removed volume takes its mounts along": Row(
        create(web(
            container(volumeMounts=[MOUNT], volumeDevices=[]),
            container("b", volumeMounts=[MOUNT, {"name": "x", "mountPath": "/x"}]),
            "text", volumes=[HOST_VOLUME],
        )),
        entry("$pod.volumes[?hostPath]"),
        (
            f"remove {SPEC}/volumes", f"remove {APP}/volumeMounts",
            f"remove {SPEC}/containers/1/volumeMounts/0",
        ),
        ("hide: volume h removed",),
    ),
    "hidden volume stays as stored": Row(
        update(web(volumes=[HOST_VOLUME]), web(NEW, volumes=[{**HOST_VOLUME, "hostPath": {}}])),
        entry("$pod.volumes[?hostPath]"), (f"replace {SPEC}/volumes",),
        ("hide: volume h kept at platform value",),
    ),
    "hidden volume comes back": Row(
        update(web(volumes=[HOST_VOLUME]), web(NEW)), entry("$pod.volumes[?hostPath]"),
        (f"add {SPEC}/volumes",),
    ),
    "a claim is open": Row(
        create(web(volumes=[{"name": "c", "persistentVolumeClaim": {"claimName": "c"}}])),
    ),
    "memory volume becomes an ordinary one": Row(
        create(web(volumes=[{"name": "m", "emptyDir": {"medium": "Memory"}}])), {},
        (f"replace {SPEC}/volumes",),
        ("hide: spec.template.spec.volumes[0: m].emptyDir.medium removed",),
    ),
    "priority of a Pod is computed again": Row(
        create(PRIORITIZED), {},
        tuple(f"remove /spec/{one}" for one in (
            "overhead", "preemptionPolicy", "priority", "priorityClassName", "runtimeClassName",
        )),
        ("hide: spec.priorityClassName removed", "hide: spec.runtimeClassName removed"),
    ),
    "what in-tree admission computed is nobody's": Row(
        create(pod(priority=0, preemptionPolicy="PreemptLowerPriority", **BARE)),
    ),
    "service account of a Pod": Row(
        create(pod(serviceAccountName="admin", serviceAccount="admin", **BARE)),
        denied="hide: spec.serviceAccountName is reserved for the platform. Ask",
    ),
    "service account of a template": Row(
        create(web(serviceAccountName="admin", serviceAccount="admin")), {},
        (f"remove {SPEC}/serviceAccount", f"remove {SPEC}/serviceAccountName"),
        ("hide: spec.template.spec.serviceAccountName removed",),
    ),
    "host network that is not refused": Row(
        create(web(
            container(ports=[{"containerPort": 80, "hostPort": 80}, {"containerPort": 81}]),
            container("b"), hostNetwork=True, dnsPolicy="ClusterFirstWithHostNet",
        )),
        {"catalogue": [{"path": "$pod.hostNetwork"}, {"path": "$pod.dnsPolicy", "preset": "open"}]},
        (
            f"remove {APP}/ports/0/hostPort",
            f"remove {SPEC}/dnsPolicy", f"remove {SPEC}/hostNetwork",
        ),
        ("hide: spec.template.spec.hostNetwork removed",),
    ),
    "defaulted host port on the node's network": Row(
        update(
            web(hostNetwork=True),
            web(container(ports=[{"containerPort": 80, "hostPort": 80}]), hostNetwork=True),
        )
    ),
    "privileged that is not refused": Row(
        create(web(container(securityContext={"privileged": True, "procMount": "Unmasked"}))),
        {"catalogue": [
            {"path": "$containers[*].securityContext.privileged"},
            {"path": "$containers[*].securityContext.procMount", "preset": "open"},
        ]},
        (f"remove {APP}/securityContext",),
        ("hide: container app: securityContext.privileged removed",),
    ),
    "privileged without procMount": Row(
        create(web(container(securityContext={"privileged": True, "runAsUser": 1}))),
        {"catalogue": [{"path": "$containers[*].securityContext.privileged"}]},
        (f"remove {APP}/securityContext/privileged",),
        ("hide: container app: securityContext.privileged removed",),
    ),
    "several fields of a container in one warning": Row(
        create(web(container(terminationMessagePath="/x", imagePullPolicy="Never"))), {},
        (f"remove {APP}/imagePullPolicy", f"remove {APP}/terminationMessagePath"),
        ("hide: container app: terminationMessagePath, imagePullPolicy removed",),
    ),
    "init containers": Row(
        create(web(initContainers=[container("i", imagePullPolicy="Never")])), {},
        (f"remove {SPEC}/initContainers/0/imagePullPolicy",),
        ("hide: init container i: imagePullPolicy removed",),
    ),
    "an image by digest": Row(
        create(web(container(image="r:5000/web@sha256:1", imagePullPolicy="IfNotPresent")))
    ),
    "an init container that stood first": Row(
        update(
            web(initContainers=[container("log-init"), container("b")]),
            web(NEW, initContainers=[container("c")]),
        ),
        {"infraContainers": ["log-*"]}, (f"add {SPEC}/initContainers/0",),
        ("hide: init container log-init brought back (platform container)",),
    ),
    "an infra container before its neighbour": Row(
        update(web(container("log-a"), container("b")), web(container("b", image="x"))),
        {"infraContainers": ["log-*"]}, (f"add {SPEC}/containers/0",),
        ("hide: container log-a brought back (platform container)",),
    ),
    "an infra container before a farther neighbour": Row(
        update(web(container("log-a"), container("b"), container("c")), web(container("c"))),
        {"infraContainers": ["log-*"]}, (f"add {SPEC}/containers/0",),
        ("hide: container log-a brought back (platform container)",),
    ),
    "an infra container behind a farther neighbour": Row(
        update(web(container(), container("b"), container("log-a")), web(NEW)),
        {"infraContainers": ["log-*"]}, (f"add {SPEC}/containers/1",),
        ("hide: container log-a brought back (platform container)",),
    ),
    "a changed infra container": Row(
        update(web(container(), container("log-a")), web(NEW, container("log-a", image="x"))),
        {"infraContainers": ["log-*"]}, (f"replace {SPEC}/containers/1",),
        ("hide: container log-a kept at platform value (platform container)",),
    ),
    "the infra container as it is": Row(
        update(web(container(), container("log-a")), web(NEW, container("log-a"))),
        {"infraContainers": ["log-*"]},
    ),
    "a manifest without the infra container": Row(
        put(web(container(), container("log-a")), web(NEW)),
        {"infraContainers": ["log-*"]}, (f"add {SPEC}/containers/1",),
    ),
    "infra pull secrets": Row(
        create(web(imagePullSecrets=[{"name": "corp"}])),
        {"infraPullSecrets": ["corp"], "extends": "none"}, (f"remove {SPEC}/imagePullSecrets",),
        ("hide: spec.template.spec.imagePullSecrets[0: corp] removed (platform element)",),
    ),
    "elements of the platform are added": Row(
        create(web(imagePullSecrets=[{"name": "mine"}])),
        {"extends": "none", **entry(
            "$pod.imagePullSecrets[name=corp]", "restore", value=[{"name": "corp"}]
        )},
        (f"add {SPEC}/imagePullSecrets/1",),
    ),
    "elements of the platform are there": Row(
        create(web(imagePullSecrets=[{"name": "corp"}])),
        {"extends": "none", **entry(
            "$pod.imagePullSecrets[name=corp]", "restore", value=[{"name": "corp"}]
        )},
    ),
    "a sidecar of the mesh in a Pod": Row(
        create(pod(container(), container("istio-proxy", imagePullPolicy="Never"), **BARE))
    ),
    "one that calls itself so in a template": Row(
        create(web(container(), container("istio-proxy", imagePullPolicy="Never"))), {},
        (f"remove {SPEC}/containers/1/imagePullPolicy",),
        ("hide: container istio-proxy: imagePullPolicy removed",),
    ),
    "rename with the same image": Row(
        update(
            web(container(image="r/web:1", terminationMessagePath="/x")),
            web(container("api", image="r/web:2")),
        ),
        {"carryOnRename": "single"}, (f"add {APP}/terminationMessagePath",),
    ),
    "rename with another image": Row(
        update(
            web(container(image="r/web:1", terminationMessagePath="/x")),
            web(container("api", image="r/api:2")),
        ),
        {"carryOnRename": "single"}, (),
        ("hide: container app → api: platform settings were not copied",),
    ),
    "rename of a container without settings": Row(update(web(), web(container("api")))),
    "rename of an infra container": Row(
        update(web(container(), container("log-a")), web(container(), container("b"))),
        {"infraContainers": ["log-*"]}, (f"add {SPEC}/containers/1",),
        ("hide: container log-a brought back (platform container)",),
    ),
    "adopt always rolls out": Row(
        update(web(), tweak(web(), "metadata.labels", {"a": "b"})),
        {"adopt": "always", **entry("$pod.dnsPolicy", "pin", value="None")},
        (f"add {SPEC}/dnsPolicy",),
    ),
    "adopt never": Row(
        update(web(), web(NEW)),
        {"adopt": "never", **entry("$pod.dnsPolicy", "pin", value="None")},
    ),
    "pin of elements in an unchanged template": Row(
        update(web(), tweak(web(), "metadata.labels", {"a": "b"})),
        entry("$containers[*].imagePullPolicy", "pin", value="Always"),
    ),
    "pin outside of a template": Row(
        update(
            tweak(web(), "spec.revisionHistoryLimit", 9),
            tweak(tweak(web(), "spec.revisionHistoryLimit", 9), "metadata.labels", {"a": "b"}),
        ),
        {}, ("replace /spec/revisionHistoryLimit",),
    ),
    "entry for some Namespaces": Row(
        create(web(os={"name": "linux"})),
        {"extends": "none", **entry("$pod.os", namespaces=["other"])},
    ),
    "entry for this Namespace": Row(
        create(web(os={"name": "linux"})), entry("$pod.os", "open", namespaces=["sh*"])
    ),
    "a wide entry spares narrower ones": Row(
        create(web(securityContext={"runAsUser": 1, "supplementalGroups": [1]})),
        {"catalogue": [
            {"path": "$pod.securityContext"},
            {"path": "$pod.securityContext.runAsUser", "preset": "open"},
        ]},
        (f"remove {SPEC}/securityContext/supplementalGroups",),
        ("hide: spec.template.spec.securityContext.supplementalGroups removed",),
    ),
    "a whole list spares an element": Row(
        create(web(volumes=[{"name": "a", "emptyDir": {}}, {"name": "b", "secret": {}}])),
        {"extends": "none", "catalogue": [
            {"path": "$pod.volumes"}, {"path": "$pod.volumes[?secret]", "preset": "open"},
        ]},
        (f"remove {SPEC}/volumes/0",), ("hide: volume a removed",),
    ),
    "unknown fields, warn": Row(
        create(web(nextYear=1)), {"unknownField": "warn"}, (),
        ("hide: spec.template.spec.nextYear is reserved for the platform and may be refused later",),
    ),
    "unknown fields, strip": Row(
        create(web(container(later=1), restartPolicy="Always")), {"unknownField": "strip"},
        (f"remove {APP}/later",), ("hide: container app: later removed",),
    ),
    "immutable template": Row(
        update(BATCH_JOB, tweak(tweak(BATCH_JOB, f"{POD}.enableServiceLinks", REMOVED),
                                "metadata.labels", {"a": "b"})),
        {}, (f"add {SPEC}/enableServiceLinks",),
    ),
    "task with index and name": Row(
        create(VOLCANO), {}, (),
        denied="hide: spec.tasks[0: worker].template.spec.nodeName is reserved",
    ),
    "container of a task": Row(
        create(tweak(VOLCANO, ("spec", "tasks", 0, "template", "spec", "nodeName"), REMOVED)), {},
        ("replace /spec/tasks",),
        ("hide: spec.tasks[0: worker].template.spec: container app: imagePullPolicy removed",),
    ),
    "storage class of a claim template": Row(
        update(SET, tweak(SET, ("spec", "volumeClaimTemplates", 0, "spec"), {})), {},
        ("add /spec/volumeClaimTemplates/0/spec/storageClassName",),
    ),
    "headless Service": Row(create(plain("Service", {"clusterIP": "None", "clusterIPs": ["None"]}))),
    "node port by the name of the port": Row(
        update(
            plain("Service", {"ports": [{"name": "a", "port": 80, "nodePort": 30080}]}),
            plain("Service", {"ports": [{"name": "a", "port": 81}, {"name": "b", "port": 82}]}),
        ),
        {}, ("add /spec/ports/0/nodePort",),
    ),
    "host of an Ingress": Row(
        create(INGRESS), HOSTS,
        denied="spec.rules[1].host: a rule for every host is not allowed here; allowed: .shop.example",
    ),
    "host that is allowed": Row(
        create(tweak(INGRESS, ("spec", "rules"), [{"host": "shop.example"}])), HOSTS
    ),
    "host that was stored": Row(
        update(INGRESS, tweak(INGRESS, "metadata.labels", {"a": "b"})),
        {"ingressHosts": [{"suffixes": ["other.example"]}]},
    ),
    "hosts of another Namespace": Row(
        create(INGRESS), {"ingressHosts": [{"namespaces": ["x"], "suffixes": ["other.example"]}]}
    ),
    "no rules": Row(create(plain("Ingress", {}, "networking.k8s.io/v1")), HOSTS),
    "data of another Namespace": Row(
        create(CLAIM), denied="spec.dataSourceRef.namespace: data of Namespace other is out of reach"
    ),
    "data of the own Namespace": Row(
        create(tweak(CLAIM, "spec.dataSourceRef.namespace", "shop"))
    ),
    "data that was stored": Row(update(CLAIM, tweak(CLAIM, "metadata.labels", {"a": "b"}))),
    "scrub": Row(
        create(APPLIED), {"lastApplied": "scrub"},
        (f"replace /metadata/annotations/{LAST.replace('/', '~1')}", f"remove {SPEC}/nodeSelector"),
        ("hide: spec.template.spec.nodeSelector removed",),
    ),
    "scrub says nothing of its own": Row(
        create(web(imagePullSecrets=[{"name": "mine"}, {"name": "corp"}], metadata={
            "annotations": {LAST: '{"kind":"Deployment","spec":{"template":{"spec":{"imagePullSecrets":'
                                  '[{"name":"corp"},{"name":"mine"}]}}}}'},
        })),
        {"lastApplied": "scrub", **entry(
            "$pod.imagePullSecrets[name=corp]", "restore", value=[{"name": "corp"}]
        )},
        (f"replace /metadata/annotations/{LAST.replace('/', '~1')}",
         f"remove {SPEC}/imagePullSecrets/0"),
        ("hide: spec.template.spec.imagePullSecrets[0: mine] removed",),
    ),
    "scrub of no JSON": Row(
        create(tweak(APPLIED, ("metadata", "annotations", LAST), "{")), {"lastApplied": "scrub"},
        (f"remove {SPEC}/nodeSelector",), ("hide: spec.template.spec.nodeSelector removed",),
    ),
    "scrub of nothing hidden": Row(
        create(tweak(APPLIED, ("metadata", "annotations", LAST), "{}")), {"lastApplied": "scrub"},
        (f"remove {SPEC}/nodeSelector",), ("hide: spec.template.spec.nodeSelector removed",),
    ),
    "noiseless": Row(
        update(tweak(APPLIED, f"{POD}.nodeSelector", REMOVED), APPLIED), {"noiseless": True},
        (f"remove {SPEC}/nodeSelector",),
    ),
    "noiseless says it once": Row(
        create(APPLIED), {"noiseless": True}, (f"remove {SPEC}/nodeSelector",),
        ("hide: spec.template.spec.nodeSelector removed",),
    ),
    "Chinese": Row(
        create(web(nodeSelector={"a": "b"})), {"language": "zh"}, (f"remove {SPEC}/nodeSelector",),
        ("hide: spec.template.spec.nodeSelector 已移除",),
    ),
    "Chinese denial": Row(
        create(web(hostNetwork=True)), {"language": "zh", "contact": "#help"},
        denied="hide: spec.template.spec.hostNetwork 由平台保留. 请联系 #help 或将其删除。",
    ),
    "reserved kind, unchanged": Row(
        update(plain("SidecarSet", {}, "apps.kruise.io/v1beta1"),
               plain("SidecarSet", {}, "apps.kruise.io/v1beta1"))
    ),
    "reserved kind, F-K12": Row(
        create(plain("EphemeralJob", {}, "apps.kruise.io/v1alpha1")),
        denied="hide: kind EphemeralJob is reserved for the platform",
    ),
    "unknown kind": Row(create(plain("Widget", {"template": {}}, "shop.example/v1"))),
    "status": Row(update(web(), web(hostNetwork=True), sub_resource="status")),
    "resize": Row(update(pod(), pod(hostNetwork=True), sub_resource="resize")),
    "deletion": Row(request(old=web(), operation="DELETE")),
    "two labels of the platform": Row(
        create(web(metadata={"labels": {"propylon.dev/x": "1", "team": "a"}})), {},
        ("remove /metadata/labels/propylon.dev~1x",),
        ('hide: metadata.labels["propylon.dev/x"] removed',),
    ),
    "files of lxcfs in a Pod": Row(
        create(pod(container(), volumes=[
            {"name": "lxcfs-stat", "hostPath": {"path": "/var/lib/lxcfs/proc/stat"}}
        ], **BARE))
    ),
    "other files of the node in a Pod": Row(
        create(pod(container(), volumes=[
            {"name": "lxcfs-stat", "hostPath": {"path": "/var/lib/lxcfs/../../proc/stat"}}
        ], **BARE)),
        denied="volume lxcfs-stat uses hostPath",
    ),
    "files of lxcfs in a template": Row(
        create(web(volumes=[
            {"name": "lxcfs-stat", "hostPath": {"path": "/var/lib/lxcfs/proc/stat"}}
        ])),
        denied="volume lxcfs-stat uses hostPath",
    ),
    "a host path that is none": Row(
        create(pod(container(), volumes=[{"name": "h", "hostPath": "x"}], **BARE)),
        denied="volume h uses hostPath",
    ),
    "marks of other rules stay": Row(
        create(web(metadata={
            "annotations": {"propylon.dev/spread": "1f0c2a9b"},
            "labels": {"propylon.dev/delete-protection-state": "cooling"},
        }))
    ),
    "switches are the developer's": Row(
        create(web(metadata={"annotations": {"propylon.dev/skip-env": "true"}}))
    ),
    "explicit empty map stays": Row(create(web(nodeSelector={}, securityContext={}))),
}  # fmt: skip


def short(patch: list[dict[str, Any]]) -> list[str]:
    return sorted(f"{one['op']} {one['path']}" for one in patch)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_row(row: Row) -> None:
    used = config(**row.spec)
    outcome = mutate(row.request, used)
    messages = [one.message for one in outcome.violations if one.action is Action.DENY]
    assert (row.denied in messages[0]) if row.denied else (messages == [])
    assert short(diff(row.request.object, outcome.object)) == sorted(row.patch)
    assert sorted(outcome.warnings) == sorted(row.warnings)
    again = mutate(row.request.with_object(outcome.object), used)
    assert again.object is outcome.object


PHASES: dict[str, tuple[str, bool, tuple[str, ...], Action | None]] = {
    "off": ("off", False, (), None),
    "audit": ("audit", False, (), Action.AUDIT),
    "warn": (
        "warn",
        False,
        ("hide: spec.template.spec.nodeSelector would be removed",),
        Action.WARN,
    ),
    "enforce": ("enforce", True, ("hide: spec.template.spec.nodeSelector removed",), None),
}


@pytest.mark.parametrize(("phase", "changes", "warnings", "action"), PHASES.values(), ids=PHASES)
def test_phase(phase: str, changes: bool, warnings: tuple[str, ...], action: Action | None) -> None:
    asked = create(web(nodeSelector={"a": "b"}))
    outcome = mutate(asked, config(phase))
    assert (outcome.object is not asked.object) is changes
    assert outcome.warnings == warnings
    assert [one.action for one in outcome.violations] == ([action] if action else [])
    assert outcome.mutated_by == (("HiddenFields/default",) if changes else ())


def test_a_phase_that_denies_nothing_says_what_would_be_denied() -> None:
    asked = create(web(container(securityContext={"privileged": True})))
    outcome = mutate(asked, config("warn"))
    assert outcome.warnings == (
        "hide: container app: securityContext.privileged would be denied (reserved for the platform)",
    )
    assert [one.action for one in outcome.violations] == [Action.WARN]
    assert validate(asked, config("warn")).violations == ()
    assert '"phase":"warn"' in outcome.audit_annotations["hide"]


OPERATORS = build_actors(
    (item("Actors", "a", {"operators": {"groups": ["ops"]}, "delegateAs": "operator"}),), Platform()
)[0]
ARGO = "system:serviceaccount:argocd:argocd-application-controller"
MIXED = web(spec={"paused": True}, os={"name": "linux"})
WRITERS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "developer": ({}, ("/spec/paused", f"{SPEC}/os")),
    "operator": ({"groups": ("ops",)}, (f"{SPEC}/os",)),
    "delegate as operator": ({"user": ARGO}, (f"{SPEC}/os",)),
    "platform": ({"groups": ADMIN}, ()),
    "breakglass": ({"groups": ("propylon.dev:breakglass",)}, ()),
    "workload controller": ({"user": "system:serviceaccount:kruise-system:kruise-manager"}, ()),
}


@pytest.mark.parametrize(("fields", "removed"), WRITERS.values(), ids=WRITERS)
def test_writer(fields: dict[str, Any], removed: tuple[str, ...]) -> None:
    asked = create(MIXED, **fields)
    outcome = mutate(asked, config(actors=OPERATORS))
    assert short(diff(asked.object, outcome.object)) == [f"remove {one}" for one in removed]


def test_a_platform_that_may_not_write_everything() -> None:
    asked = create(MIXED, groups=ADMIN)
    outcome = mutate(asked, config(roles={"platform": ["D", "O"]}))
    assert short(diff(asked.object, outcome.object)) == [f"remove {SPEC}/os"]


DELEGATES: dict[str, tuple[str, tuple[str, ...], str, str]] = {
    "strip": ("strip", (f"remove {SPEC}/os",), "hide: spec.template.spec.os removed", ""),
    "deny": ("deny", (), "", "hide: spec.template.spec.os is reserved"),
    "warn": ("warn", (), "hide: spec.template.spec.os is reserved for the platform", ""),
}


@pytest.mark.parametrize(
    ("setting", "patch", "warning", "denied"), DELEGATES.values(), ids=DELEGATES
)
def test_delegate(setting: str, patch: tuple[str, ...], warning: str, denied: str) -> None:
    used = config(delegateTreatment=setting)
    asked = create(web(os={"name": "linux"}), user=ARGO)
    outcome = mutate(asked, used)
    assert short(diff(asked.object, outcome.object)) == list(patch)
    assert [one for one in outcome.warnings if not one.startswith(warning or "-")] == []
    assert [denied in one.message for one in outcome.violations] == ([True] if denied else [])
    carried = mutate(update(web(os={"name": "linux"}), web(NEW), user=ARGO), used)
    assert short(diff(web(NEW), carried.object)) == [f"add {SPEC}/os"]


FOREIGN = owned_by("Widget", api_version="shop.example/v1")
MADE = tweak(pod(os={"name": "linux"}, **BARE), "metadata.ownerReferences", FOREIGN)
MADE_PLAINLY = tweak(pod(**BARE), "metadata.ownerReferences", FOREIGN)
UNKNOWN: dict[str, tuple[Any, dict[str, Any], bool, Action | None]] = {
    "audit": (MADE, {}, False, Action.AUDIT),
    "treatAsDeveloper": (MADE, {"unknownOwnerKind": "treatAsDeveloper"}, True, None),
    "ignore": (MADE, {"unknownOwnerKind": "ignore"}, False, None),
    "nothing hidden": (MADE_PLAINLY, {}, False, None),
    "nothing but metadata": (MADE_PLAINLY, {"unknownOwnerKind": "treatAsDeveloper"}, False, None),
    "known owner": (
        tweak(MADE, "metadata.ownerReferences", owned_by("ReplicaSet")),
        {},
        False,
        None,
    ),
}


@pytest.mark.parametrize(("value", "spec", "changes", "action"), UNKNOWN.values(), ids=UNKNOWN)
def test_pods_of_unknown_owners(
    value: Any, spec: dict[str, Any], changes: bool, action: Action | None
) -> None:
    asked = create(value, user="system:serviceaccount:kruise-system:kruise-manager")
    outcome = mutate(asked, config(**spec))
    assert (outcome.object is not value) is changes
    assert outcome.object["metadata"] == value["metadata"]
    assert [one.action for one in outcome.violations] == ([action] if action else [])


REPLICA_SET = {
    **web(metadata={"ownerReferences": owned_by("Deployment", "web"), "uid": "1"}),
    "kind": "ReplicaSet",
}


def test_f_k09_another_template_of_an_owned_object() -> None:
    changed = tweak(REPLICA_SET, f"{POD}.containers[0].image", "web:2")
    outcome = mutate(update(REPLICA_SET, changed))
    assert outcome.violations[0].message.startswith(
        "hide: the template of ReplicaSet web is managed by its owner Deployment web; edit the owner"
    )
    scaled = update(REPLICA_SET, tweak(REPLICA_SET, "spec.replicas", 2))
    assert mutate(scaled).object is scaled.object


def test_f_k10_owner_that_is_no_controller() -> None:
    owners = [{**owned_by("Deployment")[0], "controller": False}]
    old = tweak(REPLICA_SET, "metadata.ownerReferences", owners)
    outcome = mutate(update(old, tweak(old, f"{POD}.os", {"name": "linux"})))
    assert outcome.warnings == ("hide: spec.template.spec.os removed",)


CRON = owned_by("CronJob", "nightly", "batch/v1")
COPY = tweak(tweak(BATCH_JOB, f"{POD}.os", {"name": "linux"}), "metadata.ownerReferences", CRON)
LIVE = {
    "metadata": {"name": "nightly", "uid": CRON[0]["uid"]},
    "spec": {"jobTemplate": {"spec": {"template": COPY["spec"]["template"]}}},
}
CRON_LOOKUP = Get("batch/v1", "CronJob", "shop", "nightly")
COPIES: dict[str, tuple[Any, Any, bool]] = {
    "the same": (COPY, LIVE, True),
    "another template": (tweak(COPY, f"{POD}.os.name", "windows"), LIVE, False),
    "another CronJob": (COPY, tweak(LIVE, "metadata.uid", "2"), False),
    "no CronJob": (COPY, None, False),
    "no answer": (COPY, Unavailable("gone"), False),
    "a CronJob without template": (COPY, {"metadata": LIVE["metadata"]}, False),
    "owned by something else": (
        tweak(COPY, "metadata.ownerReferences", owned_by("Widget")),
        LIVE,
        False,
    ),
}


@pytest.mark.parametrize(("job", "live", "accepted"), COPIES.values(), ids=COPIES)
def test_job_from_a_cron_job(job: Any, live: Any, accepted: bool) -> None:
    asked = create(job)
    outcome = mutate(asked, DEFAULT, Facts({CRON_LOOKUP: live}))
    assert (outcome.object is asked.object) is accepted


def test_the_cron_job_is_asked_for() -> None:
    with pytest.raises(NeedFacts) as need:
        mutate(create(COPY), DEFAULT, Facts())
    assert need.value.lookups == {CRON_LOOKUP}


DEBUGGED = pod(container(), ephemeralContainers=[container("old")], **BARE)


def test_new_ephemeral_containers_are_containers() -> None:
    debug = [container("old"), container("new", imagePullPolicy="Never")]
    asked = update(
        DEBUGGED, tweak(DEBUGGED, "spec.ephemeralContainers", debug),
        sub_resource="ephemeralcontainers",
    )  # fmt: skip
    outcome = mutate(asked)
    assert outcome.warnings == ("hide: ephemeral container new: imagePullPolicy removed",)
    debug[1] = container("new", securityContext={"privileged": True})
    asked = asked.with_object(tweak(DEBUGGED, "spec.ephemeralContainers", debug))
    text = "ephemeral container new: securityContext.privileged is reserved for the platform"
    assert text in mutate(asked).violations[0].message
    assert text in validate(asked).violations[0].message


def test_ephemeral_containers_in_a_template_are_refused() -> None:
    outcome = mutate(create(web(ephemeralContainers=[container("debug")])))
    assert "spec.template.spec.ephemeralContainers is reserved" in outcome.violations[0].message


SCALE = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}, "spec": {}}
DEPLOYMENTS = GroupVersionResource("apps", "v1", "deployments")
HPAS = List("autoscaling/v2", "HorizontalPodAutoscaler", "shop")
FROZEN = entry("spec.replicas", "freeze", owner="O")


def hpa(**target: Any) -> Any:
    return {"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web", **target}}}


SCALES: dict[str, tuple[int, dict[str, Any], dict[str, Any], Any, str]] = {
    "frozen": (2, FROZEN, {}, None, "scaling is managed by the platform"),
    "pinned": (
        2, entry("spec.replicas", "pin", value=3), {}, None, "scaling is managed by the platform"
    ),
    "unchanged": (1, FROZEN, {}, None, ""),
    "operator's": (2, FROZEN, {"groups": ("ops",)}, None, ""),
    "KEDA": (2, FROZEN, {"user": "system:serviceaccount:keda:keda-operator"}, None, ""),
    "autoscaled": (2, {}, {}, [hpa()], "scaling is managed by an autoscaler"),
    "another name": (2, {}, {}, [hpa(name="api")], ""),
    "another group": (2, {}, {}, [hpa(apiVersion="apps.kruise.io/v1beta1")], ""),
    "no answer": (2, {}, {}, Unavailable("gone"), ""),
    "not asked": (2, {"freezeAutoscaled": False}, {}, None, ""),
    "no replicas known": (
        2, {}, {"resource": GroupVersionResource("shop.example", "v1", "widgets")}, None, ""
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("count", "spec", "fields", "found", "denied"), SCALES.values(), ids=SCALES
)
def test_scale(
    count: int, spec: dict[str, Any], fields: dict[str, Any], found: Any, denied: str
) -> None:
    old, new = (tweak(SCALE, "spec.replicas", one) for one in (1, count))
    asked = update(old, new, **{
        "sub_resource": "scale", "resource": DEPLOYMENTS, "namespace": "shop", **fields
    })  # fmt: skip
    outcome = mutate(asked, config(actors=OPERATORS, **spec), Facts({HPAS: found}))
    messages = [one.message for one in outcome.violations]
    assert (denied in messages[0]) if denied else (messages == [])


REPLICAS: dict[str, tuple[int | None, dict[str, Any], dict[str, Any], int | None]] = {
    "a default of the API server": (1, {}, {}, 7),
    "left out": (None, {}, {}, 7),
    "by an operator": (3, {}, {"groups": ("ops",)}, 3),
    "not asked": (3, {"freezeAutoscaled": False}, {}, 3),
}


@pytest.mark.parametrize(("count", "spec", "fields", "expected"), REPLICAS.values(), ids=REPLICAS)
def test_replicas_of_an_autoscaler(
    count: int | None, spec: dict[str, Any], fields: dict[str, Any], expected: int
) -> None:
    new = web() if count is None else tweak(web(), "spec.replicas", count)
    asked = update(tweak(web(), "spec.replicas", 7), new, **fields)
    outcome = mutate(asked, config(actors=OPERATORS, **spec), Facts({HPAS: (hpa(),)}))
    assert outcome.object["spec"]["replicas"] == expected
    assert outcome.warnings == ()


def managed(fields: Any, **more: Any) -> dict[str, Any]:
    return {"manager": "alice", "operation": "Update", "fieldsV1": fields, **more}


POLICY_KEY = 'k:{"name":"app"}'
PORT_KEY = 'k:{"containerPort":80,"protocol":"TCP"}'
LISTED: dict[str, Any] = {
    "f:spec": {"f:template": {"f:spec": {"f:containers": {POLICY_KEY: {
        "f:imagePullPolicy": {}, "f:ports": {PORT_KEY: {"f:hostPort": {}}},
    }}}}}
}  # fmt: skip


def test_release_of_elements_and_of_whole_entries() -> None:
    """Without a name in the options, the writer's entry is the one that is new."""
    old_entry = managed({"f:metadata": {}}, manager="bob")
    ports = [{"containerPort": 80, "hostPort": 80}]
    new = web(
        container(imagePullPolicy="Never", ports=ports),
        metadata={"managedFields": [old_entry, managed(LISTED), "text"], "uid": "1"},
    )
    old = web(metadata={"managedFields": [old_entry], "uid": "1"})
    rows = [
        {"path": "$containers[*].ports[*].hostPort", "preset": "hide"},
        {"path": "$containers[*].imagePullPolicy", "preset": "hide"},
    ]
    after = mutate(update(old, new), config(managedFields="release", catalogue=rows)).object
    assert after["metadata"]["managedFields"] == [old_entry]


def test_claim_extends_the_platforms_own_entry() -> None:
    own = managed({"f:spec": {"f:paused": {}}}, manager="propylon.dev")
    old = web(os={"name": "linux"}, metadata={"uid": "1", "managedFields": [own]})
    fields: Any = {
        "f:spec": {"f:template": {"f:spec": {"f:os": {".": {}, "f:name": {}}, "f:x": {}}}}
    }
    new = web(
        os={"name": "windows"}, metadata={"uid": "1", "managedFields": [own, managed(fields)]}
    )
    after = mutate(update(old, new), config(managedFields="claim")).object
    mine, theirs = after["metadata"]["managedFields"]
    assert mine["fieldsV1"] == {"f:spec": {"f:template": {"f:spec": {"f:x": {}}}}}
    template: Any = {"f:template": {"f:spec": {"f:os": {}}}}
    assert theirs["fieldsV1"] == {"f:spec": {"f:paused": {}, **template}}


def test_claim_of_nothing_kept() -> None:
    entry_of = managed({"f:spec": {"f:template": {"f:spec": {"f:os": {}, "f:x": {}}}}})
    new = web(os={"name": "linux"}, metadata={"managedFields": [entry_of]})
    after = mutate(create(new), config(managedFields="claim")).object
    (only,) = after["metadata"]["managedFields"]
    assert only["fieldsV1"] == {"f:spec": {"f:template": {"f:spec": {"f:x": {}}}}}


def test_owners_that_own_nothing_hidden_stay() -> None:
    entry_of = managed({"f:spec": "text"})
    new = web(os={"name": "linux"}, metadata={"managedFields": [entry_of]})
    after = mutate(create(new), config(managedFields="release")).object
    assert after["metadata"]["managedFields"] == [entry_of]


def test_owners_of_what_stays_own_it_further() -> None:
    new = web(metadata={"managedFields": [managed({"f:spec": {"f:replicas": {}}})]})
    assert mutate(create(new), config(managedFields="release")).object is new


OWNERSHIP: dict[str, tuple[Any, tuple[Any, ...], bool]] = {
    "no managers": ({}, ("spec", "a"), True),
    "in a list": ({"f:spec": {}}, ("spec", 0), True),
    "a whole map": ({"f:spec": {}}, ("spec", "a"), True),
    "the field": ({"f:spec": {"f:a": {}}}, ("spec", "a"), True),
    "another field": ({"f:spec": {"f:b": {}}}, ("spec", "a"), False),
}


@pytest.mark.parametrize(("fields", "path", "expected"), OWNERSHIP.values(), ids=OWNERSHIP)
def test_ownership(fields: Any, path: tuple[Any, ...], expected: bool) -> None:
    entries = [managed(fields)] if fields else []
    assert bool(owned_at({"metadata": {"managedFields": entries}}, path)) is expected


ELEMENTS: dict[str, tuple[Any, bool]] = {
    "the element": ({'k:{"a":1}': {}}, True),
    "another element": ({'k:{"a":2}': {}}, False),
    "the whole list": ({}, True),
    "nothing that is known": ("text", False),
}


@pytest.mark.parametrize(("fields", "expected"), ELEMENTS.values(), ids=ELEMENTS)
def test_ownership_of_elements(fields: Any, expected: bool) -> None:
    entries = [managed({"f:b": {}}), managed({"f:a": fields})]
    stored = {"metadata": {"managedFields": entries}}
    assert owns_element(owned_at(stored, ("a",)), {"a": 1}) is expected


def test_names_that_are_none_break_nothing() -> None:
    """Nobody checks the types of a custom resource before this rule sees it (F-24)."""
    odd: list[Any] = [{"name": []}, {"name": {}}]
    new = web(containers=odd, volumes=odd, os={"name": "linux"})
    old = web(volumes=[{"name": "x", "hostPath": {"path": "/"}}])
    after = mutate(update(old, new), config()).object
    assert after["spec"]["template"]["spec"]["containers"] == odd


SAME: dict[str, tuple[Any, Any, bool]] = {
    "null and absent": ({"a": None}, {}, True),
    "an empty source": ({"v": {"emptyDir": {}}}, {"v": {}}, False),
    "int or string": ({"p": [80]}, {"p": ["80"]}, True),
    "length": ({"p": [80]}, {"p": [80, 81]}, False),
    "kind": ({"p": [80]}, {"p": {}}, False),
}


@pytest.mark.parametrize(("one", "other", "expected"), SAME.values(), ids=SAME)
def test_means_same(one: Any, other: Any, expected: bool) -> None:
    assert means_same(one, other) is expected


def test_no_pod_specification_no_couplings() -> None:
    treated: Any = {"spec": {}}
    assert with_couplings({"spec": {"a": 1}}, treated, None, is_pod=False) is treated
