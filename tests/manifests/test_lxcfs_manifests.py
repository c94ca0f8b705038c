"""`manifests/lxcfs`: what platform-rules C.6 asks of the nodes, and that it fits rule C."""

from __future__ import annotations

import copy
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.builders import namespace, request, tweak
from tests.rules.documents import item
from webhook.model import Document, Facts, Get, Platform
from webhook.objects.schemas import Schema, built_in_schema
from webhook.offline.judging import answers_from, judge
from webhook.offline.requests import request_about
from webhook.registration import registrations
from webhook.rules.lxcfs import RULE
from webhook.rules.lxcfs.placing import READY
from webhook.rules.lxcfs.settings import LxcfsInjectionSpec
from webhook.snapshot import build

FOLDER = Path(__file__).parents[2] / "manifests" / "lxcfs"
REATTACH = FOLDER / "components" / "reattach"
FILES = sorted(path.name for path in FOLDER.glob("[0-9]*.yaml"))
OBJECTS = [one for name in FILES for one in yaml.safe_load_all((FOLDER / name).read_text())]
DAEMON_SET = next(one for one in OBJECTS if one["kind"] == "DaemonSet")
POD = DAEMON_SET["spec"]["template"]["spec"]
CONTAINERS = {one["name"]: one for one in POD["containers"]}
PATCH = yaml.safe_load((REATTACH / "daemonset.yaml").read_text())
PATCHED = {one["name"]: one for one in PATCH["spec"]["template"]["spec"]["containers"]}


def variables(container: Any) -> dict[str, Any]:
    return {one["name"]: one.get("value") for one in container["env"]}


def mounts(container: Any) -> dict[str, Any]:
    return {one["mountPath"]: one for one in container["volumeMounts"]}


def test_the_kustomization_lists_every_file() -> None:
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    (scripts,) = kustomization["configMapGenerator"]
    assert kustomization["resources"] == FILES
    assert scripts["files"] == [
        f"scripts/{path.name}" for path in sorted((FOLDER / "scripts").iterdir())
    ]
    component = yaml.safe_load((REATTACH / "kustomization.yaml").read_text())
    named = {*component["configMapGenerator"][0]["files"], component["patches"][0]["path"]}
    assert named == {path.name for path in REATTACH.iterdir()} - {"kustomization.yaml"}


def unknown(value: Any, schema: Schema, path: str = "") -> Iterator[str]:
    """Yield the fields that the API does not have."""
    if isinstance(value, dict) and schema.map is not None:
        for key, one in value.items():
            field = schema.map.fields.get(key)
            inner = field.type if field else schema.map.element
            if inner is None:
                yield f"{path}.{key}"
            else:
                yield from unknown(one, inner.resolve(), f"{path}.{key}")
    elif isinstance(value, list) and schema.list is not None:
        for at, one in enumerate(value):
            yield from unknown(one, schema.list.element.resolve(), f"{path}[{at}]")
    else:
        is_scalar = not isinstance(value, dict | list)
        if is_scalar is not bool(schema.scalar):
            yield f"{path}: {value!r}"


def without_patches(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_patches(one) for key, one in value.items() if key != "$patch"}
    return [without_patches(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("value", [*OBJECTS, without_patches(PATCH)], ids=lambda one: one["kind"])
def test_the_api_has_every_field(value: Any) -> None:
    schema = built_in_schema(value["apiVersion"], value["kind"])
    assert schema is not None
    assert list(unknown(value, schema)) == []


LXCFS = CONTAINERS["lxcfs"]
# what C.6 asks → whether it is so
ASKED: dict[str, Callable[[], bool]] = {
    "privileged": lambda: LXCFS["securityContext"]["privileged"] is True,
    "host PIDs": lambda: POD["hostPID"] is True,
    "root with Bidirectional": lambda: (
        mounts(LXCFS)["/var/lib/lxcfs"]["mountPropagation"] == "Bidirectional"
    ),
    "cgroups read-only": lambda: mounts(LXCFS)["/sys/fs/cgroup"]["readOnly"] is True,
    "run directory of the host": lambda: "/run/lxcfs" in mounts(LXCFS),
    "priority": lambda: POD["priorityClassName"] == "system-node-critical",
    "tolerates everything": lambda: POD["tolerations"] == [{"operator": "Exists"}],
    "OnDelete": lambda: DAEMON_SET["spec"]["updateStrategy"] == {"type": "OnDelete"},
    "no liveness probe": lambda: all("livenessProbe" not in one for one in POD["containers"]),
    "no limit of memory": lambda: "limits" not in LXCFS["resources"],
    "readiness within a timeout": lambda: (
        "timeout" in LXCFS["readinessProbe"]["exec"]["command"][-1]
        and "proc/cpuinfo" in LXCFS["readinessProbe"]["exec"]["command"][-1]
    ),
    "only the helper has a token": lambda: (
        POD["automountServiceAccountToken"] is False
        and [name for name, one in CONTAINERS.items() if "account" in str(one["volumeMounts"])]
        == ["label"]
    ),
    "the agent may mount elsewhere": lambda: (
        PATCHED["reattach"]["securityContext"]["privileged"] is True
    ),
}  # fmt: skip


@pytest.mark.parametrize("check", ASKED.values(), ids=ASKED)
def test_c_6(check: Callable[[], bool]) -> None:
    assert check()


def test_it_is_where_rule_c_looks() -> None:
    defaults = LxcfsInjectionSpec()
    for name in ("lxcfs", "label"):
        assert variables(CONTAINERS[name])["LXCFS_ROOT"] == defaults.root
    for one in PATCHED.values():
        assert variables(one)["LXCFS_ROOT"] == f"{defaults.reattach_root}/lxcfs"
        assert defaults.reattach_root in mounts(one)
    (volume,) = PATCH["spec"]["template"]["spec"]["volumes"]
    assert volume["hostPath"]["path"] == defaults.reattach_root


def test_the_label_is_the_one_that_rule_c_requires() -> None:
    assert variables(CONTAINERS["label"])["READY_LABEL"] == f"{Platform().prefix}/{READY}"


def test_rule_c_leaves_its_pods_alone() -> None:
    document = item(
        "LxcfsInjection", "lxcfs", {"defaultEnabled": True, "pods": {"skipDaemonSets": False}}
    )
    config, _ = RULE.build((document,), build(()).actors, Platform())
    template = copy.deepcopy(DAEMON_SET["spec"]["template"])
    pod = {"apiVersion": "v1", "kind": "Pod", **template, "spec": {**POD, "hostPID": False}}
    pod["metadata"] |= {"name": "lxcfs", "namespace": "shop"}
    facts = Facts({Get("v1", "Namespace", "", "shop"): namespace("shop")})
    assert RULE.mutate is not None
    assert RULE.mutate(request(pod), config, facts).object is pod
    other = tweak(pod, "metadata.labels", {})
    assert RULE.mutate(request(other), config, facts).object is not other


NODE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "n1", "labels": {"zone": "a"}},
    "spec": {"podCIDR": "10.0.0.0/24"},
}
LABEL = 'metadata.labels["propylon.dev/lxcfs-ready"]'
ACCOUNT = "system:serviceaccount:lxcfs-system:lxcfs"
OWN = {"authentication.kubernetes.io/node-name": ["n1"]}
# id → (new Node, old Node, user, extra, is it allowed)
WRITES: dict[str, tuple[Any, Any, str, Any, bool]] = {
    "labels its node": (tweak(NODE, LABEL, "true"), NODE, ACCOUNT, OWN, True),
    "takes the label off": (NODE, tweak(NODE, LABEL, "true"), ACCOUNT, OWN, True),
    "first label of all": (
        tweak(tweak(NODE, "metadata.labels", {}), LABEL, "true"),
        {**NODE, "metadata": {"name": "n1"}}, ACCOUNT, OWN, True,
    ),
    "another node": (
        tweak(NODE, LABEL, "true"), NODE, ACCOUNT,
        {"authentication.kubernetes.io/node-name": ["n2"]}, False,
    ),
    "a token of no node": (tweak(NODE, LABEL, "true"), NODE, ACCOUNT, {}, False),
    "another label": (tweak(NODE, "metadata.labels.zone", "b"), NODE, ACCOUNT, OWN, False),
    "a further label": (tweak(NODE, "metadata.labels.x", "b"), NODE, ACCOUNT, OWN, False),
    "loses a label": (tweak(NODE, "metadata.labels", {}), NODE, ACCOUNT, OWN, False),
    "a taint": (tweak(NODE, "spec.taints", [{"key": "a"}]), NODE, ACCOUNT, OWN, False),
    "somebody else": (tweak(NODE, "spec.taints", [{"key": "a"}]), NODE, "admin", {}, True),
}  # fmt: skip


@pytest.mark.parametrize(("new", "old", "user", "extra", "allowed"), WRITES.values(), ids=WRITES)
def test_the_account_may_only_label_its_own_node(
    new: Any, old: Any, user: str, extra: Any, allowed: bool
) -> None:
    snapshot = build([Document("own.yaml", (FOLDER / "30-own-node-only.yaml").read_text())])
    assert snapshot.errors == ()
    who = {"username": user, "groups": ["system:authenticated"], "extra": extra}
    asked = request_about(new, old, user=who)
    found = judge(asked, registrations(snapshot), snapshot, answers_from(()))
    assert (not found.denials) is allowed


# ------------------------------------------------------------------ the scripts


class Place:
    """A directory that stands for a node, with programs that write down how they are called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "lxcfs"
        self.calls = folder / "calls"
        self.calls.write_text("")
        self.mounts = folder / "mountinfo"
        self.mounts.write_text("")
        (folder / "bin").mkdir()
        (folder / "fuse").write_text("")
        for name in ("curl", "lxcfs", "mount"):
            self.program(name)
        self.program("umount", f': >"{self.mounts}"')

    def program(self, name: str, then: str = "") -> None:
        path = self.folder / "bin" / name
        path.write_text(f'#!/bin/sh\necho {name} "$@" >>"{self.calls}"\n{then}\n')
        path.chmod(0o755)

    def environment(self, **further: str) -> dict[str, str]:
        return {
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
            "LXCFS_ROOT": str(self.root),
            "FUSE_DEVICE": str(self.folder / "fuse"),
            "MOUNTS": str(self.mounts),
            "OOM_SCORE": str(self.folder / "oom"),
            **further,
        }

    def run(
        self, script: Path, *arguments: str, **further: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", str(script), *arguments], env=self.environment(**further),
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip

    @property
    def called(self) -> list[str]:
        return self.calls.read_text().splitlines()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


START = FOLDER / "scripts" / "start.sh"


def test_it_starts_with_its_flags(place: Place) -> None:
    done = place.run(START, "--enable-cfs")
    assert (done.returncode, done.stderr) == (0, "")
    assert place.called == [f"lxcfs --pidfile=/run/lxcfs/lxcfs.pid --enable-cfs {place.root}"]
    assert (place.folder / "oom").read_text() == "-1000\n"


def test_it_needs_fuse(place: Place) -> None:
    (place.folder / "fuse").unlink()
    done = place.run(START)
    assert done.returncode == 1
    assert "load the kernel module fuse" in done.stderr
    assert place.called == []


def test_a_dead_mount_is_removed(place: Place) -> None:
    lines = ("ext4 /dev/sda", "fuse.lxcfs lxcfs")
    place.mounts.write_text(
        "".join(f"1 2 0:5 / {place.root} rw shared:1 - {one} rw\n" for one in lines)
    )
    assert place.run(START).returncode == 0
    assert place.called == [
        f"umount -l {place.root}",
        f"lxcfs --pidfile=/run/lxcfs/lxcfs.pid {place.root}",
    ]


def test_another_one_that_answers_stays(place: Place) -> None:
    (place.root / "proc").mkdir(parents=True)
    (place.root / "proc" / "cpuinfo").write_text("cpu\n")
    place.mounts.write_text(f"1 2 0:5 / {place.root} rw - fuse.lxcfs lxcfs rw\n")
    done = place.run(START)
    assert (done.returncode, place.called) == (1, [])
    assert "another lxcfs serves" in done.stderr


def test_directories_in_the_places_of_files_are_removed(place: Place) -> None:
    for name in ("proc/cpuinfo", "proc/meminfo", "sys/devices/system/cpu/online"):
        (place.root / name).mkdir(parents=True)
    assert place.run(START).returncode == 0
    assert list(place.root.iterdir()) == []


def test_a_directory_with_something_in_it_is_not_touched(place: Place) -> None:
    (place.root / "proc" / "cpuinfo").mkdir(parents=True)
    (place.root / "proc" / "cpuinfo" / "x").write_text("mine")
    done = place.run(START)
    assert (done.returncode, place.called) == (1, [])
    assert "is a directory with something in it" in done.stderr


LABELLER = FOLDER / "scripts" / "label.sh"


def test_the_node_is_labelled_while_lxcfs_answers(place: Place) -> None:
    (place.root / "proc").mkdir(parents=True)
    (place.root / "proc" / "cpuinfo").write_text("cpu\n")
    (place.folder / "token").write_text("secret")
    further = {
        "ACCOUNT": str(place.folder), "NODE_NAME": "n1", "SECONDS_BETWEEN": "0.1",
        "KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443",
    }  # fmt: skip
    running = subprocess.Popen(
        ["/bin/sh", str(LABELLER)], env=place.environment(**further),
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert running.stdout is not None
    assert '"true"' in running.stdout.readline()
    (place.root / "proc" / "cpuinfo").unlink()
    assert "null" in running.stdout.readline()
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=10)
    values = [call.rpartition('lxcfs-ready":')[2].partition("}")[0] for call in place.called]
    assert values == ['"true"', "null", "null"]
    assert all(call.endswith("https://10.0.0.1:443/api/v1/nodes/n1") for call in place.called)


BIND = REATTACH / "reattach.sh"
MEMINFO = "40 30 {device} /proc/meminfo /proc/meminfo ro - fuse.lxcfs lxcfs rw\n"


def process(place: Place, number: int, space: str, mountinfo: str) -> None:
    folder = place.folder / "proc" / str(number)
    (folder / "ns").mkdir(parents=True)
    (folder / "ns" / "mnt").symlink_to(f"mnt:[{space}]")
    (folder / "mountinfo").write_text(mountinfo)


def rebind(place: Place) -> list[str]:
    (place.root / "proc").mkdir(parents=True)
    (place.root / "proc" / "cpuinfo").write_text("cpu\n")
    done = place.run(BIND, PROC=str(place.folder / "proc"), SECONDS_BETWEEN="once")
    assert done.returncode == 0
    return place.called


def test_files_are_bound_again_in_running_containers(place: Place) -> None:
    here = f"30 1 0:9 / {place.root} rw master:1 - fuse.lxcfs lxcfs rw\n"
    (place.folder / "proc" / "self").mkdir(parents=True)
    (place.folder / "proc" / "self" / "mountinfo").write_text(here)
    stale, fresh = MEMINFO.format(device="0:5"), MEMINFO.format(device="0:9")
    process(place, 10, "1", here + stale)
    process(place, 11, "1", here + stale)  # the same container
    process(place, 12, "2", here + fresh)  # started after lxcfs
    process(place, 13, "3", stale)  # the new lxcfs has not arrived there
    process(place, 14, "4", here)  # no files
    (place.folder / "space").write_text("")
    link = place.folder / "proc" / "10" / "ns" / "mnt"
    link.unlink()
    link.symlink_to(place.folder / "space")
    other = place.folder / "proc" / "11" / "ns" / "mnt"
    other.unlink()
    other.symlink_to(place.folder / "space")
    assert rebind(place) == [
        f"umount --namespace {link} --lazy /proc/meminfo",
        f"mount --namespace {link} --bind --options ro {place.root}/proc/meminfo /proc/meminfo",
    ]


def test_nothing_is_bound_while_lxcfs_is_away(place: Place) -> None:
    (place.folder / "proc" / "self").mkdir(parents=True)
    (place.folder / "proc" / "self" / "mountinfo").write_text("")
    process(place, 10, "1", MEMINFO.format(device="0:5"))
    assert rebind(place) == []


@pytest.mark.parametrize("script", [START, LABELLER, BIND], ids=lambda path: path.name)
def test_scripts_are_plain_shell(script: Path) -> None:
    assert subprocess.run(["/bin/sh", "-n", str(script)], check=False).returncode == 0
