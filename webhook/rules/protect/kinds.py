"""The kinds that rule E knows by name: what it looks for in a Namespace, and who depends on whom.

Any other kind can carry the label, too; then Cascading means Always.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from webhook.objects.workloads import BUILT_IN, EXTENSIONS, Registry

Key = tuple[str, str]
"""(group, kind)."""


@dataclass(frozen=True, slots=True)
class ProtectedKind:
    """One kind; `versions` newest first, `is_optional` where a cluster may not serve it.

    `owns` names kinds (`Kind` or `Kind.group`) that go with it.
    """

    group: str
    versions: tuple[str, ...]
    kind: str
    resource: str
    namespaced: bool = True
    is_optional: bool = False
    is_workload: bool = False
    owns: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """What tells it from other kinds."""
        return self.group, self.kind

    @property
    def path(self) -> str:
        """Group and resource, as the matchConditions compare them."""
        return f"{self.group}/{self.resource}"

    @property
    def api_versions(self) -> tuple[str, ...]:
        """The apiVersions to ask for, in turn."""
        return tuple(f"{self.group}/{one}" if self.group else one for one in self.versions)


def _kind(group: str, kind: str, resource: str, *, namespaced: bool = True) -> ProtectedKind:
    version = "v2" if group == "autoscaling" else "v1"
    return ProtectedKind(group, (version,), kind, resource, namespaced)


LEFT_OUT = frozenset((("serving.knative.dev", "Revision"), ("", "PodTemplate")))

WORKLOADS: tuple[ProtectedKind, ...] = tuple(
    ProtectedKind(
        row.group, row.versions, row.kind, row.resource,
        is_optional=row in EXTENSIONS, is_workload=True,
    )
    for row in BUILT_IN
    if (row.group, row.kind) not in LEFT_OUT
)  # fmt: skip

CLUSTER_SCOPED = frozenset(("SidecarSet", "NodeImage", "ResourceDistribution"))
"""Those of OpenKruise's kinds that lie in no Namespace."""

OTHERS: tuple[ProtectedKind, ...] = (
    _kind("", "Namespace", "namespaces", namespaced=False),
    _kind("", "PersistentVolume", "persistentvolumes", namespaced=False),
    _kind("", "PersistentVolumeClaim", "persistentvolumeclaims"),
    _kind("", "Secret", "secrets"),
    _kind("", "ConfigMap", "configmaps"),
    _kind("", "Service", "services"),
    _kind("", "ServiceAccount", "serviceaccounts"),
    _kind("networking.k8s.io", "Ingress", "ingresses"),
    _kind("networking.k8s.io", "NetworkPolicy", "networkpolicies"),
    _kind("policy", "PodDisruptionBudget", "poddisruptionbudgets"),
    _kind("autoscaling", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    _kind(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        namespaced=False,
    ),
    *(
        ProtectedKind(
            "apps.kruise.io", ("v1beta1", "v1alpha1"), kind, f"{kind.lower()}s",
            namespaced=kind not in CLUSTER_SCOPED, is_optional=True,
        )
        for kind in (
            "SidecarSet", "ImagePullJob", "ImageListPullJob", "NodeImage", "ContainerRecreateRequest",
            "ResourceDistribution", "PersistentPodState", "PodProbeMarker",
        )
    ),
    ProtectedKind(
        "core.oam.dev", ("v1beta1",), "Application", "applications", is_optional=True
    ),
    ProtectedKind(
        "policy.kruise.io", ("v1alpha1",), "PodUnavailableBudget", "podunavailablebudgets",
        is_optional=True,
    ),
)  # fmt: skip

KINDS: tuple[ProtectedKind, ...] = WORKLOADS + OTHERS

USUAL_VERSIONS = ("v1", "v2", "v1beta1", "v1beta2", "v1alpha1", "v1alpha2")
"""What the cluster is asked for when nobody says which versions it serves."""


def added_kinds(registry: Registry) -> tuple[ProtectedKind, ...]:
    """Return the workloads that documents added to the registry."""
    return tuple(
        ProtectedKind(
            row.group, USUAL_VERSIONS if "*" in row.versions else row.versions, row.kind,
            row.resource, is_optional=True, is_workload=bool(row.template_paths), owns=row.owns,
        )
        for row in registry.added
    )  # fmt: skip


DERIVED: frozenset[Key] = frozenset((
    ("", "Endpoints"),
    ("", "Event"),
    ("coordination.k8s.io", "Lease"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("events.k8s.io", "Event"),
))  # fmt: skip
"""Kinds that are never protected: controllers copy labels onto them, and must delete them."""

DERIVED_RESOURCES = (
    "/endpoints",
    "/events",
    "coordination.k8s.io/leases",
    "discovery.k8s.io/endpointslices",
    "events.k8s.io/events",
)
"""The same as group and resource."""

_PODS_AND_CLAIMS = ("Pod", "PersistentVolumeClaim")

DEPENDENTS: Mapping[Key, tuple[str, ...]] = {
    ("apps", "Deployment"): ("ReplicaSet.apps",),
    ("apps", "ReplicaSet"): ("Pod",),
    ("apps", "StatefulSet"): _PODS_AND_CLAIMS,
    ("apps", "DaemonSet"): ("Pod",),
    ("batch", "Job"): ("Pod",),
    ("batch", "CronJob"): ("Job.batch",),
    ("apps.kruise.io", "CloneSet"): _PODS_AND_CLAIMS,
    ("apps.kruise.io", "StatefulSet"): _PODS_AND_CLAIMS,
    ("argoproj.io", "Rollout"): ("ReplicaSet.apps",),
}
"""What the garbage collector deletes after an owner, for kinds that are built in."""


def owned_by(kind: ProtectedKind) -> tuple[str, ...]:
    """Return the kinds that go with a kind."""
    return kind.owns or DEPENDENTS.get(kind.key, ())


def named(text: str, kinds: Iterable[ProtectedKind]) -> tuple[ProtectedKind, ...]:
    """Return the kinds that `Kind` or `Kind.group` names."""
    kind, dot, group = text.partition(".")
    return tuple(one for one in kinds if one.kind == kind and (not dot or one.group == group))
