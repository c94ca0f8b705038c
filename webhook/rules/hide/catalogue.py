"""The default catalogue (platform-rules A.2), as tables: path, owner, preset, reason.

Data only. A path below `$pod` and `$containers[*]` holds in every Pod template; a path of the
table METADATA holds for the object's own metadata and for the template's. `PFX` is the prefix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from webhook.model import Json
from webhook.rules.hide.entries import PRESETS, Entry, Treatment
from webhook.rules.hide.lxcfs_parts import PARENT, is_lxcfs_affinity, is_lxcfs_volume

JOB_UID = "batch.kubernetes.io/controller-uid"
"""The label by which a Job finds its Pods (since Kubernetes 1.27)."""

DEFAULT_TOLERATIONS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def is_default_toleration(element: Json) -> bool:
    """Tell whether the API server itself added this toleration (F-17)."""
    return (
        isinstance(element, dict)
        and element.get("key") in DEFAULT_TOLERATIONS
        and element.get("operator") == "Exists"
        and element.get("effect") == "NoExecute"
        and element.get("tolerationSeconds") == 300
    )


def is_generated_selector(selector: Json) -> bool:
    """Tell whether the API server made this selector of a Job: it names the Job's own uid.

    One that somebody writes would need `manualSelector`, which is the platform's.
    """
    if not isinstance(selector, dict) or selector.keys() != {"matchLabels"}:
        return False
    labels = selector["matchLabels"]
    return isinstance(labels, dict) and tuple(labels) == (JOB_UID,)


def entry(path: str, owner: str, preset: str, reason: str, **more: Any) -> Entry:
    """Return a row of the catalogue with the treatments of a preset."""
    create, update = PRESETS[preset]
    fields: dict[str, Any] = {"create": create, "update": update, "reason": reason, **more}
    return Entry(path=path, owner=owner, **fields)


TEMPLATES = ("templates",)
"""Every kind with a Pod template, but Pods themselves."""
POD = ("core/Pod",)
SHOWN: Mapping[str, Any] = MappingProxyType({"show_value": True})

MARKERS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "labels": ("delete-protection-state",),
    "annotations": (
        "spread", "injected-env", "injected-lxcfs", "confirmed-at", "confirmed-by",
        "protection-removed-at", "protection-removed-by", "protection-removed-level",
    ),
})  # fmt: skip
"""What other rules write below the prefix. They run behind this one, which is then called again,
so they are left alone here: each rule itself sees to it that nobody forges them."""

METADATA: tuple[Entry, ...] = (
    *(
        entry(f'$meta.{field}["PFX/{name}"]', "system", "ignore", "written by another rule")
        for field, names in MARKERS.items()
        for name in names
    ),
    entry('$meta.labels["PFX/exclusive"]', "O", "hide", "spreading trait"),
    entry('$meta.annotations["PFX/exclusive"]', "O", "hide", "spreading trait"),
    entry('$meta.labels["PFX/*"]', "I", "hide", "Propylon's own bookkeeping"),
    entry('$meta.annotations["PFX/*"]', "I", "hide", "Propylon's own bookkeeping"),
    *(
        entry(f'$meta.{field}["PFX/{name}"]', "O", "open", "a switch of the rules")
        for field, names in (
            ("labels", ("delete-protection", "tier")),
            ("annotations", (
                "skip-env", "skip-lxcfs", "skip-spread", "lxcfs", "lxcfs-containers", "tier",
                "confirm-delete", "delete-protection",
            )),
        )
        for name in names
    ),
    *(
        entry(f'$meta.annotations["{key}"]', "system", "hide", "bookkeeping of controllers")
        for key in ("deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation")
    ),
    *(
        entry(f'$meta.annotations["{key}"]', "I", "advise", "often changes how nodes behave")
        for key in ("*.alpha.kubernetes.io/*", "*.beta.kubernetes.io/*")
    ),
    *(
        entry(f'$meta.annotations["{key}"]', "I", "lock", "an old security switch")
        for key in (
            "container.apparmor.security.beta.kubernetes.io/*",
            "seccomp.security.alpha.kubernetes.io/*",
        )
    ),
    *(
        entry(f'$meta.annotations["{key}"]', "O", "hide", "scheduling and scale-down")
        for key in ("scheduler.alpha.kubernetes.io/*", "cluster-autoscaler.kubernetes.io/*")
    ),
    *(
        entry(f'$meta.annotations["{key}"]', "O", "hide", "the mesh is a platform trait")
        for key in (
            "sidecar.istio.io/*", "traffic.sidecar.istio.io/*", "proxy.istio.io/*",
            "linkerd.io/*", "config.linkerd.io/*", "consul.hashicorp.com/connect-inject",
            "kuma.io/sidecar-injection",
        )
    ),
    entry('$meta.labels["sidecar.istio.io/inject"]', "O", "hide", "the mesh is a platform trait"),
    entry(
        "metadata.finalizers", "I", "hide", "a developer's finalizer blocks deletion",
        kinds=("core/PersistentVolumeClaim",), minds_removal=True,
        # The API server adds it before any webhook is asked (F-17).
        free_on_create=(["kubernetes.io/pvc-protection"],),
    ),
    entry(
        "$meta.finalizers", "I", "hide", "a developer's finalizer blocks deletion",
        minds_removal=True,
    ),
    entry(
        "$meta.ownerReferences", "I", "hide", "a forged owner collects the wrong garbage",
        minds_removal=True,
    ),
)  # fmt: skip
"""A.2.1; `open` rows stand here where they are exceptions of a wider one."""

STORAGE_SOURCES = (
    "csi", "nfs", "iscsi", "fc", "rbd", "cephfs", "glusterfs", "flexVolume", "awsElasticBlockStore",
    "azureDisk", "azureFile", "cinder", "flocker", "gcePersistentDisk", "gitRepo",
    "photonPersistentDisk", "portworxVolume", "quobyte", "scaleIO", "storageos", "vsphereVolume",
)  # fmt: skip

POD_SPEC: tuple[Entry, ...] = (
    entry("$pod.ephemeralContainers", "O", "lock", "debugging needs rights, not a field"),
    entry("$pod.volumes[?hostPath]", "I", "lock", "breaks the node boundary", kinds=TEMPLATES),
    entry(
        "$pod.volumes[?hostPath]", "I", "lock", "breaks the node boundary", kinds=POD,
        spares=is_lxcfs_volume,
    ),
    *(
        entry(f"$pod.volumes[?{source}]", "I", "lock", "storage offering")
        for source in STORAGE_SOURCES
    ),
    entry("$pod.volumes[?emptyDir].emptyDir.medium", "O", "hide", "eats node memory", **SHOWN),
    *(
        entry(
            "$pod.volumes[?projected].projected.sources[?serviceAccountToken]"
            f".serviceAccountToken.{field}",
            "I", "hide", "identity federation", **SHOWN,
        )
        for field in ("audience", "expirationSeconds")
    ),
    entry("$pod.volumes[name=kube-api-access-*,?projected]", "system", "ignore", "ServiceAccount plugin"),
    entry("$pod.dnsPolicy", "I", "hide", "cluster network", **SHOWN),
    entry("$pod.dnsConfig", "I", "hide", "cluster network"),
    entry("$pod.hostAliases", "I", "hide", "cluster network"),
    entry("$pod.nodeSelector", "I", "hide", "placement"),
    entry("$pod.nodeName", "I", "lock", "bypasses the scheduler", kinds=TEMPLATES),
    entry("$pod.nodeName", "I", "hide", "bypasses the scheduler", kinds=POD),
    entry("$pod.affinity.nodeAffinity", "I", "hide", "placement", kinds=TEMPLATES),
    entry(
        "$pod.affinity.nodeAffinity", "I", "hide", "placement", kinds=POD,
        spares=is_lxcfs_affinity,
    ),
    entry("$pod.affinity.podAffinity", "O", "carry-new-ok", "spreading trait"),
    entry("$pod.affinity.podAntiAffinity", "O", "carry-new-ok", "spreading trait"),
    entry("$pod.topologySpreadConstraints", "O", "carry-new-ok", "spreading trait"),
    entry(
        "$pod.tolerations", "I", "hide", "lets Pods onto dedicated nodes",
        spares=is_default_toleration, kinds=TEMPLATES,
    ),
    entry(
        "$pod.tolerations", "I", "hide", "lets Pods onto dedicated nodes",
        spares=is_default_toleration, kinds=POD, update=Treatment.DENY_ON_CHANGE,
    ),
    entry("$pod.schedulerName", "I", "hide", "choice of the scheduler", **SHOWN),
    entry("$pod.schedulingGates", "I", "hide", "queues hold Pods with them", kinds=TEMPLATES),
    entry(
        "$pod.schedulingGates", "I", "hide", "queues hold Pods with them",
        kinds=POD, update=Treatment.DENY_ON_CHANGE, minds_removal=True,
    ),
    entry("$pod.priorityClassName", "I", "seed", "pre-emption hurts others", **SHOWN),
    entry("$pod.priority", "I", "seed", "pre-emption hurts others", kinds=TEMPLATES, **SHOWN),
    entry(
        "$pod.preemptionPolicy", "I", "seed", "pre-emption hurts others", kinds=TEMPLATES, **SHOWN
    ),
    entry("$pod.runtimeClassName", "I", "seed", "choice of the sandbox", **SHOWN),
    entry("$pod.overhead", "I", "seed", "follows from the sandbox", kinds=TEMPLATES),
    *(
        entry(f"$pod.{field}", "I", "carry-stored", "computed by the API server", kinds=POD)
        for field in ("priority", "preemptionPolicy", "overhead")
    ),
    entry("$pod.serviceAccountName", "O", "seed", "identity", kinds=TEMPLATES, **SHOWN),
    entry("$pod.serviceAccount", "O", "seed", "identity", kinds=TEMPLATES, is_quiet=True),
    entry("$pod.serviceAccountName", "O", "lock", "identity", kinds=POD, **SHOWN),
    entry("$pod.serviceAccount", "O", "carry-stored", "identity", kinds=POD, is_quiet=True),
    entry("$pod.automountServiceAccountToken", "I", "pin", "least privilege", value=False, **SHOWN),
    entry("$pod.imagePullSecrets", "I", "hide", "registry credentials"),
    *(
        entry(f"$pod.{field}", "I", "lock", "node boundary")
        for field in ("hostNetwork", "hostPID", "hostIPC", "hostUsers")
    ),
    entry("$pod.shareProcessNamespace", "O", "advise", "a trait of debuggers; also ends lxcfs"),
    *(
        entry(f"$pod.securityContext.{field}", "O", "hide", "storage permissions", **SHOWN)
        for field in ("fsGroup", "fsGroupChangePolicy", "supplementalGroups",
                      "supplementalGroupsPolicy")
    ),
    *(
        entry(f"$pod.securityContext.{field}", "I", "lock", "kernel surface")
        for field in ("sysctls", "seLinuxOptions", "seLinuxChangePolicy", "seccompProfile",
                      "appArmorProfile", "windowsOptions")
    ),
    *(
        entry(f"$pod.{field}", "O", "hide", "DNS contract", **SHOWN)
        for field in ("hostname", "subdomain", "setHostnameAsFQDN", "hostnameOverride")
    ),
    entry("$pod.readinessGates", "I", "hide", "load balancers and in-place updates add them"),
    entry("$pod.enableServiceLinks", "I", "pin", "floods the environment", value=False, **SHOWN),
    entry("$pod.os", "I", "hide", "node pools"),
    *(
        entry(f"$pod.{field}", "I", "hide", "devices and batch")
        for field in ("resourceClaims", "resources", "schedulingGroup", "evictionResponders")
    ),
)  # fmt: skip
"""A.2.2."""

CONTAINER: tuple[Entry, ...] = (
    entry("imagePullPolicy", "I", "hide", "registry load", **SHOWN),
    entry("ports[*].hostPort", "I", "lock", "port space of the node"),
    entry("ports[*].hostIP", "I", "lock", "port space of the node"),
    *(
        entry(f'resources.{part}["{name}"]', "I", "lock", "devices")
        for part in ("requests", "limits")
        for name in ("*/*", "hugepages-*")
    ),
    entry("resources.claims", "I", "lock", "devices"),
    entry("resizePolicy", "O", "hide", "in-place resize"),
    entry("volumeMounts[*].mountPropagation", "I", "lock", "mounts of the node"),
    entry(
        f'volumeMounts[mountPath="{PARENT}"].mountPropagation', "system", "ignore",
        "written by another rule", kinds=POD,
    ),
    entry("volumeMounts[*].recursiveReadOnly", "I", "hide", "runtime feature", **SHOWN),
    entry("volumeMounts[*].bindMountOptions", "I", "hide", "runtime feature"),
    entry("volumeDevices", "I", "lock", "raw block"),
    entry("terminationMessagePath", "I", "hide", "log collection"),
    entry("terminationMessagePolicy", "I", "hide", "log collection", **SHOWN),
    *(
        entry(f"securityContext.{field}", "I", "lock", "kernel surface")
        for field in ("privileged", "procMount", "capabilities.add", "seLinuxOptions",
                      "seccompProfile", "appArmorProfile", "windowsOptions")
    ),
    entry(
        "securityContext.allowPrivilegeEscalation", "I", "lock", "kernel surface", harmless=(False,)
    ),
)  # fmt: skip
"""A.2.3, below `$containers[*]`."""


def _kind(
    kinds: str, owner: str, preset: str, reason: str, *paths: str, **more: Any
) -> list[Entry]:
    names = tuple(kinds.split())
    return [entry(f"spec.{path}", owner, preset, reason, kinds=names, **more) for path in paths]


DEPLOYMENT = "apps/Deployment"
STATEFUL_SETS = "apps/StatefulSet apps.kruise.io/StatefulSet"
DAEMON_SETS = "apps/DaemonSet apps.kruise.io/DaemonSet"
CLAIM_KINDS = f"{STATEFUL_SETS} apps.kruise.io/CloneSet"
UNITED = "apps.kruise.io/UnitedDeployment"

WORKLOADS: tuple[Entry, ...] = (
    *_kind(DEPLOYMENT, "O", "hide", "roll-out trait", "strategy"),
    *_kind(
        DEPLOYMENT, "O", "hide", "roll-out trait",
        "minReadySeconds", "progressDeadlineSeconds", **SHOWN,
    ),
    *_kind(DEPLOYMENT, "I", "pin", "etcd size", "revisionHistoryLimit", value=5, **SHOWN),
    *_kind(DEPLOYMENT, "O", "carry", "an apply must not resume a roll-out", "paused", **SHOWN),
    *_kind(
        CLAIM_KINDS, "I", "seed", "storage offering",
        "volumeClaimTemplates[*].spec.storageClassName",
        "volumeClaimTemplates[*].spec.volumeAttributesClassName", **SHOWN,
    ),
    *_kind("apps/StatefulSet", "O", "hide", "roll-out trait", "updateStrategy", "ordinals"),
    *_kind(STATEFUL_SETS, "O", "hide", "roll-out trait", "minReadySeconds", **SHOWN),
    *_kind(STATEFUL_SETS, "I", "hide", "etcd size", "revisionHistoryLimit", **SHOWN),
    *_kind(
        STATEFUL_SETS, "I", "lock", "Delete destroys data",
        "persistentVolumeClaimRetentionPolicy.whenDeleted",
        "persistentVolumeClaimRetentionPolicy.whenScaled",
    ),
    *_kind(DAEMON_SETS, "I", "hide", "infrastructure", "updateStrategy"),
    *_kind(
        DAEMON_SETS, "I", "hide", "infrastructure",
        "minReadySeconds", "revisionHistoryLimit", **SHOWN,
    ),
    *_kind("batch/Job", "O", "seed", "clean-up", "ttlSecondsAfterFinished", **SHOWN),
    *_kind("batch/Job", "I", "carry", "queues own it", "suspend", **SHOWN),
    *_kind("batch/Job", "I", "lock", "queues own it", "managedBy", "scheduling"),
    *_kind("batch/Job", "I", "lock", "would adopt other Pods", "manualSelector"),
    *_kind(
        "batch/Job", "I", "lock", "would adopt other Pods", "selector",
        spares=is_generated_selector,
    ),
    *_kind("batch/CronJob", "I", "pin", "etcd size", "successfulJobsHistoryLimit", value=3, **SHOWN),
    *_kind("batch/CronJob", "I", "pin", "etcd size", "failedJobsHistoryLimit", value=1, **SHOWN),
    *_kind("batch/CronJob", "O", "carry", "stopped on purpose", "suspend", **SHOWN),
    *_kind(
        "apps.kruise.io/CloneSet", "O", "carry", "state of a roll-out",
        "updateStrategy", "scaleStrategy.podsToDelete", "scaleStrategy.maxUnavailable",
        "scaleStrategy.enablePVCReuse", "scaleStrategy.excludePreparingDelete",
    ),
    *_kind(
        "apps.kruise.io/CloneSet", "O", "hide", "roll-out trait",
        "lifecycle", "minReadySeconds", "progressDeadlineSeconds",
    ),
    *_kind("apps.kruise.io/CloneSet", "I", "hide", "etcd size", "revisionHistoryLimit", **SHOWN),
    *_kind(
        "apps.kruise.io/StatefulSet", "O", "carry", "state of a roll-out",
        "updateStrategy", "reserveOrdinals", "scaleStrategy", "volumeClaimUpdateStrategy",
    ),
    *_kind("apps.kruise.io/StatefulSet", "O", "hide", "roll-out trait", "lifecycle", "ordinals"),
    *_kind(
        UNITED, "I", "lock", "can carry any field of a Pod",
        "topology.subsets[*].nodeSelectorTerm", "topology.subsets[*].tolerations",
        "topology.subsets[*].patch", "topology.scheduleStrategy",
    ),
    *_kind(
        UNITED, "O", "carry", "state of a roll-out",
        "topology.subsets[*].replicas", "topology.subsets[*].minReplicas",
        "topology.subsets[*].maxReplicas", "updateStrategy.manualUpdate.partitions",
    ),
    *_kind(
        "argoproj.io/Rollout", "O", "carry", "state of a roll-out",
        "strategy", "paused", "analysis", "restartAt", "workloadRef",
    ),
)  # fmt: skip
"""A.2.4; `replicas` is frozen by what scales it, see `scaling.py`."""

WRAPPED: Mapping[str, str] = MappingProxyType({
    "deploymentTemplate": DEPLOYMENT,
    "statefulSetTemplate": "apps/StatefulSet",
    "advancedStatefulSetTemplate": "apps.kruise.io/StatefulSet",
    "cloneSetTemplate": "apps.kruise.io/CloneSet",
})  # fmt: skip
"""What a UnitedDeployment makes out of each of its templates."""

WRAPPED_WORKLOADS: tuple[Entry, ...] = tuple(
    replace(
        one,
        path=one.path.replace("spec.", f"spec.template.{template}.spec.", 1),
        kinds=(UNITED,),
    )
    for template, kind in WRAPPED.items()
    for one in WORKLOADS
    if kind in one.kinds
)
"""F.2: fields beside the Pod template are the same ones when a UnitedDeployment wraps the workload."""

SERVICE = ("core/Service",)
INGRESS = ("networking.k8s.io/Ingress",)
CLAIM = ("core/PersistentVolumeClaim",)
FREE_INGRESS_ANNOTATIONS = (
    "affinity", "app-root", "backend-protocol", "cors-allow-origin", "enable-cors",
    "force-ssl-redirect", "proxy-body-size", "proxy-connect-timeout", "proxy-read-timeout",
    "proxy-send-timeout", "rewrite-target", "ssl-redirect", "use-regex",
)  # fmt: skip

NETWORK: tuple[Entry, ...] = (
    *_kind("core/Service", "O", "lock", "exposes it, or redirects traffic", "type"),
    *_kind("core/Service", "I", "carry", "allocated", "ports[*].nodePort", "healthCheckNodePort"),
    *_kind(
        "core/Service", "I", "carry", "allocated", "clusterIP", "clusterIPs",
        free_on_create=("None", ["None"]),
    ),
    *_kind("core/Service", "I", "carry", "allocated", "ipFamilies", "ipFamilyPolicy"),
    *_kind("core/Service", "I", "lock", "intercepts traffic", "externalIPs"),
    *_kind(
        "core/Service", "I", "hide", "network offering",
        "loadBalancerIP", "loadBalancerClass", "loadBalancerSourceRanges",
    ),
    *_kind(
        "core/Service", "I", "hide", "network offering",
        "allocateLoadBalancerNodePorts", "externalTrafficPolicy", "internalTrafficPolicy",
        "trafficDistribution", **SHOWN,
    ),
    *(
        entry(f'metadata.annotations["{key}"]', "I", "hide", "network offering", kinds=SERVICE)
        for key in (
            "service.beta.kubernetes.io/*", "service.kubernetes.io/*",
            "cloud.google.com/*", "networking.gke.io/*", "metallb.universe.tf/*",
            "load-balancer.hetzner.cloud/*", "kubernetes.digitalocean.com/*",
        )
    ),
    *_kind("networking.k8s.io/Ingress", "I", "seed", "which gateway", "ingressClassName", **SHOWN),
    entry(
        'metadata.annotations["kubernetes.io/ingress.class"]', "I", "seed", "which gateway",
        kinds=INGRESS,
    ),
    *_kind("networking.k8s.io/Ingress", "O", "carry", "certificates", "tls"),
    entry(
        'metadata.annotations["nginx.ingress.kubernetes.io/*"]', "I", "hide", "settings of the gateway",
        kinds=INGRESS,
    ),
    entry(
        'metadata.annotations["nginx.ingress.kubernetes.io/*-snippet"]', "I", "lock",
        "injects configuration into a shared proxy", kinds=INGRESS,
    ),
    *(
        entry(
            f'metadata.annotations["nginx.ingress.kubernetes.io/{name}"]', "O", "open", "routing",
            kinds=INGRESS,
        )
        for name in FREE_INGRESS_ANNOTATIONS
    ),
)  # fmt: skip
"""A.2.5; the hosts of an Ingress are checked in `hosts.py`."""

CLAIMS: tuple[Entry, ...] = (
    *_kind(
        "core/PersistentVolumeClaim", "I", "seed", "storage offering",
        "storageClassName", "volumeAttributesClassName", **SHOWN,
    ),
    entry(
        'metadata.annotations["volume.beta.kubernetes.io/storage-class"]', "I", "lock",
        "storage offering", kinds=CLAIM,
    ),
    *_kind(
        "core/PersistentVolumeClaim", "I", "lock", "reaches other people's data",
        "volumeName", "selector", "volumeMode", update=Treatment.CARRY,
    ),
    *(
        entry(f'metadata.annotations["{key}"]', "system", "ignore", "binder", kinds=CLAIM)
        for key in (
            "pv.kubernetes.io/*", "volume.kubernetes.io/*",
            "volume.beta.kubernetes.io/storage-provisioner",
        )
    ),
)  # fmt: skip
"""A.2.6; sources in another Namespace are refused in `hosts.py`."""

CATALOGUE: tuple[Entry, ...] = (
    *METADATA,
    *(replace(one, path=one.path.replace("$meta", "metadata", 1)) for one in METADATA),
    *POD_SPEC,
    *(replace(one, path=f"$containers[*].{one.path}") for one in CONTAINER),
    *WORKLOADS,
    *WRAPPED_WORKLOADS,
    *NETWORK,
    *CLAIMS,
)
"""Everything; what it leaves open is not listed but for exceptions."""

KRUISE_RESERVED = (
    "SidecarSet", "WorkloadSpread", "ResourceDistribution", "ImagePullJob", "ImageListPullJob",
    "NodeImage", "ContainerRecreateRequest", "PersistentPodState", "PodProbeMarker", "EphemeralJob",
)  # fmt: skip

RESERVED_KINDS: Mapping[tuple[str, str], tuple[str, ...]] = MappingProxyType({
    ("apps", "DaemonSet"): ("CREATE",),
    ("apps.kruise.io", "DaemonSet"): ("CREATE",),
    **{("apps.kruise.io", kind): ("CREATE", "UPDATE") for kind in KRUISE_RESERVED},
    ("policy.kruise.io", "PodUnavailableBudget"): ("CREATE", "UPDATE"),
})  # fmt: skip
"""Kinds that developers do not write at all (A.2.4, F.1), and on which operations."""

RESERVED_RESOURCES: tuple[tuple[str, tuple[str, ...], tuple[str, ...], str], ...] = (
    (
        "apps.kruise.io", ("v1beta1", "v1alpha1"),
        (
            "containerrecreaterequests", "ephemeraljobs", "imagelistpulljobs", "imagepulljobs",
            "nodeimages", "persistentpodstates", "podprobemarkers", "resourcedistributions",
            "sidecarsets", "workloadspreads",
        ),
        "*",
    ),
    ("policy.kruise.io", ("v1alpha1",), ("podunavailablebudgets",), "Namespaced"),
)  # fmt: skip
"""(group, versions, resources, scope) of those that hold no Pod template."""
