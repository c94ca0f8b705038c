"""Rule C where the platform decides: the files that its nodes have (C.1), and who may opt out (0.11)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import container, deployment, namespace, pod, request, tweak
from tests.rules.documents import Spec, item
from webhook.model import Action, Document, Facts, Get, NeedFacts, Platform, Unavailable
from webhook.registration import registrations
from webhook.rules.actors import Actors, build_actors
from webhook.rules.lxcfs import RULE, Config
from webhook.snapshot import build

ONLINE = "/sys/devices/system/cpu/online"
STANDARD = [
    "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/uptime", "/proc/swaps", ONLINE,
]  # fmt: skip
FIRST = STANDARD[:-1]
COMPAT: Spec = {"profile": "compat-denverdino"}

ACTORS: Actors = build_actors(
    (item("Actors", "a", {"operators": {"groups": ["sre"]}}),), Platform()
)[0]


def config(**spec: Any) -> Config:
    document = item("LxcfsInjection", "lxcfs", {"defaultEnabled": True, **spec})
    assert RULE.parse(document) == ()
    built, errors = RULE.build((document,), ACTORS, Platform())
    assert errors == ()
    assert isinstance(built, Config)
    return built


# id → (document, its files)
FILES: dict[str, tuple[Spec, list[str]]] = {
    "nothing is said": (COMPAT, [*STANDARD, "/proc/loadavg", "/proc/diskstats"]),
    "lxcfs 2": (
        {**COMPAT, "lxcfsVersion": "2.0"}, [*FIRST, "/proc/diskstats"]
    ),
    "lxcfs 3.1.2": (
        {**COMPAT, "lxcfsVersion": "3.1.2"}, [*STANDARD, "/proc/loadavg", "/proc/diskstats"]
    ),
    "lxcfs 7": ({**COMPAT, "lxcfsVersion": "7"}, [*STANDARD, "/proc/loadavg"]),
    "cgroup v2": ({**COMPAT, "cgroups": "v2"}, [*STANDARD, "/proc/loadavg"]),
    "hybrid": (
        {**COMPAT, "cgroups": "hybrid"}, [*STANDARD, "/proc/loadavg", "/proc/diskstats"]
    ),
    "old runc": ({**COMPAT, "runtimeProfile": "old-runc"}, [*STANDARD, "/proc/diskstats"]),
    "standard on lxcfs 2": ({"lxcfsVersion": "2.0.8"}, FIRST),
    "asked for": (
        {"lxcfsVersion": "6.0", "cgroups": "v1", "loadavg": True, "diskstats": True},
        [*STANDARD, "/proc/loadavg", "/proc/diskstats"],
    ),
    "slabinfo": (
        {
            "profile": "custom", "files": ["/proc/slabinfo"], "allowUnsafe": True,
            "cgroups": "v1", "lxcfsVersion": "5.0",
        },
        ["/proc/slabinfo"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "files"), FILES.values(), ids=FILES)
def test_files_that_the_nodes_have(spec: Spec, files: list[str]) -> None:
    assert [one.mount_path for one in config(**spec).sources] == files


# id → (document, place, message)
MISTAKES: dict[str, tuple[Spec, str, str]] = {
    "version": ({"lxcfsVersion": "v6"}, "spec.lxcfsVersion", "must be a version, such as 6.0"),
    "loadavg of lxcfs 2": (
        {"lxcfsVersion": "2.0", "loadavg": True},
        "spec.loadavg",
        "/proc/loadavg cannot be mounted: lxcfs has it since 3.1",
    ),
    "loadavg with old runc": (
        {"runtimeProfile": "old-runc", "loadavg": True},
        "spec.loadavg",
        "/proc/loadavg cannot be mounted: runc before August 2018 refuses to mount it",
    ),
    "diskstats with cgroup v2": (
        {"cgroups": "v2", "diskstats": True},
        "spec.diskstats",
        "/proc/diskstats cannot be mounted: with cgroup v2 it shows the node's content",
    ),
    "pressure before lxcfs 7": (
        {
            "profile": "custom", "allowUnsafe": True, "lxcfsVersion": "6.0",
            "files": ["/proc/stat", "/proc/pressure/cpu"],
        },
        "spec.files[1]",
        "/proc/pressure/cpu cannot be mounted: lxcfs has it since 7.0",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "path", "message"), MISTAKES.values(), ids=MISTAKES)
def test_files_that_the_nodes_lack_are_errors(spec: Spec, path: str, message: str) -> None:
    (error,) = RULE.parse(item("LxcfsInjection", "lxcfs", spec))
    assert (error.path, error.message) == (path, message)


SHOP = Facts({Get("v1", "Namespace", "", "shop"): namespace("shop")})
P = "propylon.dev"
OPT_OUTS: dict[str, dict[str, str]] = {
    "skip": {f"{P}/skip-lxcfs": "true"},
    "disabled": {f"{P}/lxcfs": "disabled"},
    "containers": {f"{P}/lxcfs-containers": "app"},
}
CONTROLLER: dict[str, Any] = {
    "user": "system:serviceaccount:kube-system:replicaset-controller",
    "groups": ("system:serviceaccounts:kube-system",),
}
# id → (who may, who writes, does the opt-out count)
WRITERS: dict[str, tuple[str, dict[str, Any], bool]] = {
    "anyone": ("anyone", {}, True),
    "developer, for operators": ("operator", {}, False),
    "operator": ("operator", {"groups": ("sre",)}, True),
    "operator, for the platform": ("platform", {"groups": ("sre",)}, False),
    "platform": ("platform", {"groups": ("system:masters",)}, True),
    "controller": ("platform", CONTROLLER, True),
}


@pytest.mark.parametrize("annotations", OPT_OUTS.values(), ids=OPT_OUTS)
@pytest.mark.parametrize(("who", "writer", "counts"), WRITERS.values(), ids=WRITERS)
def test_opt_outs_on_pods(annotations: Any, who: str, writer: dict[str, Any], counts: bool) -> None:
    value = pod(container(), container("side"), annotations=annotations)
    assert RULE.mutate is not None
    outcome = RULE.mutate(request(value, **writer), config(optOutBy=who), SHOP)
    side = outcome.object["spec"]["containers"][1]
    assert ("volumeMounts" not in side) is counts
    assert [text for text in outcome.warnings if "only" in text] == (
        [] if counts else [f"lxcfs: annotation {next(iter(annotations))} is ignored; {may(who)}"]
    )


def may(who: str) -> str:
    return f"only {'operators' if who == 'operator' else 'the platform'} may opt out"


def web(annotations: Any = None) -> Any:
    return tweak(deployment(), "spec.template.metadata.annotations", annotations or {})


@pytest.mark.parametrize("annotations", OPT_OUTS.values(), ids=OPT_OUTS)
@pytest.mark.parametrize(("who", "writer", "counts"), WRITERS.values(), ids=WRITERS)
def test_opt_outs_in_templates(
    annotations: Any, who: str, writer: dict[str, Any], counts: bool
) -> None:
    assert RULE.validate is not None
    value = web(annotations)
    outcome = RULE.validate(request(value, **writer), config(optOutBy=who), SHOP)
    assert outcome.object is value
    place = f'spec.template.metadata.annotations["{next(iter(annotations))}"]'
    assert [one.message for one in outcome.violations] == (
        [] if counts else [f"lxcfs: {place}: {may(who)}; remove it"]
    )


OPTED_OUT = web(OPT_OUTS["skip"])
# id → request that nobody refuses
FREE: dict[str, Any] = {
    "stored like this": request(OPTED_OUT, old=OPTED_OUT, operation="UPDATE"),
    "another sub-resource": request(
        OPTED_OUT, old=web(), operation="UPDATE", sub_resource="status"
    ),
    "deletion": request(old=OPTED_OUT, operation="DELETE"),
    "nothing": request(web()),
    "false": request(web({f"{P}/skip-lxcfs": "false"})),
    "not a workload": request({**namespace("x"), "kind": "ConfigMap"}),
    "a Pod": request(pod(annotations=OPT_OUTS["skip"])),
    "what a Deployment controls": request(
        tweak(
            {**OPTED_OUT, "kind": "ReplicaSet"},
            "metadata.ownerReferences",
            [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "a", "controller": True}],
        )
    ),
}


@pytest.mark.parametrize("asked", FREE.values(), ids=FREE)
def test_what_is_not_refused(asked: Any) -> None:
    assert RULE.validate is not None
    assert RULE.validate(asked, config(optOutBy="platform"), SHOP).violations == ()


def test_a_namespace_that_takes_no_part_is_left_alone() -> None:
    assert RULE.validate is not None
    used, asked = config(optOutBy="platform", defaultEnabled=False), request(OPTED_OUT)
    unreadable = Facts({Get("v1", "Namespace", "", "shop"): Unavailable("timeout")})
    for facts in (SHOP, unreadable):
        assert RULE.validate(asked, used, facts).violations == ()
    with pytest.raises(NeedFacts):
        RULE.validate(asked, used, Facts())


@pytest.mark.parametrize(("phase", "action"), [("warn", Action.WARN), ("audit", Action.AUDIT)])
def test_phases(phase: str, action: Action) -> None:
    assert RULE.validate is not None
    outcome = RULE.validate(request(OPTED_OUT), config(optOutBy="platform", phase=phase), SHOP)
    assert [one.action for one in outcome.violations] == [action]
    assert bool(outcome.warnings) is (phase == "warn")


ENTRIES = {
    "anyone": ("anyone", "enforce", []),
    "operator": ("operator", "enforce", [("lxcfs",)]),
    "off": ("operator", "off", []),
}


@pytest.mark.parametrize(("who", "phase", "stages"), ENTRIES.values(), ids=ENTRIES)
def test_templates_are_sent_only_when_they_must_be(who: str, phase: str, stages: Any) -> None:
    text = (
        "apiVersion: propylon.dev/v1\nkind: LxcfsInjection\nmetadata: {name: a}\n"
        f'spec: {{optOutBy: {who}, phase: "{phase}"}}'
    )
    entries = registrations(build([Document("a.yaml", text)]))
    found = [one for one in entries if one.path == "templates"]
    assert [one.stages for one in found] == stages
    assert all((one.mutating, one.failure_policy) == (False, "Fail") for one in found)
