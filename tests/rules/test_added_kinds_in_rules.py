"""A kind that a document added takes part in every rule, like a built-in one (platform-rules F.2)."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.builders import (
    REMOVED,
    container,
    deployment,
    owned_by,
    pod,
    request,
    template,
    tweak,
)
from tests.rules import documents, hiding, protection, spreading
from tests.rules.documents import item
from tests.rules.hiding import PINNED, notes
from webhook.model import Document, Facts, List, Platform
from webhook.registration import registrations
from webhook.rules.actors import Actors, build_actors
from webhook.rules.env import RULE as ENV
from webhook.rules.hide.gitops import changed_paths
from webhook.rules.hide.view import explain, view
from webhook.rules.protect import RULE as PROTECT
from webhook.rules.spread import RULE as SPREAD
from webhook.snapshot import build

API_VERSION = "game.example.com/v1"
CONTROLLER = "system:serviceaccount:game-system:controller"
KINDS: list[dict[str, Any]] = [
    {
        "group": "game.example.com",
        "kind": "GameServer",
        "versions": ["v1"],
        "podSpecPaths": ["/spec/servers/template/spec", "/spec/helpers/*/template/spec"],
        "selectorPath": "/spec/selector",
        "replicasPath": "/spec/size",
        "statusReplicasPath": "/status/size",
        "hashLabel": "game.example.com/revision",
        "ownsChildren": ["StatefulSet.apps"],
    },
    {"group": "game.example.com", "kind": "Lobby", "podSpecPaths": ["/spec/template/spec"]},
]
SPEC = {"kinds": KINDS, "workloadControllers": {"users": [CONTROLLER]}}
ACTORS: Actors = build_actors((item("Actors", "games", SPEC),), Platform())[0]


def game(*, size: int = 3, running: int = 0, labels: Any = None, **spec: Any) -> Any:
    """Return a GameServer with two templates; further words go into that of the servers."""
    made = {**deployment(labels=labels), "apiVersion": API_VERSION, "kind": "GameServer"}
    servers = template(container())
    servers["spec"].update({**PINNED, **spec})
    helpers = template(container("helper"))
    helpers["spec"].update(PINNED)
    made["metadata"]["uid"] = "uid-of-web"
    made["spec"] = {
        "selector": {"matchLabels": {"app": "web"}},
        "size": size,
        "servers": {"template": servers},
        "helpers": [{"template": helpers}],
    }
    return {**made, "status": {"size": running}}


SERVERS = "spec.servers.template.spec"
HIDE = hiding.config(actors=ACTORS)


def test_hidden_fields_of_its_templates() -> None:
    value = tweak(game(nodeSelector={"a": "b"}), "spec.helpers[0].template.spec.nodeName", "n1")
    refused = hiding.mutate(request(value), HIDE)
    assert "spec.helpers[0].template.spec.nodeName" in refused.violations[0].message
    outcome = hiding.mutate(request(game(nodeSelector={"a": "b"})), HIDE)
    assert (f"{SERVERS}.nodeSelector", "removed") in notes(outcome)
    assert "nodeSelector" not in outcome.object["spec"]["servers"]["template"]["spec"]


def test_f_k08_without_the_entry_it_is_not_treated() -> None:
    value = game(nodeSelector={"a": "b"})
    assert hiding.mutate(request(value)).object is value


def test_what_the_platform_set_is_carried() -> None:
    old = game(nodeSelector={"a": "b"})
    new = tweak(game(), f"{SERVERS}.containers[0].image", "app:2")
    made = hiding.mutate(hiding.update(old, new), HIDE).object
    assert made["spec"]["servers"]["template"]["spec"]["nodeSelector"] == {"a": "b"}


OWNER = owned_by("GameServer", "web", API_VERSION)


def test_f_k08_its_pods_have_a_known_owner() -> None:
    made = tweak(pod(nodeSelector={"a": "b"}), "metadata.ownerReferences", OWNER)
    asked = request(made, user=CONTROLLER)
    strict = hiding.config(actors=ACTORS, unknownOwnerKind="treatAsDeveloper")
    assert hiding.mutate(asked, strict).object is made
    unknown = hiding.config(actors=Actors(ACTORS.classes), unknownOwnerKind="treatAsDeveloper")
    assert "nodeSelector" not in hiding.mutate(asked, unknown).object["spec"]


def test_what_it_controls_is_its_own() -> None:
    old = tweak(deployment(), "metadata.ownerReferences", OWNER)
    new = tweak(old, "spec.template.spec.containers[0].image", "app:2")
    (refused,) = hiding.mutate(hiding.update(old, new), HIDE).violations
    assert "GameServer web" in refused.message


SCALER = List("autoscaling/v2", "HorizontalPodAutoscaler", "shop")
TARGET = {"apiVersion": API_VERSION, "kind": "GameServer", "name": "web"}
SCALED = Facts({SCALER: [{"spec": {"scaleTargetRef": TARGET}}]})


@pytest.mark.parametrize("size", [5, REMOVED], ids=["other number", "no number"])
def test_replicas_of_an_autoscaler_stay(size: Any) -> None:
    new = tweak(game(size=7), "spec.size", size)
    made = hiding.mutate(hiding.update(game(size=7), new), HIDE, SCALED).object
    assert made["spec"]["size"] == 7


def scale(replicas: int) -> Any:
    meta = {"name": "web", "namespace": "shop"}
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": meta,
        "spec": {"replicas": replicas},
    }


def scaling(before: int, after: int, **fields: Any) -> Any:
    resource = request(game()).resource
    fields = {"sub_resource": "scale", "resource": resource, **fields}
    return hiding.update(scale(before), scale(after), **fields)


def test_scale_of_an_autoscaler_is_refused() -> None:
    (refused,) = hiding.mutate(scaling(3, 5), HIDE, SCALED).violations
    assert "scaling is managed by an autoscaler" in refused.message


def test_a_frozen_number_is_refused_through_scale() -> None:
    frozen = {"path": "spec.size", "kinds": ["GameServer"], "owner": "O", "preset": "freeze"}
    used = hiding.config(actors=ACTORS, catalogue=[frozen])
    assert hiding.mutate(scaling(3, 5), used).violations
    other = {**frozen, "path": "spec.size.count"}
    used = hiding.config(actors=ACTORS, catalogue=[other], freezeAutoscaled=False)
    assert not hiding.mutate(scaling(3, 5), used).violations


def test_the_view_and_gitops_know_it() -> None:
    value = game(nodeSelector={"a": "b"})
    assert f"{SERVERS}.nodeSelector" in [one.path for one in explain(value, HIDE)]
    assert "nodeSelector" not in view(value, HIDE)["spec"]["servers"]["template"]["spec"]
    assert ("game.example.com", "GameServer") in changed_paths(HIDE)


def test_variables_in_its_templates() -> None:
    rule = {"level": "template", "env": [{"name": "A", "value": "a"}]}
    asked = request(game())
    assert ENV.mutate is not None
    outcome = ENV.mutate(asked, documents.config({"a": rule}, ACTORS), documents.facts())
    spec = outcome.object["spec"]
    for one in (spec["servers"], spec["helpers"][0]):
        assert one["template"]["spec"]["containers"][0]["env"] == [{"name": "A", "value": "a"}]


def spread(**spec: Any) -> Any:
    document = item("Spreading", "spread", spec)
    assert SPREAD.parse(document) == ()
    return SPREAD.build((document,), ACTORS, Platform(kubernetes_version="1.34"))


def test_replicas_are_spread() -> None:
    config, errors = spread()
    assert errors == ()
    made = spreading.mutated(request(game()), config, spreading.World()).object
    (host, _) = made["spec"]["servers"]["template"]["spec"]["topologySpreadConstraints"]
    assert host["labelSelector"] == {"matchLabels": {"app": "web"}}
    assert host["matchLabelKeys"] == ["game.example.com/revision"]


def test_its_revisions_are_never_in_a_selector() -> None:
    config, _ = spread()
    labels = {"app": "web", "game.example.com/revision": "1"}
    value = tweak(game(), "spec.selector.matchLabels", labels)
    own = spreading.tsc(selector={"matchLabels": labels})
    value = tweak(value, "spec.servers.template.metadata.labels", labels)
    value = tweak(value, f"{SERVERS}.topologySpreadConstraints", [own])
    outcome = spreading.mutated(request(value), config, spreading.World())
    found = outcome.object["spec"]["servers"]["template"]["spec"]["topologySpreadConstraints"]
    assert [one["labelSelector"] for one in found[1:]] == [{"matchLabels": {"app": "web"}}]
    assert outcome.warnings[0].endswith("elector names game.example.com/revision")


def test_without_a_selector_it_is_not_spread() -> None:
    config, _ = spread()
    value = {**game(), "kind": "Lobby", "spec": {"template": template(container())}}
    assert spreading.mutated(request(value), config, spreading.World()).object is value


def test_match_label_keys_know_its_label() -> None:
    config, errors = spread(matchLabelKeys={"GameServer": False})
    assert errors == ()
    made = spreading.mutated(request(game()), config, spreading.World()).object
    (host, _) = made["spec"]["servers"]["template"]["spec"]["topologySpreadConstraints"]
    assert "matchLabelKeys" not in host
    _, errors = spread(matchLabelKeys={"Lobby": True})
    assert [one.path for one in errors] == ["spec.matchLabelKeys.Lobby"]
    assert errors[0].message.endswith("CloneSet, Deployment, GameServer, Rollout, StatefulSet")


def test_scale_beyond_the_nodes_is_warned_about() -> None:
    config, _ = spread(tiers={"standard": {"hostname": {"strength": "hard"}}})
    parent = tweak(game(), 'metadata.labels["propylon.dev/exclusive"]', "true")
    world = spreading.World(objects=[parent])
    assert SPREAD.mutate is not None
    outcome = SPREAD.mutate(scaling(3, 9), config, world.facts)
    assert any("exclusive placement needs 9 nodes" in one for one in outcome.warnings)


def protect(**spec: Any) -> Any:
    return protection.config(spec, actors=ACTORS)


# id → (replicas wanted, replicas there, what the denial says)
COUNTS = {
    "wanted": (3, 0, "3 replicas still wanted"),
    "still there": (0, 2, "2 replicas still there"),
    "gone": (0, 0, ""),
}


@pytest.mark.parametrize(("size", "running", "text"), COUNTS.values(), ids=COUNTS)
def test_cascading_counts_its_replicas(size: int, running: int, text: str) -> None:
    value = game(size=size, running=running, labels=protection.CASCADING)
    outcome = protection.validate(
        protection.delete(value),
        protect(),
        protection.World(scopes={("apps/v1", "StatefulSet"): True}),
    )
    assert [text in one.message for one in outcome.violations] == ([True] if text else [])


def test_a_kind_without_replicas_has_nothing_to_count() -> None:
    value = {**game(size=0, labels=protection.CASCADING), "kind": "Lobby"}
    outcome = protection.validate(protection.create(value), protect(), protection.World())
    assert "Cascading means Always for Lobby" in outcome.warnings[0]


def test_it_may_not_be_scaled_to_zero() -> None:
    old = game(labels=protection.ALWAYS)
    new = tweak(old, "spec.size", 0)
    outcome = protection.validate(protection.update(old, new), protect(), protection.World())
    assert "may not be scaled to 0" in outcome.violations[0].message
    outcome = protection.validate(scaling(3, 0), protect(), protection.World(old))
    assert "may not be scaled to 0" in outcome.violations[0].message


def test_a_namespace_with_a_protected_one_stays() -> None:
    world = protection.World(protection.shop(), game(labels=protection.ALWAYS))
    outcome = protection.validate(protection.delete(protection.shop()), protect(), world)
    assert "GameServer/web (Always)" in outcome.violations[0].message


def test_its_protected_children_keep_it() -> None:
    child = protection.thing(
        "StatefulSet.apps/v1", protection.ALWAYS, name="web-0", owner=("GameServer", API_VERSION)
    )
    child["metadata"]["ownerReferences"][0]["uid"] = "uid-of-web"
    world = protection.World(child)
    asked = protection.delete(game())
    assert "StatefulSet/web-0" in protection.validate(asked, protect(), world).violations[0].message
    assert protection.validate(asked, protect(checkDependents=[]), world).violations == ()


CLONES = {**deployment(), "apiVersion": "apps.kruise.io/v1beta1", "kind": "CloneSet"}
# id → (an object with a template, how the denial names it)
TEMPLATES: dict[str, tuple[Any, str]] = {
    "added": (game(), "GameServer/web refers to it"),
    "of another project": (CLONES, "CloneSet/web refers to it"),
}


@pytest.mark.parametrize(("holder", "text"), TEMPLATES.values(), ids=TEMPLATES)
def test_what_a_template_refers_to_is_in_use(holder: Any, text: str) -> None:
    path = SERVERS if holder["kind"] == "GameServer" else "spec.template.spec"
    volume = {"name": "a", "configMap": {"name": "settings"}}
    settings = protection.thing("ConfigMap", protection.CASCADING, name="settings")
    asked = protection.delete(settings)
    world = protection.World(tweak(holder, f"{path}.volumes", [volume]))
    assert text in protection.validate(asked, protect(), world).violations[0].message
    assert protection.validate(asked, protect(), protection.World(holder)).violations == ()


def test_its_controller_may_delete_what_it_owns() -> None:
    child = protection.thing(
        "StatefulSet.apps/v1", protection.ALWAYS, owner=("GameServer", API_VERSION)
    )
    world = protection.World(child)
    asked = protection.delete(child, user=CONTROLLER)
    assert protection.validate(asked, protect(), world).violations == ()


def test_protect_may_name_it() -> None:
    used = protect(protect=[{"kinds": ["GameServer.game.example.com"]}])
    outcome = protection.validate(protection.delete(game()), used, protection.World())
    assert "is protected (Always)" in outcome.violations[0].message
    document = item(
        "DeletionProtection", "main", {"protect": [{"kinds": ["Arena.game.example.com"]}]}
    )
    assert PROTECT.parse(document) == ()
    _, errors = PROTECT.build((document,), ACTORS, Platform())
    assert [one.path for one in errors] == ["spec.protect[0].kinds[0]"]
    assert errors[0].message.startswith("Arena.game.example.com is unknown; ")


def test_a_kind_that_protection_adds_as_well_counts_once() -> None:
    own = {"group": "game.example.com", "version": "v1", "kind": "GameServer", "resource": "games"}
    (found,) = (one for one in protect(kinds=[own]).kinds if one.kind == "GameServer")
    assert found.is_workload


def test_versions_that_nobody_names_are_asked_for() -> None:
    (lobby,) = (one for one in protect().kinds if one.kind == "Lobby")
    assert lobby.versions[0] == "v1"
    assert "v1alpha1" in lobby.versions


DOCUMENTS: dict[str, Any] = {
    "HiddenFields": {"phase": "enforce"},
    "EnvInjection": {"level": "template", "env": [{"name": "A", "value": "a"}]},
    "Spreading": {},
    "DeletionProtection": {"protect": [{"kinds": ["GameServer.game.example.com"]}]},
}


def text_of(kind: str, spec: Any) -> Document:
    value = {"apiVersion": "propylon.dev/v1", "kind": kind, "metadata": {"name": "a"}, "spec": spec}
    return Document(f"{kind}.yaml", yaml.safe_dump(value))


def test_the_webhook_is_registered_for_it() -> None:
    rules = [text_of(kind, spec) for kind, spec in DOCUMENTS.items()]
    before = build([*rules[:-1]])
    after = build([*rules, text_of("Actors", SPEC)])
    assert (before.errors, after.errors) == ((), ())
    assert before.digest != after.digest
    assert sent(before) == {}
    assert sent(after) == {
        "hide.propylon.dev": {"gameservers", "gameservers/scale", "lobbies"},
        "spread.propylon.dev": {"gameservers", "gameservers/scale"},
        "templates.propylon.dev": {"gameservers", "lobbies"},
    }
    versions = {
        tuple(rule["apiVersions"])
        for entry in registrations(after)
        for rule in entry.rules
        if "lobbies" in rule["resources"]
    }
    assert versions == {("*",)}


def sent(snapshot: Any) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for entry in registrations(snapshot):
        for rule in entry.rules:
            if rule["apiGroups"] == ["game.example.com"]:
                found.setdefault(entry.name, set()).update(rule["resources"])
    return found
