"""Documents of rules and their configuration, as short as a test can write them."""

from __future__ import annotations

import json
from typing import Any

from tests.builders import namespace
from webhook.documents import Item, parse_document
from webhook.model import ConfigError, Document, Facts, Get, Platform
from webhook.rules.actors import Actors
from webhook.rules.env import RULE, Config

Spec = dict[str, Any]

ACTORS = Actors()


def item(kind: str, name: str, spec: Spec, **fields: Any) -> Item:
    """Return one parsed document."""
    value = {
        "apiVersion": "propylon.dev/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
        **fields,
    }
    return read(json.dumps(value, indent=1))


def read(text: str) -> Item:
    """Return the one document of a text."""
    items, errors = parse_document(Document("rules.yaml", text))
    assert errors == ()
    return items[0]


def config(
    rules: dict[str, Spec], actors: Actors = ACTORS, platform: Platform | None = None
) -> Config:
    """Return the configuration of rule B with these documents, which have no errors."""
    built, errors = build(rules, actors, platform)
    assert errors == ()
    return built


def build(
    rules: dict[str, Spec], actors: Actors = ACTORS, platform: Platform | None = None
) -> tuple[Config, tuple[ConfigError, ...]]:
    """Return the configuration and the errors between documents."""
    items = tuple(item("EnvInjection", name, spec) for name, spec in rules.items())
    assert [error for one in items for error in RULE.parse(one)] == []
    built, errors = RULE.build(items, actors, platform or Platform(cluster_name="cn-1"))
    assert isinstance(built, Config)
    return built, errors


def facts(*objects: dict[str, Any], labels: Any = None, annotations: Any = None) -> Facts:
    """Return facts with the Namespace `shop` and further objects."""
    known: dict[Any, Any] = {
        Get("v1", "Namespace", "", "shop"): namespace("shop", labels, annotations)
    }
    for one in objects:
        meta = one["metadata"]
        place = meta.get("namespace", "")
        known[Get(one["apiVersion"], one["kind"], place, meta["name"])] = one
    return Facts(known)


def literal(name: str, value: str) -> dict[str, Any]:
    """Return an entry of env."""
    return {"name": name, "value": value}


def field(name: str, path: str) -> dict[str, Any]:
    """Return an entry that reads a field of the Pod, as we write it."""
    return {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}


def resource(name: str, what: str) -> dict[str, Any]:
    """Return an entry that reads a limit or request, as we write it."""
    return {"name": name, "valueFrom": {"resourceFieldRef": {"divisor": "0", "resource": what}}}
