"""Spreading documents: mistakes, which one is in force, and the page about the fields."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.rules.documents import ACTORS, Spec, item
from webhook.model import Platform
from webhook.rules.spread import RULE, Config, SpreadingDocument

TIER = "spec.tiers.standard"

MISTAKES: dict[str, tuple[Spec, str, str]] = {
    "an unknown field": ({"tier": "dev"}, "spec.tier", "did you mean tiers?"),
    "an unknown phase": ({"phase": "on"}, "spec.phase", "off, audit, warn, enforce"),
    "an unknown tier": ({"tiers": {"gold": {}}}, "spec.tiers.gold", "critical, dev, standard"),
    "an unknown mode": (
        {"tiers": {"standard": {"mode": "add"}}}, f"{TIER}.mode", "off, warn, mutate, enforce, deny"
    ),
    "no skew at all": (
        {"tiers": {"standard": {"hostname": {"maxSkew": 0}}}}, f"{TIER}.hostname.maxSkew", "1"
    ),
    "hostname as a further key": (
        {"tiers": {"standard": {"keys": {"kubernetes.io/hostname": {}}}}},
        f'{TIER}.keys["kubernetes.io/hostname"]',
        "write hostname or zone",
    ),
    "a key that is none": (
        {"tiers": {"standard": {"keys": {"a b": {}}}}}, f'{TIER}.keys["a b"]', "no label key"
    ),
    "minDomains of a soft key": (
        {"tiers": {"standard": {"keys": {"rack": {"strength": "soft", "minDomains": 2}}}}},
        f"{TIER}.keys.rack.minDomains",
        "needs strength: hard",
    ),
    "minDomains of a soft zone": (
        {"tiers": {"standard": {"zone": {"strength": "soft", "minDomains": 2}}}},
        f"{TIER}.zone.minDomains",
        "needs strength: hard",
    ),
    "limit below the default": (
        {"maxTier": "dev"}, "spec.maxTier", "is below defaultTier (standard)"
    ),
    "a kind without revisions": (
        {"matchLabelKeys": {"ReplicaSet": True}},
        "spec.matchLabelKeys.ReplicaSet",
        "allowed: CloneSet, Deployment, Rollout, StatefulSet",
    ),
    "a selector of Pods for templates": ({"podSelector": {}}, "spec.podSelector", "level pod"),
    "a selector that is none": (
        {"level": "pod", "podSelector": {"matchLabels": {"a": "-"}}},
        "spec.podSelector.matchLabels.a",
        "is no label value",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "path", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_a_document_is_told(spec: Spec, path: str, message: str) -> None:
    (error,) = RULE.parse(item("Spreading", "spread", spec))
    assert error.path == path
    assert message in error.message
    assert error.line


GOOD: dict[str, Spec] = {
    "nothing": {},
    "minDomains of the tier's strength": {"tiers": {"critical": {"zone": {"minDomains": 3}}}},
    "minDomains of a hard key": {
        "tiers": {"standard": {"keys": {"example.com/rack": {"strength": "hard", "minDomains": 2}}}}
    },
    "level pod": {"level": "pod", "podSelector": {"matchLabels": {"a": "b"}}},
    "revisions": {"matchLabelKeys": {"CloneSet": True, "Deployment": False}},
}  # fmt: skip


@pytest.mark.parametrize("spec", GOOD.values(), ids=GOOD)
def test_a_good_document(spec: Spec) -> None:
    assert RULE.parse(item("Spreading", "spread", spec)) == ()


def test_one_document_is_in_force_for_each_level() -> None:
    documents = (
        item("Spreading", "a-trial", {"phase": "off"}),
        item("Spreading", "b", {}),
        item("Spreading", "c", {"onScale": "deny"}),
        item("Spreading", "d", {"level": "pod", "tiers": {"critical": {"mode": "mutate"}}}),
    )
    built, errors = RULE.build(documents, ACTORS, Platform())
    assert isinstance(built, Config)
    assert built.templates
    assert built.pods
    assert (built.templates.document, built.pods.document) == ("Spreading/b", "Spreading/d")
    assert built.levels == ("template", "pod")
    assert built.refusing_levels == ("template",)
    assert [(one.name, one.path) for one in errors] == [("c", "spec")]
    assert "b is in force for level template already" in errors[0].message


def test_nothing_is_in_force_when_all_are_off() -> None:
    built, errors = RULE.build((item("Spreading", "a", {"phase": "off"}),), ACTORS, Platform())
    assert (built.levels, built.refusing_levels, errors) == ((), (), ())
    assert (built.warns_on_scale, built.denies_on_scale) == (False, False)


PAGE = Path(__file__).parents[2] / "docs" / "documents" / "spreading.md"


def test_every_field_is_named() -> None:
    schema = SpreadingDocument.model_json_schema(by_alias=True)
    parts = (schema, *schema["$defs"].values())
    fields = {name for part in parts for name in part.get("properties", ())}
    known = {"apiVersion", "kind", "metadata", "spec", "name", "labels", "annotations"}
    text = PAGE.read_text()
    assert {one for one in fields - known if not re.search(rf"\b{one}\b", text)} == set()
