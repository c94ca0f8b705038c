"""Which Pods and containers are left alone although lxcfs is enabled for them (C.5).

One function per condition; the first that holds gives the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from webhook.model import Json
from webhook.objects.paths import get
from webhook.objects.selectors import glob
from webhook.objects.workloads import controller_of
from webhook.rules.lxcfs.config import Config
from webhook.rules.lxcfs.switches import read_map

POD_SECURITY = "pod-security.kubernetes.io/enforce"
NO_HOST_PATH = ("baseline", "restricted")


@dataclass(frozen=True, slots=True)
class Skip:
    """Why a Pod is left alone; the writer is warned, or the Pod even refused."""

    reason: str
    is_warned: bool = False
    is_denied: bool = False


@dataclass(frozen=True, slots=True)
class _Case:
    pod: Json
    spec: Mapping[str, Json]
    namespace: Json
    namespace_name: str
    config: Config


def skip_of(pod: Json, namespace: Json, namespace_name: str, config: Config) -> Skip | None:
    """Return why the Pod gets no mounts, None when it gets them."""
    case = _Case(pod, read_map(pod, ("spec",)), namespace, namespace_name, config)
    return next((skip for check in _CHECKS if (skip := check(case))), None)


def _is_windows(case: _Case) -> Skip | None:
    names = (get(case.spec, ("os", "name")), get(case.spec, ("nodeSelector", "kubernetes.io/os")))
    return Skip("runs on Windows") if "windows" in names else None


def _sees_the_node(case: _Case) -> Skip | None:
    if case.spec.get("hostPID") is True:
        return Skip("hostPID: true shows the node")
    owner = controller_of(case.pod) or {}
    if owner.get("kind") == "DaemonSet" and case.config.settings.pods.skip_daemon_sets:
        return Skip("belongs to a DaemonSet")
    return None


def _runs_lxcfs(case: _Case) -> Skip | None:
    labels = read_map(case.pod, ("metadata", "labels"))
    texts = {f"{key}={value}" for key, value in labels.items()}
    known = texts.intersection(case.config.settings.pods.lxcfs_labels)
    return Skip("runs lxcfs itself") if known else None


def _has_another_runtime(case: _Case) -> Skip | None:
    name = case.spec.get("runtimeClassName")
    globs = case.config.settings.pods.skip_runtime_classes
    if isinstance(name, str) and any(glob(pattern, name) for pattern in globs):
        return Skip(f"runtime class {name}")
    return None


def _has_a_virtual_node(case: _Case) -> Skip | None:
    globs = case.config.settings.pods.virtual_nodes
    texts = list(_node_texts(case.spec))
    if any(glob(pattern, text) for pattern in globs for text in texts):
        return Skip("runs on a virtual node")
    return None


def _node_texts(spec: Mapping[str, Json]) -> Iterator[str]:
    selector = read_map(spec, ("nodeSelector",))
    yield from (f"{key}={value}" for key, value in selector.items())
    for one in maps(spec.get("tolerations")):
        yield f"{one.get('key', '')}={one.get('value', '')}"


def _has_no_limits(case: _Case) -> Skip | None:
    if not case.config.settings.pods.only_with_limits:
        return None
    lists = (case.spec.get("containers"), case.spec.get("initContainers"))
    for one in chain((case.spec,), *map(maps, lists)):
        limits = read_map(one, ("resources", "limits"))
        if "cpu" in limits or "memory" in limits:
            return None
    return Skip("nothing has a limit of CPU or memory")


def _shares_processes(case: _Case) -> Skip | None:
    shares = case.spec.get("shareProcessNamespace") is True
    if shares and not case.config.settings.pods.allow_shared:
        return Skip("shareProcessNamespace makes lxcfs give wrong numbers", is_warned=True)
    return None


def _has_own_users(case: _Case) -> Skip | None:
    if case.spec.get("hostUsers") is False:
        return Skip("hostUsers: false cannot mount files of lxcfs", is_warned=True)
    return None


def _violates_pod_security(case: _Case) -> Skip | None:
    level = read_map(case.namespace, ("metadata", "labels")).get(POD_SECURITY)
    chosen = case.config.settings.pod_security
    if level not in NO_HOST_PATH or chosen.action == "inject":
        return None
    if any(glob(pattern, case.namespace_name) for pattern in chosen.exempt):
        return None
    reason = f"namespace enforces Pod Security {level} (hostPath forbidden)"
    return Skip(reason, is_warned=True, is_denied=chosen.action == "deny")


_CHECKS: tuple[Callable[[_Case], Skip | None], ...] = (
    _is_windows,
    _sees_the_node,
    _runs_lxcfs,
    _has_another_runtime,
    _has_a_virtual_node,
    _has_no_limits,
    _shares_processes,
    _has_own_users,
    _violates_pod_security,
)
"""The silent reasons first: who never gets mounts needs no warning."""


def maps(value: Json) -> Iterator[Mapping[str, Json]]:
    """Yield the maps of a list; nothing for anything else."""
    yield from (one for one in value if isinstance(one, dict)) if isinstance(value, list) else ()


def is_container_skipped(container: Mapping[str, Json], config: Config) -> bool:
    """Tell whether a container is left alone for what it is."""
    security = read_map(container, ("securityContext",))
    if security.get("privileged") is True or security.get("procMount") == "Unmasked":
        return True
    chosen = config.settings.containers
    name, image = str(container.get("name", "")), str(container.get("image", ""))
    return any(glob(pattern, name) for pattern in chosen.skip) or any(
        glob(pattern, image) for pattern in chosen.skip_images
    )


def is_init_skipped(container: Mapping[str, Json], config: Config) -> bool:
    """Tell whether an init container is an ordinary one, and those are left alone."""
    is_sidecar = container.get("restartPolicy") == "Always"
    return not is_sidecar and not config.settings.containers.init
