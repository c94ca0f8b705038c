"""A custom resource that an Actors document adds is under the rules like a Deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import shop
from tests.e2e.propylon import FIVE_RULES
from tests.e2e.rights import FOR_EDITORS, FOR_PROPYLON, cluster_role, rule
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.kubectl import Kubectl
    from tests.e2e.propylon import Propylon

GROUP = "game.example.com"
ALWAYS = {"propylon.dev/delete-protection": "Always"}
ACTORS = """
apiVersion: propylon.dev/v1
kind: Actors
metadata:
  name: games
spec:
  kinds:
    - group: game.example.com
      kind: GameServer
      versions: [v1]
      podSpecPaths: [/spec/template/spec]
      selectorPath: /spec/selector
      replicasPath: /spec/size
      statusReplicasPath: /status/size
"""
DEFINITION: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"gameservers.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"kind": "GameServer", "plural": "gameservers", "singular": "gameserver"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
                "subresources": {
                    "status": {},
                    "scale": {
                        "specReplicasPath": ".spec.size",
                        "statusReplicasPath": ".status.size",
                    },
                },
            }
        ],
    },
}


def game(namespace: str = "shop", labels: Any = None, **fields: Any) -> Any:
    """Return a GameServer with the shop's Pod template and further fields in its Pod spec."""
    spec = shop.clean_deployment()["spec"]
    spec["template"]["spec"] |= fields
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "GameServer",
        "metadata": {"name": "arena", "namespace": namespace, "labels": labels or {}},
        "spec": {"size": 2, "selector": spec["selector"], "template": spec["template"]},
    }


@pytest.fixture(scope="module", autouse=True)
def _in_force(
    admin: Kubectl, developer: Kubectl, carol: Kubectl, propylon: Propylon
) -> Iterator[None]:
    edits = cluster_role("gameservers-edit", [rule(GROUP, "*", "*")], FOR_EDITORS)
    admin.apply([DEFINITION, edits])
    admin.run("wait", "--for=condition=Established", f"crd/gameservers.{GROUP}")
    eventually(lambda: developer.try_out(game()).ok, what="GameServers are served")
    propylon.put_in_force("five", *FIVE_RULES)
    assert developer.try_out(game(nodeSelector={"a": "b"})).warnings == []
    propylon.put_in_force("five", *FIVE_RULES, games=ACTORS)
    eventually(
        lambda: developer.try_out(game(nodeSelector={"a": "b"})).warnings != [],
        what="the API server sends GameServers",
    )
    yield
    carol.run("delete", "crd", f"gameservers.{GROUP}", "--wait=false")
    admin.run("delete", "clusterrole", "gameservers-edit", "propylon-games")


def test_a_developer_applies_three_times(developer: Kubectl) -> None:
    manifest = game(nodeSelector={"pool": "gpu"})
    said = developer.apply(manifest)
    assert "hide: spec.template.spec.nodeSelector removed" in said.warnings
    for _ in range(2):
        developer.apply(manifest)
    stored = developer.get("gameserver", "arena")
    spec = stored["spec"]["template"]["spec"]
    assert stored["metadata"]["generation"] == 1
    assert "nodeSelector" not in spec
    assert spec["topologySpreadConstraints"][0]["labelSelector"] == stored["spec"]["selector"]
    refused = developer.try_to("apply", "-f", "-", documents=game(hostPID=True))
    assert "hostPID" in refused.stderr
    developer.run("delete", "gameserver", "arena")


def test_a_protected_one_keeps_its_namespace(admin: Kubectl, carol: Kubectl) -> None:
    there = shop.namespace(admin, "games")
    there.apply(game("games", ALWAYS))
    refused = admin.try_to("delete", "namespace", "games")
    assert "Propylon lacks the right to list it" in refused.stderr
    admin.apply(
        cluster_role("propylon-games", [rule(GROUP, "gameservers", "get", "list")], FOR_PROPYLON)
    )

    def names_it() -> bool:
        said = admin.try_to("delete", "namespace", "games", "--dry-run=server")
        return "contains protected objects: GameServer/arena (Always)" in said.stderr

    eventually(names_it, what="Propylon may look at GameServers")
    scaled = there.try_to("scale", "gameserver/arena", "--replicas=0")
    assert "may not be scaled to 0" in scaled.stderr
    changed = there.try_to(
        "patch", "gameserver/arena", "--type=merge", "-p", '{"spec": {"size": 0}}'
    )
    assert "may not be scaled to 0" in changed.stderr
    carol.run("delete", "namespace", "games")
