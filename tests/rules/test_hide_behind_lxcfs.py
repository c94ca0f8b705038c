"""Rule A is called again behind rule C: what that one mounts is nobody's `hostPath` (F-08, A-45)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import container, namespace, pod, request
from tests.rules.documents import ACTORS, Spec, item
from tests.rules.hiding import DEFAULT, mutate
from webhook.model import Facts, Get, Platform
from webhook.rules.lxcfs import RULE

PINNED: dict[str, Any] = {"enableServiceLinks": False, "automountServiceAccountToken": False}
SHOP = Facts({Get("v1", "Namespace", "", "shop"): namespace("shop")})
CUSTOM = {"profile": "custom", "files": ["/proc/stat", "/proc/uptime"]}
DOCUMENTS: dict[str, Spec] = {
    "as it ships": {},
    "all files": {"profile": "compat-denverdino"},
    "own list": CUSTOM,
    "another root": {"root": "/opt/lxcfs/mount"},
    "no types": {"hostPathType": ""},
    "parent": {"reattach": True},
    "nodes that must be ready": {"requireNode": "required"},
    "nodes that should be ready": {"requireNode": "preferred"},
    "marker": {"marker": True},
}


def mounted(value: Any, spec: Spec) -> Any:
    document = item("LxcfsInjection", "lxcfs", {"defaultEnabled": True, **spec})
    assert RULE.parse(document) == ()
    config, _ = RULE.build((document,), ACTORS, Platform())
    assert RULE.mutate is not None
    return RULE.mutate(request(value), config, SHOP).object


@pytest.mark.parametrize("spec", DOCUMENTS.values(), ids=DOCUMENTS)
def test_what_rule_c_adds_stays(spec: Spec) -> None:
    value = mutate(request(pod(container(), **PINNED))).object
    made = mounted(value, spec)
    assert made is not value
    again = mutate(request(made), DEFAULT)
    assert again.object is made
    assert (again.violations, again.warnings) == ((), ())


# id → volume, or affinity, that is no file of lxcfs
FORGED: dict[str, dict[str, Any]] = {
    "another file": {"volumes": [{"name": "a", "hostPath": {"path": "/var/lib/lxcfs/proc/1/environ"}}]},
    "upwards": {
        "volumes": [{"name": "a", "hostPath": {"path": "/var/lib/../../etc/proc/stat"}}]
    },
    "slabinfo": {"volumes": [{"name": "a", "hostPath": {"path": "/var/lib/lxcfs/proc/slabinfo"}}]},
    "its directory": {"volumes": [{"name": "a", "hostPath": {"path": "/var/lib/lxcfs"}}]},
    "no path": {"volumes": [{"name": "a", "hostPath": {"path": 5}}]},
}  # fmt: skip


@pytest.mark.parametrize("fields", FORGED.values(), ids=FORGED)
def test_other_places_of_the_node_are_refused(fields: dict[str, Any]) -> None:
    (refused,) = mutate(request(pod(container(), **PINNED, **fields))).violations
    assert "hostPath" in refused.message


REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
READY = {"key": "propylon.dev/lxcfs-ready", "operator": "In", "values": ["true"]}
OTHER = {"key": "pool", "operator": "In", "values": ["gpu"]}
TERMS: dict[str, Any] = {
    "another label": [{"matchExpressions": [OTHER]}],
    "one more": [{"matchExpressions": [READY, OTHER]}],
    "an alternative": [{"matchExpressions": [READY]}, {"matchExpressions": [OTHER]}],
    "malformed": "text",
    "of another kind": ["text"],
}


@pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS)
def test_other_nodes_are_the_platforms(terms: Any) -> None:
    affinity = {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": terms}}}
    made = mutate(request(pod(container(), **PINNED, affinity=affinity))).object
    assert "affinity" not in made["spec"]
