"""HiddenFields documents: what is refused, where, and what is allowed instead."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.documents import ACTORS, item
from webhook.model import Platform
from webhook.rules.hide import RULE
from webhook.rules.hide.catalogue import CATALOGUE, RESERVED_KINDS
from webhook.rules.hide.config import KINDS
from webhook.rules.hide.entries import PRESETS
from webhook.rules.hide.tree import Trees, concerns


def entry(path: str, **more: Any) -> dict[str, Any]:
    return {"catalogue": [{"path": path, **more}]}


AT = "spec.catalogue[0]"
ERRORS: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown field": (
        {"phases": "warn"},
        "spec.phases",
        "unknown field; did you mean phase? allowed: ",
    ),
    "word": ({"phase": "on"}, "spec.phase", 'must be one of off, audit, warn, enforce; found "on"'),
    "path": (
        entry("spec.containers[0]"),
        f"{AT}.path",
        "an index is not accepted; choose by a field: [name=app] (character 16)",
    ),
    "no field of Pods": (
        entry("$pod.nodeSelectors"),
        f"{AT}.path",
        "* has no field nodeSelectors; allowed: ",
    ),
    "no field of containers": (
        entry("$containers[*].imagePolicy"),
        f"{AT}.path",
        "* has no field imagePolicy; allowed: ",
    ),
    "no field of the kind": (
        entry("spec.replica", kinds=["apps/Deployment"]),
        f"{AT}.path",
        "apps/Deployment has no field replica; allowed: minReadySeconds, paused, ",
    ),
    "pin without a value": (
        entry("$pod.dnsPolicy", preset="pin"),
        AT,
        "needs a value: what the platform sets",
    ),
    "restore of a whole list": (
        entry("$pod.volumes", preset="restore"),
        f"{AT}.path",
        "restore selects elements: end it with [name=...] or [?field]",
    ),
    "restore of one element": (
        entry("$pod.volumes[name=a]", preset="restore", value={"name": "a"}),
        f"{AT}.value",
        "must be a list of elements for restore",
    ),
    "immutable template": (
        entry("$pod.dnsPolicy", kinds=["Job"], preset="pin", value="None"),
        f"{AT}.path",
        "Job cannot be changed there; for update only carry, denyOnChange, warn, allow are possible",
    ),
    "immutable field": (
        entry(
            "spec.storageClassName", kinds=["core/PersistentVolumeClaim"], preset="pin", value="a"
        ),
        f"{AT}.path",
        "PersistentVolumeClaim cannot be changed there; for update only ",
    ),
    "twice": (
        {"catalogue": [{"path": "$pod.os"}, {"path": "$pod.os", "preset": "open"}]},
        "spec.catalogue[1].path",
        "is given for * in entry 0 already, which holds; remove one",
    ),
    "host": (
        {"ingressHosts": [{"suffixes": ["*.example"]}]},
        "spec.ingressHosts[0].suffixes[0]",
        "must be a domain, such as shop.example.com",
    ),
    "developers of infrastructure": (
        {"roles": {"developer": ["D", "I"]}},
        "spec.roles.developer",
        "must not hold I: the rule would do nothing",
    ),
}


@pytest.mark.parametrize(("spec", "path", "message"), ERRORS.values(), ids=ERRORS)
def test_error(spec: dict[str, Any], path: str, message: str) -> None:
    (error,) = RULE.parse(item("HiddenFields", "a", spec))
    assert (error.path, error.message[: len(message)]) == (path, message)
    assert error.line > 0


ACCEPTED: dict[str, dict[str, Any]] = {
    "custom resources have any field": entry("spec.anything", kinds=["Widget"]),
    "custom resources in general": entry("spec.anything"),
    "globs": entry("$pod.next*"),
    "whole specification": entry("$pod"),
    "unknown kind of a field": entry("spec", kinds=["Deployment"]),
    "the same path for two kinds": {
        "catalogue": [
            {"path": "spec.paused", "kinds": ["Deployment"]},
            {"path": "spec.paused", "kinds": ["Rollout"]},
        ]
    },
    "pin for all kinds": entry("$pod.dnsPolicy", preset="pin", value="None"),
    "seed without a value": entry("$pod.dnsPolicy", preset="seed"),
    "carry of what is immutable": entry("$pod.dnsPolicy", kinds=["Job"], preset="carry"),
    "pin of another field": entry("spec.suspend", kinds=["Job"], preset="pin", value=False),
    "hosts": {"ingressHosts": [{"suffixes": ["shop.example"]}]},
}


@pytest.mark.parametrize("spec", ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(spec: dict[str, Any]) -> None:
    document = item("HiddenFields", "a", spec)
    assert RULE.parse(document) == ()
    assert RULE.build((document,), ACTORS, Platform())[1] == ()


def test_one_document_is_in_force() -> None:
    names = {"b": "warn", "a": "off", "c": "enforce"}
    documents = tuple(item("HiddenFields", name, {"phase": one}) for name, one in names.items())
    built, errors = RULE.build(documents, ACTORS, Platform())
    assert built.name == "b"
    assert [(one.name, one.path) for one in errors] == [("c", "spec")]
    assert errors[0].message.startswith("b is in force already")


def test_prefix_of_the_installation() -> None:
    document = item("HiddenFields", "a", {})
    built, _ = RULE.build((document,), ACTORS, Platform("shop.example"))
    paths = {one.path for one in built.entries}
    assert '$meta.annotations["shop.example/*"]' in paths
    assert not any("PFX" in path for path in paths)


def test_every_entry_of_the_catalogue_concerns_a_kind() -> None:
    unused = [one.path for one in CATALOGUE if not any(concerns(one, kind) for kind in KINDS)]
    assert unused == []


def test_every_entry_says_why() -> None:
    assert [one.path for one in CATALOGUE if not one.reason] == []


def test_presets_are_the_table() -> None:
    assert {name: f"{create}/{update}" for name, (create, update) in PRESETS.items()} == {
        "hide": "strip/carry",
        "seed": "reset/carry",
        "default-once": "default/carry",
        "freeze": "allow/carry",
        "pin": "reset/reset",
        "lock": "deny/denyOnChange",
        "restore": "restore/restore",
        "advise": "warn/warn",
        "open": "allow/allow",
        "carry": "carry/carry",
        "ignore": "ignore/ignore",
        "carry-new-ok": "allow/carryUnowned",
        "carry-stored": "ignore/carry",
        "cap": "cap/cap",
    }


def test_trees_are_made_for_every_kind() -> None:
    trees = Trees(KINDS, CATALOGUE)
    assert len(trees) == len(KINDS) == len(set(trees))
    assert all(trees[key] is trees[key] for key in trees)
    assert ("", "Pod") in trees
    assert ("apps", "Widget") not in trees


def test_reserved_kinds_that_may_be_changed_are_treated() -> None:
    kinds = {(kind.group, kind.kind) for kind in KINDS}
    assert {key for key, verbs in RESERVED_KINDS.items() if "UPDATE" not in verbs} <= kinds
