"""Rule C, case by case: the ids are those of platform-rules C.7, and the worked example G.3."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tests.builders import container, namespace, owned_by, pod, request, tweak
from tests.rules.documents import ACTORS, Spec, item, read
from webhook.model import (
    Action,
    AdmissionRequest,
    Decision,
    Document,
    Facts,
    Get,
    NeedFacts,
    Outcome,
    Platform,
    Unavailable,
)
from webhook.objects.patch import apply, diff
from webhook.registration import registrations
from webhook.rules.lxcfs import RULE, Config
from webhook.rules.lxcfs.settings import LxcfsInjectionSpec
from webhook.sinks.occurrences import occurrences
from webhook.snapshot import build

ENABLED = {"propylon.dev/lxcfs": "enabled"}
SHOP = namespace(labels=ENABLED)
PLAIN = namespace()
BASELINE = namespace(labels={**ENABLED, "pod-security.kubernetes.io/enforce": "baseline"})

PROC = ("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/uptime", "/proc/swaps")
ONLINE = "/sys/devices/system/cpu/online"
ALL = (*PROC, ONLINE)
NAMES = {
    path: f"lxcfs-{path.rpartition('/')[2]}" for path in (*ALL, "/proc/loadavg", "/proc/diskstats")
} | {ONLINE: "lxcfs-cpu-online"}


def volume(path: str, name: str = "", root: str = "/var/lib/lxcfs", kind: str = "File") -> Any:
    return {"name": name or NAMES[path], "hostPath": {"path": f"{root}{path}", "type": kind}}


def mount(path: str, name: str = "") -> Any:
    return {"name": name or NAMES[path], "mountPath": path, "readOnly": True}


def mounts(*paths: str) -> list[Any]:
    return [mount(path) for path in paths or ALL]


def volumes(*paths: str) -> list[Any]:
    return [volume(path) for path in paths or ALL]


def without(*paths: str) -> tuple[str, ...]:
    return tuple(path for path in ALL if path not in paths)


def app(*volume_mounts: Any, name: str = "app", **fields: Any) -> Any:
    return container(
        name, **({"volumeMounts": list(volume_mounts)} if volume_mounts else {}), **fields
    )


def at(path: str, name: str = "mine", **fields: Any) -> Any:
    return {"name": name, "mountPath": path, **fields}


MINE = {"name": "mine", "configMap": {"name": "mine"}}
DONE = app(*mounts())
LIMITED = {"limits": {"cpu": "1"}}
READY = {"key": "propylon.dev/lxcfs-ready", "operator": "In", "values": ["true"]}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def node_affinity(*terms: Any) -> Any:
    return {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": list(terms)}}}


ZONE_A = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}
ZONE_B = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["b"]}]}
WISH = {"weight": 50, "preference": {"matchExpressions": [READY]}}
OTHER_WISH = {"weight": 1, "preference": ZONE_A}
WARN_SHARED = "lxcfs: skipped, shareProcessNamespace makes lxcfs give wrong numbers"
WARN_USERS = "lxcfs: skipped, hostUsers: false cannot mount files of lxcfs"
WARN_BASELINE = "lxcfs: skipped, namespace enforces Pod Security baseline (hostPath forbidden)"


@dataclass(frozen=True)
class Case:
    """A Pod and what it gets: per container the files, and the names of the new volumes.

    `volumes` None means: the usual ones of all files that are mounted.
    """

    pod: Any = field(default_factory=pod)
    mounted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    volumes: tuple[str, ...] | None = None
    warnings: tuple[str, ...] = ()
    spec: Spec = field(default_factory=dict)
    namespace: Any = field(default_factory=lambda: SHOP)
    affinity: Any = None


def switched(**annotations: str) -> Any:
    """A Pod with annotations of ours; `skip_lxcfs` stands for skip-lxcfs."""
    return pod(
        annotations={f"propylon.dev/{k.replace('_', '-')}": v for k, v in annotations.items()}
    )


def with_labels(**labels: str) -> Any:
    return namespace(
        labels={key.replace("__", "/").replace("_", "-"): v for key, v in labels.items()}
    )


KEPT = "lxcfs: container app: own mounts kept at "
APP = {"app": ALL}
NOT_IN_LIST = "propylon.dev/lxcfs-containers"

CASES: dict[str, Case] = {
    "C-01": Case(mounted=APP),
    "C-02": Case(pod(app(), app(name="web")), {"app": ALL, "web": ALL}),
    "C-03": Case(switched(lxcfs="enabled"), APP, namespace=PLAIN),
    "C-03 not allowed": Case(
        switched(lxcfs="enabled"),
        spec={"allowPodOptIn": False},
        namespace=PLAIN,
        warnings=("lxcfs: annotation propylon.dev/lxcfs is ignored here; ask for the Namespace to be enabled",),
    ),
    "C-03 not needed": Case(switched(lxcfs="enabled"), APP, spec={"allowPodOptIn": False}),
    "C-04": Case(switched(lxcfs="disabled")),
    "C-04 skip-lxcfs": Case(switched(skip_lxcfs="true")),
    "C-04 skip-lxcfs: no": Case(switched(skip_lxcfs="no"), APP),
    "C-04 skip-lxcfs: maybe": Case(
        switched(skip_lxcfs="maybe"),
        APP,
        warnings=(
            'lxcfs: annotation propylon.dev/skip-lxcfs: "maybe" is neither true nor false',
        ),
    ),
    "C-04 both": Case(switched(lxcfs="enabled", skip_lxcfs="yes")),
    "C-04 neither": Case(
        switched(lxcfs="on"),
        APP,
        warnings=('lxcfs: annotation propylon.dev/lxcfs: "on" is neither enabled nor disabled',),
    ),
    "C-04 by the Namespace": Case(
        namespace=namespace(labels=ENABLED, annotations={"propylon.dev/skip-lxcfs": "true"})
    ),
    "C-04 the Pod beats its Namespace": Case(
        switched(lxcfs="enabled"),
        APP,
        namespace=namespace(labels={"propylon.dev/lxcfs": "disabled"}),
    ),
    "C-05": Case(mounted=APP, namespace=with_labels(lxcfs_admission_webhook="enabled")),
    "C-05 the other alias": Case(mounted=APP, namespace=with_labels(mount_lxcfs="enabled")),
    "C-05 aliases off": Case(
        namespace=with_labels(mount_lxcfs="enabled"), spec={"aliases": False}
    ),
    "C-05 our label beats an alias": Case(
        namespace=namespace(labels={"mount-lxcfs": "enabled", "propylon.dev/lxcfs": "disabled"})
    ),
    "not enabled": Case(namespace=PLAIN),
    "no Namespace": Case(namespace=None),
    "enabled by default": Case(mounted=APP, namespace=PLAIN, spec={"defaultEnabled": True}),
    "C-06": Case(
        pod(app(at("/proc/cpuinfo")), volumes=[MINE]),
        {"app": without("/proc/cpuinfo")},
        warnings=(f"{KEPT}/proc/cpuinfo",),
    ),
    "C-06 written differently": Case(
        pod(app(at("//proc//stat/"), at("/proc/uptime/.")), volumes=[MINE]),
        {"app": without("/proc/stat", "/proc/uptime")},
        warnings=(f"{KEPT}/proc/stat, /proc/uptime",),
    ),
    "C-06 no such volume": Case(
        pod(app(at("/proc/cpuinfo", "gone"))),
        {"app": without("/proc/cpuinfo")},
        warnings=(f"{KEPT}/proc/cpuinfo",),
    ),
    "C-06 same source by subPath": Case(
        pod(
            app(at("/proc/cpuinfo", subPath="proc/cpuinfo")),
            volumes=[{"name": "mine", "hostPath": {"path": "/var/lib/lxcfs/"}}],
        ),
        {"app": without("/proc/cpuinfo")},
    ),
    "C-06 a mount below": Case(
        pod(app(at("/proc/stat/x")), volumes=[MINE]), {"app": without("/proc/stat")}
    ),
    "C-07": Case(
        pod(app(at("/host/proc")), volumes=[{"name": "mine", "hostPath": {"path": "/proc"}}]), APP
    ),
    "C-08": Case(pod(app(at("/proc")), volumes=[{"name": "mine", "hostPath": {"path": "/proc"}}])),
    "C-09": Case(pod(app(at("/sys")), volumes=[MINE]), {"app": PROC}),
    "C-09 deeper": Case(pod(app(at("/sys/devices/system/cpu/")), volumes=[MINE]), {"app": PROC}),
    "C-10": Case(
        pod(volumes=[{"name": "lxcfs-meminfo", "emptyDir": {}}]),
        APP,
        ("lxcfs-cpuinfo", "lxcfs-meminfo-ee5061", "lxcfs-stat", "lxcfs-uptime", "lxcfs-swaps", "lxcfs-cpu-online"),
    ),
    "C-10 the hashed name is taken as well": Case(
        pod(volumes=[{"name": n, "emptyDir": {}} for n in ("lxcfs-stat", "lxcfs-stat-c7f936")]),
        APP,
        ("lxcfs-cpuinfo", "lxcfs-meminfo", "lxcfs-stat-c7f936826fb7", "lxcfs-uptime", "lxcfs-swaps", "lxcfs-cpu-online"),
    ),
    "a volume of ours": Case(pod(volumes=volumes(*PROC)), APP, ("lxcfs-cpu-online",)),
    "a volume of another name": Case(
        pod(volumes=[volume("/proc/stat", "theirs")]),
        APP,
        ("lxcfs-cpuinfo", "lxcfs-meminfo", "lxcfs-uptime", "lxcfs-swaps", "lxcfs-cpu-online"),
    ),
    "a volume that nobody checks": Case(pod(volumes=[volume("/proc/stat", "theirs", kind="")]), APP),
    "a volume without a name": Case(pod(volumes=[{"hostPath": {"path": "/x", "type": "File"}}]), APP),
    "C-11": Case(
        pod(
            app(*(at(path, f"their-{NAMES[path]}") for path in ALL)),
            volumes=[volume(path, f"their-{NAMES[path]}", kind="") for path in ALL],
        )
    ),
    "C-12": Case(
        pod(app(*mounts(*PROC[:3])), volumes=volumes(*PROC[:3])),
        {"app": ("/proc/uptime", "/proc/swaps", ONLINE)},
        ("lxcfs-uptime", "lxcfs-swaps", "lxcfs-cpu-online"),
    ),
    "C-13": Case(pod(hostPID=True)),
    "C-14": Case(pod(shareProcessNamespace=True), warnings=(WARN_SHARED,)),
    "C-14 allowed": Case(
        pod(shareProcessNamespace=True), APP, spec={"pods": {"allowShared": True}}
    ),
    "C-15": Case(tweak(pod(hostNetwork=True), "metadata.ownerReferences", owned_by("ReplicaSet")), APP),
    "DaemonSet": Case(tweak(pod(), "metadata.ownerReferences", owned_by("DaemonSet"))),
    "DaemonSet, not skipped": Case(
        tweak(pod(), "metadata.ownerReferences", owned_by("DaemonSet")),
        APP,
        spec={"pods": {"skipDaemonSets": False}},
    ),
    "lxcfs itself": Case(pod(labels={"app": "lxcfs"})),
    "C-16": Case(
        pod(
            app(),
            app(name="dind", securityContext={"privileged": True}),
            app(name="unmasked", securityContext={"procMount": "Unmasked"}),
        ),
        APP,
    ),
    "C-17": Case(
        pod(
            initContainers=[
                container("init"),
                container("sidecar", restartPolicy="Always"),
                container("last"),
            ]
        ),
        {"app": ALL, "sidecar": ALL},
    ),
    "C-17 init containers as well": Case(
        pod(initContainers=[container("init")]),
        {"app": ALL, "init": ALL},
        spec={"containers": {"init": True}},
    ),
    "skipped by name and image": Case(
        pod(app(), app(name="istio-proxy"), app(name="java", image="registry.example/jdk:21")),
        APP,
        spec={"containers": {"skip": ["istio-*"], "skipImages": ["*/jdk:*"]}},
    ),
    "C-18": Case(namespace=BASELINE, warnings=(WARN_BASELINE,)),
    "C-18 restricted": Case(
        namespace=namespace(labels={**ENABLED, "pod-security.kubernetes.io/enforce": "restricted"}),
        warnings=(WARN_BASELINE.replace("baseline", "restricted"),),
    ),
    "C-18 privileged": Case(
        namespace=namespace(labels={**ENABLED, "pod-security.kubernetes.io/enforce": "privileged"}),
        mounted=APP,
    ),
    "C-18 exempt": Case(
        mounted=APP, namespace=BASELINE, spec={"podSecurity": {"exempt": ["sh*"]}}
    ),
    "C-18 exempt is another": Case(
        namespace=BASELINE, spec={"podSecurity": {"exempt": ["web"]}}, warnings=(WARN_BASELINE,)
    ),
    "C-18 inject": Case(
        mounted=APP, namespace=BASELINE, spec={"podSecurity": {"action": "inject"}}
    ),
    "C-19": Case(pod(runtimeClassName="kata-qemu")),
    "C-19 another class": Case(pod(runtimeClassName="runc"), APP),
    "C-20": Case(pod(hostUsers=False), warnings=(WARN_USERS,)),
    "C-20 the node's users": Case(pod(hostUsers=True), APP),
    "C-21": Case(pod(os={"name": "windows"})),
    "C-21 by node selector": Case(pod(nodeSelector={"kubernetes.io/os": "windows"})),
    "virtual node": Case(pod(nodeSelector={"type": "virtual-kubelet"})),
    "virtual node by toleration": Case(
        pod(tolerations=[{"key": "virtual-kubelet.io/provider", "operator": "Exists"}])
    ),
    "all nodes tolerated": Case(pod(tolerations=[{"operator": "Exists"}]), APP),
    "only with limits: none": Case(
        pod(app(resources={"requests": {"cpu": "1"}})), spec={"pods": {"onlyWithLimits": True}}
    ),
    "only with limits: one": Case(
        pod(app(), app(name="web", resources=LIMITED)),
        {"app": ALL, "web": ALL},
        spec={"pods": {"onlyWithLimits": True}},
    ),
    "only with limits: of the Pod": Case(
        pod(resources=LIMITED), APP, spec={"pods": {"onlyWithLimits": True}}
    ),
    "C-25": Case(
        pod(DONE, app(name="mesh"), volumes=volumes()), {"mesh": ALL}, volumes=()
    ),
    "C-26": Case(
        pod(DONE, volumes=volumes(), annotations={"propylon.dev/injected-lxcfs": "standard@0"}),
        spec={"marker": True},
    ),
    "C-26 marker alone": Case(pod(annotations={"propylon.dev/injected-lxcfs": "standard@0"}), APP),
    "C-27": Case(
        tweak(
            pod(app(), app(name="web"), app(name="third")),
            f'metadata.annotations["{NOT_IN_LIST}"]',
            "app, third,",
        ),
        {"app": ALL, "third": ALL},
    ),
    "C-27 unknown": Case(
        tweak(pod(), f'metadata.annotations["{NOT_IN_LIST}"]', "web"),
        warnings=(f"lxcfs: annotation {NOT_IN_LIST}: no container is called web",),
    ),
    "C-28": Case(
        pod(affinity=node_affinity(ZONE_A, ZONE_B)),
        APP,
        spec={"requireNode": "required"},
        affinity=node_affinity(
            {"matchExpressions": [*ZONE_A["matchExpressions"], READY]},
            {**ZONE_B, "matchExpressions": [READY]},
        ),
    ),
    "C-28 an empty term matches nothing": Case(
        pod(affinity=node_affinity(ZONE_A, {})),
        APP,
        spec={"requireNode": "required"},
        affinity=node_affinity({"matchExpressions": [*ZONE_A["matchExpressions"], READY]}, {}),
    ),
    "C-28 other affinities stay": Case(
        pod(affinity={"podAffinity": {}, "nodeAffinity": {PREFERRED: [OTHER_WISH]}}),
        APP,
        spec={"requireNode": "required"},
        affinity={
            "podAffinity": {},
            "nodeAffinity": {
                PREFERRED: [OTHER_WISH],
                REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": [READY]}]},
            },
        },
    ),
    "C-29": Case(
        mounted=APP,
        spec={"requireNode": "required"},
        affinity=node_affinity({"matchExpressions": [READY]}),
    ),
    "C-29 preferred": Case(
        mounted=APP,
        spec={"requireNode": "preferred"},
        affinity={"nodeAffinity": {PREFERRED: [WISH]}},
    ),
    "C-29 preferred, after others": Case(
        pod(affinity={"nodeAffinity": {PREFERRED: [OTHER_WISH]}}),
        APP,
        spec={"requireNode": "preferred"},
        affinity={"nodeAffinity": {PREFERRED: [OTHER_WISH, WISH]}},
    ),
    "C-30": Case(
        pod(nodeName="node-1"),
        APP,
        spec={"requireNode": "required"},
        affinity=node_affinity({"matchExpressions": [READY]}),
    ),
    "mounts there, affinity missing": Case(
        pod(DONE, volumes=volumes()),
        spec={"requireNode": "required"},
        affinity=node_affinity({"matchExpressions": [READY]}),
    ),
    "nothing to mount, no affinity": Case(
        pod(app(securityContext={"privileged": True})), spec={"requireNode": "required"}
    ),
    "loadavg and diskstats": Case(
        mounted={"app": (*ALL, "/proc/loadavg", "/proc/diskstats")},
        spec={"loadavg": True, "diskstats": True},
    ),
    "compat-denverdino": Case(
        mounted={"app": (*ALL, "/proc/loadavg", "/proc/diskstats")},
        spec={"profile": "compat-denverdino"},
    ),
    "custom": Case(
        mounted={"app": ("/proc/cpuinfo", "/proc/uptime")},
        spec={"profile": "custom", "files": ["/proc/uptime", "/proc/cpuinfo"]},
    ),
    "malformed container": Case(tweak(pod(), "spec.containers", ["app", container()]), APP),
    "malformed lists": Case(tweak(pod(), "spec.containers", "app")),
}  # fmt: skip


def configured(spec: Spec, name: str = "lxcfs") -> Config:
    document = item("LxcfsInjection", name, spec)
    assert RULE.parse(document) == ()
    built, errors = RULE.build((document,), ACTORS, Platform())
    assert errors == ()
    assert isinstance(built, Config)
    return built


def known(value: Any) -> Facts:
    return Facts({Get("v1", "Namespace", "", "shop"): value})


def mutate(asked: AdmissionRequest, spec: Spec, of_namespace: Any = SHOP) -> Outcome:
    assert RULE.mutate is not None
    return RULE.mutate(asked, configured(spec), known(of_namespace))


def added_mounts(before: Any, after: Any) -> dict[str, tuple[str, ...]]:
    added = {}
    for name in ("containers", "initContainers"):
        olds, news = before["spec"].get(name, ()), after["spec"].get(name, ())
        for old, new in zip(olds, news, strict=True):
            if new != old:
                count = len(old.get("volumeMounts", ()))
                assert new["volumeMounts"][:count] == old.get("volumeMounts", [])
                found = new["volumeMounts"][count:]
                assert all(one["readOnly"] for one in found)
                added[new["name"]] = tuple(one["mountPath"] for one in found)
    return added


def added_volumes(before: Any, after: Any) -> list[Any]:
    old, new = before["spec"].get("volumes", []), after["spec"].get("volumes", [])
    assert new[: len(old)] == old
    return list(new[len(old) :])


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_lxcfs_is_mounted(case: Case) -> None:
    received = copy.deepcopy(case.pod)
    outcome = mutate(request(case.pod), case.spec, case.namespace)
    assert case.pod == received
    assert outcome.warnings == case.warnings
    if not case.mounted and case.affinity is None:
        assert outcome.object is case.pod
        assert outcome.mutated_by == ()
        return
    assert added_mounts(case.pod, outcome.object) == case.mounted
    wanted = case.volumes
    if wanted is None:
        paths = {path for files in case.mounted.values() for path in files}
        wanted = tuple(name for path, name in sorted_names(paths))
    assert tuple(one["name"] for one in added_volumes(case.pod, outcome.object)) == wanted
    assert outcome.object["spec"].get("affinity") == case.affinity
    assert outcome.mutated_by == ("LxcfsInjection/lxcfs",)


def sorted_names(paths: set[str]) -> list[tuple[str, str]]:
    return [(path, name) for path, name in NAMES.items() if path in paths]


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_a_second_run_finds_nothing_to_do(case: Case) -> None:
    """The API server may ask again, after other webhooks (F-05, F-08)."""
    first = mutate(request(case.pod), case.spec, case.namespace).object
    again = json.loads(json.dumps(first))
    assert mutate(request(again), case.spec, case.namespace).object is again


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_a_mount_has_its_volume(case: Case) -> None:
    """Every mount of ours shows the file of lxcfs that belongs there."""
    after = mutate(request(case.pod), case.spec, case.namespace).object
    sources = {one.get("name"): one.get("hostPath") for one in after["spec"].get("volumes", ())}
    added = added_mounts(case.pod, after) if case.mounted else {}
    for one in (*after["spec"]["containers"], *after["spec"].get("initContainers", ())):
        for path in added.get(one["name"] if isinstance(one, dict) else "", ()):
            name = next(m["name"] for m in one["volumeMounts"] if m["mountPath"] == path)
            assert sources[name] == {"path": f"/var/lib/lxcfs{path}", "type": "File"}


def test_the_patch_of_one_container() -> None:
    """C-01: everything appended, the outermost missing parents created."""
    before = pod()
    patch = diff(before, mutate(request(before), {}).object)
    assert patch == [
        {"op": "add", "path": "/spec/containers/0/volumeMounts", "value": mounts()},
        {"op": "add", "path": "/spec/volumes", "value": volumes()},
    ]


def test_worked_example() -> None:
    """G.3: `app` mounts a ConfigMap at /proc/uptime, `dind` is privileged."""
    before = pod(
        app(at("/proc/uptime")),
        app(name="dind", securityContext={"privileged": True}),
        volumes=[MINE],
    )
    patch = diff(before, mutate(request(before), {}).object)
    paths = without("/proc/uptime")
    assert patch == [
        *(
            {"op": "add", "path": f"/spec/containers/0/volumeMounts/{i}", "value": mount(path)}
            for i, path in enumerate(paths, 1)
        ),
        *(
            {"op": "add", "path": f"/spec/volumes/{i}", "value": volume(path)}
            for i, path in enumerate(paths, 1)
        ),
    ]
    after = apply(patch, before)
    assert after["spec"]["containers"][1] is before["spec"]["containers"][1]


@pytest.mark.parametrize("profile", ["standard", "compat-denverdino"])
def test_c_22_the_kubelet_waits_for_the_files(profile: str) -> None:
    """Type File, or Directory for the parent: where lxcfs is not, the kubelet tries again later.

    Without a type the container runtime would make directories of these names on the node.
    """
    spec: Spec = {"profile": profile, "reattach": True}
    after = mutate(request(pod()), spec).object["spec"]
    types = {one["name"]: one["hostPath"]["type"] for one in after["volumes"]}
    assert types.pop("lxcfs-root") == "Directory"
    assert set(types.values()) == {"File"}
    assert len(types) >= len(ALL)


def test_c_31_pods_are_made_while_nobody_answers() -> None:
    """The entry is called with Ignore, and rule C asks for nothing before the Pod is bound."""
    text = "apiVersion: propylon.dev/v1\nkind: LxcfsInjection\nmetadata: {name: a}\nspec: {}"
    entries = registrations(build([Document("a.yaml", text)]))
    (entry,) = (one for one in entries if "lxcfs" in one.stages)
    assert (entry.failure_policy, entry.mutating) == ("Ignore", True)


LEVELS = ("baseline", "restricted")


@pytest.mark.parametrize("level", LEVELS)
def test_c_18_the_pod_is_made_and_an_event_tells(level: str) -> None:
    labels = {**ENABLED, "pod-security.kubernetes.io/enforce": level}
    asked = request(pod())
    outcome = mutate(asked, {}, namespace(labels=labels))
    assert (outcome.object is asked.object, outcome.violations) == (True, ())
    decision = Decision(
        True, "", warnings=outcome.warnings, audit_annotations=outcome.audit_annotations
    )
    (event,) = occurrences(asked, decision)
    assert (event.reason, event.regarding.kind, event.regarding.name) == (
        "LxcfsSkipped",
        "Pod",
        "web",
    )
    assert event.message == WARN_BASELINE.replace("baseline", level)


def test_reattach_mounts_the_parent() -> None:
    after = mutate(request(pod()), {"reattach": True}).object["spec"]
    parent = "/var/lib/lxcfs-on-k8s"
    assert after["volumes"][0] == {
        "name": "lxcfs-root",
        "hostPath": {"path": parent, "type": "Directory"},
    }
    assert after["containers"][0]["volumeMounts"][0] == {
        "name": "lxcfs-root",
        "mountPath": parent,
        "readOnly": True,
        "mountPropagation": "HostToContainer",
    }
    assert after["volumes"][1:] == [volume(path, root=f"{parent}/lxcfs") for path in ALL]
    assert after["containers"][0]["volumeMounts"][1:] == mounts()


def test_the_kubelet_need_not_look() -> None:
    after = mutate(request(pod()), {"hostPathType": ""}).object["spec"]
    assert after["volumes"] == [volume(path, kind="") for path in ALL]
    reused = pod(volumes=volumes())
    assert mutate(request(reused), {"hostPathType": ""}).object["spec"]["volumes"] == volumes()


def test_files_that_are_dangerous_can_be_accepted() -> None:
    directory = "/sys/devices/system/cpu"
    spec = {"profile": "custom", "files": [directory, "/proc/pressure/io"], "allowUnsafe": True}
    after = mutate(request(pod()), spec).object["spec"]
    assert after["volumes"] == [
        volume(directory, "lxcfs-cpu", kind="Directory"),
        volume("/proc/pressure/io", "lxcfs-pressure-io"),
    ]


def test_the_marker_names_profile_and_generation() -> None:
    after = mutate(request(pod(annotations={"a": "b"})), {"marker": True}).object
    annotations = after["metadata"]["annotations"]
    assert annotations.pop("a") == "b"
    assert list(annotations) == ["propylon.dev/injected-lxcfs"]
    assert re.fullmatch("standard@[0-9a-f]{8}", annotations["propylon.dev/injected-lxcfs"])


POD = pod()
NOT_CONCERNED: dict[str, AdmissionRequest] = {
    "C-24": request(POD, old=POD, operation="UPDATE"),
    "C-32": request(POD, old=POD, operation="UPDATE", sub_resource="ephemeralcontainers"),
    "eviction": request(POD, sub_resource="eviction"),
    "another kind": request(namespace()),
    "mirror Pod": request(pod(annotations={"kubernetes.io/config.mirror": "x"})),
    "made by a kubelet": request(pod(), groups=("system:nodes",)),
    "on its way out": request(tweak(POD, "metadata.deletionTimestamp", "2026-01-01T00:00:00Z")),
}


@pytest.mark.parametrize("asked", NOT_CONCERNED.values(), ids=list(NOT_CONCERNED))
def test_other_requests_do_not_concern_it(asked: AdmissionRequest) -> None:
    assert mutate(asked, {}) == Outcome(asked.object)


def test_the_namespace_is_asked_for() -> None:
    assert RULE.mutate is not None
    with pytest.raises(NeedFacts) as need:
        RULE.mutate(request(pod()), configured({}), Facts())
    assert need.value.lookups == {Get("v1", "Namespace", "", "shop")}


def test_a_namespace_that_cannot_be_read_leaves_the_pod_alone() -> None:
    asked = request(pod())
    outcome = mutate(asked, {"defaultEnabled": True}, Unavailable("timeout"))
    assert outcome.object is asked.object
    assert outcome.audit_annotations == {
        "lxcfs": '[{"treatment":"skipped","reason":"cannot read Namespace shop"}]'
    }


def test_off_does_nothing() -> None:
    asked = request(pod())
    assert mutate(asked, {"phase": "off"}) == Outcome(asked.object)


@pytest.mark.parametrize(
    ("phase", "action", "warned"), [("warn", Action.WARN, True), ("audit", Action.AUDIT, False)]
)
def test_a_trial_changes_nothing_and_tells(phase: str, action: Action, warned: bool) -> None:
    asked = request(pod(app(), app(name="web")))
    outcome = mutate(asked, {"phase": phase})
    text = f"lxcfs: document lxcfs (phase {phase}) would add 12 mounts"
    assert outcome.object is asked.object
    assert outcome.mutated_by == ()
    assert [(one.message, one.action, one.policy) for one in outcome.violations] == [
        (text, action, "LxcfsInjection/lxcfs")
    ]
    assert outcome.warnings == ((text,) if warned else ())
    entries = json.loads(outcome.audit_annotations["lxcfs"])
    assert {(entry["treatment"], entry["phase"]) for entry in entries} == {("mounted", phase)}


def test_a_trial_with_nothing_to_do_is_silent() -> None:
    asked = request(pod(DONE, volumes=volumes()))
    assert mutate(asked, {"phase": "warn"}) == Outcome(asked.object)


DENY = {"podSecurity": {"action": "deny"}}
DENIED = (
    "lxcfs: namespace enforces Pod Security baseline (hostPath forbidden); "
    "ask for an exemption or set annotation propylon.dev/lxcfs: disabled"
)


@pytest.mark.parametrize(
    ("phase", "action", "warnings"),
    [
        ("enforce", Action.DENY, ()),
        ("warn", Action.WARN, (WARN_BASELINE,)),
        ("audit", Action.AUDIT, ()),
    ],
)
def test_pod_security_may_refuse_the_pod(
    phase: str, action: Action, warnings: tuple[str, ...]
) -> None:
    asked = request(pod())
    outcome = mutate(asked, {**DENY, "phase": phase}, BASELINE)
    assert outcome.object is asked.object
    assert [(one.message, one.action, one.code) for one in outcome.violations] == [
        (DENIED, action, 403)
    ]
    assert outcome.warnings == warnings


def test_the_audit_annotation_says_what_was_done_where() -> None:
    before = pod(app(at("/proc/stat"), at("/sys")), volumes=[MINE])
    outcome = mutate(request(before), {})
    assert json.loads(outcome.audit_annotations["lxcfs"]) == [
        {
            "path": "spec.containers[0]",
            "treatment": "mounted",
            "files": ["/proc/cpuinfo", "/proc/meminfo", "/proc/uptime", "/proc/swaps"],
        },
        {"path": "spec.containers[0]", "treatment": "kept", "files": ["/proc/stat"]},
        {"path": "spec.containers[0]", "treatment": "covered", "files": [ONLINE]},
    ]


MISTAKES: dict[str, tuple[Spec, str, str]] = {
    "C-23": (
        {"profile": "custom", "files": ["/proc/pressure/cpu"]},
        "spec.files[0]",
        "runc refuses to mount it, so that no container would start (allowUnsafe: true accepts)",
    ),
    "slabinfo": ({"profile": "custom", "files": ["/proc/slabinfo"]}, "spec.files[0]", "content"),
    "the CPU directory": (
        {"profile": "custom", "files": ["/sys/devices/system/cpu"]}, "spec.files[0]", "Java"
    ),
    "an unknown file": (
        {"profile": "custom", "files": ["/proc/version"]},
        "spec.files[0]",
        "allowed: /proc/cpuinfo, /proc/meminfo",
    ),
    "a file twice": (
        {"profile": "custom", "files": ["/proc/stat", "/proc/stat"]}, "spec.files[1]", "twice"
    ),
    "custom without files": ({"profile": "custom"}, "spec.files", "at least one"),
    "files without custom": ({"files": ["/proc/stat"]}, "spec.files", "only profile custom"),
    "a relative root": ({"root": "lxcfs"}, "spec.root", "absolute"),
    "a root with ..": ({"root": "/var/lib/lxcfs/.."}, "spec.root", "absolute"),
    "a root with a slash": ({"root": "/var/lib/lxcfs/"}, "spec.root", "absolute"),
    "a system directory": ({"reattachRoot": "/var/lib"}, "spec.reattachRoot", "of the system"),
    "a node without value": (
        {"pods": {"virtualNodes": ["virtual"]}}, "spec.pods.virtualNodes[0]", "key=value"
    ),
    "a label without value": (
        {"pods": {"lxcfsLabels": ["a=b", "app"]}}, "spec.pods.lxcfsLabels[1]", "key=value"
    ),
    "an unknown field": ({"profil": "custom"}, "spec.profil", "did you mean profile?"),
    "an unknown phase": ({"phase": "enforced"}, "spec.phase", "off, audit, warn, enforce"),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "path", "message"), MISTAKES.values(), ids=list(MISTAKES))
def test_a_mistake_in_a_document_is_told(spec: Spec, path: str, message: str) -> None:
    (error,) = RULE.parse(item("LxcfsInjection", "lxcfs", spec))
    assert error.path == path
    assert message in error.message
    assert error.line


def test_one_document_is_in_force() -> None:
    documents = (
        item("LxcfsInjection", "a-trial", {"phase": "off"}),
        item("LxcfsInjection", "b", {}),
        item("LxcfsInjection", "c", {"root": "/srv/lxcfs"}),
    )
    built, errors = RULE.build(documents, ACTORS, Platform())
    assert built.name == "b"
    assert [(one.name, one.path) for one in errors] == [("c", "spec")]
    assert "b is in force already" in errors[0].message


PAGE = Path(__file__).parents[2] / "docs" / "documents" / "lxcfs-injection.md"


def names_of(model: Any, prefix: str = "") -> list[str]:
    names: list[str] = []
    for field_info in model.model_fields.values():
        name = f"{prefix}{field_info.alias}"
        part = field_info.annotation
        is_part = isinstance(part, type) and issubclass(part, BaseModel)
        names += names_of(part, f"{name}.") if is_part else [name]
    return names


def test_the_page_names_every_field() -> None:
    told = {
        name
        for line in PAGE.read_text().splitlines()
        if line.startswith("| `")
        for name in re.findall("`([^`]*)`", line.split("|")[1])
    }
    assert told == set(names_of(LxcfsInjectionSpec))


def test_the_example_on_the_page_is_valid() -> None:
    (text,) = re.findall("```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert RULE.parse(read(text)) == ()
