"""What the API server fills in (platform-rules A.7), and which fields it knows.

Tables only. A default that depends on other fields is a function of the map around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from webhook.model import Json
from webhook.rules.hide.entries import Default

SOURCES = "$pod.volumes[?projected].projected.sources"

Constants = tuple[tuple[str, str, Json], ...]

CONSTANTS: Constants = (
    ("*", "$pod.restartPolicy", "Always"),
    ("*", "$pod.dnsPolicy", "ClusterFirst"),
    ("*", "$pod.schedulerName", "default-scheduler"),
    ("*", "$pod.terminationGracePeriodSeconds", 30),
    ("*", "$pod.enableServiceLinks", True),
    ("*", "$pod.preemptionPolicy", "PreemptLowerPriority"),
    ("*", "$pod.securityContext", {}),
    ("*", "$pod.hostNetwork", False),
    ("*", "$pod.hostPID", False),
    ("*", "$pod.hostIPC", False),
    ("*", "$pod.hostUsers", True),
    ("*", "$pod.shareProcessNamespace", False),
    ("*", "$pod.setHostnameAsFQDN", False),
    ("*", "$pod.serviceAccountName", "default"),
    ("*", "$pod.serviceAccount", "default"),
    ("*", "$pod.automountServiceAccountToken", True),
    ("*", "$pod.securityContext.fsGroupChangePolicy", "Always"),
    ("*", "$pod.securityContext.supplementalGroupsPolicy", "Merge"),
    ("*", "$pod.volumes[?configMap].configMap.defaultMode", 420),
    ("*", "$pod.volumes[?secret].secret.defaultMode", 420),
    ("*", "$pod.volumes[?projected].projected.defaultMode", 420),
    ("*", "$pod.volumes[?downwardAPI].downwardAPI.defaultMode", 420),
    (
        "*",
        f"{SOURCES}[?serviceAccountToken].serviceAccountToken.expirationSeconds",
        3600,
    ),
    ("*", "$containers[*].terminationMessagePath", "/dev/termination-log"),
    ("*", "$containers[*].terminationMessagePolicy", "File"),
    ("*", "$containers[*].ports[*].protocol", "TCP"),
    ("*", "$containers[*].ports[*].hostIP", ""),
    ("*", "$containers[*].resources", {}),
    ("*", "$containers[*].volumeMounts[*].mountPropagation", "None"),
    ("*", "$containers[*].volumeMounts[*].recursiveReadOnly", "Disabled"),
    ("*", "$containers[*].securityContext.privileged", False),
    ("*", "$containers[*].securityContext.procMount", "Default"),
    *(
        ("*", f"$containers[*].{probe}.{field}", value)
        for probe in ("livenessProbe", "readinessProbe", "startupProbe")
        for field, value in (
            ("timeoutSeconds", 1),
            ("periodSeconds", 10),
            ("successThreshold", 1),
            ("failureThreshold", 3),
            ("httpGet.scheme", "HTTP"),
        )
    ),
    ("*", "$containers[*].env[?valueFrom].valueFrom.fieldRef.apiVersion", "v1"),
    ("apps/Deployment", "spec.replicas", 1),
    ("apps/Deployment", "spec.minReadySeconds", 0),
    ("apps/Deployment", "spec.progressDeadlineSeconds", 600),
    ("apps/Deployment", "spec.revisionHistoryLimit", 10),
    ("apps/Deployment", "spec.paused", False),
    (
        "apps/Deployment",
        "spec.strategy",
        {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
    ),
    (
        "apps/StatefulSet",
        "spec.updateStrategy",
        {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
    ),
    (
        "apps/DaemonSet",
        "spec.updateStrategy",
        {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
    ),
    ("apps/StatefulSet", "spec.replicas", 1),
    ("apps/StatefulSet", "spec.minReadySeconds", 0),
    ("apps/StatefulSet", "spec.podManagementPolicy", "OrderedReady"),
    ("apps/StatefulSet", "spec.revisionHistoryLimit", 10),
    *(
        (kind, f"spec.persistentVolumeClaimRetentionPolicy.{field}", "Retain")
        for kind in ("apps/StatefulSet", "apps.kruise.io/StatefulSet")
        for field in ("whenDeleted", "whenScaled")
    ),
    ("apps/DaemonSet", "spec.minReadySeconds", 0),
    ("apps/DaemonSet", "spec.revisionHistoryLimit", 10),
    ("batch/Job", "spec.suspend", False),
    ("batch/Job", "spec.manualSelector", False),
    ("batch/Job", "spec.backoffLimit", 6),
    ("batch/Job", "spec.completionMode", "NonIndexed"),
    ("batch/CronJob", "spec.suspend", False),
    ("batch/CronJob", "spec.concurrencyPolicy", "Allow"),
    ("batch/CronJob", "spec.successfulJobsHistoryLimit", 3),
    ("batch/CronJob", "spec.failedJobsHistoryLimit", 1),
    ("apps.kruise.io/CloneSet", "spec.minReadySeconds", 0),
    ("apps.kruise.io/CloneSet", "spec.revisionHistoryLimit", 10),
    ("argoproj.io/Rollout", "spec.paused", False),
    ("core/Service", "spec.type", "ClusterIP"),
    ("core/Service", "spec.sessionAffinity", "None"),
    ("core/Service", "spec.internalTrafficPolicy", "Cluster"),
    ("core/Service", "spec.externalTrafficPolicy", "Cluster"),
    ("core/Service", "spec.allocateLoadBalancerNodePorts", True),
    ("core/Service", "spec.ports[*].protocol", "TCP"),
    ("core/Service", "spec.ports[*].nodePort", 0),
    ("core/PersistentVolumeClaim", "spec.volumeMode", "Filesystem"),
)
"""(kind, path, default)."""


def pull_policy(container: Mapping[str, Json], _on_host: bool, /) -> Json:  # noqa: FBT001
    """Return Always for an image without tag or with `latest`, else IfNotPresent (A-21)."""
    name = str(container.get("image") or "").rpartition("/")[2]
    if "@" in name:
        return "IfNotPresent"
    return "Always" if name.partition(":")[2] in ("", "latest") else "IfNotPresent"


def host_port(port: Mapping[str, Json], on_host: bool, /) -> Json:  # noqa: FBT001
    """Return the container's port on the node's network, else 0: none."""
    return port.get("containerPort") if on_host else 0


DEPENDENT: tuple[tuple[str, str, Default], ...] = (
    ("*", "$containers[*].imagePullPolicy", pull_policy),
    ("*", "$containers[*].ports[*].hostPort", host_port),
)
"""(kind, path, function) of defaults that depend on other fields."""


def _constant(value: Json) -> Default:
    return lambda _around, _on_host: value


DEFAULTS: Mapping[tuple[str, str], Default] = MappingProxyType({
    **{(kind, path): _constant(value) for kind, path, value in CONSTANTS},
    **{(kind, path): default for kind, path, default in DEPENDENT},
})  # fmt: skip
"""(kind, path) → default; kind `*` for what holds in every template."""

POD_FIELDS = frozenset((
    "activeDeadlineSeconds", "affinity", "automountServiceAccountToken", "containers", "dnsConfig",
    "dnsPolicy", "enableServiceLinks", "ephemeralContainers", "evictionResponders", "hostAliases",
    "hostIPC", "hostNetwork", "hostPID", "hostUsers", "hostname", "hostnameOverride",
    "imagePullSecrets", "initContainers", "nodeName", "nodeSelector", "os", "overhead",
    "preemptionPolicy", "priority", "priorityClassName", "readinessGates", "resourceClaims",
    "resources", "restartPolicy", "runtimeClassName", "schedulerName", "schedulingGates",
    "schedulingGroup", "securityContext", "serviceAccount", "serviceAccountName",
    "setHostnameAsFQDN", "shareProcessNamespace", "subdomain", "terminationGracePeriodSeconds",
    "tolerations", "topologySpreadConstraints", "volumes", "workloadRef",
))  # fmt: skip

CONTAINER_FIELDS = frozenset((
    "args", "command", "env", "envFrom", "image", "imagePullPolicy", "lifecycle", "livenessProbe",
    "name", "ports", "readinessProbe", "resizePolicy", "resources", "restartPolicy",
    "restartPolicyRules", "securityContext", "startupProbe", "stdin", "stdinOnce",
    "targetContainerName", "terminationMessagePath", "terminationMessagePolicy", "tty",
    "volumeDevices", "volumeMounts", "workingDir",
))  # fmt: skip

SPEC_FIELDS: Mapping[str, frozenset[str]] = MappingProxyType({
    "Deployment": frozenset((
        "minReadySeconds", "paused", "progressDeadlineSeconds", "replicas", "revisionHistoryLimit",
        "selector", "strategy", "template",
    )),
    "ReplicaSet": frozenset(("minReadySeconds", "replicas", "selector", "template")),
    "CronJob": frozenset((
        "concurrencyPolicy", "failedJobsHistoryLimit", "jobTemplate", "schedule",
        "startingDeadlineSeconds", "successfulJobsHistoryLimit", "suspend", "timeZone",
    )),
    "Service": frozenset((
        "allocateLoadBalancerNodePorts", "clusterIP", "clusterIPs", "externalIPs", "externalName",
        "externalTrafficPolicy", "healthCheckNodePort", "internalTrafficPolicy", "ipFamilies",
        "ipFamilyPolicy", "loadBalancerClass", "loadBalancerIP", "loadBalancerSourceRanges",
        "ports", "publishNotReadyAddresses", "selector", "sessionAffinity",
        "sessionAffinityConfig", "trafficDistribution", "type",
    )),
    "Ingress": frozenset(("defaultBackend", "ingressClassName", "rules", "tls")),
    "PersistentVolumeClaim": frozenset((
        "accessModes", "dataSource", "dataSourceRef", "resources", "selector", "storageClassName",
        "volumeAttributesClassName", "volumeMode", "volumeName",
    )),
})  # fmt: skip
"""Fields below `spec` of built-in kinds, for the check of configured paths."""
