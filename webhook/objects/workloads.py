"""Where each kind keeps its Pod template, its selector and its replicas (platform-rules F.1).

A table and the functions that read it. Types are checked while walking: a template of a kind that
the API server does not check (F-24) may be anything, and then gives no template.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from webhook.objects.paths import Path, Pattern, get, parse_path, select

_ITSELF = Pattern("", "", ())


@dataclass(frozen=True, slots=True)
class WorkloadKind:
    """One row: a kind in all its versions, told apart by group and kind.

    `template_paths` name objects with `metadata` and `spec` of a Pod; more than one where the kind
    chooses between several or has several. The paths are () where there is no such field.
    `versions` are the served ones, newest first, or `*`; `resource` is the plural. `owns` names
    kinds (`Kind` or `Kind.group`) that the garbage collector deletes after it.
    """

    group: str
    versions: tuple[str, ...]
    kind: str
    resource: str
    template_paths: tuple[Pattern, ...]
    selector_path: Path = ()
    replicas_path: Path = ()
    status_replicas_path: Path = ()
    hash_label: str = ""
    has_scale: bool = False
    is_template_immutable: bool = False
    owns: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from other kinds: group and kind."""
        return self.group, self.kind


@dataclass(frozen=True, slots=True)
class Template:
    """One Pod template inside an object; for a Pod the object itself, with the path ()."""

    path: Path
    metadata: dict[str, Any]
    spec: dict[str, Any]


def _patterns(*texts: str) -> tuple[Pattern, ...]:
    return tuple(map(parse_path, texts))


_SPEC_TEMPLATE = _patterns("spec.template")
_SELECTOR = ("spec", "selector")
_REPLICAS = ("spec", "replicas")
_STATUS_REPLICAS = ("status", "replicas")
_POD_HASH, _REVISION_HASH = "pod-template-hash", "controller-revision-hash"
_KRUISE = ("apps.kruise.io", ("v1beta1", "v1alpha1"))
_KNATIVE = ("serving.knative.dev", ("v1",))
_SCALED = (_SELECTOR, _REPLICAS, _STATUS_REPLICAS)

KUBERNETES: tuple[WorkloadKind, ...] = (
    WorkloadKind("", ("v1",), "Pod", "pods", (_ITSELF,), is_template_immutable=True),
    WorkloadKind("", ("v1",), "PodTemplate", "podtemplates", _patterns("template")),
    WorkloadKind(
        "", ("v1",), "ReplicationController", "replicationcontrollers",
        _SPEC_TEMPLATE, *_SCALED, "", has_scale=True,
    ),
    WorkloadKind(
        "apps", ("v1",), "Deployment", "deployments",
        _SPEC_TEMPLATE, *_SCALED, _POD_HASH, has_scale=True,
    ),
    WorkloadKind(
        "apps", ("v1",), "ReplicaSet", "replicasets",
        _SPEC_TEMPLATE, *_SCALED, _POD_HASH, has_scale=True,
    ),
    WorkloadKind(
        "apps", ("v1",), "StatefulSet", "statefulsets",
        _SPEC_TEMPLATE, *_SCALED, _REVISION_HASH, has_scale=True,
    ),
    WorkloadKind(
        "apps", ("v1",), "DaemonSet", "daemonsets",
        _SPEC_TEMPLATE, _SELECTOR, hash_label=_REVISION_HASH,
    ),
    WorkloadKind(
        "batch", ("v1",), "Job", "jobs",
        _SPEC_TEMPLATE, replicas_path=("spec", "parallelism"), is_template_immutable=True,
    ),
    WorkloadKind(
        "batch", ("v1", "v1beta1"), "CronJob", "cronjobs",
        _patterns("spec.jobTemplate.spec.template"),
    ),
)  # fmt: skip

EXTENSIONS: tuple[WorkloadKind, ...] = (
    WorkloadKind(
        *_KRUISE, "CloneSet", "clonesets",
        _SPEC_TEMPLATE, *_SCALED, _REVISION_HASH, has_scale=True,
    ),
    WorkloadKind(
        *_KRUISE, "StatefulSet", "statefulsets",
        _SPEC_TEMPLATE, *_SCALED, _REVISION_HASH, has_scale=True,
    ),
    WorkloadKind(
        *_KRUISE, "DaemonSet", "daemonsets",
        _SPEC_TEMPLATE, _SELECTOR, hash_label=_REVISION_HASH,
    ),
    WorkloadKind(*_KRUISE, "BroadcastJob", "broadcastjobs", _SPEC_TEMPLATE),
    WorkloadKind(
        *_KRUISE, "AdvancedCronJob", "advancedcronjobs",
        _patterns(
            "spec.template.jobTemplate.spec.template",
            "spec.template.broadcastJobTemplate.spec.template",
        ),
    ),
    WorkloadKind(
        *_KRUISE, "UnitedDeployment", "uniteddeployments",
        _patterns(
            "spec.template.statefulSetTemplate.spec.template",
            "spec.template.advancedStatefulSetTemplate.spec.template",
            "spec.template.cloneSetTemplate.spec.template",
            "spec.template.deploymentTemplate.spec.template",
        ),
        *_SCALED, _REVISION_HASH, has_scale=True,
    ),
    WorkloadKind(
        "argoproj.io", ("v1alpha1",), "Rollout", "rollouts",
        _SPEC_TEMPLATE, *_SCALED, "rollouts-pod-template-hash", has_scale=True,
    ),
    WorkloadKind(*_KNATIVE, "Service", "services", _SPEC_TEMPLATE),
    WorkloadKind(*_KNATIVE, "Configuration", "configurations", _SPEC_TEMPLATE),
    WorkloadKind(
        *_KNATIVE, "Revision", "revisions", (_ITSELF,), is_template_immutable=True
    ),
    WorkloadKind(
        "batch.volcano.sh", ("v1alpha1",), "Job", "jobs", _patterns("spec.tasks[*].template")
    ),
    *(
        WorkloadKind(
            "kubeflow.org", ("v1",), kind, f"{kind.lower()}s",
            _patterns("spec.*ReplicaSpecs.*.template"),
        )
        for kind in ("TFJob", "PyTorchJob", "MPIJob", "XGBoostJob", "PaddleJob", "JAXJob")
    ),
    WorkloadKind(
        "jobset.x-k8s.io", ("v1alpha2",), "JobSet", "jobsets",
        _patterns("spec.replicatedJobs[*].template.spec.template"),
    ),
    WorkloadKind(
        "leaderworkerset.x-k8s.io", ("v1",), "LeaderWorkerSet", "leaderworkersets",
        _patterns(
            "spec.leaderWorkerTemplate.leaderTemplate",
            "spec.leaderWorkerTemplate.workerTemplate",
        ),
        replicas_path=_REPLICAS, status_replicas_path=_STATUS_REPLICAS, has_scale=True,
    ),
    WorkloadKind(
        "ray.io", ("v1",), "RayCluster", "rayclusters",
        _patterns("spec.headGroupSpec.template", "spec.workerGroupSpecs[*].template"),
    ),
)  # fmt: skip

BUILT_IN: tuple[WorkloadKind, ...] = KUBERNETES + EXTENSIONS
"""Every kind that Propylon knows without configuration; absent CRDs do no harm."""

WITHOUT_TEMPLATE: frozenset[tuple[str, str]] = frozenset((
    *(("", kind) for kind in (
        "ConfigMap", "Namespace", "PersistentVolume", "PersistentVolumeClaim", "Secret", "Service",
        "ServiceAccount",
    )),
    *(("apps.kruise.io", kind) for kind in (
        "ContainerRecreateRequest", "EphemeralJob", "ImageListPullJob", "ImagePullJob",
        "NodeImage", "PersistentPodState", "PodProbeMarker", "ResourceDistribution", "SidecarSet",
        "WorkloadSpread",
    )),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("apps", "ControllerRevision"),
    ("autoscaling", "HorizontalPodAutoscaler"),
    ("core.oam.dev", "Application"),
    ("networking.k8s.io", "Ingress"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("policy", "PodDisruptionBudget"),
    ("policy.kruise.io", "PodUnavailableBudget"),
))  # fmt: skip
"""Kinds that some rule knows by name although they hold no Pod template."""


@dataclass(frozen=True, slots=True)
class Registry:
    """The kinds that are known: the built-in rows, and behind them those that documents add (F.2)."""

    rows: tuple[WorkloadKind, ...]
    by_name: Mapping[tuple[str, str], WorkloadKind] = field(compare=False, repr=False)

    @property
    def added(self) -> tuple[WorkloadKind, ...]:
        """The rows that are not built in."""
        return self.rows[len(BUILT_IN) :]

    def find(self, group: str, kind: str) -> WorkloadKind | None:
        """Return the row of a kind in any version, None for a kind without a row."""
        return self.by_name.get((group, kind))

    def controller_of(self, value: Any) -> dict[str, Any] | None:
        """Return the reference to the object's controller when that is of a known kind."""
        owner = controller_of(value)
        if owner is None:
            return None
        group, _, _ = str(owner.get("apiVersion", "")).rpartition("/")
        return owner if (group, str(owner.get("kind", ""))) in self.by_name else None


def registry(added: Iterable[WorkloadKind] = ()) -> Registry:
    """Return the built-in kinds and further ones; none of those may be built in."""
    rows = (*BUILT_IN, *added)
    return Registry(rows, {row.key: row for row in rows})


BUILT_IN_KINDS = registry()
"""What is known without any document."""


def workload_kind(group: str, kind: str) -> WorkloadKind | None:
    """Return the row of a built-in kind in any version, None for a kind without a row."""
    return BUILT_IN_KINDS.find(group, kind)


def plural_of(kind: str) -> str:
    """Return the plural of a kind as Kubernetes guesses it."""
    name = kind.lower()
    if name.endswith(("endpoints", "metrics")):
        return name
    if name.endswith("s"):
        return f"{name}es"
    return f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"


def templates(kind: WorkloadKind, value: Any) -> tuple[Template, ...]:
    """Return the Pod templates of an object; absent and malformed ones are left out."""
    found: list[Template] = []
    for pattern in kind.template_paths:
        for path, template in select(pattern, value):
            if isinstance(template, dict):
                spec, metadata = template.get("spec"), template.get("metadata") or {}
                if isinstance(spec, dict) and isinstance(metadata, dict):
                    found.append(Template(path, metadata, spec))
    return tuple(found)


def roots(
    template: Template, lists: tuple[str, ...] = ("initContainers", "containers")
) -> Mapping[str, tuple[Path, ...]]:
    """Return where `$pod`, `$meta` and `$containers` of the path language are in the object.

    `lists` are the container lists that `$containers` stands for; a request for the subresource
    `ephemeralcontainers` adds that one.
    """
    return roots_at(template.path, lists)


def roots_at(
    path: Path, lists: tuple[str, ...] = ("initContainers", "containers")
) -> Mapping[str, tuple[Path, ...]]:
    """Return the same for a template at a path."""
    pod = (*path, "spec")
    return {
        "$pod": (pod,),
        "$meta": ((*path, "metadata"),),
        "$containers": tuple((*pod, name) for name in lists),
    }


def controller_of(value: Any) -> dict[str, Any] | None:
    """Return the owner reference with `controller: true`, None without one."""
    references = get(value, ("metadata", "ownerReferences"))
    if not isinstance(references, list):
        return None
    controllers = (r for r in references if isinstance(r, dict) and r.get("controller") is True)
    return next(controllers, None)
