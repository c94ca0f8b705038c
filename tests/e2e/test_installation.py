"""What `kubectl apply -k manifests` leaves in a cluster, before and after Propylon starts."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.propylon import (
    ACCOUNT,
    CONFIGURATIONS,
    POLICIES,
    ROOT,
    SYSTEM,
    Propylon,
    forbidden_calls,
)
from tests.e2e.rights import FOR_PROPYLON, cluster_role, rule
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from tests.e2e.kubectl import Kubectl

NOT_GRANTED = re.compile(r"/leases\?|/leases/quota|/gameservers\?")
"""Other tests name kinds that were not granted, and want Propylon to be refused and to say so."""

RIGHTS = {
    # (verb, resource, further arguments): may it?
    "read-namespaces": ("list namespaces", True),
    "change-namespaces": ("patch namespaces/shop", False),
    "delete-namespaces": ("delete namespaces", False),
    "read-policies": (f"watch configmaps -n {POLICIES}", True),
    "change-policies": (f"update configmaps -n {POLICIES}", False),
    "read-foreign-configmaps": ("get configmaps -n shop", False),
    "keep-configmaps": (f"create configmaps -n {SYSTEM}", True),
    "read-own-secret": (f"get secrets/propylon-tls -n {SYSTEM}", True),
    "update-own-secret": (f"update secrets/propylon-path-token -n {SYSTEM}", True),
    "read-other-secrets": (f"get secrets/other -n {SYSTEM}", False),
    "list-secrets": (f"list secrets -n {SYSTEM}", False),
    "read-foreign-secrets": ("get secrets -n shop", False),
    "take-lease": (f"update leases/propylon -n {SYSTEM}", True),
    "take-other-lease": (f"update leases/other -n {SYSTEM}", False),
    "tell-events": (f"create events -n {SYSTEM}", True),
    "fill-mutating": ("patch mutatingwebhookconfigurations/propylon", True),
    "fill-validating": ("patch validatingwebhookconfigurations/propylon", True),
    "fill-others": ("patch validatingwebhookconfigurations/other", False),
    "create-configurations": ("create validatingwebhookconfigurations", False),
    "delete-configurations": ("delete validatingwebhookconfigurations/propylon", False),
    "ask-about-rights": ("create subjectaccessreviews.authorization.k8s.io", True),
    "ask-about-tokens": ("create tokenreviews.authentication.k8s.io", True),
    "change-pods": ("patch pods -n shop", False),
    "impersonate": ("impersonate users", False),
    "escalate": ("escalate clusterroles", False),
    "bind": ("bind clusterroles", False),
}


@pytest.mark.parametrize("right", RIGHTS.values(), ids=RIGHTS.keys())
def test_account_has_least_rights(
    right: tuple[str, bool], admin: Kubectl, installation: Propylon
) -> None:
    question, expected = right
    result = admin.try_to("auth", "can-i", *question.split(), "--as", ACCOUNT)
    assert (result.stdout.strip() == "yes") is expected, str(result)


def test_parameter_kinds_are_granted_by_label(admin: Kubectl, installation: Propylon) -> None:
    rules = [rule("networking.k8s.io", "ingresses", "get")]
    admin.apply(cluster_role("propylon-ingresses", rules, FOR_PROPYLON))
    question = (
        "auth",
        "can-i",
        "get",
        "ingresses.networking.k8s.io",
        "-n",
        "shop",
        "--as",
        ACCOUNT,
    )
    eventually(
        lambda: admin.try_to(*question).stdout.strip() == "yes", what="the label grants the kind"
    )
    admin.run("delete", "clusterrole", "propylon-ingresses")


@pytest.mark.parametrize("kind", CONFIGURATIONS)
def test_configurations_ship_empty(kind: str, installation: Propylon) -> None:
    assert not installation.replicas
    assert "webhooks" not in installation.configuration(kind)


def test_everything_that_ships_is_accepted(admin: Kubectl, installation: Propylon) -> None:
    """The Deployment's Pods must pass the `restricted` level that its Namespace enforces."""
    result = admin.run("apply", "-k", str(ROOT / "manifests"))
    assert result.stderr == ""
    own = admin.within(SYSTEM)

    def pods() -> list[Any]:
        found: list[Any] = own.get("pods", "-l", "app.kubernetes.io/name=propylon")["items"]
        return found

    eventually(lambda: len(pods()) == 2, what="the ReplicaSet controller makes two Pods")
    container = pods()[0]["spec"]["containers"][0]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    for kind in ("deployment", "service", "pdb", "networkpolicy"):
        own.run("delete", kind, "propylon")


def test_postgresql_component_moves_the_ledger(admin: Kubectl, tmp_path: Any) -> None:
    manifests = ROOT / "manifests"
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    up = "../" * len(overlay.parts[1:])
    (overlay / "kustomization.yaml").write_text(
        f"resources: [{up}{str(manifests)[1:]}]\n"
        f"components: [{up}{str(manifests)[1:]}/components/postgresql]\n"
    )
    rendered = admin.run("create", "--dry-run=client", "-o", "json", "-k", str(overlay)).stdout
    assert '"name": "propylon-ledger"' in rendered
    assert "sqlite" not in rendered
    assert '"port": 5432' in rendered


class TestStarted:
    """With one replica that is ready."""

    def test_holder_fills_both_configurations(self, propylon: Propylon) -> None:
        replica = propylon.replicas[0]
        propylon.put_in_force("baseline", "image-tags.yaml", "probes.yaml", "env.yaml")
        assert propylon.holder() == replica.identity
        assert list(propylon.entries(CONFIGURATIONS[0])) == ["pods.propylon.dev"]
        assert sorted(propylon.entries(CONFIGURATIONS[1])) == [
            "documents-grants.propylon.dev",
            "documents.propylon.dev",
            "policies-ignore.propylon.dev",
            "policies.propylon.dev",
        ]

    @pytest.mark.parametrize("kind", CONFIGURATIONS)
    def test_entries_follow_the_contract(self, kind: str, propylon: Propylon) -> None:
        for name, entry in propylon.entries(kind).items():
            client = entry["clientConfig"]
            token = client["url"].rpartition("/")[2]
            assert client["url"].startswith(f"https://127.0.0.1:{propylon.balancer.port}/"), name
            assert len(token) >= 22, "128 bits do not fit into fewer characters"
            assert entry["sideEffects"] == "None"
            assert entry["admissionReviewVersions"] == ["v1"]
            assert entry["matchPolicy"] == "Equivalent"

    @pytest.mark.parametrize("kind", CONFIGURATIONS)
    def test_configurations_belong_to_the_namespace(
        self, kind: str, admin: Kubectl, propylon: Propylon
    ) -> None:
        uid = admin.get("namespace", SYSTEM)["metadata"]["uid"]
        owners = propylon.configuration(kind)["metadata"].get("ownerReferences", [])
        assert [(one["kind"], one["name"], one["uid"]) for one in owners] == [
            ("Namespace", SYSTEM, uid)
        ]

    @pytest.mark.parametrize("kind", CONFIGURATIONS)
    def test_applying_again_resets_nothing(self, kind: str, propylon: Propylon) -> None:
        before = propylon.configuration(kind)
        said = propylon.install()
        assert "configured" not in said.stdout, str(said)
        after = propylon.configuration(kind)
        assert after["webhooks"] == before["webhooks"]
        assert after["metadata"]["generation"] == before["metadata"]["generation"]

    @pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
    def test_health_port_answers(self, path: str, propylon: Propylon) -> None:
        assert propylon.replicas[0].status(path) == 200

    def test_log_is_one_json_object_per_line(self, propylon: Propylon) -> None:
        lines = propylon.replicas[0].program.said().splitlines()
        assert lines
        assert all(isinstance(json.loads(line), dict) for line in lines)

    def test_shipped_rights_suffice(self, propylon: Propylon) -> None:
        calls = forbidden_calls(propylon.cluster)
        assert [call for call in calls if not NOT_GRANTED.search(call)] == []
