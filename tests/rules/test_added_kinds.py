"""Kinds that Actors documents add to the registry (platform-rules F.2): documents and their errors."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import template
from tests.rules.documents import item, read
from webhook.model import Platform
from webhook.objects.paths import dotted
from webhook.objects.workloads import WITHOUT_TEMPLATE, WorkloadKind, templates
from webhook.rules.actors import build_actors, parse_actors
from webhook.rules.hide.catalogue import RESERVED_KINDS
from webhook.rules.hide.config import PLAIN_KINDS
from webhook.rules.protect.kinds import OTHERS

FULL: dict[str, Any] = {
    "group": "game.example.com",
    "kind": "GameServer",
    "resource": "gameservers",
    "versions": ["v2", "v1"],
    "podSpecPaths": ["/spec/roles/*/template/spec", "spec.proxy.template.spec"],
    "selectorPath": "/spec/selector",
    "replicasPath": "spec.size",
    "statusReplicasPath": "/status/size",
    "hashLabel": "game.example.com/revision",
    "ownsChildren": ["StatefulSet.apps", "Service", "Lobby.game.example.com"],
    "immutableTemplate": True,
}
LOBBY = {"group": "game.example.com", "kind": "Lobby"}


def added(*kinds: Any, name: str = "a") -> tuple[WorkloadKind, ...]:
    document = item("Actors", name, {"kinds": list(kinds)})
    assert parse_actors(document) == ()
    actors, errors = build_actors((document,), Platform())
    assert errors == ()
    return actors.kinds.added


def test_an_entry_becomes_a_row() -> None:
    row, lobby = added(FULL, LOBBY)
    assert (row.group, row.kind, row.resource) == ("game.example.com", "GameServer", "gameservers")
    assert (row.versions, lobby.versions) == (("v2", "v1"), ("*",))
    assert (lobby.resource, lobby.template_paths, lobby.has_scale) == ("lobbies", (), False)
    assert (row.selector_path, row.replicas_path) == (("spec", "selector"), ("spec", "size"))
    assert row.status_replicas_path == ("status", "size")
    assert (row.hash_label, row.has_scale) == ("game.example.com/revision", True)
    assert row.owns == ("StatefulSet.apps", "Service", "Lobby.game.example.com")
    assert row.is_template_immutable


PATHS: dict[str, tuple[str, Any, list[str]]] = {
    "list by pointer": ("/spec/a/*/t/spec", {"a": [{"t": template()}]}, ["spec.a[0].t"]),
    "list in dots": ("spec.a[*].t.spec", {"a": [{"t": template()}]}, ["spec.a[0].t"]),
    "map": ("spec.a.*.t.spec", {"a": {"b": {"t": template()}}}, ["spec.a.b.t"]),
    "escaped": ("/spec/a~1b/spec", {"a/b": template()}, ['spec["a/b"]']),
    "the object itself": ("/spec", {"containers": []}, [""]),
    "malformed": ("/spec/t/spec", {"t": "text"}, []),
    "absent": ("/spec/t/spec", {}, []),
}


@pytest.mark.parametrize(("path", "spec", "places"), PATHS.values(), ids=PATHS)
def test_templates_are_found(path: str, spec: Any, places: list[str]) -> None:
    (row,) = added({**LOBBY, "podSpecPaths": [path]})
    assert [dotted(one.path) for one in templates(row, {"spec": spec})] == places


def test_documents_add_up_and_the_first_by_name_holds() -> None:
    documents = (
        item("Actors", "b", {"kinds": [{**LOBBY, "resource": "games"}]}),
        item("Actors", "a", {"kinds": [FULL, LOBBY]}),
        item("Actors", "c", {"phase": "off", "kinds": [{**LOBBY, "kind": "Arena"}]}),
    )
    actors, errors = build_actors(documents, Platform())
    assert [one.resource for one in actors.kinds.added] == ["gameservers", "lobbies"]
    assert [(one.name, one.path, one.message) for one in errors] == [
        ("b", "spec.kinds[0].kind", "is in Actors 'a' already, which holds; remove one")
    ]


def test_a_child_that_nothing_knows_is_an_error() -> None:
    document = item("Actors", "a", {"kinds": [FULL]})
    assert parse_actors(document) == ()
    _, errors = build_actors((document,), Platform())
    assert [(one.path, one.message) for one in errors] == [
        (
            "spec.kinds[0].ownsChildren[2]",
            "Lobby.game.example.com is unknown; add it to spec.kinds as well",
        )
    ]


# id → (fields that differ, place of the error, its message)
MISTAKES: dict[str, tuple[dict[str, Any], str, str]] = {
    "built in": (
        {"group": "apps", "kind": "Deployment"}, "kind", "Deployment of apps is built in"
    ),
    "built in, core": ({"group": "", "kind": "Pod"}, "kind", "Pod of the core group is built in"),
    "built in, another project": (
        {"group": "apps.kruise.io", "kind": "SidecarSet"},
        "kind",
        "SidecarSet of apps.kruise.io is built in",
    ),
    "group": (
        {"group": "apps"}, "group", "must be an API group with a dot, such as apps.example.com"
    ),
    "kind": (
        {"kind": "lobby"}, "kind", "must be a kind as manifests write it, such as GameServer"
    ),
    "resource": (
        {"resource": "Lobbyes"},
        "resource",
        "must be a plural as in URLs, such as gameservers",
    ),
    "version": (
        {"versions": ["v1", "a/v1"]}, "versions[1]", "must be a version, such as v1 or v1beta1"
    ),
    "hash label": (
        {"hashLabel": "a b"}, "hashLabel", "is no label key; write name or dns.prefix/name"
    ),
    "no specification": (
        {"podSpecPaths": ["/spec/template"]},
        "podSpecPaths[0]",
        "must end with the spec of a Pod template",
    ),
    "nothing": ({"podSpecPaths": ["/"]}, "podSpecPaths[0]", "needs a key between slashes; * stands for all elements"),
    "index": (
        {"podSpecPaths": ["/spec/0/spec"]},
        "podSpecPaths[0]",
        "needs a key between slashes; * stands for all elements",
    ),
    "no path": (
        {"podSpecPaths": ["spec..spec"]},
        "podSpecPaths[0]",
        'expected a key; write other keys as ["a.b/c"]',
    ),
    "chosen elements": (
        {"podSpecPaths": ["spec.a[name=b].spec"]},
        "podSpecPaths[0]",
        "is made of keys and * only, from the root of the object",
    ),
    "relative": (
        {"podSpecPaths": ["$pod.spec"]},
        "podSpecPaths[0]",
        "is made of keys and * only, from the root of the object",
    ),
    "twice": (
        {"podSpecPaths": ["/spec/t/spec", "spec.t.spec"]},
        "podSpecPaths[1]",
        "lies in the template of another one",
    ),
    "nested": (
        {"podSpecPaths": ["/spec/t/spec/a/spec", "/spec/t/spec"]},
        "podSpecPaths[0]",
        "lies in the template of another one",
    ),
    "selector": (
        {"selectorPath": "/spec/*/selector"},
        "selectorPath",
        "must name one field; * is for podSpecPaths",
    ),
    "replicas": (
        {"replicasPath": "spec.a*"}, "replicasPath", "must name one field; * is for podSpecPaths"
    ),
    "status": ({"statusReplicasPath": ""}, "statusReplicasPath", "the path is empty; write keys joined by dots"),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "place", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_named(fields: dict[str, Any], place: str, message: str) -> None:
    (error,) = parse_actors(item("Actors", "a", {"kinds": [{**LOBBY, **fields}]}))
    assert (error.path, error.message) == (f"spec.kinds[0].{place}", message)


def test_mistakes_are_shown_with_their_line() -> None:
    text = """\
apiVersion: propylon.dev/v1
kind: Actors
metadata:
  name: a
spec:
  kinds:
    - group: game.example.com
      kind: Lobby
      podSpecPath: /spec/template/spec
"""
    (error,) = parse_actors(read(text))
    assert (error.path, error.line) == ("spec.kinds[0].podSpecPath", 9)
    assert error.message.startswith("unknown field; did you mean podSpecPaths? allowed: group, ")


def test_kinds_that_rules_know_by_name_cannot_be_added() -> None:
    plain = {one.key for one in PLAIN_KINDS} | {one.key for one in OTHERS}
    reserved = {key for key in RESERVED_KINDS if key[1] != "DaemonSet"}
    assert plain | reserved <= WITHOUT_TEMPLATE
