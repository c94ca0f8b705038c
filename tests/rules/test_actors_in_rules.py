"""The right half of the table of actor classes (platform-rules 0.4): what each rule does for whom."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import Object, container, deployment, namespace, pod, request
from tests.properties.together import KUBE_SYSTEM, PEOPLE, asked_for, judged, node, stored

SHOP = namespace("shop", {"propylon.dev/lxcfs": "enabled"})
CLUSTER: list[Object] = [SHOP, node(0), node(1)]

ALL = ["hide", "env", "lxcfs", "spread", "protect"]
PODS_AND_LABELS = ["env", "lxcfs", "protect"]
CLASSES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "breakglass": (PEOPLE["breakglass"], ["env", "lxcfs"]),
    "system": (PEOPLE["controller"], PODS_AND_LABELS),
    "system, one identity": (PEOPLE["one identity"], PODS_AND_LABELS),
    "system, the scheduler": ({"user": "system:kube-scheduler"}, PODS_AND_LABELS),
    "workload-controller": (PEOPLE["kruise"], PODS_AND_LABELS),
    "platform": (PEOPLE["platform"], PODS_AND_LABELS),
    "platform, system:masters": (PEOPLE["administrator"], PODS_AND_LABELS),
    "delegate": (PEOPLE["delegate"], ALL),
    "operator": (PEOPLE["operator"], ALL),
    "developer": (PEOPLE["developer"], ALL),
    "developer, unknown account": (PEOPLE["unknown account"], ALL),
    "a system account above the platform": (
        {"user": "root", "groups": ("system:masters", *KUBE_SYSTEM)}, PODS_AND_LABELS,
    ),
}  # fmt: skip


def web() -> Object:
    made = deployment(container())
    made["spec"]["template"]["spec"]["nodeSelector"] = {"pool": "gpu"}
    return made


def acting(who: dict[str, Any]) -> list[str]:
    """Return the rules that change, or refuse, what they are for."""
    workload = judged(asked_for(web(), **who), "init", CLUSTER).object_after
    template = workload["spec"]["template"]["spec"]
    made = judged(asked_for(pod(), **who), "init", CLUSTER).object_after["spec"]
    old = stored(deployment(labels={"propylon.dev/delete-protection": "Always"}))
    deletion = request(old=old, operation="DELETE", received_at=1.0, **who)
    found = {
        "hide": "nodeSelector" not in template,
        "env": "env" in made["containers"][0],
        "lxcfs": "volumes" in made,
        "spread": "topologySpreadConstraints" in template,
        "protect": bool(judged(deletion, "init", CLUSTER).denials),
    }
    return [name for name, is_acting in found.items() if is_acting]


@pytest.mark.parametrize(("who", "rules"), CLASSES.values(), ids=CLASSES)
def test_what_rules_do_for_whom(who: dict[str, Any], rules: list[str]) -> None:
    assert acting(who) == rules


def test_break_glass_and_the_platform_are_told() -> None:
    """Rule D skips the one with a warning, and only warns the other."""
    value = deployment(container(), replicas=3)
    for name, text in (("breakglass", "not applied to break-glass access"), ("platform", "lacks")):
        warnings = judged(asked_for(value, **PEOPLE[name]), "init", CLUSTER).warnings
        assert [one for one in warnings if one.startswith("spread:") and text in one] != []
